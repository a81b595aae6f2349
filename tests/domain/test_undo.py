"""What puts a request back: the very lock fields that stood there before it, or one sentence why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.changes import LockThingsGroup, RestoreThing, RestoreThingsGroup, wanted
from bot.domain.errors import Unfit
from bot.domain.identifiers import Tac, ThingsGroupId
from bot.domain.requests import ChangeRequest, Item, ItemState, Status
from bot.domain.things import GroupLock, ThingLock
from bot.domain.undo import can_be_undone, left_behind, undo_of
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
