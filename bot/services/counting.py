"""Reading a group's Things, in slices: from the inventory where it is fresh, else by the vendor's listing.

All state is in rows, so that a restart goes on where it was; what is read feeds the inventory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Any, Protocol

from bot.domain.census import Census, Standing, standing
from bot.domain.changes import GroupChange, SingleChange, wanted
from bot.domain.errors import LoginFailed, PlatformError, RateLimited, ThingNotFound, Unreadable
from bot.domain.identifiers import Iccid
from bot.domain.impact import SeenGroup
from bot.domain.things import GroupLock, ThingRow
from bot.services.inventory import REST, Reading
from bot.services.paging import AT_ONCE, Pages, Things, goes_on, tail_of, without_iccid
from bot.services.ports import Clock, KnownThing, Page

SLICE_SECONDS = 5.0
KEPT_AT_ONCE = 800
"""Rows of a listing in one transaction."""
JUDGED_AT_ONCE = 1000
ASKED_AT_MOST = 500
"""Things read one by one, where a listing doesn't tell their group or didn't bring them again."""
TRIES_OF_ONE = 3
"""So often one Thing that can't be read holds up the others."""
LEFT_AT_MOST = 20
"""Once so many were left, each further one is tried once."""
STATUS_CALLS_AT_MOST = 200
STATUS_AT_ONCE = 50
"""Things in one question for who is online."""
PASSES_AT_MOST = 3
"""So often a list that moves is read."""
SHIFTS = "Monogoto's list of Things kept changing while I read it, so some may have slipped through."
REPEATS = "Monogoto's list of Things repeats itself, so it can't be read to its end."

Judge = Callable[[ThingRow], Standing | None]
"""Where a Thing stands; None where that isn't to be said, since it isn't told to be of the group."""


class Stage(StrEnum):
    """What a count is at."""

    LIST = "list"
    """Page by page through all Things of the account. Whose group a row tells is judged at once."""
    ASK = "ask"
    """One by one: Things whose group no list tells, or that the last list didn't bring."""
    JUDGE = "judge"
    """The others, and those of whom something else is known by now."""
    ONLINE = "online"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Counting:
    """How far the count for a request has come."""

    request_id: str
    again: bool
    """Right before the write, to be compared with what was approved."""
    stage: Stage
    started_at: datetime
    since: datetime
    """A Thing read earlier than this wasn't brought by the listing that the count rests on."""
    expected: int = 0
    """About how many Things the account has; 0: nobody knows."""
    offset: int = 0
    """Rows of the listing read so far."""
    tail: str = ""
    """The ThingId of the last one: the next page has to begin with it."""
    shifted: bool = False
    """It didn't: this pass may have missed Things."""
    passes: int = 1
    """How often the listing has been begun."""
    unreadable: int = 0
    """Rows that name no SIM: nobody knows which group they are in."""
    cursor: str = ""
    """The last ICCID that the stage is over with."""
    asked: int = 0
    online: int | None = None
    failing_since: datetime | None = None
    given_up: str = ""
    finished_at: datetime | None = None


class Ledger(Protocol):
    """Where a count keeps its rows. Raises `StoreUnavailable`."""

    async def reading(self) -> Reading:
        """How far the inventory's own reading is."""

    async def counting(self, request_id: str, *, again: bool) -> Counting | None:
        """How far this count has come, None before it began."""

    async def begin(self, counting: Counting) -> Counting:
        """Anew: rows of an earlier count of this kind go. Returns it with `expected`."""

    async def note(self, counting: Counting) -> None:
        """From now on it stands there."""

    async def keep(
        self, rows: Iterable[ThingRow], at: datetime, counting: Counting, judge: Judge | None = None
    ) -> None:
        """Rows of Things into the inventory, where they stand as they are stored, and how far that brings the
        count, together."""

    async def forget(self, iccid: str) -> None:
        """The vendor knows no such Thing any more."""

    async def to_ask(self, group_id: str, counting: Counting, limit: int) -> tuple[ThingRow, ...]:
        """After the cursor: Things whose group nobody told since, or of the group and not listed since, or
        of the group with a lock of their own that nobody told since."""

    async def drop_outdated(self, group_id: str, counting: Counting) -> None:
        """Forget of those judged so far who is not of the group any more, or is known otherwise by now."""

    async def members(self, group_id: str, counting: Counting, limit: int) -> tuple[KnownThing, ...]:
        """After the cursor, by ICCID: Things of the group that are not judged yet, without those whose group
        nobody told since."""

    async def judge(self, rows: Iterable[tuple[KnownThing, Standing]], counting: Counting) -> None:
        """Keep where each stands, and how far that brings the count, together."""

    async def losing(self, counting: Counting, limit: int) -> tuple[str, ...]:
        """ICCIDs of those that lose service, after the cursor."""

    async def how_many_lose(self, counting: Counting) -> int:
        """How many lose service."""

    async def census(self, counting: Counting) -> Census:
        """The sums over what was judged."""


class Counter:
    """Brings a count a slice further. Raises `PlatformError` where the vendor fails; nothing read is lost."""

    def __init__(self, *, things: Things, ledger: Ledger, clock: Clock) -> None:
        self._things = things
        self._ledger = ledger
        self._clock = clock
        self._tries: dict[tuple[str, bool, str], int] = {}
        """Of Things that couldn't be read, by count and ICCID; a restart tries anew."""

    async def begin(self, request_id: str, *, again: bool, newer_than: datetime | None = None) -> Counting:
        """From the inventory where its last complete reading is fresh, and began after `newer_than`."""
        self._tries = {key: n for key, n in self._tries.items() if key[:2] != (request_id, again)}
        now = self._clock.now()
        counting = Counting(request_id, again, Stage.LIST, started_at=now, since=now)
        reading = await self._ledger.reading()
        ended, began = reading.finished_at, reading.complete_since
        fresh = ended is not None and ended <= now < ended + REST
        if fresh and not reading.doubts and began is not None and (newer_than is None or began >= newer_than):
            counting = replace(counting, stage=Stage.ASK, since=began)
        return await self._ledger.begin(counting)

    async def slice(self, change: SingleChange, seen: SeenGroup, counting: Counting) -> Counting:
        """Some seconds of work."""
        until = self._clock.now() + timedelta(seconds=SLICE_SECONDS)
        group_id, goal = seen.group.things_group_id, _goal(change, seen)
        while counting.stage is not Stage.DONE:
            match counting.stage:
                case Stage.LIST:
                    counting = await self._list(group_id, goal, counting, until)
                case Stage.ASK:
                    counting = await self._ask(group_id, counting)
                case Stage.JUDGE:
                    counting = await self._judge(group_id, goal, counting, until)
                case Stage.ONLINE:
                    counting = await self._look_online(counting)
            if self._clock.now() >= until:
                break
        return counting

    async def give_up(self, counting: Counting, why: str) -> Counting:
        """What was read so far is judged; the rest stays unknown."""
        over = replace(counting, stage=Stage.JUDGE, cursor="", given_up=why, failing_since=None)
        await self._ledger.note(over)
        return over

    async def census(self, counting: Counting) -> Census:
        """The sums, once it is done."""
        return await self._ledger.census(counting)

    async def _list(self, group_id: str, goal: GroupLock, counting: Counting, until: datetime) -> Counting:
        start = counting.offset - 1 if counting.tail else counting.offset
        pages = Pages(self._things, start, more=lambda: self._clock.now() < until)
        judge = _judge_of(group_id, goal)
        rows: list[ThingRow] = []
        before: tuple[str, ...] = ()
        repeats = False
        writing = _Writing()
        try:
            while found := await pages.next():
                offset, page = found
                ids = tuple(row.thing_id for row in page.rows)
                repeats = bool(ids) and ids == before
                if repeats:
                    break
                before = ids
                rows += page.rows
                counting = _read_on(counting, offset, page)
                if page.is_last:
                    counting = _read_to_the_end(counting)
                    break
                if len(rows) >= KEPT_AT_ONCE:
                    kept, rows = rows, []
                    await writing.go_on(self._ledger.keep(kept, self._clock.now(), counting, judge))
        finally:
            await pages.close()
            await writing.go_on(self._ledger.keep(rows, self._clock.now(), counting, judge))
            await writing.end()
        if repeats:
            return await self.give_up(counting, REPEATS)
        if counting.stage is Stage.ASK and counting.shifted:
            return await self.give_up(counting, SHIFTS)
        return counting

    async def _ask(self, group_id: str, counting: Counting) -> Counting:
        room = min(AT_ONCE, ASKED_AT_MOST - counting.asked)
        rows = await self._ledger.to_ask(group_id, counting, room) if room else ()
        if not rows:
            over = replace(counting, stage=Stage.JUDGE, cursor="")
            await self._ledger.note(over)
            return over
        answers = await asyncio.gather(*map(self._read, rows), return_exceptions=True)
        found = [answer for answer in answers if isinstance(answer, ThingRow)]
        failed = {row.iccid: e for row, e in zip(rows, answers, strict=True) if isinstance(e, BaseException)}
        onward = replace(counting, asked=counting.asked + len(rows) - len(failed))
        if len(failed) < len(rows):
            onward = replace(onward, failing_since=None)
        waits = await self._to_try_again(counting, failed, some_answered=len(failed) < len(rows))
        for row in takewhile(lambda row: row.iccid not in waits, rows):
            onward = replace(onward, cursor=row.iccid, failing_since=None)
        onward = replace(onward, asked=onward.asked + len(failed) - len(waits))
        await self._ledger.keep(found, self._clock.now(), onward)
        for error in waits.values():
            raise error
        return onward

    async def _to_try_again(
        self, counting: Counting, failed: Mapping[str, BaseException], *, some_answered: bool
    ) -> Mapping[str, BaseException]:
        """Of those that couldn't be read the ones to wait for; the others are left: their group stays untold.

        Where none of them answered it may be the vendor and not the Things: the list tells. Then, as
        where the vendor asks to wait or refuses our log-in, no Thing is to blame.
        """
        of_all = {iccid: error for iccid, error in failed.items() if not _blames_a_thing(error)}
        if of_all or not failed:
            return of_all | dict(failed)  # the one that says how long to wait first
        if not some_answered:
            try:
                await self._things.things_page(0)
            except PlatformError:
                return failed
        mine = counting.request_id, counting.again
        left = sum(tries >= TRIES_OF_ONE for key, tries in self._tries.items() if key[:2] == mine)
        enough = TRIES_OF_ONE if left < LEFT_AT_MOST else 1
        waits = {}
        for iccid, error in failed.items():
            self._tries[*mine, iccid] = self._tries.get((*mine, iccid), 0) + 1
            if self._tries[*mine, iccid] < enough:
                waits[iccid] = error
        return waits

    async def _read(self, row: ThingRow) -> ThingRow | None:
        try:
            thing = await self._things.thing(Iccid(row.iccid), urgent=False)
        except ThingNotFound:
            await self._ledger.forget(row.iccid)
            return None
        except Unreadable:
            return None
        group_id = thing.things_group_id or ""
        return ThingRow(row.thing_id, row.iccid, thing.name, thing.last_seen_imei, group_id, thing.lock)

    async def _judge(self, group_id: str, goal: GroupLock, counting: Counting, until: datetime) -> Counting:
        """While some are judged, the next are read and the last written: none changes what the others see.

        Each slice looks for all who are not judged: the cursor is for the batches of this one alone.
        """
        await self._ledger.drop_outdated(group_id, counting)
        counting = replace(counting, cursor="")
        writing = _Writing()
        reading = asyncio.create_task(self._ledger.members(group_id, counting, JUDGED_AT_ONCE))
        try:
            while known := await reading:
                counting = replace(counting, cursor=known[-1].row.iccid)
                is_over = self._clock.now() >= until
                if not is_over:
                    reading = asyncio.create_task(self._ledger.members(group_id, counting, JUDGED_AT_ONCE))
                judged = [(thing, _standing(thing, goal, counting)) for thing in known]
                await writing.go_on(self._ledger.judge(judged, counting))
                if is_over:
                    return counting
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await writing.end()
        over = replace(counting, stage=Stage.ONLINE if goal.imei_lock else Stage.DONE, cursor="")
        over = replace(over, finished_at=self._clock.now())
        await self._ledger.note(over)
        return over

    async def _look_online(self, counting: Counting) -> Counting:
        """Who of those that lose service is online now: a count that can be done without."""
        over = replace(counting, stage=Stage.DONE, online=None)
        lose = await self._ledger.how_many_lose(counting)
        if not counting.again and lose <= STATUS_CALLS_AT_MOST * STATUS_AT_ONCE:
            iccids = await self._ledger.losing(counting, STATUS_AT_ONCE)
            told = await self._who_is_online(iccids, singly=lose <= STATUS_CALLS_AT_MOST)
            online = (counting.online or 0) + (told or 0)
            if not iccids:
                over = replace(over, online=online)
            elif told is not None:
                over = replace(counting, cursor=iccids[-1], online=online)
        await self._ledger.note(over)
        return over

    async def _who_is_online(self, iccids: Sequence[str], *, singly: bool) -> int | None:
        """None where the vendor doesn't tell it of all of them."""
        if not iccids:
            return 0
        try:
            told = dict(await self._things.things_online(iccids))
            left = [iccid for iccid in iccids if iccid not in told] if singly else []
            for start in range(0, len(left), AT_ONCE):
                some = left[start : start + AT_ONCE]
                for answer in await asyncio.gather(*(self._things.things_online([one]) for one in some)):
                    told.update(answer)
        except PlatformError:
            return None
        return sum(told.values()) if all(iccid in told for iccid in iccids) else None


class _Writing:
    """Writes what was read while the next is on its way; never two writes at once."""

    def __init__(self) -> None:
        self._under_way: asyncio.Task[None] | None = None

    async def go_on(self, write: Coroutine[Any, Any, None]) -> None:
        """Begin after the write before it. Raises what that one raised."""
        try:
            await self.end()
        except BaseException:
            write.close()
            raise
        self._under_way = asyncio.create_task(write)

    async def end(self) -> None:
        """Nothing stays under way. Raises what a write raised, each time: nothing is written after it."""
        if self._under_way:
            await self._under_way


def _read_on(counting: Counting, start: int, page: Page[ThingRow]) -> Counting:
    """The count after a page that begins at row `start`."""
    slipped = start < counting.offset and not goes_on(counting.tail, page)
    return replace(
        counting,
        offset=max(counting.offset, start + page.size),
        tail=tail_of(page) if page.size else counting.tail,
        shifted=counting.shifted or slipped,
        unreadable=counting.unreadable + without_iccid(page, known=counting.offset - start),
        failing_since=None,
    )


def _read_to_the_end(counting: Counting) -> Counting:
    """On to the next stage; a list that moved under the reading is read again, so often at most."""
    if counting.shifted and counting.passes < PASSES_AT_MOST:
        anew = replace(counting, offset=0, tail="", shifted=False, unreadable=0)
        return replace(anew, passes=counting.passes + 1)
    return replace(counting, stage=Stage.ASK, cursor="")


def _blames_a_thing(error: BaseException) -> bool:
    return isinstance(error, PlatformError) and not isinstance(error, RateLimited | LoginFailed)


def _judge_of(group_id: str, goal: GroupLock) -> Judge:
    return lambda row: standing(row, goal) if row.things_group_id == group_id else None


def _goal(change: SingleChange, seen: SeenGroup) -> GroupLock:
    goal = wanted(change, seen.group.lock)
    if not isinstance(change, GroupChange) or not isinstance(goal, GroupLock):
        raise TypeError("only a group's Things are counted")
    return goal


def _standing(thing: KnownThing, goal: GroupLock, counting: Counting) -> Standing:
    if thing.read_at < counting.since and goal.imei_lock:
        return Standing.UNREADABLE
    lock_is_old = thing.lock_read_at is not None and thing.lock_read_at < counting.since
    if lock_is_old and not goal.imei_lock:  # it may be gone, and protects nobody then
        return standing(replace(thing.row, own_lock=None), goal)
    return standing(thing.row, goal)
