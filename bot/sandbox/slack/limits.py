"""How often a method may be called: Slack's tiers, and one message a second in a channel."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta

from bot.services.ports import Clock

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
# apps.connections.open is tier 1 by name, but Slack tolerates ten connections opened in a row.
CONNECTIONS_A_MINUTE = 20
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)


class RateLimited(Exception):
    """429; `retry_after` in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class Limits:
    """Counts calls by the one clock. `enforced = False` lets everything through."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[str, deque[datetime]] = {}
        self._scripted: dict[str, list[int]] = {}
        self.enforced = True

    def script(self, method: str, retry_after: int, times: int) -> None:
        """The next `times` calls of the method are refused."""
        self._scripted.setdefault(method, []).extend([retry_after] * times)

    def check_method(self, method: str, calls_a_minute: int | None) -> None:
        """Count one call. Raises `RateLimited`; a refused call does not count."""
        scripted = self._scripted.get(method)
        if scripted:
            raise RateLimited(scripted.pop(0))
        if calls_a_minute is not None:
            self._count(method, calls_a_minute, _MINUTE)

    def check_channel(self, channel: str) -> None:
        """Count one message to a channel. Raises `RateLimited`."""
        self._count(f"post:{channel}", 1, _SECOND)

    def _count(self, key: str, most: int, window: timedelta) -> None:
        if not self.enforced:
            return
        now = self._clock.now()
        recent = self._calls.setdefault(key, deque())
        while recent and now - recent[0] >= window:
            recent.popleft()
        if len(recent) >= most:
            wait = (recent[0] + window - now).total_seconds()
            raise RateLimited(max(1, math.ceil(wait)))
        recent.append(now)
