"""A life of the bot in this process, which can be ended at any effect as `kill -9` ends a process.

An effect is what the world outside could see: bytes that leave for the network, a commit. They are found
where every one of them has to pass, below all libraries: the loop's transports, the database driver's trips.
At the chosen one the life is severed, at once and inside the very call: its sockets are closed, its database
connections too (what was not committed is gone), its file lock is let go; what its tasks still try meets a
wall, until they are all buried. What had left before stays left.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from asyncio import selector_events
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import filelock

from bot.storage.trips import OneTripConnection
from tests.chaos.simulation import VirtualClock, VirtualLoop

LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
"""Whose code runs: every task and callback of a bot inherits it."""
LOCKED_PATIENCE = 5.0
"""Of virtual time, as `busy_timeout` of the bot's connections has it of real time."""
LOCKED_LOOK = 0.25
BURIALS = 200


class Life:
    """One process, as far as the world can tell. `at_effect` is told the name of each before it happens."""

    def __init__(
        self, name: str, clock: VirtualClock, chance: random.Random, at_effect: Callable[[Life, str], None]
    ) -> None:
        self.name = name
        self.clock = clock
        self.chance = chance
        self.effects = 0
        self.is_dead = False
        self.disk: Disk | None = None
        self.on_server: Callable[[int], None] = lambda _port: None
        self.killed = asyncio.Event()
        self._at_effect = at_effect
        self._is_buried = False
        self._tasks: list[asyncio.Task[Any]] = []
        self._transports: list[asyncio.Transport] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._connections: list[Connection] = []
        self._locks: list[filelock.BaseFileLock] = []

    def effect(self, name: str) -> bool:
        """One more; whether it may still happen."""
        if not self.is_dead:
            self.effects += 1
            self._at_effect(self, name)
        return not self.is_dead

    def kill(self) -> None:
        """No handler, no flush, no good-bye: from here on nothing of it reaches the world."""
        if self.is_dead:
            return
        self.is_dead = True
        for transport in self._transports:
            transport.abort()
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.cut()
        for lock in self._locks:
            lock.release(force=True)
        self.killed.set()

    async def wall(self) -> None:
        """What a dead process comes to when it goes on: nothing ever happens."""
        if not self._is_buried:
            await asyncio.get_running_loop().create_future()
        raise sqlite3.OperationalError("this process is dead")

    async def bury(self) -> None:
        """Let all of its tasks end; RuntimeError where one refuses to."""
        self.kill()
        self._is_buried = True
        for _ in range(BURIALS):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.sleep(0)
        else:
            raise RuntimeError(f"{self.name} would not die: {left}")
        for task in self._tasks:
            if not task.cancelled():
                task.exception()  # heard: nobody else will ask
        for connection in self._connections:
            connection.stop()
        self._tasks.clear()
        self._transports.clear()
        self._connections.clear()

    def holds(self, thing: Any) -> None:
        """What the operating system would take back from a dead process."""
        match thing:
            case asyncio.Task():
                if len(self._tasks) > 500:
                    self._tasks = [task for task in self._tasks if not task.done()]
                self._tasks.append(thing)
            case asyncio.Transport():
                self._transports.append(thing)
            case asyncio.AbstractServer():
                self._servers.append(thing)
            case Connection():
                self._connections.append(thing)
            case _:
                self._locks.append(thing)


class Disk:
    """What is wrong with the database for now; the errors are SQLite's own, wherever it can make them."""

    def __init__(self) -> None:
        self.is_full = False
        self.is_broken = False

    def mind(self, connection: sqlite3.Connection) -> None:
        """Before each statement: no page more than there are, where the disk is full."""
        if self.is_broken:
            raise sqlite3.OperationalError("disk I/O error")
        pages = connection.execute("PRAGMA page_count").fetchone()[0] if self.is_full else 1 << 30
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()


class _AtOnce:
    """In the place of the queue to the driver's thread: SQLAlchemy puts something there by itself."""

    def put_nowait(self, job: tuple[asyncio.Future[Any], Callable[[], Any]]) -> None:
        future, function = job
        future.set_result(function())


class Connection(OneTripConnection):
    """The bot's own, without its thread: each trip is made here and now, then others get their turn."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path, **options)
        self._life = LIFE.get()
        self._tx = _AtOnce()  # type: ignore[assignment]

    def __await__(self) -> Any:
        return self._without_thread().__await__()

    async def _without_thread(self) -> Connection:
        life = self._life
        if life is None:
            self._connection = self._connector()
            return self
        if life.is_dead:
            await life.wall()
        if life.disk and life.disk.is_broken:
            raise sqlite3.OperationalError("unable to open database file")
        self._connection = self._connector()
        self._connection.execute("PRAGMA busy_timeout = 0")
        life.holds(self)
        return self

    def cut(self) -> None:
        """Closed by the death of its process: SQLite rolls back."""
        if self._connection is not None:
            self._connection.close()

    def stop(self) -> None:
        """There is no thread to end."""
        self._running = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        life = self._life
        if life is None:
            return fn(*args, **kwargs)
        await self._others(life)
        name = getattr(fn, "__name__", "")
        if name == "commit" and self._conn.in_transaction and not life.effect("commit"):
            await life.wall()
        if life.disk and name not in {"rollback", "close"}:
            life.disk.mind(self._conn)
        made = await self._patiently(life, lambda: fn(*args, **kwargs))
        if name != "close":
            self._conn.execute("PRAGMA busy_timeout = 0")  # waiting is done by the virtual clock
            await self._others(life)
        return made

    async def _others(self, life: Life) -> None:
        for _ in range(life.chance.randrange(3)):
            await asyncio.sleep(0)
        if life.is_dead:
            await life.wall()

    async def _patiently(self, life: Life, trip: Callable[[], Any]) -> Any:
        """As SQLite's busy timeout, on the virtual clock."""
        patient_until = asyncio.get_running_loop().time() + LOCKED_PATIENCE
        while True:
            try:
                made = trip()
            except sqlite3.OperationalError as error:
                locked = "locked" in str(error)
                if not locked or asyncio.get_running_loop().time() >= patient_until:
                    raise
            else:
                return made
            await asyncio.sleep(LOCKED_LOOK)
            if life.is_dead:
                await life.wall()


class _Transport(selector_events._SelectorSocketTransport):  # type: ignore[name-defined,misc]
    """Bytes of a life leave here, and nowhere else."""

    _life: Life

    def write(self, data: Any) -> None:
        if data and not self._life.effect("bytes"):
            return
        super().write(data)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))


def prepare(loop: VirtualLoop) -> None:
    """From now on all that runs on the loop in the context of a life belongs to it."""
    loop.set_task_factory(_task)
    loop.make_transport = _transport
    plain = loop.create_server

    async def create_server(*given: Any, **named: Any) -> Any:
        server = await plain(*given, **named)
        if life := LIFE.get():
            life.holds(server)
            life.on_server(server.sockets[0].getsockname()[1])
        return server

    loop.create_server = create_server  # type: ignore[method-assign]


def _task(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **named)
    context = named.get("context")
    life = context.get(LIFE) if context is not None else LIFE.get()
    if life is not None:
        life.holds(task)
    return task


def _transport(loop: VirtualLoop, sock: Any, protocol: Any, *given: Any, **named: Any) -> Any:
    life = LIFE.get()
    if life is None:
        return None
    if life.is_dead:
        sock.close()
        raise ConnectionAbortedError("this process is dead")
    transport = _Transport(loop, sock, protocol, *given, **named)
    transport._life = life
    life.holds(transport)
    return transport


class OfTheLiving(logging.Filter):
    """What the dead say in their graves is no log line of theirs."""

    def filter(self, record: logging.LogRecord) -> bool:
        life = LIFE.get()
        return life is None or not life.is_dead
