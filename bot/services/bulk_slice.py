"""One slice of a bulk: its rows, several at a time, for some seconds. It may end at any point."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import datetime, timedelta

from bot.domain.errors import Overtaken, StoreUnavailable
from bot.domain.requests import ChangeRequest, Item, ItemState, Status
from bot.domain.rows import BulkRow, as_request
from bot.domain.tallies import Brakes, Run, in_canary, why_pause
from bot.services.bulk_records import BulkRecords
from bot.services.bulk_rows import RowSteps
from bot.services.outcomes import NOT_YET, Outcomes
from bot.services.ports import Clock, Store

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 24
"""In work together: six times the calls, so that commits overlap with calls, and many rows share one."""
TAKEN_AT_ONCE = 48
"""Rows claimed in one commit: of more, a pause would have to put more back."""
SLICE = timedelta(seconds=10)
"""At its end fewer and fewer calls are under way: short ones lose time. Where it has to, it ends at once."""
STRAGGLES = timedelta(seconds=1)
"""A row in work for longer (it is read back, or the vendor is slow) doesn't hold up the others."""
SHOWN_EVERY = timedelta(seconds=3)
DELAYS_AT_MOST = 4
"""Rows put off in a row, none ending meanwhile, before the bulk as a whole rests."""
FAULT = "Something went wrong in the bot itself; its log tells."


class Pace:
    """When each bulk's card was last brought up to date: in memory, a restart only shows it once more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: dict[str, datetime] = {}

    def is_due(self, bulk_id: str) -> bool:
        """Whether three seconds have passed; then they begin anew."""
        now = self._clock.now()
        if bulk_id in self._shown and now - self._shown[bulk_id] < SHOWN_EVERY:
            return False
        self._shown[bulk_id] = now
        return True

    def forget(self, bulk_id: str) -> None:
        """It has ended."""
        self._shown.pop(bulk_id, None)


class Slice:
    """Runs rows until its time is up, nothing is due, or something speaks against going on."""

    def __init__(
        self,
        bulk: ChangeRequest,
        *,
        run: Run,
        brakes: Brakes,
        store: Store,
        rows: RowSteps,
        records: BulkRecords,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._bulk = bulk
        self._run = run
        self._brakes = brakes
        self._store = store
        self._rows = rows
        self._records = records
        self._pace = pace
        self._clock = clock
        self._canary = in_canary(run, brakes)
        self._began = clock.now()
        self._is_over = False
        self._ready: deque[BulkRow] = deque()
        self._in_work: dict[int, datetime] = {}
        self._feeding = asyncio.Lock()
        self._delays = 0
        self._is_overtaken = False
        self.delay = ""
        """Why the bulk as a whole has to rest; "" where it needn't."""

    async def work(self, left_behind: tuple[BulkRow, ...]) -> None:
        """First what was left behind, then rows from the queue; of a canary one after the other."""
        self._ready.extend(left_behind)
        width = 1 if self._canary else ROWS_AT_ONCE
        workers = [asyncio.create_task(self._worker()) for _ in range(width)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def moved(self, old: Item, new: Item) -> None:
        """A row of the bulk has moved."""
        self._run = self._run.moved(old, new)
        if new.state in {ItemState.QUEUED, ItemState.SENT} and new.next_at is not None:
            self._delays += 1
            if self._delays >= DELAYS_AT_MOST:
                self.delay = resting(new.explanation)
        elif new.state is not ItemState.SENT:
            self._delays = 0

    async def _worker(self) -> None:
        while (row := await self._next()) is not None:
            await self._one(row)
            if self._pace.is_due(self._bulk.id):
                await self._records.show(self._bulk)

    async def _next(self) -> BulkRow | None:
        """What was sent is read to its end in any case; what wasn't only while nothing speaks against it.

        Those not begun stay claimed: the next slice takes them up, or a pause puts them back.
        """
        async with self._feeding:
            while not self.delay and not self._time_is_up():
                if self._ready:
                    row = self._ready.popleft()
                    if row.item.state is ItemState.RUNNING and self._must_stop():
                        continue
                    return row
                if self._must_stop() or not await self._take():
                    break
            return None

    def _must_stop(self) -> bool:
        if self._bulk.status is not Status.APPLYING or self._is_overtaken:
            return True
        canary_over = self._canary and not in_canary(self._run, self._brakes)
        return canary_over or why_pause(self._run, self._brakes) is not None

    def _time_is_up(self) -> bool:
        """From then on no row is begun. While one straggles the others go on, since the slice can't end
        before it does; but not for ever: where calls are slow each row straggles, and other work waits."""
        now = self._clock.now()
        straggling = any(now - began > STRAGGLES for began in self._in_work.values())
        lasts = 2 * SLICE if straggling else SLICE
        inside = self._began <= now < self._began + lasts  # or else the clock was set back
        self._is_over = self._is_over or not inside or self._rows.progress.is_ending
        return self._is_over

    async def _take(self) -> bool:
        """Whether there were any."""
        async with self._store.transaction() as tx:
            limit = 1 if self._canary else TAKEN_AT_ONCE
            rows = await tx.take_rows(self._bulk, limit, self._clock.now())
        self._ready.extend(rows)
        return bool(rows)

    async def _one(self, row: BulkRow) -> None:
        position = row.item.position
        self._in_work[position] = self._clock.now()
        request = as_request(self._bulk, row)
        try:
            await self._step(request, row.item.state)
        except Overtaken:
            self._is_overtaken = True  # paused or cancelled meanwhile: the row is where that put it
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("row %s of bulk %s: a step failed", position, self._bulk.id)
            await self._after_fault(request)
        finally:
            del self._in_work[position]

    async def _step(self, request: ChangeRequest, state: ItemState) -> None:
        match state:
            case ItemState.RUNNING:
                await self._rows.things.start(request)
            case ItemState.SENT:
                await self._rows.things.in_doubt(request)
            case ItemState.UNCONFIRMED:
                await self._rows.things.settle(request)
            case _:
                raise ValueError(f"a row that is {state} is not to be applied")

    async def _after_fault(self, request: ChangeRequest) -> None:
        """What nobody foresaw ends or puts off this row alone. The row is read anew: it may have moved."""
        position = request.item.position if request.item else 0
        row = await self._records.row_at(self._bulk.id, position)
        if row is None:
            return
        now = as_request(self._bulk, row)
        try:
            match row.item.state:
                case ItemState.RUNNING:
                    await self._rows.progress.finish(
                        now, ItemState.FAILED, f"The SIM was not changed. {FAULT}"
                    )
                case ItemState.SENT:
                    await self._rows.progress.finish(now, ItemState.UNCONFIRMED, Outcomes("SIM").unreadable)
                case ItemState.UNCONFIRMED:
                    await self._rows.progress.put_off(now, timedelta(minutes=10))
        except Overtaken:
            pass


def resting(why: str) -> str:
    """What keeps one SIM waiting, as what keeps a bulk from going on: the rest of it is many."""
    return why.replace(NOT_YET.format(noun="SIM"), "The SIMs that are left are not changed yet.")
