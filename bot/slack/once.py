"""What must not be done twice by two clicks that follow each other closely."""

from __future__ import annotations

from collections.abc import Hashable

from cachetools import TTLCache

from bot.services.ports import Clock

KEPT_SECONDS = 60.0
KEPT_AT_MOST = 2000


class Once:
    """Remembers for a minute, in this process: enough for a double click, and for a click out of doubt."""

    def __init__(self, clock: Clock) -> None:
        self._begun: TTLCache[Hashable, bool] = TTLCache(
            maxsize=KEPT_AT_MOST, ttl=KEPT_SECONDS, timer=lambda: clock.now().timestamp()
        )

    def begin(self, what: Hashable) -> bool:
        """False where it was begun within the last minute."""
        if what in self._begun:
            return False
        self._begun[what] = True
        return True

    def forget(self, what: Hashable) -> None:
        """It came to nothing: it may be begun again at once."""
        self._begun.pop(what, None)
