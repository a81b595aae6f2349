"""The inventory's reader: Things and groups page by page in the background, never in a person's way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.domain.errors import (
    LoginFailed,
    PlatformError,
    RateLimited,
    StoreUnavailable,
    ThingNotFound,
    Unreadable,
)
from bot.domain.things import GroupRow, ThingRow, ThingsGroup
from bot.services.paging import USUAL_SIZE, goes_on, tail_of, without_iccid
from bot.services.ports import Clock, Page
from bot.services.sightings import Sightings

log = logging.getLogger(__name__)

PACE_SECONDS = 1.0
"""Between two pages, at least."""
REST = timedelta(minutes=15)
"""From the end of a complete reading to the beginning of the next."""
IDLE_SECONDS = 5.0
"""While it rests: how often what was seen elsewhere is written down."""
STALE = timedelta(hours=24)
"""A reading broken off so long ago begins anew; a group's name read by itself is read again."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
TRIES = 3
"""For what a reading can do without: the listing of groups, one group's name."""
DROPPED_AT_ONCE = 500


class Part(StrEnum):
    """What a reading is at."""

    REST = "rest"
    GROUPS = "groups"
    """The listing of groups: our guess, the vendor may have none."""
    THINGS = "things"
    NAMES = "names"
    """Names of groups that Things belong to and no listing named, one by one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reader has come: kept with every page, so that a restart goes on from there."""

    part: Part = Part.REST
    offset: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    """When the last complete reading ended."""
    complete_since: datetime | None = None
    """When the last complete reading began."""
    doubts: int = 0
    """Rows that named no SIM, and pages between which rows may have slipped: no count rests on such a one."""


class Listing(Protocol):
    """The vendor's listings; they wait until nobody else wants to call. May raise `PlatformError`s."""

    async def things_page(self, offset: int) -> Page[ThingRow]:
        """Things from that row on, by name."""

    async def groups_page(self, offset: int) -> Page[GroupRow]:
        """Groups from that row on."""

    async def things_group(self, things_group_id: str, *, urgent: bool = True) -> ThingsGroup:
        """One group."""


class Ledger(Protocol):
    """The inventory as the reader writes it. Raises `StoreUnavailable`."""

    async def reading(self) -> Reading:
        """How far the last one came."""

    async def note(self, reading: Reading) -> None:
        """From now on it stands there."""

    async def keep_things(
        self, rows: Iterable[ThingRow], at: datetime, reading: Reading | None = None
    ) -> None:
        """Rows as read at `at`, unless newer ones are known; with the reading that they bring on."""

    async def keep_groups(
        self, rows: Iterable[GroupRow], at: datetime, reading: Reading | None = None
    ) -> None:
        """As `keep_things`. A name once known isn't lost to a row without one."""

    async def nameless_group(self, before: datetime) -> str | None:
        """The id of a group that Things belong to and that was not read since `before`."""

    async def set_back(self, now: datetime) -> None:
        """What was read later than now, by a clock that was ahead, counts as read now."""

    async def drop_unseen(self, before: datetime, groups_before: datetime, most: int) -> int:
        """Forget Things not read since, and groups that are of no Thing either: so many, of `most`."""


class InventoryReader:
    """Reads everything, rests a quarter of an hour, and begins anew."""

    def __init__(self, *, listing: Listing, ledger: Ledger, sightings: Sightings, clock: Clock) -> None:
        self._listing = listing
        self._ledger = ledger
        self._sightings = sightings
        self._clock = clock
        self._failures = 0
        self._groups_failed_at: datetime | None = None
        """When their listing was given up last."""
        self._last_page: tuple[int, tuple[str, ...]] = (0, ())
        self._has_begun = False
        self._tail = ""
        """The ThingId of the last row read: the next page has to begin with it."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on where an earlier process stopped, or another replica."""
        self._last_page, self._tail, self._has_begun = (0, ()), "", False
        self._task = asyncio.create_task(self._run(), name="inventory")

    async def stop(self) -> None:
        """At once: what the page in hand would have brought is read again."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def step(self) -> float:
        """One page, or whatever is next. The seconds to wait until the next step."""
        now = self._clock.now()
        await self.keep_sightings()
        reading = await self._ledger.reading()
        if reading.part is not Part.REST and _is_stale(reading, now):
            reading = replace(reading, part=Part.REST, finished_at=None)
        match reading.part:
            case Part.REST:
                return await self._rest(reading, now)
            case Part.GROUPS:
                await self._read_groups(reading, now)
            case Part.THINGS:
                await self._read_things(reading, now)
            case Part.NAMES:
                await self._read_name(reading, now)
        return PACE_SECONDS

    async def _run(self) -> None:
        while True:
            try:
                pause = await self.step()
                self._failures = 0
            except (PlatformError, StoreUnavailable) as error:
                pause = self._pause(error)
                log.warning("the inventory waits %.0f s: %s", pause, error)
            except Exception as error:
                pause = self._pause(error)
                log.exception("reading the inventory failed; it goes on in %.0f s", pause)
            await self._clock.sleep(pause)

    def _pause(self, error: Exception) -> float:
        """Twice as long after each failure in a row."""
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 10), LONGEST_PAUSE_SECONDS)
        self._failures += 1
        return max(pause, error.retry_after) if isinstance(error, RateLimited) else pause

    async def keep_sightings(self) -> None:
        """Write down what was read in passing. Raises `StoreUnavailable`."""
        things, groups = self._sightings.take()
        for thing_at, thing in things:
            await self._ledger.keep_things([thing], thing_at)
        for group_at, group in groups:
            await self._ledger.keep_groups([group], group_at)

    async def _rest(self, reading: Reading, now: datetime) -> float:
        ended = reading.finished_at
        if ended is not None and ended <= now < ended + REST:
            return min(IDLE_SECONDS, (ended + REST - now).total_seconds())
        self._last_page, self._tail = (0, ()), ""
        await self._ledger.set_back(now)
        part = Part.GROUPS if self._lists_groups(now) else Part.THINGS
        await self._ledger.note(replace(reading, part=part, offset=0, started_at=now, doubts=0))
        return 0.0

    def _lists_groups(self, now: datetime) -> bool:
        """What failed is tried again after a day, or by the next process."""
        failed = self._groups_failed_at
        return failed is None or not failed <= now < failed + STALE

    async def _read_groups(self, reading: Reading, now: datetime) -> None:
        onward = replace(reading, part=Part.THINGS, offset=0)
        try:
            page = await self._listing.groups_page(reading.offset)
        except PlatformError as error:
            if self._is_worth_another_try(error):
                raise
            self._groups_failed_at = now
            await self._ledger.note(onward)
            return
        over = page.is_last or self._repeats(reading.offset, tuple(row.things_group_id for row in page.rows))
        more = replace(reading, offset=reading.offset + page.size)
        await self._ledger.keep_groups(page.rows, now, onward if over else more)

    async def _read_things(self, reading: Reading, now: datetime) -> None:
        start = reading.offset - 1 if self._tail else reading.offset
        page = await self._listing.things_page(start)
        if not page.is_last and self._repeats(start, tuple(row.thing_id for row in page.rows)):
            raise Unreadable("Monogoto's listing of Things repeats itself.")
        gap = reading.offset > 0 and not self._has_begun  # nobody knows what moved while this was off
        slipped = gap or (start < reading.offset and not goes_on(self._tail, page))
        self._has_begun = True
        doubts = reading.doubts + without_iccid(page, known=reading.offset - start) + slipped
        part = Part.NAMES if page.is_last else Part.THINGS
        offset = max(reading.offset, start + page.size)
        await self._ledger.keep_things(
            page.rows, now, replace(reading, part=part, offset=offset, doubts=doubts)
        )
        ends_here = page.size < USUAL_SIZE  # then the next page begins behind it: nothing at all is the end
        self._tail = "" if ends_here else tail_of(page)

    async def _read_name(self, reading: Reading, now: datetime) -> None:
        group_id = await self._ledger.nameless_group(now - STALE)
        if group_id is None:
            await self._finish(reading)
            return
        name = ""
        try:
            name = (await self._listing.things_group(group_id, urgent=False)).name
        except PlatformError as error:
            if self._is_worth_another_try(error):
                raise
        await self._ledger.keep_groups([GroupRow(group_id, name)], now)

    async def _finish(self, reading: Reading) -> None:
        """Two complete readings without a row: it is gone. A few at a time, so that nobody waits long."""
        now = self._clock.now()
        since, started = reading.complete_since, reading.started_at
        if since and started and since <= started:  # else the clock was set back between the two
            groups_since = since if self._lists_groups(now) else since - 2 * STALE
            while await self._ledger.drop_unseen(since, groups_since, DROPPED_AT_ONCE):
                await self._clock.sleep(0)
        over = replace(reading, part=Part.REST, offset=0)
        await self._ledger.note(replace(over, finished_at=now, complete_since=reading.started_at))

    def _repeats(self, offset: int, ids: tuple[str, ...]) -> bool:
        """Whether another offset brought this very page: then the vendor doesn't know `offset`."""
        before, known = self._last_page
        if ids and ids == known and offset != before:
            return True
        self._last_page = (offset, ids)
        return False

    def _is_worth_another_try(self, error: PlatformError) -> bool:
        return isinstance(error, (RateLimited, LoginFailed)) or (
            not isinstance(error, Unreadable | ThingNotFound) and self._failures + 1 < TRIES
        )


def _is_stale(reading: Reading, now: datetime) -> bool:
    started = reading.started_at
    return started is None or not started <= now < started + STALE
