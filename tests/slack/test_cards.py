"""Cards and replies: every one can be drawn, Slack takes it, a phone holds it, and no data acts in it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.changes import LockThing, UnlockThing
from bot.domain.impact import Finding, Impact, Verdict, assess
from bot.domain.requests import (
    ITEM_TRANSITIONS,
    OUTCOMES,
    TRANSITIONS,
    ChangeRequest,
    Item,
    ItemState,
    Person,
    PersonDecision,
    Status,
    Vote,
)
from bot.domain.things import ThingsGroup
from bot.sandbox.slack.block_kit import check_message
from bot.sandbox.stage import everything_in
from bot.services.outcomes import Outcomes
from bot.services.ports import PlaceKind
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.cards import AHEAD, ALARM, HEADLINES, LEFT_TO_PEOPLE, Audience, Drawn, draw
from bot.slack.replies import audit_line, reply
from tests.slack.hostile import HOSTILE, assert_inert
from tests.storage.samples import ANN, BOB, ICCID, IMEI, NOW, OTHER_IMEI, approval, request, thing

LOCK = LockThing(ICCID, IMEI)
KEEP = UnlockThing(ICCID, keep=True)
CLEAR = UnlockThing(ICCID, keep=False)
CHANGES = pytest.mark.parametrize("change", [LOCK, KEEP, CLEAR], ids=["lock", "keep", "clear"])
AUDIENCE = Audience(ids=("S0APPROVERS", "U0ADMIN"), roles=("approver", "admin"))
APPLIED = sorted(set(Status) - {Status.PENDING, Status.DENIED, Status.CANCELLED, Status.EXPIRED})
"""Where a request has an item."""
WIDTH_OF_A_PHONE = 44


def card(asked: ChangeRequest, kind: PlaceKind = PlaceKind.CARD, **options: Any) -> Drawn:
    drawn = draw(asked, kind, options.pop("audience", AUDIENCE), **options)
    assert check_message({"text": drawn.text, "blocks": drawn.blocks}) == []
    return drawn


def text_of(drawn: Drawn) -> str:
    return everything_in(drawn.blocks)


def mrkdwn_in(part: Any) -> Iterator[str]:
    """Every text of a message in which marks would act."""
    if isinstance(part, dict):
        if part.get("type") == "mrkdwn":
            yield part["text"]
        for value in part.values():
            yield from mrkdwn_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from mrkdwn_in(value)


def standing(status: Status, change: Any, **fields: Any) -> ChangeRequest:
    """A request in that state, as it would have come there."""
    asked = replace(request(change=change), status=status, **fields)
    if status is Status.DENIED:
        return replace(asked, decisions=(PersonDecision(BOB, Vote.DENIED, NOW, "not that one"),))
    if status in {Status.CANCELLED, Status.EXPIRED, Status.PENDING}:
        return asked
    asked = replace(asked, approved_at=NOW, decisions=(approval(),))
    return replace(asked, item=Item(asked.id, item_states(status)[0], explanation="What happened."))


def item_states(status: Status) -> list[ItemState]:
    """The states of the item with which a request can stand like this."""
    events = {event for (_, event), to in TRANSITIONS.items() if to is status}
    ended = [state for state, event in OUTCOMES.items() if event in events]
    return ended or [ItemState.QUEUED, ItemState.RUNNING, ItemState.SENT]


def test_a_card_says_what_became_of_the_sim_once() -> None:
    """The reply in the thread says it first; the card has it in its headline."""
    failed = replace(
        standing(Status.FAILED, LOCK),
        item=Item("R1", ItemState.FAILED, explanation="The SIM was not changed. Why."),
    )
    assert text_of(card(failed)).splitlines()[0] == "❌ *Not changed*"
    assert "The SIM was not changed." not in text_of(card(failed))
    assert "Why." in text_of(card(failed))
    done = Item("R1", ItemState.DONE, explanation=Outcomes("SIM").done)
    assert Outcomes("SIM").done not in text_of(card(replace(standing(Status.SUCCEEDED, LOCK), item=done)))


# --- every card can be drawn ---------------------------------------------------------------------------


@CHANGES
@pytest.mark.parametrize("kind", [PlaceKind.CARD, PlaceKind.TWIN])
@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_card_with_one_mark_and_a_headline(
    status: Status, kind: PlaceKind, change: Any
) -> None:
    asked = standing(status, change)
    drawn = card(asked, kind)
    first = drawn.blocks[0]["text"]["text"]
    left_to_people = asked.item is not None and asked.item.state in LEFT_TO_PEOPLE
    expected = ALARM if left_to_people else HEADLINES[status]
    assert re.fullmatch(rf"{expected} \*[^*\n]+\*", first)
    assert drawn.text.startswith(first.split("*")[1])
    others = set(HEADLINES.values()) - {expected}
    assert not [mark for mark in others if mark in text_of(drawn)]


@CHANGES
@pytest.mark.parametrize(
    ("status", "state"), [(status, state) for status in APPLIED for state in item_states(status)]
)
def test_every_end_of_an_item_is_explained_on_the_card(status: Status, state: ItemState, change: Any) -> None:
    item = Item("R1", state, explanation="The SIM was told <so>.")
    ended = replace(standing(status, change), item=item)
    assert "The SIM was told &lt;so&gt;." in text_of(card(ended))


def test_every_item_state_stands_on_some_card() -> None:
    shown = {state for status in APPLIED for state in item_states(status)}
    of_rows = {ItemState.PLANNED, ItemState.SKIPPED}
    assert shown == set(ItemState) - of_rows == set(OUTCOMES) | set(ITEM_TRANSITIONS) - of_rows


@CHANGES
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("finding", sorted(set(Finding) - {Finding.NUMBER_UNKNOWN, Finding.OWN_LOCKS}))
def test_every_finding_and_verdict_has_its_words(finding: Finding, verdict: Verdict, change: Any) -> None:
    pending = replace(request(change=change), impact=Impact(verdict, (finding,)))
    plain = replace(pending, impact=Impact(verdict, ()))
    said = text_of(card(pending)).splitlines()
    assert "*Impact:* " in text_of(card(plain))
    bullets = [line for line in said if line.startswith("• ")]
    # For this one the verdict itself is the sentence.
    assert len(bullets) == (0 if finding is Finding.LOSES_PROTECTION else 1)


def test_a_card_with_everything_on_it_at_once_is_taken() -> None:
    full = replace(
        request(),
        impact=Impact(Verdict.LOSES, tuple(Finding)),
        reason="why " * 1000,
        approvals_needed=30,
        decisions=tuple(approval(Person(f"U0{n:04}", "T0TEAM")) for n in range(29)),
        seen=replace(
            request().seen,
            thing=thing(name="n" * 5000, state="s" * 500, last_seen_imei="9" * 500),
            group=ThingsGroup("G", "g" * 5000, imei_lock=True, tac="t" * 500),
            elsewhere=tuple("e" * 300 for _ in range(50)),
            locked_elsewhere=tuple("l" * 300 for _ in range(50)),
        ),
    )
    many = Audience(tuple(f"U0{n:05}" for n in range(500)), tuple(f"role{n}" for n in range(500)))
    for kind in (PlaceKind.CARD, PlaceKind.TWIN):
        card(full, kind, audience=many, note="This card replaces an earlier one.")


# --- buttons -------------------------------------------------------------------------------------------


def buttons(drawn: Drawn) -> dict[str, dict[str, Any]]:
    rows = [block["elements"] for block in drawn.blocks if block["type"] == "actions"]
    return {button["action_id"]: button for row in rows for button in row}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("kind", [PlaceKind.CARD, PlaceKind.TWIN])
def test_a_card_is_decided_on_while_it_waits_and_undone_once_it_is_done(
    status: Status, kind: PlaceKind
) -> None:
    """While it is being counted it can be ended, and not approved."""
    endings = {ids.DENY, ids.CANCEL} if kind is PlaceKind.CARD else set()
    deciding = {ids.APPROVE} | endings if kind is PlaceKind.CARD else set()
    there = {Status.PENDING: deciding, Status.PREVIEWING: endings, Status.SUCCEEDED: {ids.UNDO}}
    wanted = there.get(status, set())
    assert set(buttons(card(standing(status, LOCK), kind))) == wanted


def test_buttons_carry_the_request_and_what_was_shown_and_nothing_else() -> None:
    for button in buttons(card(request())).values():
        assert button["value"] == f"R1.{'f' * 64}"
        assert len(button["value"]) < 2000


@pytest.mark.parametrize("verdict", Verdict)
def test_approve_asks_whether_one_is_sure_whenever_anyone_is_affected(verdict: Verdict) -> None:
    approve = buttons(card(replace(request(), impact=Impact(verdict, ()))))[ids.APPROVE]
    assert ("confirm" in approve) == (verdict is not Verdict.KEEPS)


# --- people --------------------------------------------------------------------------------------------


def test_a_card_mentions_the_approvers_once_and_a_twin_never() -> None:
    assert text_of(card(request())).count("<!subteam^S0APPROVERS>, <@U0ADMIN>") == 1
    twin = text_of(card(request(), PlaceKind.TWIN))
    assert "subteam" not in twin
    assert "2 approvals needed from approver or admin" in twin


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING}))
def test_a_decided_card_mentions_no_approver_group(status: Status) -> None:
    assert "subteam" not in text_of(card(standing(status, LOCK)))


def test_a_card_says_how_many_more_are_needed_and_who_has_approved() -> None:
    assert "2 approvals needed from" in text_of(card(request()))
    once = text_of(card(replace(request(), decisions=(approval(),))))
    assert "1 more approval needed from" in once
    assert "approved by <@U0BOB>" in once


def test_times_are_in_the_readers_zone() -> None:
    until = int((NOW + timedelta(hours=24)).timestamp())
    assert f"until <!date^{until}^{{date_short_pretty}} {{time}}|2026-03-03 09:00 UTC>" in text_of(
        card(request())
    )


# --- facts ---------------------------------------------------------------------------------------------


def facts(drawn: Drawn) -> list[str]:
    block = next(block for block in drawn.blocks if block["type"] == "rich_text")
    return str(block["elements"][-1]["elements"][0]["text"]).splitlines()


def fact(asked: ChangeRequest, label: str) -> str:
    return next(line for line in facts(card(asked)) if line.startswith(f"{label} "))[len(label) :].strip()


def live(change: Any, group: ThingsGroup | None = None, **fields: Any) -> ChangeRequest:
    """A pending request on a Thing with these fields, with the impact that it truly has."""
    seen = replace(request().seen, thing=thing(**fields), group=group, elsewhere=())
    return replace(request(change=change), seen=seen, impact=assess(change, seen))


ORDINARY = [
    thing(),
    thing(name="Cold chain sensor 4711, Rotterdam", imei_lock=True, locked_imei=IMEI.digits),
    thing(iccid="89444765000088785760", locked_imei=IMEI.digits, last_seen_imei=""),
    thing(state="PROVISIONED", last_seen_imei="0" * 15),
    thing(state="TEST_ACTIVE", last_seen_at=NOW - timedelta(days=365)),
    thing(imei_lock=True, last_seen_at=None),
]
GROUPS = [None, ThingsGroup("G", "Refrigerated trailers, north", imei_lock=True, tac="49015420")]


@CHANGES
@pytest.mark.parametrize("status", Status)
def test_aligned_facts_of_ordinary_data_fit_a_phone(status: Status, change: Any) -> None:
    for one in ORDINARY:
        for group in GROUPS:
            asked = standing(status, change)
            asked = replace(asked, seen=replace(asked.seen, thing=one, group=group))
            lines = facts(card(asked))
            assert max(map(len, lines)) <= WIDTH_OF_A_PHONE, max(lines, key=len)
            assert len({re.match(r"[\w ]*?\s{2,}", line).end() for line in lines}) == 1  # type: ignore[union-attr]


def test_now_and_after_stand_side_by_side_with_grouped_imeis() -> None:
    change = LockThing(ICCID, IMEI)
    locked = thing(imei_lock=True, locked_imei=OTHER_IMEI.digits)
    asked = replace(request(change=change), seen=replace(request().seen, thing=locked))
    lines = facts(card(asked))
    assert "now       locked to 35-305311-000000-9" in lines
    assert "after     locked to 49-015420-323751-8" in lines
    assert "seen in   49-015420-323751-8, 3 minutes ago" in lines
    assert "its lock  locked to TAC 49015420" in lines


GROUPED = "35-305311-000000-9"
LOCKED = {"imei_lock": True, "locked_imei": OTHER_IMEI.digits}
STORED = {"imei_lock": False, "locked_imei": OTHER_IMEI.digits}
LOCKED_GROUP = ThingsGroup("G", "Pumps", imei_lock=True, tac="49015420")


@pytest.mark.parametrize(
    ("fields", "change", "now", "after"),
    [
        ({}, LOCK, "unlocked", "locked to 49-015420-323751-8"),
        (LOCKED, KEEP, f"locked to {GROUPED}", f"unlocked ({GROUPED} kept)"),
        (LOCKED, CLEAR, f"locked to {GROUPED}", "unlocked, IMEI cleared"),
        (STORED, CLEAR, f"unlocked ({GROUPED} kept)", "unlocked, IMEI cleared"),
        ({"imei_lock": True}, CLEAR, "locked, no IMEI stored", "unlocked"),
        ({"imei_lock": True, "locked_imei": "none"}, LOCK, "locked, to no IMEI: none", None),
        ({"locked_imei": "12345"}, LOCK, "unlocked (kept, no IMEI: 12345)", None),
        ({"imei_lock": True, "locked_imei": "0" * 15}, LOCK, "locked, to no IMEI: zeros", None),
    ],
)
def test_a_lock_is_said_in_words_and_a_stored_value_that_is_no_imei_is_called_so(
    fields: dict[str, Any], change: Any, now: str, after: str | None
) -> None:
    asked = live(change, **fields)
    assert fact(asked, "now") == now
    assert after is None or fact(asked, "after") == after


@CHANGES
@pytest.mark.parametrize("status", Status)
def test_now_and_after_are_said_only_while_the_change_lies_ahead(status: Status, change: Any) -> None:
    labels = [line.split()[0] for line in facts(card(standing(status, change)))]
    ahead = status in AHEAD
    assert [label for label in labels if label in {"now", "after", "before", "asked"}] == (
        ["now", "after"] if ahead else ["before", "asked"]
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"last_seen_imei": ""}, "never in any device"),
        ({"last_seen_imei": "0" * 15}, "carrier reports none"),
        ({"last_seen_at": None}, "49-015420-323751-8, time unknown"),
        ({}, "49-015420-323751-8, 3 minutes ago"),
    ],
)
def test_never_seen_not_reported_and_no_known_time_are_told_apart(fields: dict[str, Any], said: str) -> None:
    assert fact(live(LOCK, **fields), "seen in") == said


def test_every_age_on_a_card_counts_from_the_reading() -> None:
    drawn = card(live(LOCK))
    assert text_of(drawn).count("3 minutes ago") == 2
    read = f"<!date^{int(NOW.timestamp())}^{{date_short_pretty}} {{time}}|2026-03-02 09:00 UTC>"
    assert f"The SIM as read {read}; “ago” counts from then." in text_of(drawn)


def test_a_name_too_long_for_a_line_stands_whole_above_the_facts_as_plain_text() -> None:
    name, group = (
        "Cold *chain* sensor 4711, Rotterdam harbour",
        "Refrigerated trailers of the <north> harbour",
    )
    drawn = card(live(LOCK, replace(LOCKED_GROUP, name=group), name=name))
    assert max(map(len, facts(drawn))) == WIDTH_OF_A_PHONE
    above = text_of(drawn).split("ICCID", maxsplit=1)[0]
    assert name in above
    assert group in above
    assert not any("Refrigerated" in said for said in mrkdwn_in(drawn.blocks))
    assert not any("Cold" in said for said in mrkdwn_in(drawn.blocks))


# --- the question and the verdict ----------------------------------------------------------------------


@pytest.mark.parametrize("change", [KEEP, CLEAR])
def test_an_unlock_in_a_locked_group_promises_only_what_the_groups_lock_allows(change: Any) -> None:
    said = text_of(card(live(change, LOCKED_GROUP, **LOCKED)))
    assert said.startswith("❓ *Unlock this SIM, for any device that the group's lock allows?*")
    assert "it will work in any device that the group's lock allows." in said
    assert "stays in force" in said


def test_an_unlock_outside_of_a_locked_group_is_for_any_device() -> None:
    said = text_of(card(live(KEEP, **LOCKED)))
    assert said.startswith("❓ *Unlock this SIM, for any device?*")
    assert "it will work in any device." in said


def test_a_sim_without_a_lock_of_its_own_in_a_locked_group_is_not_said_to_be_unprotected() -> None:
    said = text_of(card(live(CLEAR, LOCKED_GROUP, **STORED)))
    assert "*Impact:* the SIM has no lock of its own to lose." in said
    assert "not locked" not in said


@pytest.mark.parametrize("group", [None, LOCKED_GROUP])
def test_clearing_the_imei_of_a_sim_that_is_not_locked_is_not_called_an_unlock(
    group: ThingsGroup | None,
) -> None:
    asked = live(CLEAR, group, **STORED)
    assert card(asked).blocks[0]["text"]["text"] == "❓ *Clear the stored IMEI?*"
    done = replace(asked, status=Status.SUCCEEDED, item=Item("R1", ItemState.DONE))
    assert card(done).blocks[0]["text"]["text"] == "✅ *Stored IMEI cleared: configured and read back*"
    told = reply(done, "outcome", {"state": "done", "explanation": "So."}).text
    assert told.startswith("✅ <@U0ANN>, done. Stored IMEI cleared; ")


def test_the_verdict_on_a_sim_never_seen_speaks_of_no_device_in_use() -> None:
    said = text_of(card(live(LOCK, last_seen_imei="", last_seen_at=None)))
    assert "*unknown:* there is no device to compare the IMEI with." in said
    assert "in use" not in said
    assert "ago" not in said


@CHANGES
def test_a_card_speaks_to_people_of_sims_and_groups(change: Any) -> None:
    everything = replace(request(change=change), impact=Impact(Verdict.LOSES, tuple(Finding)))
    assert "Thing" not in text_of(card(everything))


# --- data never acts -----------------------------------------------------------------------------------


@CHANGES
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_data_on_a_card_mentions_links_formats_or_breaks_it(hostile: str, change: Any) -> None:
    for status, kind in itertools.product(Status, (PlaceKind.CARD, PlaceKind.TWIN)):
        wild, tame = (card(_everywhere(text, standing(status, change)), kind) for text in (hostile, "tame"))
        assert len(wild.blocks) == len(tame.blocks)
        for said, expected in zip(mrkdwn_in(wild.blocks), mrkdwn_in(tame.blocks), strict=True):
            assert_inert(said, expected)
        assert_inert(wild.text, tame.text)
        assert len(facts(wild)) == len(facts(tame))


def _everywhere(text: str, asked: ChangeRequest) -> ChangeRequest:
    """The request with this text wherever a person or the vendor could have put it."""
    there = replace(
        asked.seen,
        thing=thing(name=text, state=text, locked_imei=text, last_seen_imei=f"1{text}", imei_lock=True),
        group=ThingsGroup("G", text, imei_lock=True, tac=text),
        elsewhere=(text, text),
        locked_elsewhere=(text,),
    )
    item = replace(asked.item, explanation=text) if asked.item else None
    impact = Impact(Verdict.UNKNOWN, tuple(Finding))
    return replace(asked, reason=text, seen=there, item=item, impact=impact)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("what", ["denied", "delayed", "outcome"])
def test_no_data_in_a_reply_mentions_links_or_formats(what: str, hostile: str) -> None:
    for state in ItemState:
        for teller in (reply, audit_line):
            wild, tame = (
                teller(
                    _everywhere(text, request()),
                    what,
                    {"by": "U0BOB", "reason": text, "explanation": text, "state": state.value},
                )
                for text in (hostile, "tame")
            )
            assert check_message({"text": wild.text, "blocks": wild.blocks}) == []
            assert_inert(wild.text, tame.text)


# --- replies -------------------------------------------------------------------------------------------


@CHANGES
@pytest.mark.parametrize("state", ItemState)
def test_an_outcome_mentions_the_requester_and_says_done_only_after_the_read_back(
    state: ItemState, change: Any
) -> None:
    told = reply(request(change=change), "outcome", {"state": state.value, "explanation": "It is so."}).text
    assert told.count(f"<@{ANN.user_id}>") == 1
    assert ("done" in told) == (state is ItemState.DONE)
    assert "t is so." in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (LOCK, "done. Locked to 49-015420-323751-8. So."),
        (KEEP, f"done. Unlocked ({GROUPED} kept). So."),
        (CLEAR, "done. Unlocked, IMEI cleared. So."),
    ],
)
def test_what_was_done_is_said_in_the_thread_once(change: Any, said: str) -> None:
    told = reply(live(change, **LOCKED), "outcome", {"state": "done", "explanation": "So."}).text
    assert told == f"✅ <@U0ANN>, {said}"


@pytest.mark.parametrize(
    ("what", "about", "said"),
    [
        ("approved", {"by": "U0BOB", "left": "1"}, "👍 Approved by <@U0BOB>. 1 more needed."),
        ("approved", {"by": "U0BOB", "left": "0"}, "👍 Approved by <@U0BOB>. It is applied now."),
        (
            "denied",
            {"by": "U0BOB", "reason": "no"},
            "🚫 Denied by <@U0BOB>: no\n<@U0ANN>, nothing",
        ),
        ("cancelled", {"by": "U0ANN"}, "↩️ Cancelled by <@U0ANN>. Nothing was changed."),
    ],
)
def test_a_decision_says_who_and_what_becomes_of_it(what: str, about: dict[str, str], said: str) -> None:
    assert reply(request(), what, about).text.startswith(said)


@pytest.mark.parametrize(
    "what", ["approved", "denied", "cancelled", "expired", "redrawn", "delayed", "outcome"]
)
def test_the_audit_channel_names_request_and_thing_without_their_full_numbers(what: str) -> None:
    told = audit_line(request(), what, {"by": "U0BOB", "explanation": "So."}).text
    assert told.startswith("`R1` Pump 1 (…0001): ")
    assert thing().iccid not in told


def test_a_guard_keeps_any_text_within_slacks_limit() -> None:
    assert len(b.section("x" * 9000)["text"]["text"]) == 3000
    assert len(b.context("x" * 9000)["elements"][0]["text"]) == 3000
