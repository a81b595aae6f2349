"""The background reader against a listing that can fail in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import (
    LoginFailed,
    NotReached,
    PlatformError,
    RateLimited,
    StoreUnavailable,
    ThingNotFound,
    Unreadable,
)
from bot.domain.things import GroupRow, ThingRow, ThingsGroup
from bot.sandbox.clock import ManualClock
from bot.services.inventory import InventoryReader, Part, Reading
from bot.services.ports import Page
from bot.services.sightings import Sightings
from bot.storage.engine import migrate, open_engine
from bot.storage.inventory import SqlInventory
from tests.conftest import no_thread_left

PAGE = 50


class Account:
    """A vendor with Things and groups. Errors in `failing` are raised, one for each call."""

    def __init__(self, things: int = 120, groups: int = 60) -> None:
        self.things = [thing(n) for n in range(things)]
        self.groups = {f"G{n}": f"Group {n}" for n in range(groups)}
        self.lists_groups = True
        self.knows_offset = True
        self.page = PAGE
        self.failing: list[PlatformError] = []
        self.calls: list[str] = []

    async def things_page(self, offset: int) -> Page[ThingRow]:
        self._called(f"things {offset}")
        rows = self.things[(offset if self.knows_offset else 0) :][: self.page]
        return Page(tuple(rows), len(rows), is_last=not rows)

    async def groups_page(self, offset: int) -> Page[GroupRow]:
        self._called(f"groups {offset}")
        if not self.lists_groups:
            raise ThingNotFound("no such path")
        rows = [GroupRow(*pair) for pair in self.groups.items()][(offset if self.knows_offset else 0) :][
            : self.page
        ]
        return Page(tuple(rows), len(rows), is_last=not rows)

    async def things_group(self, things_group_id: str, *, urgent: bool = True) -> ThingsGroup:
        assert not urgent
        self._called(f"group {things_group_id}")
        return ThingsGroup(things_group_id, self.groups[things_group_id], imei_lock=False, tac="")

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if self.failing:
            raise self.failing.pop(0)


def thing(number: int) -> ThingRow:
    iccid = f"8944476500000{number:06d}"
    return ThingRow(f"ThingId_ICCID_{iccid}", iccid, f"Thing {number}", "", f"G{number % 3}")


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def sightings(clock: ManualClock) -> Sightings:
    return Sightings(clock)


@pytest.fixture
async def inventory(tmp_path: Path) -> AsyncIterator[SqlInventory]:
    engine = open_engine(f"sqlite:///{tmp_path / 'imei-lock.db'}")
    await migrate(engine)
    yield SqlInventory(engine)
    await engine.close()
    await no_thread_left()


@pytest.fixture
def reader(
    account: Account, inventory: SqlInventory, sightings: Sightings, clock: ManualClock
) -> InventoryReader:
    return InventoryReader(listing=account, ledger=inventory, sightings=sightings, clock=clock)


async def read_all(reader: InventoryReader, inventory: SqlInventory, clock: ManualClock) -> list[float]:
    """Steps until the reading has ended; the pauses between them."""
    clock.advance(16 * 60)
    pauses = [await reader.step()]
    while (await inventory.reading()).part is not Part.REST:
        clock.advance(pauses[-1])
        pauses.append(await reader.step())
    return pauses


async def test_everything_is_read_page_by_page_at_most_one_a_second(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    pauses = await read_all(reader, inventory, clock)
    assert account.calls == [
        *("groups 0", "groups 50", "groups 60"),
        *("things 0", "things 49", "things 98", "things 120"),
    ]
    assert set(pauses[1:]) == {1.0}
    stock = await inventory.stock()
    assert (stock.things, stock.groups, stock.read_at) == (120, 60, clock.now())


async def test_where_groups_can_not_be_listed_each_one_of_a_thing_is_asked_for_its_name(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    account.lists_groups = False
    await read_all(reader, inventory, clock)
    assert sorted(account.calls[-3:]) == ["group G0", "group G1", "group G2"]
    assert {group.name for group in await inventory.groups_matching("", 10)} == {
        "Group 0",
        "Group 1",
        "Group 2",
    }


async def test_names_read_one_by_one_are_not_asked_for_again_within_a_day(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    account.lists_groups = False
    await read_all(reader, inventory, clock)
    account.calls.clear()
    await read_all(reader, inventory, clock)
    assert not [call for call in account.calls if call.startswith("group G")]
    clock.advance(24 * 3600)
    await read_all(reader, inventory, clock)
    assert len([call for call in account.calls if call.startswith("group G")]) == 3


async def test_a_restart_goes_on_with_the_page_that_was_next(
    reader: InventoryReader,
    account: Account,
    inventory: SqlInventory,
    sightings: Sightings,
    clock: ManualClock,
) -> None:
    for _ in range(5):
        await reader.step()
    assert account.calls[-1] == "things 0"
    second = InventoryReader(listing=account, ledger=inventory, sightings=sightings, clock=clock)
    await second.step()
    assert account.calls[-1] == "things 50"


async def test_a_reading_broken_off_a_day_ago_begins_anew(
    reader: InventoryReader, account: Account, clock: ManualClock
) -> None:
    for _ in range(4):
        await reader.step()
    clock.advance(25 * 3600)
    for _ in range(2):
        await reader.step()
    assert account.calls[-1] == "groups 0"


async def test_it_rests_a_quarter_of_an_hour(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    await read_all(reader, inventory, clock)
    account.calls.clear()
    clock.advance(14 * 60 + 59)
    assert await reader.step() <= 5.0
    assert account.calls == []
    clock.advance(1)
    await reader.step()
    await reader.step()
    assert account.calls == ["groups 0"]


async def test_what_two_complete_readings_did_not_see_is_gone_and_not_before(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    await read_all(reader, inventory, clock)
    account.things.pop(7)
    account.groups.pop("G59")
    await read_all(reader, inventory, clock)
    stock = await inventory.stock()
    assert (stock.things, stock.groups) == (120, 60)
    await read_all(reader, inventory, clock)
    stock = await inventory.stock()
    assert (stock.things, stock.groups) == (119, 59)


async def test_the_listing_of_groups_is_given_up_after_three_tries(
    reader: InventoryReader, account: Account, clock: ManualClock
) -> None:
    account.failing = [NotReached("500")] * 3
    await run(reader, clock, 40)
    assert account.calls[:4] == ["groups 0", "groups 0", "groups 0", "things 0"]


@pytest.mark.parametrize("error", [NotReached("down"), LoginFailed("no"), Unreadable("HTML")])
async def test_failures_are_survived_with_a_pause_that_grows(
    reader: InventoryReader,
    account: Account,
    inventory: SqlInventory,
    clock: ManualClock,
    error: PlatformError,
) -> None:
    for _ in range(4):
        await reader.step()
    account.calls.clear()
    account.failing = [error] * 4
    await run(reader, clock, 5 + 10 + 20 + 39)
    assert account.calls == ["things 0"] * 4
    await run(reader, clock, 60)
    assert (await inventory.stock()).things == 120


async def test_a_listing_of_groups_that_was_given_up_is_tried_again_after_a_day_and_costs_no_group(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    await read_all(reader, inventory, clock)
    account.lists_groups = False
    for _ in range(4):
        await read_all(reader, inventory, clock)
    assert account.calls.count("groups 0") == 2
    assert (await inventory.stock()).groups == 60, "those of no Thing are not gone for that"
    clock.advance(24 * 3600)
    account.lists_groups = True
    await read_all(reader, inventory, clock)
    assert account.calls.count("groups 0") == 3


async def test_a_vendor_that_gives_fewer_rows_at_a_time_than_asked_for_is_read_to_the_end(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    await read_all(reader, inventory, clock)
    account.page = 49
    for _ in range(3):
        await read_all(reader, inventory, clock)
    stock = await inventory.stock()
    assert (stock.things, stock.groups) == (120, 60)


async def test_what_was_read_by_a_clock_that_was_ahead_is_neither_kept_nor_lost_for_ever(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    now = clock.now()
    ahead = now + timedelta(days=365)
    ghost = replace(thing(999), name="Ghost")
    await inventory.keep_things([replace(thing(3), name="Old name"), ghost], ahead)
    await inventory.keep_groups([GroupRow("G1", "Old group"), GroupRow("G999", "Ghost")], ahead)
    await inventory.note(Reading(finished_at=ahead, complete_since=ahead))
    await read_all(reader, inventory, clock)
    assert (await inventory.things_matching("old name", 1)).total == 0
    assert await inventory.group_row("G1") == GroupRow("G1", "Group 1")
    assert (await inventory.stock()).things == 121, "what was just read is not taken for unseen"
    for _ in range(2):
        await read_all(reader, inventory, clock)
    stock = await inventory.stock()
    assert (stock.things, stock.groups) == (120, 60)


async def test_retry_after_is_waited_for(
    reader: InventoryReader, account: Account, clock: ManualClock
) -> None:
    account.failing = [RateLimited("slow", retry_after=100)]
    await run(reader, clock, 99)
    assert account.calls == ["groups 0"]
    await run(reader, clock, 2)
    assert len(account.calls) > 1


async def test_a_listing_that_knows_no_offset_is_no_complete_reading(
    reader: InventoryReader, account: Account, inventory: SqlInventory, clock: ManualClock
) -> None:
    account.knows_offset = False
    await run(reader, clock, 120)
    stock = await inventory.stock()
    assert (stock.things, stock.groups, stock.read_at) == (50, 50, None)


async def test_the_pause_grows_while_every_offset_brings_the_same_page(
    reader: InventoryReader, account: Account, clock: ManualClock
) -> None:
    account.knows_offset = False
    await run(reader, clock, 400)
    assert len(account.calls) <= 12, "5, 10, 20 … 320 seconds apart"


class FullDisk(SqlInventory):
    """Takes nothing for a while."""

    refusals = 2

    async def keep_things(self, *args: object, **others: object) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailable("disk full")
        await super().keep_things(*args, **others)  # type: ignore[arg-type]


async def test_a_store_that_takes_nothing_is_survived_and_no_page_is_left_out(
    account: Account, inventory: SqlInventory, sightings: Sightings, clock: ManualClock
) -> None:
    full = FullDisk(inventory._engine)
    reader = InventoryReader(listing=account, ledger=full, sightings=sightings, clock=clock)
    await run(reader, clock, 60)
    assert account.calls.count("things 0") == 3
    assert (await inventory.stock()).things == 120


async def test_what_was_read_elsewhere_is_known_without_a_call(
    reader: InventoryReader,
    account: Account,
    inventory: SqlInventory,
    sightings: Sightings,
    clock: ManualClock,
) -> None:
    await read_all(reader, inventory, clock)
    account.calls.clear()
    sightings.thing(replace(thing(3), name="Renamed"))
    sightings.group(GroupRow("G1", "Renamed too"))
    await reader.step()
    assert account.calls == []
    assert (await inventory.things_matching("renamed", 1)).total == 1
    assert await inventory.group_row("G1") == GroupRow("G1", "Renamed too")


async def test_sightings_are_bounded(sightings: Sightings) -> None:
    for number in range(2000):
        sightings.thing(thing(number))
    assert len(sightings.take()[0]) == 500
    assert sightings.take() == ([], [])


async def run(reader: InventoryReader, clock: ManualClock, seconds: float) -> None:
    """The reader's own loop for so many seconds of the clock."""
    reader.start()
    for _ in range(round(seconds)):
        await still()
        clock.advance(1.0)
    await still()
    await reader.stop()


async def still() -> None:
    """Real time for what the database does in its thread."""
    for _ in range(5):
        await asyncio.sleep(0.002)
