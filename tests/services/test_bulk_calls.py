"""What rows share: four calls at a time, a group read once, roles asked once."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any, cast

import pytest

from bot.domain.errors import NotReached
from bot.domain.identifiers import Iccid
from bot.domain.requests import ChangeRequest
from bot.sandbox.clock import ManualClock
from bot.services.bulk_calls import AT_ONCE, BulkCalls, BulkRoles
from bot.services.ports import Permit, Platform
from tests.storage.samples import NOW, request, thing, things_group

ICCID = Iccid("8944476500008878576")


class Vendor:
    """Answers when it is let; notes who is under way and in which order they came."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.under_way = self.most = 0
        self.open = asyncio.Event()
        self.fails = False

    async def _answer(self, call: str, answer: Any, permit: Permit | None = None) -> Any:
        async with permit or nullcontext():
            return await self._on_the_wire(call, answer)

    async def _on_the_wire(self, call: str, answer: Any) -> Any:
        self.calls.append(call)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.open.wait()
        self.under_way -= 1
        if self.fails:
            raise NotReached("away")
        return answer

    async def thing(self, iccid: Iccid, *, urgent: bool = True, permit: Permit | None = None) -> Any:
        return await self._answer(f"thing urgent={urgent}", thing(), permit)

    async def things_group(self, things_group_id: str, *, urgent: bool = True) -> Any:
        return await self._answer(f"group urgent={urgent}", things_group())

    async def write_thing_lock(
        self, thing: Any, *, urgent: bool = True, permit: Permit | None = None, **fields: Any
    ) -> None:
        await self._answer(f"write urgent={urgent}", None, permit)


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


def shared(vendor: Vendor, clock: ManualClock) -> BulkCalls:
    return BulkCalls(cast("Platform", vendor), clock)


async def started(*tasks: Any) -> list[asyncio.Task[Any]]:
    made = [asyncio.create_task(task) for task in tasks]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return made


async def test_four_at_a_time_none_urgent_and_a_write_before_readings_that_wait(
    vendor: Vendor, clock: ManualClock
) -> None:
    calls = shared(vendor, clock)
    reading = await started(*(calls.thing(ICCID) for _ in range(9)))
    writing = await started(calls.write_thing_lock(thing(), imei_lock=True, locked_imei="", not_after=NOW))
    assert vendor.calls == ["thing urgent=False"] * AT_ONCE
    vendor.open.set()
    await asyncio.gather(*reading, *writing)
    assert vendor.most == AT_ONCE
    assert vendor.calls[AT_ONCE] == "write urgent=False"
    assert len(vendor.calls) == 10


async def test_who_is_cancelled_in_the_line_costs_nobody_a_slot(vendor: Vendor, clock: ManualClock) -> None:
    calls = shared(vendor, clock)
    reading = await started(*(calls.thing(ICCID) for _ in range(6)))
    reading[0].cancel()
    reading[5].cancel()
    await asyncio.gather(reading[0], reading[5], return_exceptions=True)
    vendor.open.set()
    await asyncio.gather(*reading[1:5], *(calls.thing(ICCID) for _ in range(AT_ONCE)))
    assert vendor.most <= AT_ONCE + 1  # the one that was cancelled never came to its end here


async def test_a_group_is_read_once_in_ten_seconds_by_all_rows_together(
    vendor: Vendor, clock: ManualClock
) -> None:
    calls = shared(vendor, clock)
    vendor.open.set()
    await asyncio.gather(*(calls.things_group("ThingsGroupId_1") for _ in range(5)))
    clock.advance(10)
    await calls.things_group("ThingsGroupId_1")
    assert vendor.calls == ["group urgent=False"]
    clock.advance(0.1)
    await calls.things_group("ThingsGroupId_1")
    assert len(vendor.calls) == 2


async def test_a_group_that_could_not_be_read_is_tried_anew(vendor: Vendor, clock: ManualClock) -> None:
    calls = shared(vendor, clock)
    vendor.open.set()
    vendor.fails = True
    with pytest.raises(NotReached):
        await calls.things_group("ThingsGroupId_1")
    vendor.fails = False
    assert await calls.things_group("ThingsGroupId_1") == things_group()


async def test_who_waits_for_a_group_that_can_not_be_read_is_told_with_the_one_who_asked(
    vendor: Vendor, clock: ManualClock
) -> None:
    calls = shared(vendor, clock)
    vendor.fails = True
    asking = await started(*(calls.things_group("ThingsGroupId_1") for _ in range(5)))
    vendor.open.set()
    came = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in came] == [NotReached] * 5
    assert len(vendor.calls) == 1


class Roles:
    """Counts how often it is asked, and of whom."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def still_holds(self, request: ChangeRequest) -> str | None:
        self.asked.append(request.reason)
        return None


async def test_roles_are_asked_of_the_bulk_not_of_each_row(clock: ManualClock) -> None:
    roles = Roles()
    shared_roles = BulkRoles(roles, clock)
    bulk = request(1)
    shared_roles.about(bulk)
    for _ in range(5):
        await shared_roles.still_holds(bulk)
    clock.advance(2.1)
    await shared_roles.still_holds(bulk)
    assert roles.asked == [bulk.reason] * 2
