"""Tells open pages that something has changed, and nothing else: they then fetch what they show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from aiohttp import web

SLACK = "slack"


class Feed:
    """Server-Sent Events `{"seq": n, "what": "slack"}`; what came in one breath is told once."""

    def __init__(self) -> None:
        self._seq = 0
        self._listeners: set[_Listener] = set()
        self._closed = False

    def announce(self, what: str = SLACK) -> None:
        """Something of this kind has changed. Cheap: say it as often as you like."""
        self._seq += 1
        for listener in self._listeners:
            listener.hear(what)

    async def changes(self) -> AsyncIterator[tuple[int, str]]:
        """Where things stand, then what changes, one pair at a time, until the feed is closed."""
        listener = _Listener()
        self._listeners.add(listener)
        listener.hear(SLACK)
        try:
            while not self._closed:
                for what in await listener.heard():
                    yield self._seq, what
        finally:
            self._listeners.discard(listener)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /control/feed: open until the page or this Slack ends."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for seq, what in self.changes():
            await response.write(_event(seq, what))
        return response

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for listener in self._listeners:
            listener.hear()


class _Listener:
    """What one page has not been told yet."""

    def __init__(self) -> None:
        self._kinds: dict[str, None] = {}
        self._woken = asyncio.Event()

    def hear(self, *kinds: str) -> None:
        self._kinds |= dict.fromkeys(kinds)
        self._woken.set()

    async def heard(self) -> list[str]:
        await self._woken.wait()
        self._woken.clear()
        kinds, self._kinds = list(self._kinds), {}
        return kinds


def _event(seq: int, what: str) -> bytes:
    return f"data: {json.dumps({'seq': seq, 'what': what})}\n\n".encode()
