"""The vendor's rate, in one row for all who call: single changes first, bulk work with what they leave.

`next_at` is when the flow is level again: every call moves it one interval on. A single may go while
it lies less than a burst ahead, bulk work only once it has come. Nobody reserves a slot to come: who
waits asks again when it is due, so that a pause holds for those waiting too. All integer microseconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    case,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from bot.domain.errors import StoreUnavailable
from bot.services.ports import Clock
from bot.storage.columns import to_microseconds
from bot.storage.engine import Engine
from bot.storage.tables import gate

_SECOND = 1_000_000
_FULL = 1024
"""The share of the highest rate that is used, in 1024ths."""
_LEAST = _FULL // 16
_RECOVERY = _FULL // 64
_LONGEST_PAUSE = 3600 * _SECOND
_MOMENT = _SECOND // 20
"""For so long bulk work takes slots in one go: the longest that a single waits for it."""
_KEPT = _SECOND // 4
"""Slots taken ahead and not used by then are gone: what another process learns meanwhile must count."""
_LATE = _SECOND // 4
"""What bulk work that goes on takes later than it could, since a commit takes its time, is not lost to it."""
_ONE_SLOW_DOWN = 1 * _SECOND
"""Calls that were under way together are refused together: that is one reason to slow down, not ten."""

_ROW = gate.c.id == 1


class SqlGate:
    """Lets at most `max_rate` calls a second pass, `burst` of them at once after a rest."""

    def __init__(self, engine: Engine, clock: Clock, max_rate: float, burst: int = 10) -> None:
        self._engine = engine
        self._clock = clock
        self._interval = round(_SECOND / max_rate)
        self._burst = burst
        self._taking = self._take()
        self._turns = {True: asyncio.Lock(), False: asyncio.Lock()}
        self._share: int | None = None
        """As last read, None where it may be another by now."""
        self._spare: deque[int] = deque()
        """Slots that bulk work has taken ahead: until when each may be used."""
        self._level_at = 0
        """Before that, as far as we know, no more can be taken ahead."""
        self._refilling: asyncio.Task[None] | None = None
        self._forgotten = 0
        """How often all that was taken ahead was given up."""

    async def acquire(self, *, urgent: bool = True) -> None:
        """Wait for a slot, in order of asking. Not urgent: only where no burst of urgent calls is owed.

        Raises `StoreUnavailable`: then nothing may be sent.
        """
        if not urgent and not self._turns[False].locked() and self._use_spare():
            return
        async with self._turns[urgent]:
            if not urgent and self._refilling is not None and not self._spare:
                await asyncio.wait({self._refilling})  # not cancelled with us
            if not urgent and self._use_spare():
                return
            slots = 1 if urgent else self._slots_of_a_moment()
            while wait := await self._wait_or_take(self._burst - 1 if urgent else 0, slots):
                await self._clock.sleep(wait / _SECOND)
                slots = 1 if urgent else self._slots_of_a_moment()

    def _use_spare(self) -> bool:
        now = self._now()
        while self._spare and self._spare[0] <= now:
            self._spare.popleft()
        if not self._spare:
            return False
        self._spare.popleft()
        self._refill_in_time(now)
        return True

    def _refill_in_time(self, now: int) -> None:
        """The next slots are fetched while the last ones are used: nobody waits for a commit in between."""
        slots = self._slots_of_a_moment()
        if slots == 1 or self._refilling is not None or now < self._level_at:
            return
        enough = slots // 2
        if len(self._spare) <= enough or self._spare[-enough - 1] <= now + _KEPT // 2:
            self._refilling = asyncio.create_task(self._refill(slots))

    async def _refill(self, slots: int) -> None:
        """Take slots ahead where they are to be had at once; no harm is done where they aren't."""
        try:
            await self._wait_or_take(0, slots, ahead=slots)
        except StoreUnavailable:
            pass  # whoever needs a slot is told
        finally:
            self._refilling = None

    def _slots_of_a_moment(self) -> int:
        interval = self._interval * _FULL // (self._share or _LEAST)
        return max(1, _MOMENT // interval)

    async def slow_down(self, retry_after: float | None) -> None:
        """The vendor is overloaded: half the rate, not below a sixteenth; none for `retry_after` seconds."""
        now = self._now()
        pause = min(round((retry_after or 0) * _SECOND), _LONGEST_PAUSE)
        fresh = gate.c.slowed_at.between(now - _ONE_SLOW_DOWN + 1, now)
        halved = case((gate.c.share // 2 > _LEAST, gate.c.share // 2), else_=_number(_LEAST))
        values = {
            "share": case((fresh, gate.c.share), else_=halved),
            "slowed_at": case((fresh, gate.c.slowed_at), else_=_number(now)),
            "paused_until": case((_paused(now + pause), gate.c.paused_until), else_=_number(now + pause)),
        }
        self._forget()
        await self._change(values)
        self._forget()  # what was taken meanwhile may have been before it

    def _forget(self) -> None:
        self._forgotten += 1
        self._spare.clear()
        self._share = None

    async def recovered(self) -> None:
        """The vendor answered well: a little more of the rate, back to all of it after some sixty calls.

        Whether any is missing was read when this call took its slot.
        """
        if self._share == _FULL:
            return
        async with self._engine.reading() as connection:
            share = await connection.scalar(select(gate.c.share).where(_ROW))
        if share is None or share >= _FULL:
            return
        raised = gate.c.share + _RECOVERY
        values = {"share": case((raised < _FULL, raised), else_=_number(_FULL))}
        await self._change(values)

    async def _wait_or_take(self, room: int, slots: int, *, ahead: int | None = None) -> int:
        """0 where so many slots were taken, else the microseconds after which to ask again.

        `ahead`: how many of them are to be used later; all but one, where it isn't said.
        """
        now, forgotten = self._now(), self._forgotten
        asked = {"now": now, "room": room, "slots": slots, "late": 0 if room else _LATE}
        async with self._engine.writing_at_once() as connection:
            taken = (await connection.execute(self._taking, asked)).one_or_none()
            if taken is not None:
                if forgotten == self._forgotten:
                    self._share, self._level_at = taken.share, taken.next_at
                    self._spare.extend([now + _KEPT] * (slots - 1 if ahead is None else ahead))
                return 0
            row = (await connection.execute(select(gate).where(_ROW))).one_or_none()
        if row is None:
            raise StoreUnavailable("the gate's row is missing: restore the database from a backup")
        opens: int = row.next_at - room * (self._interval * _FULL // row.share)
        paused: int = row.paused_until if row.paused_until <= now + _LONGEST_PAUSE else 0
        return max(opens - now, paused - now, 1)

    def _take(self) -> ReturningUpdate[Any]:
        """Built once: to build it costs more than to run it."""
        now, room, slots, late = (_given(name) for name in ("now", "room", "slots", "late"))
        interval = self._interval * _FULL // gate.c.share
        # Further ahead than any call could have moved it: the clock was set back since.
        horizon = now + self._burst * self._interval * (_FULL // _LEAST)
        level = or_(gate.c.next_at <= now + room * interval, gate.c.next_at > horizon)
        start = case((gate.c.next_at.between(now - late, horizon), gate.c.next_at), else_=now)
        may_go = update(gate).where(_ROW, level, ~_paused(now))
        return may_go.values(next_at=start + slots * interval).returning(gate.c.next_at, gate.c.share)

    async def _change(self, values: dict[str, Any]) -> None:
        async with self._engine.writing_at_once() as connection:
            await connection.execute(update(gate).where(_ROW).values(values))

    def _now(self) -> int:
        return to_microseconds(self._clock.now())


def _paused(at: int | ColumnElement[int]) -> ColumnElement[bool]:
    """A pause that ends later than any can is one from before the clock was set back."""
    return and_(gate.c.paused_until > at, gate.c.paused_until <= at + _LONGEST_PAUSE)


def _given(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


def _number(value: int) -> ColumnElement[int]:
    return literal(value, BigInteger)
