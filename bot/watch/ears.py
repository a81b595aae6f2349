"""What the parts of the bot tell of themselves, as callables; these hear nothing, and cost as much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.services.watching import Committed


class OnWait(Protocol):
    """Hears of every turn at the gate."""

    def __call__(self, seconds: float, *, urgent: bool) -> None: ...


def deaf(*_: object, **__: object) -> None:
    """Hears nothing."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Called where things happen, also on the way to an ack: each returns at once and never raises."""

    committed: Callable[[Committed], None] = deaf
    vendor_called: Callable[[str, str, int | None, float], None] = deaf
    """Method, endpoint, status or None, seconds."""
    gate_waited: OnWait = deaf
    acked: Callable[[str, int, float], None] = deaf
    """Kind of payload, status, seconds."""
    slack_called: Callable[[str, str, float], None] = deaf
    """Method, outcome, seconds."""
    connected: Callable[[str], None] = deaf
    message_retried: Callable[[], None] = deaf
    looked: Callable[[], None] = deaf
    """The sweep has looked for what is due."""
