"""The watch as a whole: begun before anything else of the bot, and ended after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.domain.errors import StoreUnavailable
from bot.services.watching import Counts
from bot.watch.live import Live
from bot.watch.metrics import Metrics
from bot.watch.pulse import Pulse
from bot.watch.readiness import Readiness
from bot.watch.server import HealthServer

log = logging.getLogger(__name__)


class Watch:
    """Serves health and metrics from `start` to `stop`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        metrics: Metrics,
        live: Live,
        readiness: Readiness,
        count: Callable[[], Awaitable[Counts]],
    ) -> None:
        self._metrics, self._live, self._readiness, self._count = metrics, live, readiness, count
        metrics.registry.register(live)
        self._pulse = Pulse(metrics.loop_lag.observe)
        self._lines = _Lines(metrics)
        self._server = HealthServer(host=host, port=port, parts=readiness.parts, render=self._render)
        self.port = 0
        """Where it is served. Only while started."""

    async def start(self) -> None:
        """Before the bot starts: not ready is an answer too. Raises `CanNotListen`."""
        self.port = await self._server.start()
        self._pulse.start()
        logging.getLogger().addHandler(self._lines)

    def hinder(self, why: str) -> None:
        """From now on the process takes nothing, and why; "": it does."""
        self._readiness.hindrance = why

    async def stop(self) -> None:
        """After the bot has stopped: until then somebody may want to know why it isn't ready."""
        logging.getLogger().removeHandler(self._lines)
        await self._server.stop()
        await self._readiness.stop()
        await self._pulse.stop()

    async def _render(self) -> tuple[str, bytes]:
        parts = await self._readiness.parts()
        try:
            counts = await self._count()
        except StoreUnavailable as error:
            log.warning("requests and messages could not be counted: %s", error)
            counts = None
        self._live.take(counts, parts)
        return CONTENT_TYPE_LATEST, await asyncio.to_thread(generate_latest, self._metrics.registry)


class _Lines(logging.Handler):
    """Counts warnings and errors of the process."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(logging.WARNING)
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._metrics.log_lines.labels(level).inc()
