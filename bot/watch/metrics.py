"""Everything that is measured, under names that docs/operations.md explains: a test keeps the two alike.

A registry of its own, so that two bots in one process don't mix. Labels come from fixed sets alone: no id
of a SIM, a person or a request ever becomes one. Every method returns at once and never raises: listeners
call them on their way to an ack.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from bot.domain.changes import Kind
from bot.domain.requests import OPEN, ChangeRequest, Status
from bot.services.watching import Committed
from bot.watch.version import VERSION

SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Seconds. Slack waits three."""
CALLS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)
WAITS = (0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
PEOPLE = (30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200)
OUTCOMES = ("ok", "unauthorized", "rate_limited", "refused", "server_error", "no_answer")
"""Of a call to the vendor, by its status."""
ANSWERS = ("ok", "ratelimited", "no_answer", "error")
"""Of a call to Slack."""
REASONS = ("start", "refresh", "closed", "silent")
"""Why a socket was opened: at the start, or how the one before it ended."""
RETRIED = ("item", "message")
_BOTH = ("yes", "no")
_REFUSED, _BUSY, _FAILED = 400, 429, 500


class Metrics:
    """One bot's numbers. `kinds` of payloads, `endpoints` of the vendor: what their adapters can name."""

    def __init__(
        self, *, now: Callable[[], datetime], kinds: tuple[str, ...], endpoints: tuple[str, ...]
    ) -> None:
        self._now = now
        self.registry = CollectorRegistry(auto_describe=False)
        self._endpoints, self._kinds = frozenset(endpoints), frozenset(kinds)
        self._processes()
        self._of_requests()
        self._of_vendor()
        self._of_slack(kinds)
        self.loop_lag = self._histogram("event_loop_lag_seconds", "How late the event loop woke.", SHORT)
        self.log_lines = self._counter("log_lines", "Warnings and errors written to the log.", "level")
        for level in ("warning", "error"):
            self.log_lines.labels(level)

    # --- heard from the parts --------------------------------------------------------------------

    def committed(self, done: Committed) -> None:
        """A transaction of the store."""
        for before, after in done.moves:
            if before is None or before.status is not after.status:
                self._moved(after)
        for entry in done.entries:
            if entry.event.endswith(".delay"):
                self._retries.labels("item").inc()

    def vendor_called(self, method: str, endpoint: str, status: int | None, seconds: float) -> None:
        """One exchange with the vendor; None where no answer came."""
        known = endpoint if endpoint in self._endpoints else "other"
        self._vendor.labels(method, known, outcome_of(status)).observe(seconds)

    def gate_waited(self, seconds: float, *, urgent: bool) -> None:
        """Somebody got a turn at the vendor."""
        self._gate.labels("yes" if urgent else "no").observe(seconds)

    def acked(self, kind: str, status: int, seconds: float) -> None:
        """A payload of Slack's was answered."""
        known = kind if kind in self._kinds else "other"
        self._acks.labels(known, "ok" if status < _REFUSED else "failed").observe(seconds)

    def slack_called(self, method: str, outcome: str, seconds: float) -> None:
        """One call of ours to Slack."""
        self._slack.labels(method, outcome if outcome in ANSWERS else "error").observe(seconds)

    def connected(self, why: str) -> None:
        """A socket said hello."""
        self._sockets.labels(why if why in REASONS else "closed").inc()

    def message_retried(self) -> None:
        """A message to Slack that was tried before is tried again."""
        self._retries.labels("message").inc()

    # --- what there is ---------------------------------------------------------------------------

    def _processes(self) -> None:
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        about = Gauge(
            "imei_lock_build_info",
            "Always 1; which version runs.",
            ["version", "python"],
            registry=self.registry,
        )
        about.labels(VERSION, platform.python_version()).set(1)

    def _of_requests(self) -> None:
        self._moves = self._counter("request_moves", "Requests that came to a state.", "kind", "to")
        for kind in Kind:
            for status in Status:
                self._moves.labels(kind.value, status.value)
        self._approval = self._histogram(
            "approval_seconds", "From the card to the last approval.", PEOPLE, "kind"
        )
        self._applied = self._histogram(
            "applying_seconds", "From the last approval to the end.", WAITS, "kind"
        )
        self._retries = self._counter("retries", "Items put off, and messages to Slack told again.", "what")
        for what in RETRIED:
            self._retries.labels(what)

    def _of_vendor(self) -> None:
        self._vendor = self._histogram(
            "vendor_call_seconds",
            "Exchanges with Monogoto, until the answer begins.",
            CALLS,
            "method",
            "endpoint",
            "outcome",
        )
        self._gate = self._histogram(
            "gate_wait_seconds", "Waiting for a turn at Monogoto's pace.", WAITS, "urgent"
        )
        for urgent in _BOTH:
            self._gate.labels(urgent)

    def _of_slack(self, kinds: tuple[str, ...]) -> None:
        self._acks = self._histogram(
            "ack_seconds", "From a payload of Slack's to the end of its ack.", SHORT, "kind", "outcome"
        )
        for kind in kinds:
            self._acks.labels(kind, "ok")
        self._slack = self._histogram(
            "slack_call_seconds", "Calls to Slack's Web API.", CALLS, "method", "outcome"
        )
        self._sockets = self._counter("socket_connections", "Sockets that said hello.", "why")
        for why in REASONS:
            self._sockets.labels(why)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"imei_lock_{name}_total", says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"imei_lock_{name}", says, labels, buckets=buckets, registry=self.registry)

    def _moved(self, after: ChangeRequest) -> None:
        kind = after.change.kind.value
        self._moves.labels(kind, after.status.value).inc()
        if after.approved_at is None:
            return
        if after.status is Status.APPROVED:
            self._approval.labels(kind).observe(_seconds(after.created_at, after.approved_at))
        elif after.status not in OPEN:
            self._applied.labels(kind).observe(_seconds(after.approved_at, self._now()))


def outcome_of(status: int | None) -> str:
    """One of `OUTCOMES`."""
    if status is None:
        return "no_answer"
    if status < _REFUSED:
        return "ok"
    if status >= _FAILED:
        return "server_error"
    return {401: "unauthorized", _BUSY: "rate_limited"}.get(status, "refused")


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
