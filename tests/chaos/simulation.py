"""Virtual time: an event loop that leaps to the next timer as soon as nothing else can happen.

All that runs on it (the bot, both stand-ins, the people) goes by its time: timers of libraries too. The
sockets are real; time moves only once no byte is under way on any of them. So a day costs what happens in it,
and nothing depends on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import selectors
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.sandbox.clock import DEFAULT_START

if sys.platform == "linux":
    import fcntl
    import termios

T = TypeVar("T")
STUCK_SECONDS = 20.0
"""Of real time, with nothing to do and no timer: somebody waits for what never comes."""
A_MOMENT = 0.001
LOOK_SECONDS = 0.02
A_WHILE = 0.9
"""Who sleeps shorter than this is just about something, and is waited for to the point."""
Watch = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class VirtualLoop(asyncio.SelectorEventLoop):
    """`grain`: how far it leaps at least; a coarse one wakes many timers at once, as a busy machine does."""

    def __init__(self) -> None:
        self._now = 1000.0
        self.grain = 0.0
        self.watches: list[Watch] = []
        self.is_busy: Callable[[], bool] = lambda: False
        """Whether something is under way that no socket of ours shows."""
        self.make_transport: Callable[..., Any] | None = None
        self._stuck_since: float | None = None
        super().__init__(_Idle(self._idle))

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._now

    def leap(self, seconds: float) -> None:
        """All clocks of the machine at once, as after a suspend: every timer in between is due now."""
        self._now += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """At once, and here: another thread would bring its own order of things."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  raised where it is awaited
            future.set_exception(error)
        return future

    def _make_socket_transport(self, *given: Any, **named: Any) -> Any:
        made = self.make_transport(self, *given, **named) if self.make_transport else None
        return made or super()._make_socket_transport(*given, **named)  # type: ignore[misc]

    def _idle(self, wait: Callable[[float], list[Any]], timeout: float | None) -> list[Any]:
        """Nothing can run. Whoever waits for a state of the world looks; else time moves."""
        if self.is_busy() or self._bytes_are_under_way():
            return wait(A_MOMENT)
        if [watch for watch in [*self.watches] if self._look(watch)]:
            return []
        if timeout is None:
            return self._stuck(wait)
        self._stuck_since = None
        self._now += timeout if timeout < A_WHILE else max(timeout, self.grain)
        return []

    def _look(self, watch: Watch) -> bool:
        condition, future = watch
        if future.done():
            return False
        try:
            if found := condition():
                future.set_result(found)
        except Exception as error:  # noqa: BLE001  raised where it is awaited
            future.set_exception(error)
        return future.done()

    def _stuck(self, wait: Callable[[float], list[Any]]) -> list[Any]:
        self._stuck_since = self._stuck_since or time.monotonic()
        if time.monotonic() - self._stuck_since > STUCK_SECONDS:
            raise RuntimeError("everybody waits, and no timer is set")
        return wait(A_MOMENT)

    def _bytes_are_under_way(self) -> bool:
        """What was sent and has not arrived: over the loopback that is rare, and short."""
        if sys.platform != "linux":
            return False
        return any(_unsent(fd) for fd in list(self._selector.get_map()))  # type: ignore[attr-defined]


def _unsent(fd: int) -> int:
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return 0


class _Idle(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # one of several, by platform
    """Asks before it waits."""

    def __init__(self, idle: Callable[[Callable[[float], list[Any]], float | None], list[Any]]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return list(ready)
        return self._idle(super().select, timeout)


class VirtualClock:
    """The `Clock` port. It can be set ahead of the true time, and back."""

    def __init__(self, loop: VirtualLoop, start: datetime = DEFAULT_START) -> None:
        self._loop = loop
        self._start = start - timedelta(seconds=loop.time())
        self._ahead = 0.0
        self._set = (loop.time(), 0.0)
        """When it was last set, and how far ahead it was before."""

    @property
    def ahead(self) -> float:
        """How far it is ahead of the true time now."""
        return self._ahead

    @ahead.setter
    def ahead(self, seconds: float) -> None:
        self._set = (self._loop.time(), self._ahead)
        self._ahead = seconds

    def at_the_earliest(self) -> datetime:
        """What it shows, or showed within this very moment: it may just have been set."""
        set_at, before = self._set
        ahead = min(self._ahead, before) if set_at == self._loop.time() else self._ahead
        return self._start + timedelta(seconds=self._loop.time() + ahead)

    def now(self) -> datetime:
        """The present moment, as this clock has it."""
        return self._start + timedelta(seconds=self._loop.time() + self.ahead)

    async def sleep(self, seconds: float) -> None:
        """So long, however the clock is set meanwhile."""
        await asyncio.sleep(max(0.0, seconds))


async def until(condition: Callable[[], T | None], *, within: float) -> T | None:
    """What comes of the condition once it is truthy, looked at whenever nothing stirs; None: it did not."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        return await _really_until(condition, within)
    future: asyncio.Future[T] = loop.create_future()
    watch = (condition, future)
    loop.watches.append(watch)
    try:
        async with asyncio.timeout(within):
            return await future
    except TimeoutError:
        return None
    finally:
        loop.watches.remove(watch)


async def _really_until(condition: Callable[[], T | None], within: float) -> T | None:
    """In real time: other processes set no event here."""
    end = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < end:  # noqa: ASYNC110  as said
        await asyncio.sleep(LOOK_SECONDS)
    return found


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run it to its end; whatever is left running then is cancelled."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)


def task_in(context: Context, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """A task that has that context, and hands it on to all that it starts."""
    return asyncio.get_running_loop().create_task(work, name=name, context=context)
