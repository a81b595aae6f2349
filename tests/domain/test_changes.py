"""What a change writes, and when nothing is left to do."""

from __future__ import annotations

import pytest

from bot.domain.changes import (
    Change,
    Kind,
    LockThing,
    RestoreThing,
    SingleChange,
    UnlockThing,
    device_bound,
    doubts,
    holds,
    wanted,
)
from bot.domain.identifiers import Iccid, Imei
from bot.domain.things import ThingLock

ICCID = Iccid("8944476500008878576")
IMEI = "490154203237518"
SAME_DEVICE_AS_NETWORKS_SEND_IT = "490154203237510"
OTHER_IMEI = "353053110000009"
LOCK = LockThing(ICCID, Imei(IMEI))
KEEP = UnlockThing(ICCID, keep=True)
CLEAR = UnlockThing(ICCID, keep=False)

NEVER_LOCKED = ThingLock(False, "")
LOCKED = ThingLock(True, IMEI)
UNLOCKED_AND_KEPT = ThingLock(False, IMEI)


@pytest.mark.parametrize(
    ("change", "now", "after"),
    [
        (LOCK, NEVER_LOCKED, LOCKED),
        (LOCK, ThingLock(True, OTHER_IMEI), LOCKED),
        (LOCK, UNLOCKED_AND_KEPT, LOCKED),
        (KEEP, LOCKED, UNLOCKED_AND_KEPT),
        (KEEP, ThingLock(True, ""), NEVER_LOCKED),
        (CLEAR, LOCKED, NEVER_LOCKED),
        (CLEAR, UNLOCKED_AND_KEPT, NEVER_LOCKED),
    ],
)
def test_a_change_writes_both_lock_fields(change: Change, now: ThingLock, after: ThingLock) -> None:
    assert wanted(change, now) == after


@pytest.mark.parametrize("now", [NEVER_LOCKED, LOCKED, UNLOCKED_AND_KEPT, ThingLock(True, "")])
def test_no_change_ever_wants_a_lock_with_an_empty_imei(now: ThingLock) -> None:
    goals = [wanted(change, now) for change in (LOCK, KEEP, CLEAR)]
    assert all(goal.locked_imei for goal in goals if goal.imei_lock)


@pytest.mark.parametrize("change", [LOCK, KEEP, CLEAR])
@pytest.mark.parametrize("now", [NEVER_LOCKED, LOCKED, UNLOCKED_AND_KEPT, ThingLock(True, OTHER_IMEI)])
def test_what_a_change_wrote_holds_afterwards(change: Change, now: ThingLock) -> None:
    assert holds(change, wanted(change, now))


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (LOCK, LOCKED),
        (LOCK, ThingLock(True, SAME_DEVICE_AS_NETWORKS_SEND_IT)),
        (KEEP, NEVER_LOCKED),
        (KEEP, UNLOCKED_AND_KEPT),
        (CLEAR, NEVER_LOCKED),
    ],
)
def test_nothing_is_left_to_do_where_the_lock_is_as_asked(change: Change, now: ThingLock) -> None:
    assert holds(change, now)


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (LOCK, NEVER_LOCKED),
        (LOCK, UNLOCKED_AND_KEPT),
        (LOCK, ThingLock(True, OTHER_IMEI)),
        (LOCK, ThingLock(True, "")),
        (KEEP, LOCKED),
        (KEEP, ThingLock(True, "")),
        (CLEAR, LOCKED),
        (CLEAR, UNLOCKED_AND_KEPT),
    ],
)
def test_something_is_left_to_do_where_a_lock_field_differs(change: Change, now: ThingLock) -> None:
    assert not holds(change, now)


def test_each_change_knows_its_name_in_policy_and_audit() -> None:
    assert [LOCK.kind, KEEP.kind, CLEAR.kind] == [Kind.LOCK_THING, Kind.UNLOCK_THING, Kind.UNLOCK_THING]


def test_a_change_shows_no_full_identifier() -> None:
    assert IMEI not in repr(LOCK)
    assert ICCID.digits not in repr([LOCK, KEEP])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (LockThing(Iccid("8944476500008878576"), Imei("490154203237518")), ()),
        (LockThing(Iccid("8944476500008878576"), Imei("001010001234564")), ("test",)),
        (UnlockThing(Iccid("89310410106543789301"), keep=True), ("check digit",)),
    ],
)
def test_what_is_odd_in_a_number_is_said_though_it_can_be_used(change: Change, said: tuple[str, ...]) -> None:
    found = doubts(change, "")
    assert len(found) == len(said)
    assert all(word in sentence for word, sentence in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("change", "imei"),
    [
        (LOCK, IMEI),
        (KEEP, ""),
        (RestoreThing(ICCID, LOCKED), IMEI),
        (RestoreThing(ICCID, ThingLock(True, IMEI[:14])), IMEI),
        (RestoreThing(ICCID, ThingLock(True, IMEI[:14] + "01")), IMEI),
        (
            RestoreThing(ICCID, ThingLock(True, SAME_DEVICE_AS_NETWORKS_SEND_IT)),
            SAME_DEVICE_AS_NETWORKS_SEND_IT,
        ),
        (RestoreThing(ICCID, ThingLock(True, "none")), ""),
        (RestoreThing(ICCID, UNLOCKED_AND_KEPT), ""),
    ],
)
def test_whatever_locks_a_thing_names_its_device(change: SingleChange, imei: str) -> None:
    bound = device_bound(change)
    assert (bound.digits if bound else "") == imei
