"""Does the event loop keep up? Whatever holds it holds every ack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

BEAT_SECONDS = 0.5


class Pulse:
    """Sleeps half a second, again and again, and tells how much later it woke."""

    def __init__(self, on_beat: Callable[[float], None]) -> None:
        self._on_beat = on_beat
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on."""
        self._task = asyncio.create_task(self._run(), name="pulse")

    async def stop(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            asleep = loop.time()
            await asyncio.sleep(BEAT_SECONDS)
            self._on_beat(max(0.0, loop.time() - asleep - BEAT_SECONDS))
