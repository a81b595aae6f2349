"""Time that runs faster while nobody waits: a day in minutes, and Slack's three seconds stay three."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from bot.sandbox.clock import ManualClock

TICK_SECONDS: Final = 0.01
"""Of real time: the grain of everything that sleeps by this clock."""
CALM_SECONDS: Final = 0.5
"""Of real time without a call under way, before it speeds up: between two calls somebody may be thinking."""


class FastClock(ManualClock):
    """Runs as real time does while `is_busy` or `is_held`, else `times` as fast. Moves only while `run` runs.

    Somebody may be thinking after what made it busy; what held it is over when it is over.
    """

    def __init__(self, start: datetime, times: float) -> None:
        super().__init__(start)
        self._times = times
        self._calm_for = 0.0
        self.is_busy: Callable[[], bool] = lambda: False
        self.is_held: Callable[[], bool] = lambda: False

    async def run(self) -> None:
        """Keep the time until cancelled."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = loop.time()
            self.tick(now - before)
            before = now

    def tick(self, real_seconds: float) -> None:
        """So much real time has gone by. A long gap (the loop was held up) counts as real time only."""
        self._calm_for = 0.0 if self.is_busy() else self._calm_for + min(real_seconds, TICK_SECONDS * 2)
        is_calm = self._calm_for >= CALM_SECONDS and not self.is_held()
        hurries = is_calm and real_seconds < TICK_SECONDS * 10
        self.advance(real_seconds * (self._times if hurries else 1.0))
