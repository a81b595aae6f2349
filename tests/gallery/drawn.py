"""Every state that a card, a reply or a form can have, straight from the builders; no scenario is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.census import Census, Standing
from bot.domain.changes import Change, GroupChange, LockThing
from bot.domain.impact import Finding, Impact, SeenThing, Verdict, assess
from bot.domain.plans import RowCounts
from bot.domain.requests import UNDECIDED, ChangeRequest, Item, ItemState, Status
from bot.domain.tallies import Run, Tally
from bot.services.ports import PlaceKind
from bot.slack import forms
from bot.slack.bulk_cards import draw_progress
from bot.slack.cards import Drawn
from bot.slack.form_state import Form
from bot.slack.replies import audit_line, reply
from tests.gallery.collecting import JSON
from tests.slack import test_cards, test_group_cards, test_plan_cards
from tests.storage.samples import NOW, OTHER_IMEI, group_request, request, thing, things_group

CHANGES: dict[str, Change] = {
    "lock": test_cards.LOCK,
    "unlock, keep": test_cards.KEEP,
    "unlock, clear": test_cards.CLEAR,
    "lock group": test_group_cards.LOCK,
    "unlock group, keep": test_group_cards.KEEP,
    "unlock group, clear": test_group_cards.CLEAR,
}
DRAWN_AT = (PlaceKind.CARD, PlaceKind.TWIN)
REPLIES = ("approved", "denied", "cancelled", "expired", "redrawn", "delayed", "outcome")
WHY = "What happened."
"""As `test_cards.standing` says it, so that the same card is the same sight."""
OF_THINGS = sorted(set(Finding) - {Finding.NUMBER_UNKNOWN, Finding.OWN_LOCKS})


def drawn() -> list[JSON]:
    """`{name, kind, view | blocks}`, as `collecting` gives them."""
    return [*_cards(), *_impacts(), *_counts(), *_bulks(), *_replies(), *_forms()]


BULKS: dict[str, RowCounts] = {
    "checking": RowCounts(ready=400, already=3, look=40, refused=7, unchecked=99_550),
    "checked": RowCounts(ready=99_950, already=3, look=40, refused=7),
    "none ready": RowCounts(look=1, refused=1),
}
"""Plans by what their rows are: as large as a plan can be, where that makes it wide."""
TALLIES: dict[str, Tally] = {
    "begun": Tally(queued=100_000),
    "everything": Tally(90_000, 24, 2, 9_000, 30, 20, 900, 10, 8, 5, 1),
    "one": Tally(done=1),
}
TACS = tuple((f"3530531{n}", 90_000 // (n + 1)) for n in range(5))
"""So many stand on a card."""


def _counts() -> Iterator[JSON]:
    """Groups that were counted: of all kinds, of none, given up; to be locked, and to be unlocked."""
    whole = Census(
        dict.fromkeys(Standing, 16_666),
        NOW,
        NOW,
        own_locks_told=99_996,
        own_locks=16_666,
        online=12_000,
        tacs=TACS,
        other_tacs=1_000,
        in_other_tacs=9_000,
        losing=("Pump", "Ünï", "<!channel>", "x" * 90, "y"),
    )
    told = {
        "whole": whole,
        "empty": Census({}, NOW, NOW),
        "unsure": replace(whole, untold=1, given_up="Away."),
    }
    for named, census in told.items():
        for change in (test_group_cards.LOCK, test_group_cards.CLEAR):
            asked = _standing(change, Status.PENDING)
            seen = replace(asked.seen, census=census)
            counted = replace(asked, seen=seen, impact=assess(change, seen))
            yield _message(test_cards.card(counted), f"{change.kind.value}: counted, {named}", "card")


def _bulks() -> Iterator[JSON]:
    """A plan at each of its places, and a bulk under way and at each of its ends."""
    for named, counts in BULKS.items():
        for status in UNDECIDED:
            for kind in DRAWN_AT:
                plan = test_plan_cards.bulk(status, counts, "depot 7, second pallet.csv")
                yield _message(test_plan_cards.drawn(plan, kind), f"bulk: {named}, {status}, {kind}", "card")
    later = NOW + timedelta(hours=9)
    for named, tally in TALLIES.items():
        for status in (*test_cards.APPLIED, Status.PAUSED):
            card = draw_progress(test_plan_cards.bulk(status), tally, Run(NOW, ended=90_000), later)
            yield _message(card, f"bulk: {status.value}, {named}", "card")


def _standing(change: Change, status: Status, *, locked: bool | None = None) -> ChangeRequest:
    """What is unlocked was locked, unless `locked` says otherwise: then only what is stored goes."""
    if isinstance(change, GroupChange):
        return _standing_on_a_group(change, status, locked=locked)
    unlock = not isinstance(change, LockThing)
    on = thing(imei_lock=unlock if locked is None else locked, locked_imei=OTHER_IMEI.digits * unlock)
    seen = replace(request().seen, thing=on)
    asked = test_cards.standing(status, change, seen=seen, impact=assess(change, seen))
    return replace(asked, asked_in=replace(asked.asked_in, channel="C0FIELD"))


def _standing_on_a_group(change: GroupChange, status: Status, *, locked: bool | None) -> ChangeRequest:
    unlock = change is not test_group_cards.LOCK
    group = things_group(
        things_group_id=test_group_cards.ID.text,
        imei_lock=unlock if locked is None else locked,
        tac="35305311" * unlock,
    )
    asked = test_cards.standing(status, change)
    return replace(group_request(change, on=group), status=status, decisions=asked.decisions, item=asked.item)


def _cards() -> Iterator[JSON]:
    for named, change in CHANGES.items():
        for status in Status:
            for kind in DRAWN_AT:
                card = test_cards.card(_standing(change, status), kind)
                yield _message(card, f"{named}: {status.value}, {kind.value}", "card")
        for status in test_cards.APPLIED:
            for state in test_cards.item_states(status):
                ended = replace(_standing(change, status), item=Item("R1", state, explanation=WHY))
                yield _message(test_cards.card(ended), f"{named}: {status.value}, item {state.value}", "card")


def _impacts() -> Iterator[JSON]:
    """Each verdict alone, and all that can explain one on one card."""
    for named in ("unlock, clear", "unlock group, clear"):
        cleared = _standing(CHANGES[named], Status.PENDING, locked=False)
        yield _message(test_cards.card(cleared), f"{named}: not locked", "card")
    for named in ("lock", "unlock, keep"):
        asked = _standing(CHANGES[named], Status.PENDING)
        for verdict in Verdict:
            card = test_cards.card(replace(asked, impact=Impact(verdict, ())))
            yield _message(card, f"{named}: impact, {verdict.value}", "card")
        assert isinstance(asked.seen, SeenThing)
        all_there_is = replace(
            asked.seen,
            thing=replace(asked.seen.thing, state="SUSPENDED"),
            locked_elsewhere=("Pump 8",),
            group_request="R2",
        )
        every = Impact(Verdict.UNKNOWN, tuple(OF_THINGS))
        card = test_cards.card(replace(asked, seen=all_there_is, impact=every))
        yield _message(card, f"{named}: every finding", "card")


def _replies() -> Iterator[JSON]:
    about: dict[str, str] = {"by": "U0APP1", "reason": "Not that one", "explanation": WHY}
    for named, change in CHANGES.items():
        asked = _standing(change, Status.APPLYING)
        for what in REPLIES[:-1]:
            more = about | ({"until": str(int(NOW.timestamp()))} if what == "delayed" else {})
            yield _message(reply(asked, what, more), f"{named}: {what}", "reply")
            yield _message(audit_line(asked, what, more), f"{named}: {what}", "audit line")
        for state in ItemState:
            for alarm in ("", "1"):
                more = about | {"state": state.value} | ({"alarm": alarm} if alarm else {})
                name = f"{named}: outcome, {state.value}{', alarm' * bool(alarm)}"
                yield _message(reply(asked, "outcome", more), name, "reply")


def _forms() -> Iterator[JSON]:
    for kind in forms.CALLBACKS:
        shown = Form(kind, "C0FIELD", "nonce")
        yield {"name": f"{kind.value}: empty", "kind": "form", "view": forms.form(shown)}
        yield {"name": f"{kind.value}: checking", "kind": "notice", "view": forms.checking(shown)}
    denial = forms.Denial("R1", "*Lock this SIM to one device?*", "C0FIELD", "1.2")
    yield {"name": "denial", "kind": "form", "view": denial.form()}
    yield {"name": "denial: failed", "kind": "form", "view": denial.form(typed="No", top=f"⚠️ {WHY}")}


def _message(what: Drawn, name: str, kind: str) -> JSON:
    blocks: list[dict[str, Any]] = list(what.blocks)
    return {"name": f"drawn: {name}", "kind": kind, "blocks": blocks}
