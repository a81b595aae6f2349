"""The vendor's rate, in one row for all who call: single changes first, bulk work with what they leave.

`next_at` is when the flow is level again: every call moves it one interval on. A single may go while
it lies less than a burst ahead, bulk work only once it has come. Nobody reserves a slot to come: who
waits asks again when it is due, so that a pause holds for those waiting too. All integer microseconds.
"""

from __future__ import annotations

import asyncio
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
"""For so long bulk work takes slots in one go."""
_KEPT = _SECOND // 4
"""Slots taken ahead and not used by then are gone: what another process learns meanwhile must count."""
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
        self._spare = 0
        self._spare_until = 0
        """Slots that bulk work has taken, and may use until then."""

    async def acquire(self, *, urgent: bool = True) -> None:
        """Wait for a slot, in order of asking. Not urgent: only where no burst of urgent calls is owed.

        Raises `StoreUnavailable`: then nothing may be sent.
        """
        async with self._turns[urgent]:
            if not urgent and self._use_spare():
                return
            slots = 1 if urgent else self._slots_of_a_moment()
            while wait := await self._wait_or_take(self._burst - 1 if urgent else 0, slots):
                await self._clock.sleep(wait / _SECOND)
                slots = 1 if urgent else self._slots_of_a_moment()

    def _use_spare(self) -> bool:
        if not self._spare or self._now() >= self._spare_until:
            return False
        self._spare -= 1
        return True

    def _slots_of_a_moment(self) -> int:
        interval = self._interval * _FULL // (self._share or _LEAST)
        return max(1, min(self._burst, _MOMENT // interval))

    async def slow_down(self, retry_after: float | None) -> None:
        """The vendor is overloaded: half the rate, not below a sixteenth; none for `retry_after` seconds."""
        self._is_full = False
        now = self._now()
        pause = min(round((retry_after or 0) * _SECOND), _LONGEST_PAUSE)
        fresh = gate.c.slowed_at.between(now - _ONE_SLOW_DOWN + 1, now)
        halved = case((gate.c.share // 2 > _LEAST, gate.c.share // 2), else_=_number(_LEAST))
        values = {
            "share": case((fresh, gate.c.share), else_=halved),
            "slowed_at": case((fresh, gate.c.slowed_at), else_=_number(now)),
            "paused_until": case((_paused(now + pause), gate.c.paused_until), else_=_number(now + pause)),
        }
        self._spare, self._share = 0, None
        await self._change(values)
        self._spare, self._share = 0, None  # what was taken meanwhile may have been before it

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

    async def _wait_or_take(self, room: int, slots: int) -> int:
        """0 where so many slots were taken, else the microseconds after which to ask again."""
        now = self._now()
        asked = {"now": now, "room": room, "slots": slots}
        async with self._engine.writing_at_once() as connection:
            taken = (await connection.execute(self._taking, asked)).one_or_none()
            if taken is not None:
                self._share = taken.share
                if slots > 1:
                    self._spare, self._spare_until = slots - 1, now + _KEPT
                return 0
            row = (await connection.execute(select(gate).where(_ROW))).one_or_none()
        if row is None:
            raise StoreUnavailable("the gate's row is missing: restore the database from a backup")
        opens: int = row.next_at - room * (self._interval * _FULL // row.share)
        paused: int = row.paused_until if row.paused_until <= now + _LONGEST_PAUSE else 0
        return max(opens - now, paused - now, 1)

    def _take(self) -> ReturningUpdate[Any]:
        """Built once: to build it costs more than to run it."""
        now, room, slots = (_given(name) for name in ("now", "room", "slots"))
        interval = self._interval * _FULL // gate.c.share
        # Further ahead than any call could have moved it: the clock was set back since.
        horizon = now + self._burst * self._interval * (_FULL // _LEAST)
        level = or_(gate.c.next_at <= now + room * interval, gate.c.next_at > horizon)
        start = case((gate.c.next_at.between(now, horizon), gate.c.next_at), else_=now)
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
