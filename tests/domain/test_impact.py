"""Whom a change hurts: every finding can be reached, the verdict errs to the worse, the fingerprint binds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.changes import Change, LockThing, UnlockThing
from bot.domain.fingerprints import differences, fingerprint
from bot.domain.identifiers import Iccid, Imei
from bot.domain.impact import Finding, SeenThing, Verdict, assess
from bot.domain.things import Thing, ThingsGroup

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ICCID = Iccid("8944476500008878576")
IMEI = "490154203237518"
OTHER_IMEI = "353053110000009"
LOCK = LockThing(ICCID, Imei(IMEI))
KEEP = UnlockThing(ICCID, keep=True)
CLEAR = UnlockThing(ICCID, keep=False)

THING = Thing(
    thing_id="ThingId_ICCID_8944476500008878576",
    iccid=ICCID.digits,
    name="Pump",
    state="ACTIVE",
    cas="1718900000000065536",
    imei_lock=False,
    locked_imei="",
    things_group_id=None,
    last_seen_imei=IMEI,
    last_seen_at=NOW,
)
CALM = SeenThing(THING, None, True, (), False, NOW)
IN_RANGE = ThingsGroup("G", "Pumps", imei_lock=True, tac="49015420")
OUT_OF_RANGE = replace(IN_RANGE, tac="35305311")
NO_RANGE = replace(IN_RANGE, tac="")
OPEN_GROUP = replace(OUT_OF_RANGE, imei_lock=False)


def seen(**changes: Any) -> SeenThing:
    """A calm Thing with some of its fields, or of its surroundings, changed."""
    of_thing = {k: v for k, v in changes.items() if k in Thing.__slots__}
    around = {k: v for k, v in changes.items() if k not in of_thing}
    return replace(CALM, thing=replace(THING, **of_thing), **around)


OF_GROUPS = frozenset({Finding.NUMBER_UNKNOWN, Finding.OWN_LOCKS})
FACTS: dict[Finding, tuple[Change, SeenThing]] = {
    Finding.SAME_DEVICE: (LOCK, seen()),
    Finding.OTHER_DEVICE: (LOCK, seen(last_seen_imei=OTHER_IMEI)),
    Finding.NEVER_SEEN: (LOCK, seen(last_seen_imei="")),
    Finding.ZEROS: (LOCK, seen(last_seen_imei="0" * 15)),
    Finding.SEEN_ELSEWHERE: (LOCK, seen(elsewhere=("Pump 2",))),
    Finding.LOCKED_ELSEWHERE: (LOCK, seen(locked_elsewhere=("Pump 3",))),
    Finding.ELSEWHERE_UNKNOWN: (LOCK, seen(elsewhere=None)),
    Finding.GROUP_CONTRADICTS: (LOCK, seen(group=OUT_OF_RANGE)),
    Finding.GROUP_ALSO_LOCKS: (LOCK, seen(group=IN_RANGE)),
    Finding.GROUP_UNREADABLE: (LOCK, seen(group_readable=False)),
    Finding.NOT_ACTIVE: (LOCK, seen(state="SUSPENDED")),
    Finding.ONLINE_NOW: (LOCK, seen(online=True)),
    Finding.LOSES_PROTECTION: (KEEP, seen(imei_lock=True, locked_imei=IMEI)),
    Finding.ALREADY_SO: (LOCK, seen(imei_lock=True, locked_imei=IMEI)),
    Finding.GROUP_REQUEST_OPEN: (LOCK, seen(group_request="R7")),
}


@pytest.mark.parametrize("finding", sorted(set(Finding) - OF_GROUPS))
def test_every_finding_is_reached_by_its_fact_and_by_nothing_else(finding: Finding) -> None:
    change, fact = FACTS[finding]
    assert finding in assess(change, fact).findings
    assert finding not in assess(CLEAR if finding is Finding.SAME_DEVICE else change, _without(fact)).findings


def _without(fact: SeenThing) -> SeenThing:
    """A state that none of the facts holds in, but that the device was seen there: then another was."""
    return seen() if fact.thing.last_seen_imei != IMEI else seen(last_seen_imei=OTHER_IMEI)


@pytest.mark.parametrize("change", [LOCK, KEEP, CLEAR])
def test_no_finding_is_said_twice(change: Change) -> None:
    for fact in (state for _, state in FACTS.values()):
        findings = assess(change, fact).findings
        assert len(findings) == len(set(findings))


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (seen(), Verdict.KEEPS),
        (seen(last_seen_imei=IMEI[:14] + "0"), Verdict.KEEPS),
        (seen(last_seen_imei=OTHER_IMEI), Verdict.LOSES),
        (seen(last_seen_imei=""), Verdict.UNKNOWN),
        (seen(last_seen_imei="0" * 15), Verdict.UNKNOWN),
        (seen(last_seen_imei="what is this"), Verdict.UNKNOWN),
        (seen(group=IN_RANGE), Verdict.KEEPS),
        (seen(group=OPEN_GROUP), Verdict.KEEPS),
        (seen(group=OUT_OF_RANGE), Verdict.UNKNOWN),
        (seen(group=NO_RANGE), Verdict.UNKNOWN),
        (seen(group_readable=False), Verdict.UNKNOWN),
        (seen(group=OUT_OF_RANGE, last_seen_imei=OTHER_IMEI), Verdict.LOSES),
        (seen(group_readable=False, last_seen_imei=OTHER_IMEI), Verdict.LOSES),
    ],
)
def test_a_lock_takes_service_from_whatever_was_last_seen_and_is_not_its_device(
    now: SeenThing, verdict: Verdict
) -> None:
    assert assess(LOCK, now).verdict is verdict


@pytest.mark.parametrize("change", [KEEP, CLEAR])
@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (seen(), Verdict.KEEPS),
        (seen(locked_imei=IMEI), Verdict.KEEPS),
        (seen(imei_lock=True, locked_imei=IMEI), Verdict.LOSES),
        (seen(imei_lock=True), Verdict.LOSES),
        (seen(imei_lock=True, locked_imei=IMEI, group=IN_RANGE), Verdict.LOSES),
    ],
)
def test_an_unlock_takes_protection_from_a_locked_thing_only(
    change: Change, now: SeenThing, verdict: Verdict
) -> None:
    assert assess(change, now).verdict is verdict


@pytest.mark.parametrize("change", [LOCK, KEEP, CLEAR])
def test_whoever_may_lose_something_is_affected(change: Change) -> None:
    for _, fact in FACTS.values():
        impact = assess(change, fact)
        assert impact.affected == (0 if impact.verdict is Verdict.KEEPS else 1)


def test_an_unlock_asks_nobody_where_else_the_device_is() -> None:
    findings = assess(KEEP, seen(elsewhere=None, locked_elsewhere=("Pump 3",))).findings
    assert not {Finding.ELSEWHERE_UNKNOWN, Finding.LOCKED_ELSEWHERE} & set(findings)


def test_verdicts_are_ordered_from_best_to_worst() -> None:
    assert list(Verdict) == [Verdict.KEEPS, Verdict.UNKNOWN, Verdict.LOSES]
    for better, worse in itertools.combinations(Verdict, 2):
        assert worse.worse_than(better)
        assert not better.worse_than(worse)
    assert not any(verdict.worse_than(verdict) for verdict in Verdict)


# --- what was approved, and what is found ----------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "names"),
    [
        (seen(), ()),
        (seen(cas="9", name="Renamed", online=True, elsewhere=None), ()),
        (seen(thing_id="ThingId_ICCID_2"), ("thing",)),
        (seen(locked_imei=IMEI), ("lock",)),
        (seen(imei_lock=True), ("lock",)),
        (seen(group=OPEN_GROUP), ("group",)),
        (seen(group_readable=False), ("group",)),
        (seen(imei_lock=True, group=IN_RANGE), ("lock", "group")),
    ],
)
def test_differences_name_what_a_decision_rests_on(now: SeenThing, names: tuple[str, ...]) -> None:
    assert differences(CALM, now) == names


def test_two_unreadable_groups_are_two() -> None:
    one, other = (seen(things_group_id=name, group_readable=False) for name in ("G1", "G2"))
    assert differences(one, other) == ("group",)


def mark(**changes: Any) -> str:
    """The fingerprint of a plain question with something in it changed."""
    plain: dict[str, Any] = {
        "team": "T1",
        "change": LOCK,
        "seen": CALM,
        "verdict": Verdict.KEEPS,
        "rules": ("a", "b"),
    }
    return fingerprint(**(plain | changes))


OTHER_QUESTIONS: dict[str, Callable[[], str]] = {
    "team": lambda: mark(team="T2"),
    "kind": lambda: mark(change=KEEP),
    "keep": lambda: mark(change=CLEAR),
    "imei": lambda: mark(change=LockThing(ICCID, Imei(OTHER_IMEI))),
    "iccid": lambda: mark(change=LockThing(Iccid("8944476500008878568"), Imei(IMEI))),
    "thing": lambda: mark(seen=seen(thing_id="ThingId_ICCID_2")),
    "imei_lock": lambda: mark(seen=seen(imei_lock=True)),
    "locked_imei": lambda: mark(seen=seen(locked_imei=IMEI)),
    "group": lambda: mark(seen=seen(group=OPEN_GROUP)),
    "group's lock": lambda: mark(seen=seen(group=OUT_OF_RANGE)),
    "group's range": lambda: mark(seen=seen(group=IN_RANGE)),
    "group unreadable": lambda: mark(seen=seen(group_readable=False)),
    "verdict unknown": lambda: mark(verdict=Verdict.UNKNOWN),
    "verdict": lambda: mark(verdict=Verdict.LOSES),
    "rules": lambda: mark(rules=("a", "c")),
    "fewer rules": lambda: mark(rules=("ab",)),
    "rules that run into each other": lambda: mark(rules=("ab", "")),
    "no rules": lambda: mark(rules=()),
}


def test_a_change_in_anything_that_is_approved_is_another_question() -> None:
    marks = [mark(), *(other() for other in OTHER_QUESTIONS.values())]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize(
    "fields", [{"cas": "2"}, {"name": "x"}, {"state": "SUSPENDED"}, {"online": True}, {"elsewhere": ("x",)}]
)
def test_what_moves_by_itself_is_the_same_question(fields: dict[str, Any]) -> None:
    assert mark(seen=seen(**fields)) == mark()
