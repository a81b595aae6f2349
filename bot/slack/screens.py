"""What stands on people's screens: the newest content of each open view, as far as this process put it there.

A click and a look-up that ends may change one view at the same time; each has to start from what the other
left. Slack's `hash` alone would drop the later of the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cachetools import TTLCache

from bot.services.ports import Clock

KEPT_SECONDS = 3600.0
OPEN_AT_MOST = 2000


@dataclass(slots=True)
class _Screen:
    newest: Mapping[str, Any]
    older: set[str] = field(default_factory=set)
    """Hashes that `newest` has replaced."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Screens:
    """Forgets after an hour and at a restart: then what a payload brings is the newest there is."""

    def __init__(self, clock: Clock) -> None:
        self._screens: TTLCache[str, _Screen] = TTLCache(
            maxsize=OPEN_AT_MOST, ttl=KEPT_SECONDS, timer=lambda: clock.now().timestamp()
        )

    def note(self, view: Mapping[str, Any]) -> None:
        """Slack has shown this view."""
        screen = self._of(view)
        if screen.newest.get("hash") != view.get("hash"):
            screen.older.add(str(screen.newest.get("hash")))
            screen.newest = view

    def newest(self, view: Mapping[str, Any]) -> Mapping[str, Any]:
        """This view, or what has replaced it meanwhile."""
        screen = self._of(view)
        return screen.newest if view.get("hash") in screen.older else view

    def turn(self, view: Mapping[str, Any]) -> asyncio.Lock:
        """Held while a view is changed: one change at a time."""
        return self._of(view).turn

    def _of(self, view: Mapping[str, Any]) -> _Screen:
        screen: _Screen = self._screens.setdefault(str(view.get("id")), _Screen(view))
        return screen


Edit = Callable[[Mapping[str, Any]], dict[str, Any] | None]
"""From the view as it stands to the view as it is to be; None where nothing is to change."""
