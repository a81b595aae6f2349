"""What puts a request back: the very lock fields that stood there before it, or one sentence why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.changes import (
    LockThing,
    LockThingsGroup,
    RestoreThing,
    RestoreThingsGroup,
    ThingChange,
    UnlockThing,
    wanted,
)
from bot.domain.errors import Unfit
from bot.domain.identifiers import Imei, Tac, ThingsGroupId
from bot.domain.impact import SeenThing
from bot.domain.plans import RowVerdict
from bot.domain.requests import OPEN, ChangeRequest, Item, ItemState, Status
from bot.domain.rows import BulkRow
from bot.domain.things import GroupLock, ThingLock
from bot.domain.undo import (
    bulk_can_be_undone,
    can_be_undone,
    judge_undo,
    left_behind,
    left_by_row,
    undo_of,
    undo_of_row,
)
from tests.storage import samples

GROUP = ThingsGroupId("ThingsGroupId_00000000-0000-4000-8000-000000000001")
IMEI, TAC = "490154203237518", "35305311"


def succeeded(request: ChangeRequest, state: ItemState = ItemState.DONE) -> ChangeRequest:
    return replace(request, status=Status.SUCCEEDED, item=Item(request.id, state))


def locked(**lock: Any) -> ChangeRequest:
    return succeeded(samples.request(on=samples.thing(1, **lock)))


@pytest.mark.parametrize(
    "before",
    [
        ThingLock(imei_lock=False, locked_imei=""),
        ThingLock(imei_lock=False, locked_imei=IMEI),
        ThingLock(imei_lock=False, locked_imei="none"),
        ThingLock(imei_lock=True, locked_imei=IMEI),
        ThingLock(imei_lock=True, locked_imei="4901542032375101"),
        ThingLock(imei_lock=True, locked_imei="49015420323751"),
    ],
)
def test_a_thing_gets_exactly_what_it_had(before: ThingLock) -> None:
    request = locked(imei_lock=before.imei_lock, locked_imei=before.locked_imei)
    undo = undo_of(request)
    assert undo == RestoreThing(samples.ICCID, before)
    assert wanted(undo, left_behind(request)) == before
    assert undo.kind.value == ("lock_thing" if before.imei_lock else "unlock_thing")


@pytest.mark.parametrize("before", [GroupLock(imei_lock=False, tac=""), GroupLock(imei_lock=True, tac=TAC)])
def test_a_group_gets_its_range_back_and_nothing_else(before: GroupLock) -> None:
    group = samples.things_group(1, imei_lock=before.imei_lock, tac=before.tac)
    request = succeeded(samples.group_request(LockThingsGroup(GROUP, Tac("49015420")), on=group))
    undo = undo_of(request)
    assert isinstance(undo, RestoreThingsGroup)
    assert undo.lock == before


@pytest.mark.parametrize("stored", ["", " ", "none", "000000000000000", "12345"])
def test_a_lock_that_no_device_can_meet_is_never_asked_for(stored: str) -> None:
    nothing = samples.thing(1, imei_lock=True, locked_imei=stored)
    request = succeeded(samples.request(change=samples.unlock(), on=nothing))
    with pytest.raises(Unfit, match="never sent"):
        undo_of(request)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.SUCCEEDED}))
def test_only_what_succeeded_can_be_undone(status: Status) -> None:
    request = replace(locked(), status=status)
    assert not can_be_undone(request)
    with pytest.raises(Unfit, match="nothing that could be undone"):
        undo_of(request)


def test_what_had_not_to_be_changed_has_nothing_to_undo() -> None:
    already = replace(locked(), item=Item("R1", ItemState.ALREADY))
    assert not can_be_undone(already)


def test_nothing_is_undone_twice() -> None:
    with pytest.raises(Unfit, match="undone already, by request R9"):
        undo_of(replace(locked(), undone_by="R9"))


# --- bulks ---------------------------------------------------------------------------------------------

UNLOCKED, LOCKED = ThingLock(imei_lock=False, locked_imei=""), ThingLock(imei_lock=True, locked_imei=IMEI)
OTHER = ThingLock(imei_lock=True, locked_imei="351756051523999")
NOTHING = ThingLock(imei_lock=True, locked_imei="")


def row(change: ThingChange | None, before: ThingLock, state: ItemState = ItemState.DONE) -> BulkRow:
    """A row of a bulk that was applied to a Thing with this lock."""
    item = Item("B1", state, position=1)
    thing = samples.thing(1, imei_lock=before.imei_lock, locked_imei=before.locked_imei)
    seen = SeenThing(thing, None, True, (), None, samples.NOW)
    return BulkRow(item, 2, (samples.ICCID.digits, IMEI), RowVerdict.READY, change, seen)


@pytest.mark.parametrize(
    "change",
    [
        LockThing(samples.ICCID, Imei(IMEI)),
        UnlockThing(samples.ICCID, keep=True),
        UnlockThing(samples.ICCID, keep=False),
        RestoreThing(samples.ICCID, OTHER),
    ],
)
@pytest.mark.parametrize("before", [UNLOCKED, LOCKED, OTHER])
def test_a_row_goes_back_from_what_it_left_to_exactly_what_it_had_found(
    change: ThingChange, before: ThingLock
) -> None:
    done = row(change, before)
    left = left_by_row(done)
    assert left == wanted(change, before)
    assert undo_of_row(done) == RestoreThing(samples.ICCID, before)


@pytest.mark.parametrize("state", sorted(set(ItemState) - {ItemState.DONE}))
def test_a_row_that_is_not_done_has_left_nothing_to_take_back(state: ItemState) -> None:
    assert left_by_row(row(LockThing(samples.ICCID, Imei(IMEI)), UNLOCKED, state)) is None


@pytest.mark.parametrize(
    ("back_to", "now", "left", "verdict"),
    [
        (UNLOCKED, LOCKED, LOCKED, RowVerdict.READY),
        (UNLOCKED, UNLOCKED, LOCKED, RowVerdict.ALREADY),
        (UNLOCKED, OTHER, LOCKED, RowVerdict.LOOK),
        (UNLOCKED, ThingLock(imei_lock=False, locked_imei=IMEI), LOCKED, RowVerdict.LOOK),
        (UNLOCKED, LOCKED, None, RowVerdict.LOOK),
        (NOTHING, UNLOCKED, UNLOCKED, RowVerdict.REFUSED),
        (NOTHING, NOTHING, UNLOCKED, RowVerdict.ALREADY),
        (ThingLock(imei_lock=True, locked_imei="0" * 15), LOCKED, LOCKED, RowVerdict.REFUSED),
    ],
)
def test_a_row_goes_back_only_while_the_vendor_shows_what_was_written(
    back_to: ThingLock, now: ThingLock, left: ThingLock | None, verdict: RowVerdict
) -> None:
    assert judge_undo(RestoreThing(samples.ICCID, back_to), now, left) is verdict


@pytest.mark.parametrize("status", sorted(Status))
def test_a_bulk_can_be_undone_once_it_has_ended_whatever_its_end(status: Status) -> None:
    bulk = replace(locked(), status=status)
    assert bulk_can_be_undone(bulk, 1) is (status not in OPEN)
    assert not bulk_can_be_undone(bulk, 0)


def test_a_bulk_can_be_undone_again_only_where_its_undo_did_not_come_to_its_end() -> None:
    undone = replace(locked(), undone_by="R9")
    assert not bulk_can_be_undone(undone, 3)
    assert bulk_can_be_undone(replace(undone, undone_partly=True), 3)
