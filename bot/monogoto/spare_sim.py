"""One SIM that may be tried things on, so that it can't lose service and is put back as it was.

What keeps it safe, whatever the vendor does:
- it is touched only while its lock is off, and every write says again that the lock is off;
- a state that nobody here has written is somebody else's: it is left alone;
- whatever was sent is taken back at the end with a fresh `cas`, until a reading shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from bot.domain.errors import NotReached, PlatformError
from bot.domain.identifiers import Iccid
from bot.domain.things import Thing
from bot.monogoto import failures, models
from bot.monogoto.client import Monogoto
from bot.monogoto.failures import Answer
from bot.services.ports import Clock

T = TypeVar("T")

_READ_AGAIN: Final = (1.0, 3.0)
_PUT_BACK_AGAIN: Final = (0.0, 0.2, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses before each try, in seconds: a minute in all, beside what each call may take."""
_GAVE_UP_WAITING: Final = frozenset({408, 425, 499})


class NotSpare(Exception):
    """Nothing may be tried on this SIM; nothing was written. The message is for the person."""


class SomebodyElse(Exception):
    """The SIM became something that was not written here: hands off."""


class Stopped(Exception):
    """The person, or the system, asked for the end."""


@dataclass(frozen=True, slots=True)
class State:
    """The SIM as read just now."""

    thing: Thing
    record: Mapping[str, object] = field(repr=False)
    """All keys. Holds PINs and the like: only names of keys may leave."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """How it ended."""

    done: bool
    said: str
    state: State | None = None


class SpareSim:
    """Reads freely, writes guardedly, puts back. `stop`: set from outside to end between two calls."""

    def __init__(self, monogoto: Monogoto, iccid: Iccid, *, clock: Clock, stop: asyncio.Event) -> None:
        self._monogoto = monogoto
        self._iccid = iccid
        self._clock = clock
        self._stop = stop
        self._before: State | None = None
        self._ours: set[str] = set()
        self._in_doubt = False
        """Something that was sent may still come to be: only a later write makes it worthless."""

    async def begin(self) -> State:
        """What the SIM is to be put back to. Raises `NotSpare`, or what reading raises."""
        state = await self.look()
        if state.thing.imei_lock:
            raise NotSpare("This SIM is locked now. Nothing was written: probe one that is unlocked.")
        if not models.restorable(state.record):
            raise NotSpare("What this SIM holds could not be put back as it is. Nothing was written.")
        self._before = state
        return state

    @property
    def touched(self) -> bool:
        """Whether anything was sent that would have to be taken back."""
        return bool(self._ours)

    def doubt(self) -> None:
        """A write that was answered well has not shown itself: it may still."""
        self._in_doubt = True

    async def look(self) -> State:
        """A fresh reading; a failed one is tried again twice. Raises `SomebodyElse`, `Stopped`."""
        for pause in (*_READ_AGAIN, None):
            self._demand_going_on()
            try:
                state = await self._read()
            except NotReached:
                if pause is None:
                    raise
                await self.rest(pause)
                continue
            self._demand_ours(state)
            return state
        raise AssertionError("the last try returns or raises")

    async def write(self, state: State, value: str, *, thing_id: str | None = None) -> Answer:
        """One PUT of `value`, unlocked, with the `cas` of `state`; returns the answer, whatever it is.

        Raises what sending raises; `OutcomeUnknown` may have written.
        """
        self._demand_going_on()
        if self._before is None:
            raise RuntimeError("nothing is written before it is known what to put back")
        self._ours |= {value, self._before.thing.locked_imei}
        return await self._put(replace(state.thing, thing_id=thing_id or state.thing.thing_id), value)

    async def ask(self, path: str, query: dict[str, str] | None = None, *, guess: bool = False) -> Answer:
        """Any reading call, or a guess of ours; after a 429 it is asked again at the slower pace."""
        for last in (False, False, True):
            self._demand_going_on()
            answer = await self._monogoto.raw("GET", path, params=query, guess=guess)
            if last or answer.status != 429:
                return answer
        raise AssertionError("the last try returns or raises")

    async def rest(self, seconds: float) -> None:
        """Wait, but not once the end was asked for."""
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._stop.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def put_back(self) -> PutBack:
        """Take back what was sent; nothing stops this half-way, not even a second Ctrl-C."""
        return await _to_the_end(self._put_back())

    async def _put_back(self) -> PutBack:
        before = self._before
        if before is None or not self.touched:
            return PutBack(True, "Nothing was written.")
        for pause in _PUT_BACK_AGAIN:
            await self._clock.sleep(pause)
            try:
                state = await self._read()
                self._demand_ours(state)
                if state.thing.lock == before.thing.lock and not self._in_doubt:
                    return PutBack(True, _as_it_was(before, state), state)
                await self._put(
                    replace(state.thing, thing_id=before.thing.thing_id), before.thing.locked_imei
                )
            except SomebodyElse as other:
                return PutBack(False, f"{other} It was left alone.")
            except PlatformError:
                continue
        return PutBack(False, "Monogoto did not take it, or did not answer.")

    async def _put(self, thing: Thing, value: str) -> Answer:
        body = models.lock_body(thing, imei_lock=False, locked_imei=value)
        doubtful, self._in_doubt = self._in_doubt, True
        answer = await self._monogoto.raw("PUT", models.LOCK_PATH, json=body)
        refused = 400 <= answer.status < 500 and answer.status not in _GAVE_UP_WAITING
        self._in_doubt = doubtful if refused else not answer.is_good
        return answer

    async def _read(self) -> State:
        answer = await self._monogoto.raw("GET", f"/thing/{models.ID_PREFIX}{self._iccid.digits}")
        body = failures.content(failures.demand_good(answer, writing=False))
        thing = models.thing_from(body, self._iccid.digits)
        return State(thing, body if isinstance(body, dict) else {})

    def _demand_ours(self, state: State) -> None:
        """Once something was sent, the SIM holds that or what it held; all else came from elsewhere."""
        if self._before is None:
            return
        known = self._ours | {self._before.thing.locked_imei}
        if state.thing.imei_lock:
            raise SomebodyElse("The SIM's lock was turned on by somebody else meanwhile.")
        if state.thing.locked_imei not in known:
            raise SomebodyElse("The SIM's locked IMEI was changed by somebody else meanwhile.")

    def _demand_going_on(self) -> None:
        if self._stop.is_set():
            raise Stopped


def _as_it_was(before: State, after: State) -> str:
    was, now = models.spelling_of_none(before.record), models.spelling_of_none(after.record)
    if was != now:
        return f"The lock fields are as they were; no IMEI was {was} and is {now} now: both mean none."
    return "The lock fields are as they were."


async def _to_the_end(work: Awaitable[T]) -> T:
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()
