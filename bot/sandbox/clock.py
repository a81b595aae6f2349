"""A clock that stands still until it is moved: shared by the bot and both stand-ins in tests."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

LEAST_HOP_SECONDS = 0.01
"""Who asks to sleep for less than time can tell must not hold the clock."""
DEFAULT_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class ManualClock:
    """Time moves only by `advance`; whoever sleeps past the new time wakes, in order."""

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved that far. Zero or less yields once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wake = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (wake, next(self._order), future))
        await future

    def next_wake(self) -> datetime | None:
        """When the earliest sleeper wants to wake, None where nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, seconds: float) -> None:
        """Move time and wake everyone whose hour has come, each seeing at least their own wake time."""
        self._now += timedelta(seconds=seconds)
        while (wake := self.next_wake()) is not None and wake <= self._now:
            future = heapq.heappop(self._sleepers)[2]
            future.set_result(None)

    def until_next_wake(self) -> float:
        """Seconds until the earliest sleeper wants to wake; one, where nobody sleeps."""
        wake = self.next_wake()
        return (wake - self._now).total_seconds() if wake else 1.0

    def hop(self, longest: float) -> bool:
        """Move to the next wake, at most `longest` seconds on; whether anybody woke."""
        wake = self.next_wake()
        self.advance(min(max(self.until_next_wake(), LEAST_HOP_SECONDS), longest))
        return wake is not None and wake <= self._now
