"""A count of a group: whom it judges when, and that it passes over no row when its writes fail."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.census import Census, Standing
from bot.domain.changes import LockThingsGroup
from bot.domain.errors import StoreUnavailable
from bot.domain.identifiers import Iccid, Tac, ThingsGroupId
from bot.domain.impact import SeenGroup
from bot.domain.things import Thing, ThingLock, ThingRow
from bot.sandbox.clock import ManualClock
from bot.services.counting import KEPT_AT_ONCE, Counter, Counting, Judge, Stage
from bot.services.ports import KnownThing, Page
from bot.storage.census import SqlCensus
from bot.storage.engine import Engine, open_engine
from bot.storage.inventory import SqlInventory
from bot.storage.store import SqlStore
from tests.conftest import no_thread_left
from tests.storage import samples

THINGS = 4 * KEPT_AT_ONCE
CHANGE = LockThingsGroup(ThingsGroupId("ThingsGroupId_1"), Tac("35305311"))
REQUEST = samples.group_request(CHANGE)
SEEN = SeenGroup(samples.things_group(), samples.NOW)
GROUP = "ThingsGroupId_1"
OUTSIDE, INSIDE = "490154203237518", "353053110000018"
LATER = samples.NOW + timedelta(seconds=1)


class Listing:
    """Things of one group, all in devices out of the range."""

    async def things_page(self, offset: int) -> Page[ThingRow]:
        await asyncio.sleep(0)
        rows = tuple(meter(n) for n in range(offset, min(offset + 50, THINGS)))
        return Page(rows, len(rows), is_last=not rows)

    async def thing(self, iccid: Iccid, *, urgent: bool = True) -> Thing:
        raise NotImplementedError

    async def things_online(self, iccids: Sequence[str]) -> Mapping[str, bool]:
        return dict.fromkeys(iccids, False)


class FirstWrite(SqlCensus):
    """Its first write waits to be let go, and may fail then."""

    fails = False
    asks = True

    def __init__(self, engine: Engine) -> None:
        self.known = SqlInventory(engine)
        super().__init__(engine, self.known)
        self.writes = 0
        self.judged_late: list[str] = []
        """ICCIDs that the listing left to be judged."""
        self.go = asyncio.Event()

    async def keep(
        self, rows: Iterable[ThingRow], at: datetime, counting: Counting, judge: Judge | None = None
    ) -> None:
        self.writes += 1
        if self.writes == 1:
            await self.go.wait()
            if self.fails:
                raise StoreUnavailable("the connection was closed")
        await super().keep(rows, at, counting, judge)

    async def to_ask(self, group_id: str, counting: Counting, limit: int) -> tuple[ThingRow, ...]:
        if not self.asks:
            raise StoreUnavailable("not now")
        return await super().to_ask(group_id, counting, limit)

    async def judge(self, rows: Iterable[tuple[KnownThing, Standing]], counting: Counting) -> None:
        judged = list(rows)
        self.judged_late += [thing.row.iccid for thing, _ in judged]
        await super().judge(judged, counting)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, new_database: Path) -> str:
    """The address of a migrated database, on each store."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{shutil.copyfile(new_database, tmp_path / 'imei-lock.db')}"


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[FirstWrite]:
    engine = open_engine(url)
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(REQUEST, [])
    yield FirstWrite(engine)
    await engine.close()
    await no_thread_left()


def counter(ledger: FirstWrite) -> Counter:
    return Counter(things=Listing(), ledger=ledger, clock=ManualClock(samples.NOW))


async def counted_to_the_end(ledger: FirstWrite) -> int:
    """By another process, from what is kept."""
    return (await census_at_the_end(ledger)).things


async def census_at_the_end(ledger: FirstWrite) -> Census:
    counting = await ledger.counting(REQUEST.id, again=False)
    assert counting
    another = counter(ledger)
    while counting.stage is not Stage.DONE:
        counting = await another.slice(CHANGE, SEEN, counting)
    census = await another.census(counting)
    assert census.is_complete
    return census


async def listed(ledger: FirstWrite) -> Counting:
    """A count that has read its list to the end, and not begun to judge who is left."""
    ledger.go.set()
    counting = await counter(ledger).begin(REQUEST.id, again=False)

    ledger.asks = False
    with pytest.raises(StoreUnavailable):
        await counter(ledger).slice(CHANGE, SEEN, counting)
    ledger.asks = True
    kept = await ledger.counting(REQUEST.id, again=False)
    assert kept
    assert kept.stage is Stage.ASK
    return kept


def meter(
    number: int, *, imei: str = OUTSIDE, group: str | None = GROUP, lock: ThingLock | None = None
) -> ThingRow:
    return ThingRow(f"T{number}", f"89{number:017}", f"Meter {number}", imei, group, lock)


def by_device(row: ThingRow) -> Standing | None:
    if row.things_group_id != GROUP:
        return None
    return Standing.KEEPS if row.last_seen_imei == INSIDE else Standing.LOSES


async def test_who_is_listed_with_its_group_is_judged_at_once(ledger: FirstWrite) -> None:
    counting = await listed(ledger)
    assert (await ledger.census(counting)).loses == THINGS
    assert await counted_to_the_end(ledger) == THINGS
    assert ledger.judged_late == []


async def test_who_left_the_group_or_the_account_since_it_was_listed_is_not_counted(
    ledger: FirstWrite,
) -> None:
    await listed(ledger)
    await ledger.known.keep_things([meter(1, group="ThingsGroupId_2")], LATER)
    await ledger.forget(meter(2).iccid)
    assert await counted_to_the_end(ledger) == THINGS - 2
    assert ledger.judged_late == []


@pytest.mark.parametrize("at", [samples.NOW, LATER])
async def test_whose_device_or_lock_changed_since_it_was_listed_is_judged_anew(
    ledger: FirstWrite, at: datetime
) -> None:
    counting = await listed(ledger)
    elsewhere = ThingLock(imei_lock=True, locked_imei=OUTSIDE)
    await ledger.known.keep_things([meter(1, imei=INSIDE), meter(2, imei=INSIDE, lock=elsewhere)], at)
    census = await census_at_the_end(ledger)
    assert (census.loses, census.keeps, census.of(Standing.CONTRADICTS)) == (THINGS - 2, 1, 1)
    assert ledger.judged_late == [meter(1).iccid, meter(2).iccid]
    named = {row.iccid: row.last_seen_imei async for row in ledger.judged(counting.request_id)}
    assert (len(named), named[meter(1).iccid]) == (THINGS, INSIDE)


async def test_a_lock_that_no_list_tells_still_counts(ledger: FirstWrite) -> None:
    lock = ThingLock(imei_lock=True, locked_imei=OUTSIDE)
    await ledger.known.keep_things([meter(3, lock=lock)], samples.NOW)
    await listed(ledger)
    census = await census_at_the_end(ledger)
    assert (census.loses, census.of(Standing.CONTRADICTS)) == (THINGS - 1, 1)
    assert ledger.judged_late == [meter(3).iccid]


async def test_a_list_that_is_read_again_judges_anew(ledger: FirstWrite) -> None:
    counting = await listed(ledger)
    moved = [meter(n, imei=INSIDE) for n in range(100)]
    await ledger.keep(moved, LATER, counting, lambda _: Standing.KEEPS)
    census = await census_at_the_end(ledger)
    assert (census.loses, census.keeps) == (THINGS - 100, 100)
    assert ledger.judged_late == []


async def test_a_verdict_is_about_the_row_that_is_stored(ledger: FirstWrite) -> None:
    """Of one Thing on two pages: the first tells the group, and is inside the range; the second is stored."""
    counting = await listed(ledger)
    free = ThingLock(imei_lock=False, locked_imei="")
    twice = [meter(1, imei=INSIDE, lock=free), meter(1, group=None, lock=free)]
    await ledger.keep(twice, LATER, counting, by_device)
    census = await census_at_the_end(ledger)
    assert (census.loses, census.keeps) == (THINGS, 0)


async def test_an_older_verdict_takes_no_newer_ones_place(ledger: FirstWrite) -> None:
    counting = await listed(ledger)
    await ledger.keep([meter(1, imei=INSIDE)], LATER, counting, by_device)
    await ledger.keep([meter(1)], samples.NOW, counting, by_device)
    census = await census_at_the_end(ledger)
    assert (census.loses, census.keeps) == (THINGS - 1, 1)
    assert ledger.judged_late == []


async def test_half_judged_by_a_slice_before_what_changed_meanwhile_is_judged_anew(
    ledger: FirstWrite,
) -> None:
    counting = await listed(ledger)
    behind = replace(counting, stage=Stage.JUDGE, cursor=meter(10).iccid)
    await ledger.note(behind)
    await ledger.known.keep_things([meter(1, imei=INSIDE)], LATER)
    census = await census_at_the_end(ledger)
    assert (census.loses, census.keeps) == (THINGS - 1, 1)
    assert ledger.judged_late == [meter(1).iccid]


async def test_after_a_write_that_failed_nothing_is_kept_and_no_row_is_passed_over(
    ledger: FirstWrite,
) -> None:
    ledger.fails = True
    ledger.go.set()
    counting = await counter(ledger).begin(REQUEST.id, again=False)
    with pytest.raises(StoreUnavailable):
        await counter(ledger).slice(CHANGE, SEEN, counting)
    assert ledger.writes == 1
    assert await counted_to_the_end(ledger) == THINGS


async def test_cancelled_while_it_waits_for_a_write_no_row_is_passed_over(ledger: FirstWrite) -> None:
    counting = await counter(ledger).begin(REQUEST.id, again=False)
    slicing = asyncio.create_task(counter(ledger).slice(CHANGE, SEEN, counting))
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert ledger.writes == 1  # the next one waits for it
    slicing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slicing
    assert ledger.writes == 1
    assert await counted_to_the_end(ledger) == THINGS
