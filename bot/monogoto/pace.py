"""A pace of one's own, for a process that shares no database with the bot: `check` and `probe`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from bot.services.ports import Clock

_SLOWEST: Final = 16
"""Times slower than allowed, at most."""
_LONGEST_REST: Final = 60.0
"""Seconds. A person waits at the terminal, and a SIM may have to be put back."""
_WORTH_TELLING: Final = 2.0


class OwnPace:
    """Implements `Gate` in memory: calls lie at least 1 / `max_rate` seconds apart; there is no burst.

    The bot's own gate is a row in its database, which one process at a time may write. `tell`: is called
    with the seconds of a longer rest that the vendor asks for.
    """

    def __init__(
        self, clock: Clock, max_rate: float, *, tell: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._usual = self._apart = timedelta(seconds=1 / max_rate)
        self._next: datetime | None = None
        self._turn = asyncio.Lock()

    async def acquire(self, *, urgent: bool = True) -> None:  # noqa: ARG002  everything here is urgent
        """Wait for a turn."""
        async with self._turn:
            while self._next is not None and (left := (self._next - self._clock.now()).total_seconds()) > 0:
                await self._clock.sleep(left)
            self._next = self._clock.now() + self._apart

    async def slow_down(self, retry_after: float | None) -> None:
        """Half the pace, and a rest for as long as the vendor asks, at most a minute."""
        rest = min(retry_after or 0.0, _LONGEST_REST)
        if rest >= _WORTH_TELLING:
            self._tell(rest)
        self._apart = min(self._apart * 2, self._usual * _SLOWEST)
        self._next = self._clock.now() + max(timedelta(seconds=rest), self._apart)

    async def recovered(self) -> None:
        """The vendor answered well: a little faster again."""
        self._apart = max(self._apart * 3 / 4, self._usual)
