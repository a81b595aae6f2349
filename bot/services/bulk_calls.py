"""The vendor and the roles as the rows of bulks need them: few calls at a time, each fact asked once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast

from bot.domain.identifiers import Iccid
from bot.domain.requests import ChangeRequest
from bot.domain.things import Thing, ThingsGroup
from bot.services.clearance import Roles
from bot.services.ports import Clock, Platform

T = TypeVar("T")

AT_ONCE = 4
"""Calls to the vendor that all bulks together have under way."""
GROUP_KEPT = timedelta(seconds=10)
"""As long as what a person may do is believed (`SlackDirectory`)."""
ROLES_KEPT = timedelta(seconds=2)
"""On top of those ten seconds."""
MOST_KEPT = 500
"""Groups remembered."""


class BulkCalls:
    """The platform for rows: at most `AT_ONCE` calls at a time, and a group is read once in ten seconds.

    That is safe: its lock is part of every row's fingerprint and is compared, only up to ten seconds late,
    which is within what a person at the console can't see either. The Thing itself, whose record the write
    rests on, is read right before its PUT, every time.
    """

    def __init__(self, platform: Platform, clock: Clock) -> None:
        self._platform = platform
        self._clock = clock
        self._permits = _Permits(AT_ONCE)
        self._groups: dict[str, _Kept[ThingsGroup]] = {}

    def as_platform(self) -> Platform:
        """This, as the port."""
        return cast("Platform", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)

    async def thing(self, iccid: Iccid, *, urgent: bool = False) -> Thing:
        """As the port."""
        return await self._platform.thing(iccid, urgent=urgent, permit=self._permits.one())

    async def write_thing_lock(self, thing: Thing, **fields: Any) -> None:
        """As the port. Goes before all readings: its `cas` grows stale."""
        first = self._permits.one(first=True)
        await self._platform.write_thing_lock(thing, **fields, urgent=False, permit=first)

    async def things_group(self, things_group_id: str, *, urgent: bool = False) -> ThingsGroup:
        """As the port, but at most ten seconds old. A failure is not remembered."""
        kept = self._groups.get(things_group_id)
        if kept is None:
            if len(self._groups) >= MOST_KEPT:
                self._groups.clear()
            kept = self._groups[things_group_id] = _Kept(self._clock, GROUP_KEPT)
        return await kept.get(lambda: self._read_group(things_group_id, urgent=urgent))

    async def _read_group(self, things_group_id: str, *, urgent: bool) -> ThingsGroup:
        async with self._permits.one():
            return await self._platform.things_group(things_group_id, urgent=urgent)


class BulkRoles:
    """`Roles` for rows: asked of the bulk as a whole, with all its scopes, and believed for two seconds."""

    def __init__(self, roles: Roles, clock: Clock) -> None:
        self._roles = roles
        self._clock = clock
        self._bulks: dict[str, tuple[ChangeRequest, _Kept[str | None]]] = {}

    def about(self, bulk: ChangeRequest) -> None:
        """Its rows will be asked about, until `end`."""
        self._bulks[bulk.id] = bulk, _Kept[str | None](self._clock, ROLES_KEPT)

    def end(self, bulk: ChangeRequest) -> None:
        """Nobody asks any more."""
        self._bulks.pop(bulk.id, None)

    async def still_holds(self, request: ChangeRequest) -> str | None:
        """As the port, for a bulk that it is about, or a row of it."""
        bulk, kept = self._bulks[request.id]
        return await kept.get(lambda: self._roles.still_holds(bulk))


class _Permits:
    """A semaphore with two lines: who is `first` goes before everybody else who waits."""

    def __init__(self, how_many: int) -> None:
        self._free = how_many
        self._lines: dict[bool, deque[asyncio.Future[None]]] = {True: deque(), False: deque()}

    @asynccontextmanager
    async def one(self, *, first: bool = False) -> AsyncIterator[None]:
        """Hold one."""
        await self._take(first=first)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, *, first: bool) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines[first].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # it was handed over in that very moment
            raise

    def _give_back(self) -> None:
        for line in (self._lines[True], self._lines[False]):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1


@dataclass(frozen=True, slots=True)
class _Value(Generic[T]):
    it: T
    at: datetime


class _Kept(Generic[T]):
    """One value that is asked for by many: read once, by one of them, and again when it is old. A failure is
    told to all who waited for it, and not remembered."""

    def __init__(self, clock: Clock, kept: timedelta) -> None:
        self._clock = clock
        self._kept = kept
        self._turn = asyncio.Lock()
        self._value: _Value[T] | None = None
        self._failures = 0
        self._failure: Exception | None = None

    async def get(self, read: Callable[[], Awaitable[T]]) -> T:
        failures = self._failures
        async with self._turn:
            if self._failures > failures and self._failure is not None:
                raise self._failure
            if self._value is None or self._clock.now() - self._value.at > self._kept:
                began = self._clock.now()
                self._value = _Value(await self._told(read), began)
            return self._value.it

    async def _told(self, read: Callable[[], Awaitable[T]]) -> T:
        try:
            return await read()
        except Exception as failure:
            self._failures, self._failure = self._failures + 1, failure
            raise
