"""One SIM that may be tried things on, so that it can't lose service and is put back as it was.

What keeps it safe, whatever the vendor does:
- it is touched only while its lock is off, and every write says again that the lock is off;
- a state that nobody here has written is somebody else's: it is left alone;
- a write that changes more than it was to, or turns the lock on, is the last one;
- whatever was sent is taken back at the end with a fresh `cas`, until a reading shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from bot.domain.errors import LoginFailed, NotReached, PlatformError, RateLimited
from bot.domain.identifiers import Iccid
from bot.domain.things import Thing
from bot.monogoto import failures, models
from bot.monogoto.auth import FIRST_PAUSE
from bot.monogoto.client import Monogoto
from bot.monogoto.failures import Answer
from bot.monogoto.snippets import listed
from bot.monogoto.spare_state import (
    MOVED_BY_A_SESSION,
    MOVED_BY_A_WRITE,
    Harmed,
    NotSpare,
    PutBack,
    SomebodyElse,
    State,
    Stopped,
    as_it_was,
    changed_keys,
)
from bot.services.ports import Clock

T = TypeVar("T")

_READ_AGAIN: Final = (1.0, 3.0)
_PUT_BACK_AGAIN: Final = (0.0, 0.2, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses before each try, in seconds: a minute in all, beside what each call may take."""
_REFUSED_LOG_INS: Final = 3
"""After so many, nobody can put anything back, and trying on may lock the account."""
_GAVE_UP_WAITING: Final = frozenset({408, 425, 499})


class SpareSim:
    """Reads freely, writes guardedly, puts back. `stop`: set from outside to end between two calls."""

    def __init__(self, monogoto: Monogoto, iccid: Iccid, *, clock: Clock, stop: asyncio.Event) -> None:
        self._monogoto = monogoto
        self._iccid = iccid
        self._clock = clock
        self._stop = stop
        self._before: State | None = None
        self._ours: set[str] = set()
        self._sent = ""
        self._touched = self._locked_by_us = False
        self._restless: frozenset[str] = frozenset()
        self._in_doubt = False
        """Something that was sent may still come to be: only a later write makes it worthless."""

    async def begin(self, expected: Thing | None = None, left_by_a_probe: str | None = None) -> State:
        """What the SIM is to be put back to. Raises `NotSpare`, or what reading raises."""
        state = await self.look()
        if state.thing.imei_lock:
            raise NotSpare("This SIM is locked now. Nothing was written: probe one that is unlocked.")
        if not models.restorable(state.record):
            raise NotSpare("What this SIM holds could not be put back as it is. Nothing was written.")
        if expected is not None and state.thing.lock != expected.lock:
            raise NotSpare("The SIM's lock fields have changed since you were asked. Nothing was written.")
        self._before = state
        if left_by_a_probe is not None and left_by_a_probe != state.thing.locked_imei:
            self._ours, self._touched = {state.thing.locked_imei}, True
            self._before = replace(state, thing=replace(state.thing, locked_imei=left_by_a_probe))
        return self._before

    @property
    def touched(self) -> bool:
        """Whether there is anything that may have to be taken back."""
        return self._touched or self._in_doubt

    def moves_by_itself(self, keys: set[str]) -> None:
        """Keys that no write is to blame for."""
        self._restless |= keys

    def doubt(self) -> None:
        """A write that was answered well has not shown itself: it may still."""
        self._in_doubt = True

    async def look(self) -> State:
        """A fresh reading; a failed one is tried again twice. Raises `SomebodyElse`, `Stopped`."""
        for pause in (*_READ_AGAIN, None):
            self._demand_going_on()
            try:
                state = await self._unless_stopped(self._read())
            except NotReached:
                if pause is None:
                    raise
                await self.rest(pause)
                continue
            self._demand_ours(state)
            self._demand_unharmed(state)
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
            asked = self._monogoto.raw("GET", path, params=query, guess=guess)
            answer = await self._unless_stopped(asked)
            if last or answer.status != 429:
                return answer
        raise AssertionError("the last try returns or raises")

    async def rest(self, seconds: float) -> None:
        """Wait, but not once the end was asked for."""
        with suppress(Stopped):
            await self._unless_stopped(self._clock.sleep(seconds))

    async def _unless_stopped(self, work: Awaitable[T]) -> T:
        """What may be given up half-way: a reading, a rest. Raises `Stopped`."""
        working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise Stopped
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    async def put_back(self) -> PutBack:
        """Take back what was sent; nothing stops this half-way, not even a second Ctrl-C."""
        return await _to_the_end(self._put_back())

    async def _put_back(self) -> PutBack:
        before, refused = self._before, 0
        if before is None or not self.touched:
            return PutBack(True, "Nothing was written.")
        for pause in _PUT_BACK_AGAIN:
            await self._clock.sleep(pause)
            try:
                if (how := await self._put_back_once(before)) is not None:
                    return how
            except SomebodyElse as other:
                return PutBack(False, f"{other} It was left alone.")
            except LoginFailed as error:
                refused += 1
                if refused == _REFUSED_LOG_INS:
                    return PutBack(False, str(error))
                await self._clock.sleep(FIRST_PAUSE)
            except PlatformError:
                continue
        if self._locked_by_us:
            return await self._unlocked_at_least()
        return PutBack(False, "Monogoto did not take it, or did not answer.")

    async def _put_back_once(self, before: State) -> PutBack | None:
        """How it stands, where a reading shows what was there; else writes, and None."""
        state = await self._read()
        self._demand_ours(state)
        self._locked_by_us = state.thing.imei_lock
        if state.thing.lock == before.thing.lock and not self._in_doubt:
            harmed = self._harmed(state)
            said = f"{as_it_was(before, state)}{f' But {_also(harmed)}' if harmed else ''}"
            return PutBack(not harmed, said, state)
        await self._put(replace(state.thing, thing_id=before.thing.thing_id), before.thing.locked_imei)
        return None

    async def _unlocked_at_least(self) -> PutBack:
        """Of a vendor that locks whatever is stored: without an IMEI the SIM has its service."""
        said = "Monogoto turns the lock on whenever an IMEI is stored."
        with suppress(PlatformError):
            await self._put((await self._read()).thing, "")
            lock = "ON" if (await self._read()).thing.imei_lock else "off"
            said += f" Its lock is {lock} now, and no IMEI is stored."
        return PutBack(False, said)

    async def _put(self, thing: Thing, value: str) -> Answer:
        body = models.lock_body(thing, imei_lock=False, locked_imei=value)
        doubtful, self._in_doubt = self._in_doubt, True
        sent, self._sent = self._sent, value
        try:
            answer = await self._monogoto.raw("PUT", models.LOCK_PATH, json=body)
        except (LoginFailed, NotReached, RateLimited):  # it did not leave, or was answered with 401
            self._in_doubt, self._sent = doubtful, sent
            raise
        refused = 400 <= answer.status < 500 and answer.status not in _GAVE_UP_WAITING
        self._in_doubt = doubtful if refused else not answer.is_good
        self._touched = True
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
        if state.thing.locked_imei not in known:
            raise SomebodyElse("The SIM's locked IMEI was changed by somebody else meanwhile.")
        if state.thing.imei_lock and not (self.touched and state.thing.locked_imei == self._sent):
            raise SomebodyElse("The SIM's lock was turned on by somebody else meanwhile.")

    def _demand_unharmed(self, state: State) -> None:
        if not self.touched:
            return
        if state.thing.imei_lock:
            raise Harmed("Storing an IMEI turned the lock on, though every write says that it is off.")
        if harmed := self._harmed(state):
            raise Harmed(f"A write did more than it was to: {_also(harmed)}")

    def _harmed(self, state: State) -> list[str]:
        """Names of the keys that are not as before, and that nothing but a write explains."""
        if self._before is None:
            return []
        expected = MOVED_BY_A_WRITE | MOVED_BY_A_SESSION | self._restless
        return sorted(changed_keys(self._before, state) - expected)

    def _demand_going_on(self) -> None:
        if self._stop.is_set():
            raise Stopped


def _also(keys: list[str]) -> str:
    return f"these keys are not as before: {listed(keys)}."


async def _to_the_end(work: Awaitable[T]) -> T:
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()
