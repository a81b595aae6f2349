"""The watch, put together: a chapter of `app.build`, which alone calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.config import Config
from bot.monogoto.client import Monogoto
from bot.monogoto.endpoints import ENDPOINTS
from bot.services.ports import Clock
from bot.services.watching import Committed, Part
from bot.slack.dispatch import KINDS
from bot.slack.socket import PING_SECONDS, SocketTransport
from bot.storage.counts import counts
from bot.storage.engine import Engine
from bot.storage.trial import AUDIT, DATABASE, try_writing
from bot.watch.ears import Ears
from bot.watch.moves import log_moves
from bot.watch.readiness import SLACK, VENDOR, Readiness

if TYPE_CHECKING:
    from bot.watch.watch import Watch

STALE_SECONDS = 2.5 * PING_SECONDS
"""A pong older than this: Slack may not hear us."""


@dataclass(slots=True)
class Subject:
    """What is watched, as far as it is there yet: the parts that listen are built before those they ask."""

    transport: object = None
    vendor: Monogoto | None = None

    def pong_age(self) -> float | None:
        """None over HTTP, and while unconnected."""
        return self.transport.last_pong_age() if isinstance(self.transport, SocketTransport) else None

    def slack(self) -> Part:
        """Whether Slack can reach us, as far as we can know."""
        if not isinstance(self.transport, SocketTransport):
            return Part(SLACK, is_good=True)
        age = self.pong_age()
        if age is None:
            return Part(SLACK, is_good=False, says="not connected")
        fresh = age <= STALE_SECONDS
        return Part(SLACK, fresh, "" if fresh else f"no pong for {age:.0f} s")

    def log_in(self) -> Part:
        """As last known."""
        if self.vendor is None:
            return Part(VENDOR, is_good=False, says="not there yet")
        known = self.vendor.log_in_standing
        return Part(VENDOR, known.is_good is True, known.says)

    async def try_log_in(self) -> None:
        """One reading."""
        if self.vendor is not None:
            await self.vendor.try_log_in()


def watch_parts(config: Config, engine: Engine, clock: Clock, subject: Subject) -> tuple[Ears, Watch | None]:
    """What the other parts tell, and who serves it. Without `HEALTH_PORT` nobody does."""
    if config.health_port is None:
        return Ears(committed=log_moves), None
    # Megabytes that only those pay for who measure.
    from bot.watch.live import Live  # noqa: PLC0415
    from bot.watch.metrics import Metrics  # noqa: PLC0415
    from bot.watch.watch import Watch  # noqa: PLC0415

    metrics = Metrics(now=clock.now, kinds=KINDS, endpoints=ENDPOINTS)
    live = Live(subject.pong_age)
    readiness = Readiness(
        try_writing=lambda: try_writing(engine, clock.now()),
        unwritten=(DATABASE, AUDIT),
        slack=subject.slack,
        vendor=subject.log_in,
        ask_vendor=subject.try_log_in,
    )
    watch = Watch(
        host=config.health_host,
        port=config.health_port,
        metrics=metrics,
        live=live,
        readiness=readiness,
        count=partial(counts, engine),
    )
    ears = Ears(
        committed=_both(log_moves, metrics.committed),
        vendor_called=metrics.vendor_called,
        gate_waited=metrics.gate_waited,
        acked=metrics.acked,
        slack_called=metrics.slack_called,
        connected=metrics.connected,
        message_retried=metrics.message_retried,
        looked=live.looked,
    )
    return ears, watch


def _both(
    first: Callable[[Committed], None], second: Callable[[Committed], None]
) -> Callable[[Committed], None]:
    def heard(done: Committed) -> None:
        first(done)
        second(done)

    return heard
