"""Tells open pages that something has changed, and nothing else: they then fetch what they show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from aiohttp import web

SLACK = "slack"


class Feed:
    """Server-Sent Events `{"seq": n, "what": "slack", "round": n}`; what came in one breath is told once.

    A page that hears of another round forgets all that it knew.
    """

    def __init__(self) -> None:
        self._seq = 0
        self._listeners: set[_Listener] = set()
        self._closed = False
        self._round = 0
        self._kinds = [SLACK]

    def begin(self, number: int, *kinds: str) -> None:
        """This is round `number`, and more kinds of change will be told than Slack's own."""
        self._round = number
        self._kinds += kinds

    @property
    def listeners(self) -> int:
        """Streams that are open."""
        return len(self._listeners)

    def announce(self, what: str = SLACK) -> None:
        """Something of this kind has changed. Cheap: say it as often as you like."""
        self._seq += 1
        for listener in self._listeners:
            listener.hear(what)

    async def changes(self) -> AsyncIterator[tuple[int, str]]:
        """Each kind once, as any may have changed since a page was here; then what changes.

        One pair at a time, until the feed is closed.
        """
        listener = _Listener()
        self._listeners.add(listener)
        listener.hear(*self._kinds)
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
            await response.write(_event(seq, what, self._round))
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


def _event(seq: int, what: str, number: int) -> bytes:
    return f"data: {json.dumps({'seq': seq, 'what': what, 'round': number})}\n\n".encode()
