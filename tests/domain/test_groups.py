"""A Things Group's lock: what is asked and left, whom it may hurt, what must stay as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.changes import (
    Change,
    LockThing,
    LockThingsGroup,
    UnlockThingsGroup,
    doubts,
    holds,
    noun,
    wanted,
)
from bot.domain.fingerprints import differences, fingerprint
from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    Tac,
    ThingsGroupId,
    Valid,
    parse_things_group_id,
)
from bot.domain.impact import Finding, SeenGroup, Verdict, assess
from bot.domain.policy import Approvals, Rule
from bot.domain.things import GroupLock, ThingsGroup, side_effects

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ID = ThingsGroupId("ThingsGroupId_eej3421b0-bee1-4997-93aa-ce443ca43h347a")
TAC, OTHER_TAC = "35305311", "49015420"
LOCK = LockThingsGroup(ID, Tac(TAC))
KEEP = UnlockThingsGroup(ID, keep=True)
CLEAR = UnlockThingsGroup(ID, keep=False)
OPEN = GroupLock(imei_lock=False, tac="")
LOCKED = GroupLock(imei_lock=True, tac=TAC)
ELSE = GroupLock(imei_lock=True, tac=OTHER_TAC)
STORED = GroupLock(imei_lock=False, tac=TAC)
NO_RANGE = GroupLock(imei_lock=True, tac="")


def seen(lock: GroupLock) -> SeenGroup:
    return SeenGroup(ThingsGroup(ID.text, "Pumps", lock.imei_lock, lock.tac), NOW)


@pytest.mark.parametrize(
    ("change", "before", "after", "done"),
    [
        (LOCK, OPEN, LOCKED, False),
        (LOCK, STORED, LOCKED, False),
        (LOCK, ELSE, LOCKED, False),
        (LOCK, NO_RANGE, LOCKED, False),
        (LOCK, LOCKED, LOCKED, True),
        (KEEP, LOCKED, STORED, False),
        (KEEP, NO_RANGE, OPEN, False),
        (KEEP, STORED, STORED, True),
        (CLEAR, LOCKED, OPEN, False),
        (CLEAR, STORED, OPEN, False),
        (CLEAR, OPEN, OPEN, True),
    ],
)
def test_a_lock_leaves_the_range_and_an_unlock_keeps_or_clears_it(
    change: Change, before: GroupLock, after: GroupLock, *, done: bool
) -> None:
    assert wanted(change, before) == after
    assert holds(change, before) is done


@pytest.mark.parametrize(
    ("change", "lock", "verdict", "affected"),
    [
        (LOCK, OPEN, Verdict.UNKNOWN, None),
        (LOCK, ELSE, Verdict.UNKNOWN, None),
        (KEEP, LOCKED, Verdict.LOSES, None),
        (CLEAR, NO_RANGE, Verdict.LOSES, None),
        (CLEAR, STORED, Verdict.KEEPS, 0),
    ],
)
def test_whom_a_group_change_hurts_is_not_counted_unless_nobody_is(
    change: Change, lock: GroupLock, verdict: Verdict, affected: int | None
) -> None:
    impact = assess(change, seen(lock))
    assert (impact.verdict, impact.affected) == (verdict, affected)
    assert (Finding.NUMBER_UNKNOWN in impact.findings) == (affected is None)
    assert Finding.OWN_LOCKS in impact.findings


def test_what_somebody_did_meanwhile_is_found_and_calls_for_no_write() -> None:
    assert Finding.ALREADY_SO in assess(LOCK, seen(LOCKED)).findings
    assert Finding.ALREADY_SO not in assess(LOCK, seen(OPEN)).findings


def test_an_unknown_number_counts_as_many() -> None:
    rule = Rule(("*",), ("a",), ("b",), Approvals(none=1, some=2, many=3))
    assert [rule.needed(affected) for affected in (0, 1, 25, None)] == [1, 2, 3, 3]


def test_a_group_change_is_not_assessed_against_a_thing() -> None:
    with pytest.raises(TypeError):
        assess(LockThing(Iccid("8944476500008878576"), Imei("490154203237518")), seen(OPEN))


def test_every_part_of_what_is_approved_is_in_the_fingerprint() -> None:
    other_id = ThingsGroupId("ThingsGroupId_2")
    asked: list[tuple[Change, SeenGroup, Verdict, str]] = [
        (LOCK, seen(OPEN), Verdict.UNKNOWN, "r"),
        (replace(LOCK, tac=Tac(OTHER_TAC)), seen(OPEN), Verdict.UNKNOWN, "r"),
        (replace(LOCK, things_group_id=other_id), seen(OPEN), Verdict.UNKNOWN, "r"),
        (KEEP, seen(OPEN), Verdict.UNKNOWN, "r"),
        (CLEAR, seen(OPEN), Verdict.UNKNOWN, "r"),
        (LOCK, seen(STORED), Verdict.UNKNOWN, "r"),
        (LOCK, seen(ELSE), Verdict.UNKNOWN, "r"),
        (LOCK, seen(OPEN), Verdict.LOSES, "r"),
        (LOCK, seen(OPEN), Verdict.UNKNOWN, "another rule"),
    ]
    marks = {fingerprint("T0TEAM", change, state, verdict, [rule]) for change, state, verdict, rule in asked}
    assert len(marks) == len(asked)


def test_a_new_name_is_no_new_question() -> None:
    renamed = SeenGroup(replace(seen(OPEN).group, name="Pumps, north"), NOW)
    marks = {fingerprint("T0TEAM", LOCK, state, Verdict.UNKNOWN, []) for state in (seen(OPEN), renamed)}
    assert len(marks) == 1
    assert differences(seen(OPEN), renamed) == ()
    assert differences(seen(OPEN), seen(LOCKED)) == ("lock",)


def test_side_effects_are_every_field_that_came_went_or_changed() -> None:
    before = replace(seen(OPEN).group, others=(("a", "1"), ("b", '"x"'), ("c", "null")))
    after = replace(seen(LOCKED).group, others=(("a", "1"), ("b", '"y"'), ("d", "[]")))
    assert side_effects(before, after) == {"b": ('"x"', '"y"'), "c": ("null", ""), "d": ("", "[]")}
    assert side_effects(before, before) == {}


def test_an_odd_range_is_said_and_an_unlock_has_none() -> None:
    assert doubts(replace(LOCK, tac=Tac("00123456")), "")
    assert doubts(LOCK, "") == doubts(KEEP, "") == ()
    assert noun(LOCK) == noun(KEEP) == "group"


@pytest.mark.parametrize("text", [ID.text, f"  {ID.text}\n", f"`{ID.text}`", f"/thingsgroup/{ID.text}"])
def test_a_groups_id_is_read_as_it_is_pasted(text: str) -> None:
    assert parse_things_group_id(text) == Valid(ID)


def test_an_id_without_its_beginning_waits_for_a_click() -> None:
    read = parse_things_group_id(ID.text.removeprefix("ThingsGroupId_"))
    assert isinstance(read, Proposal)
    assert read.value == ID


@pytest.mark.parametrize(
    "text", ["", "Pumps", "ThingsGroupId_", "ThingsGroupId_../../thing", "ThingsGroupId_ü", "a b", "x" * 300]
)
def test_what_is_no_groups_id_is_refused_with_a_sentence(text: str) -> None:
    assert isinstance(parse_things_group_id(text), Rejection)
