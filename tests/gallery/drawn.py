"""Every state that a card, a reply or a form can have, straight from the builders; no scenario is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.domain.changes import Change, GroupChange, LockThing
from bot.domain.impact import Finding, Impact, SeenThing, Verdict, assess
from bot.domain.requests import ChangeRequest, Item, ItemState, Status
from bot.services.ports import PlaceKind
from bot.slack import forms
from bot.slack.cards import Drawn
from bot.slack.form_state import Form
from bot.slack.replies import audit_line, reply
from tests.gallery.collecting import JSON
from tests.slack import test_cards, test_group_cards
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
    return [*_cards(), *_impacts(), *_replies(), *_forms()]


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
