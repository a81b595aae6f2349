"""What must not be done twice: by two clicks right after each other, or by a payload that comes twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cachetools import TTLCache

from bot.services.ports import Clock
from bot.services.replica_ports import Once
from bot.slack.dispatch import Answer, Dispatch, Payload

KEPT_SECONDS = 60.0
KEPT_AT_MOST = 2000


class OnceHere:
    """Implements `Once` for one process, for a minute: for a double click, and for a click out of doubt."""

    def __init__(self, clock: Clock) -> None:
        self._begun: TTLCache[str, bool] = TTLCache(
            maxsize=KEPT_AT_MOST, ttl=KEPT_SECONDS, timer=lambda: clock.now().timestamp()
        )

    async def begin(self, what: str) -> bool:
        """False where it was begun within the last minute."""
        if what in self._begun:
            return False
        self._begun[what] = True
        return True

    async def forget(self, what: str) -> None:
        """It came to nothing: it may be begun again at once."""
        self._begun.pop(what, None)


class DispatchedOnce:
    """Hands each payload on once, whichever replicas it is delivered to; a repeat is acknowledged, no more.

    A form that was sent is left to its own key: it is a row before its ack, and its repeat is told so.
    """

    def __init__(self, dispatch: Dispatch, once: Once) -> None:
        self._dispatch = dispatch
        self._once = once

    async def __call__(self, payload: Payload) -> Answer:
        """What the listeners acknowledged with; nothing for a repeat."""
        name = name_of(payload)
        if name and not await self._once.begin(name):
            return Answer(200)
        return await self._dispatch(payload)


def name_of(payload: Mapping[str, Any]) -> str:
    """What Slack names this very event or action by; "" where a repeat does no harm, or can't be told."""
    if payload.get("type") in {"view_submission", "view_closed", "block_suggestion"}:
        return ""
    if payload.get("type") == "event_callback":
        return _named("event", payload.get("event_id"))
    return _named("action", payload.get("trigger_id"))


def _named(kind: str, name: object) -> str:
    return f"{kind}:{name}"[:255] if isinstance(name, str) and name else ""
