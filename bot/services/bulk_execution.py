"""Applying a bulk that was approved, slice by slice: canary, brakes, and the one way in which it ends.

All of its state is in rows. A slice may end at any point, by `kill -9` too: rows that were `running` start
over, rows that were `sent` are in doubt and are read first, as a request about one Thing is.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.errors import DirectoryUnavailable, Overtaken
from bot.domain.requests import ChangeRequest, Event, ItemState, Status
from bot.domain.tallies import Brakes, Run, Tally, end_of, why_pause
from bot.services.applying_ports import BulkWork
from bot.services.bulk_records import BulkRecords
from bot.services.bulk_rows import RowSteps
from bot.services.bulk_slice import Pace, Slice
from bot.services.outcomes import Outcomes
from bot.services.ports import Clock, Notifier, Store
from bot.services.progress import TRY_AGAIN_AFTER

LEFT_BEHIND_AT_ONCE = 200
"""Rows in doubt looked at in one slice."""
UNDER_WAY = frozenset({Status.APPLYING, Status.PAUSED, Status.UNCONFIRMED})
HAVE_LEFT = (ItemState.SENT, ItemState.UNCONFIRMED)
"""States of rows that are read to their end while the bulk is paused, too."""
SAY = Outcomes("SIM")
SLACK_AWAY = "Slack did not answer whether everybody involved still has their role."


class BulkExecution:
    """`LongWork` for bulks: approved, applying, unconfirmed; and paused, once their time is over."""

    def __init__(
        self,
        *,
        store: Store,
        work: BulkWork,
        rows: RowSteps,
        records: BulkRecords,
        brakes: Brakes,
        clock: Clock,
        notifier: Notifier,
    ) -> None:
        self._store = store
        self._work = work
        self._rows = rows
        self._records = records
        self._brakes = brakes
        self._clock = clock
        self._notifier = notifier
        self._pace = Pace(clock)

    def end_soon(self) -> None:
        """The process ends: slices under way bring to its end what has left, and nothing new leaves."""
        self._rows.progress.end_soon()

    async def step(self, request: ChangeRequest) -> bool:
        """One slice. Whether there is more to do at once."""
        if self._rows.progress.is_ending:
            return False
        try:
            return await self._step(request) and not self._rows.progress.is_ending
        except Overtaken:
            return not self._rows.progress.is_ending  # somebody steered it meanwhile: look again
        finally:
            self._rows.roles.end(request)
            self._rows.progress.unwatch(request.id)
            self._notifier.wake()

    async def _step(self, request: ChangeRequest) -> bool:
        bulk = await self._store.request(request.id)  # it may have waited its turn for long
        if bulk is None or bulk.status not in UNDER_WAY | {Status.APPROVED}:
            return False
        if bulk.status is Status.APPROVED:
            bulk = await self._records.begin(bulk)
        tally, run = await self._work.tally(bulk)
        self._rows.roles.about(bulk)
        if tally.unsent:
            try:
                lost = await self._lost(bulk)
            except DirectoryUnavailable:
                await self._records.rest(bulk, self._clock.now() + TRY_AGAIN_AFTER, SLACK_AWAY)
                return False
            if lost:
                bulk = await self._records.outdate_rest(bulk, lost)
            elif bulk.status is Status.APPLYING and (why := why_pause(run, self._brakes)):
                bulk = await self._records.pause(bulk, why)
        delay = await self._slice(bulk, run)
        return await self._after(bulk.id, delay, tally)

    async def _lost(self, bulk: ChangeRequest) -> str | None:
        """Why nothing of it may be sent any more. Raises `DirectoryUnavailable`."""
        if bulk.apply_before is None or self._clock.now() > bulk.apply_before:
            return SAY.too_late
        if bulk.status is Status.PAUSED:
            return None  # nothing is sent anyway; whoever resumes it is asked about roles again
        objection = await self._rows.roles.still_holds(bulk)
        return SAY.no_longer_allowed(objection) if objection else None

    async def _slice(self, bulk: ChangeRequest, run: Run) -> str:
        """Why the bulk as a whole has to rest, or ""."""
        current = Slice(
            bulk,
            run=run,
            brakes=self._brakes,
            store=self._store,
            rows=self._rows,
            records=self._records,
            pace=self._pace,
            clock=self._clock,
        )
        self._rows.progress.watch(bulk.id, current.moved)
        await current.work(await self._work.rows_in_doubt(bulk.id, self._clock.now(), LEFT_BEHIND_AT_ONCE))
        return current.delay

    async def _after(self, bulk_id: str, delay: str, before: Tally) -> bool:
        """End it, let it rest, or say that there is more to do."""
        bulk = await self._store.request(bulk_id)
        if bulk is None or bulk.status not in UNDER_WAY:
            return False
        tally, _ = await self._work.tally(bulk)
        event = end_of(tally)
        if event and not (event is Event.DOUBT and bulk.status is Status.UNCONFIRMED):
            return await self._end(bulk, event, tally)
        if bulk.status is Status.PAUSED:
            return await self._rest_paused(bulk, tally, changed=tally != before)
        if delay:
            await self._records.rest(bulk, self._clock.now() + TRY_AGAIN_AFTER, delay)
            return False
        at = await self._work.next_row_at(bulk_id)
        if at is not None or bulk.note:
            await self._records.rest(bulk, at, "")
        return at is None or at <= self._clock.now()

    async def _rest_paused(self, bulk: ChangeRequest, tally: Tally, *, changed: bool) -> bool:
        """What has left is read to its end all the same; what hasn't waits for a person, or for the end
        of its time."""
        if changed:
            await self._records.show(bulk)
        now = self._clock.now()
        in_doubt = bool(tally.sent or tally.unconfirmed)
        read_at = (await self._work.next_row_at(bulk.id, HAVE_LEFT) or now) if in_doubt else None
        over_at = bulk.apply_before if tally.unsent else None
        await self._records.rest(bulk, min((at for at in (read_at, over_at) if at), default=now), bulk.note)
        return read_at is not None and read_at <= now

    async def _end(self, bulk: ChangeRequest, event: Event, tally: Tally) -> bool:
        bulk = await self._records.end(bulk, event, tally)
        if event is Event.DOUBT:
            at = await self._work.next_row_at(bulk.id)
            await self._records.rest(bulk, at or self._clock.now() + timedelta(seconds=30), "")
            return False
        self._pace.forget(bulk.id)
        return False
