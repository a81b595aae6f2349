"""Numbers that are looked up when somebody asks: from the database, the socket, the sweep."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.domain.changes import Kind
from bot.domain.requests import Status
from bot.services.watching import Counts, Part

EVERYWHERE = "From the database: the same from every replica, so take max()."


class Live(Collector):
    """Holds what was looked up last; what could not be looked up has no value, rather than an old one."""

    def __init__(
        self, pong_age: Callable[[], float | None], *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._pong_age = pong_age
        self._seconds = seconds
        self._looked_at = seconds()
        self._first_seen: dict[int, float] = {}
        self.counts: Counts | None = None
        self.parts: tuple[Part, ...] = ()

    def looked(self) -> None:
        """The sweep has looked for what is due."""
        self._looked_at = self._seconds()

    def take(self, counts: Counts | None, parts: tuple[Part, ...]) -> None:
        """What was found just now; None where the database can't be read."""
        self.counts, self.parts = counts, parts
        if counts is not None:
            now = self._seconds()
            self._first_seen = {id_: self._first_seen.get(id_, now) for id_ in counts.waiting}

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks."""
        yield from self._of_database()
        ready = _gauge("ready", "1 where that part is good, as /readyz says.", "part")
        for part in self.parts:
            ready.add_metric([part.name], float(part.is_good))
        yield ready
        age = _gauge("socket_pong_age_seconds", "Since Slack last answered a ping; none while unconnected.")
        if (seconds := self._pong_age()) is not None:
            age.add_metric([], seconds)
        yield age
        lag = _gauge("sweep_lag_seconds", "Since the sweep last looked for what is due; usually under 6.")
        lag.add_metric([], self._seconds() - self._looked_at)
        yield lag

    def _of_database(self) -> Iterator[Metric]:
        requests = _gauge("requests", f"Requests by state and kind. {EVERYWHERE}", "status", "kind")
        depth = _gauge("outbox_messages", f"Messages not told to Slack yet. {EVERYWHERE}")
        oldest = _gauge(
            "outbox_oldest_seconds",
            "How long the oldest of them has waited, since this process first saw it.",
        )
        seq = _gauge("audit_head_seq", f"Number of the last audit entry. {EVERYWHERE}")
        share = _gauge("vendor_rate_share", f"Share of MONOGOTO_MAX_RATE that is used now. {EVERYWHERE}")
        if (counts := self.counts) is not None:
            for status, kind in itertools.product(Status, Kind):
                requests.add_metric([status, kind], counts.requests.get((status, kind), 0))
            depth.add_metric([], len(counts.waiting))
            now = self._seconds()
            oldest.add_metric([], now - min(self._first_seen.values(), default=now))
            seq.add_metric([], counts.audit_seq)
            share.add_metric([], counts.rate_share)
        yield from (requests, depth, oldest, seq, share)


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"imei_lock_{name}", says, labels=labels)
