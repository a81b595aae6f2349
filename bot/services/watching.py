"""What the bot tells of itself while it runs, to whoever measures it or asks whether it can work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.audit import AuditEntry
from bot.domain.requests import ChangeRequest


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction came to, once it is in the database."""

    moves: tuple[tuple[ChangeRequest | None, ChangeRequest], ...] = ()
    """Requests as they were (None: not there yet) and as they are."""
    entries: tuple[AuditEntry, ...] = ()


OnCommit = Callable[[Committed], None]


@dataclass(frozen=True, slots=True)
class Counts:
    """What the database holds at one moment: the same, whichever replica asks."""

    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By status and kind of change."""
    waiting: tuple[int, ...] = ()
    """Ids of outbox messages that are not told yet, oldest first; not more than `MOST_WAITING`."""
    audit_seq: int = 0
    rate_share: float = 1.0
    """How much of the allowed rate is used towards the vendor: less than 1 after it asked to slow down."""


MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that has to be right before the bot can work."""

    name: str
    is_good: bool
    says: str = ""
    """For the operator; holds no secret and no identifier."""
