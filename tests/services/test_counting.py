"""A count whose writes fail or are cancelled under it: no row is passed over, however it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from bot.domain.changes import LockThingsGroup
from bot.domain.errors import StoreUnavailable
from bot.domain.identifiers import Iccid, Tac, ThingsGroupId
from bot.domain.impact import SeenGroup
from bot.domain.things import Thing, ThingRow
from bot.sandbox.clock import ManualClock
from bot.services.counting import KEPT_AT_ONCE, Counter, Counting, Stage
from bot.services.ports import Page
from bot.storage.census import SqlCensus
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.inventory import SqlInventory
from bot.storage.store import SqlStore
from tests.conftest import no_thread_left
from tests.storage import samples

THINGS = 4 * KEPT_AT_ONCE
CHANGE = LockThingsGroup(ThingsGroupId("ThingsGroupId_1"), Tac("35305311"))
REQUEST = samples.group_request(CHANGE)
SEEN = SeenGroup(samples.things_group(), samples.NOW)


class Listing:
    """Things of one group, all in devices out of the range."""

    async def things_page(self, offset: int) -> Page[ThingRow]:
        await asyncio.sleep(0)
        rows = tuple(
            ThingRow(f"T{n}", f"89{n:017}", f"Meter {n}", "490154203237518", "ThingsGroupId_1")
            for n in range(offset, min(offset + 50, THINGS))
        )
        return Page(rows, len(rows), is_last=not rows)

    async def thing(self, iccid: Iccid, *, urgent: bool = True) -> Thing:
        raise NotImplementedError

    async def things_online(self, iccids: Sequence[str]) -> Mapping[str, bool]:
        return dict.fromkeys(iccids, False)


class FirstWrite(SqlCensus):
    """Its first write waits to be let go, and may fail then."""

    fails = False

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, SqlInventory(engine))
        self.writes = 0
        self.go = asyncio.Event()

    async def keep(self, rows: Iterable[ThingRow], at: datetime, counting: Counting) -> None:
        self.writes += 1
        if self.writes == 1:
            await self.go.wait()
            if self.fails:
                raise StoreUnavailable("the connection was closed")
        await super().keep(rows, at, counting)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[FirstWrite]:
    engine = open_engine(f"sqlite:///{tmp_path / 'imei-lock.db'}")
    await migrate(engine)
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(REQUEST, [])
    yield FirstWrite(engine)
    await engine.close()
    await no_thread_left()


def counter(ledger: FirstWrite) -> Counter:
    return Counter(things=Listing(), ledger=ledger, clock=ManualClock(samples.NOW))


async def counted_to_the_end(ledger: FirstWrite) -> int:
    """By another process, from what is kept."""
    counting = await ledger.counting(REQUEST.id, again=False)
    assert counting
    another = counter(ledger)
    while counting.stage is not Stage.DONE:
        counting = await another.slice(CHANGE, SEEN, counting)
    census = await another.census(counting)
    assert census.is_complete
    return census.things


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
