"""A ChangeRequest, its states, and the one table of what may follow what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain.changes import Change
from bot.domain.impact import Impact, Seen


class Status(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    APPLYING = "applying"
    UNCONFIRMED = "unconfirmed"
    """Sent; what came of it is not known yet. The sweep reads until it is."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    OUTDATED = "outdated"
    """Approved, and no longer what was approved: nothing was applied."""


OPEN = frozenset({Status.PENDING, Status.APPROVED, Status.APPLYING, Status.UNCONFIRMED})
"""While a request is in one of these, its Thing takes no other."""


class Event(StrEnum):
    """What can happen to a request."""

    REDRAW = "redraw"
    ENDORSE = "endorse"
    """An approval that counts and is not yet the last one needed."""
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    EXPIRE = "expire"
    APPLY = "apply"
    SUCCEED = "succeed"
    FAIL = "fail"
    OUTDATE = "outdate"
    DOUBT = "doubt"


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.PENDING, Event.REDRAW): Status.PENDING,
    (Status.PENDING, Event.ENDORSE): Status.PENDING,
    (Status.PENDING, Event.APPROVE): Status.APPROVED,
    (Status.PENDING, Event.DENY): Status.DENIED,
    (Status.PENDING, Event.CANCEL): Status.CANCELLED,
    (Status.PENDING, Event.EXPIRE): Status.EXPIRED,
    (Status.APPROVED, Event.APPLY): Status.APPLYING,
    (Status.APPROVED, Event.OUTDATE): Status.OUTDATED,
    (Status.APPLYING, Event.SUCCEED): Status.SUCCEEDED,
    (Status.APPLYING, Event.FAIL): Status.FAILED,
    (Status.APPLYING, Event.OUTDATE): Status.OUTDATED,
    (Status.APPLYING, Event.DOUBT): Status.UNCONFIRMED,
    (Status.UNCONFIRMED, Event.SUCCEED): Status.SUCCEEDED,
    (Status.UNCONFIRMED, Event.FAIL): Status.FAILED,
}


class ItemState(StrEnum):
    """Where one target of a request stands."""

    QUEUED = "queued"
    RUNNING = "running"
    """Claimed; nothing has left."""
    SENT = "sent"
    """Committed before the PUT leaves: after a crash it is in doubt."""
    DONE = "done"
    ALREADY = "already"
    OUTDATED = "outdated"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


ITEM_TRANSITIONS: dict[ItemState, frozenset[ItemState]] = {
    ItemState.QUEUED: frozenset({ItemState.RUNNING, ItemState.OUTDATED}),
    ItemState.RUNNING: frozenset(
        {ItemState.QUEUED, ItemState.SENT, ItemState.ALREADY, ItemState.OUTDATED, ItemState.FAILED}
    ),
    ItemState.SENT: frozenset(
        {
            ItemState.SENT,
            ItemState.DONE,
            ItemState.ALREADY,
            ItemState.OUTDATED,
            ItemState.CONFLICT,
            ItemState.FAILED,
            ItemState.UNCONFIRMED,
        }
    ),
    ItemState.UNCONFIRMED: frozenset(
        {ItemState.UNCONFIRMED, ItemState.DONE, ItemState.CONFLICT, ItemState.FAILED}
    ),
}

OUTCOMES: dict[ItemState, Event] = {
    ItemState.DONE: Event.SUCCEED,
    ItemState.ALREADY: Event.SUCCEED,
    ItemState.OUTDATED: Event.OUTDATE,
    ItemState.CONFLICT: Event.FAIL,
    ItemState.FAILED: Event.FAIL,
    ItemState.UNCONFIRMED: Event.DOUBT,
}
"""Which item state makes which event of the request that it is the only item of."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in Slack, by ids: names can be chosen freely."""

    user_id: str
    team_id: str


THE_BOT = Person("", "")
"""Who acts when nobody does: the sweep, the execution."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody acted: ids of the channel and of the message, "" where there is none."""

    channel: str = ""
    message_ts: str = ""


class Vote(StrEnum):
    """A person's decision."""

    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PersonDecision:
    """Who decided what, when. Approvals of an earlier fingerprint have `counts` False."""

    person: Person
    vote: Vote
    at: datetime
    reason: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """One target of a request, and how far it has come."""

    request_id: str
    state: ItemState
    attempts: int = 0
    """PUTs that may have left."""
    next_at: datetime | None = None
    """Not looked at again before this."""
    sent_before: str = ""
    """The `cas` that the latest PUT carried: evidence only, never sent again."""
    explanation: str = ""
    """What happened, one sentence for people; set with a final state or a doubt."""
    alarm: bool = False
    """More than what was asked for has changed: no good news without it."""


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A Change with requester, reason and status. `rev` moves with every change of the row."""

    id: str
    rev: int
    status: Status
    change: Change
    requester: Person
    asked_in: Origin
    reason: str
    seen: Seen
    impact: Impact
    fingerprint: str
    approvals_needed: int
    created_at: datetime
    expires_at: datetime
    apply_within: timedelta
    approved_at: datetime | None = None
    decisions: tuple[PersonDecision, ...] = ()
    item: Item | None = None
    """None until approved."""

    @property
    def approvals(self) -> tuple[PersonDecision, ...]:
        """The approvals that count for what the card shows now."""
        return tuple(d for d in self.decisions if d.vote is Vote.APPROVED and d.counts)

    @property
    def approvals_left(self) -> int:
        """How many more distinct people have to approve."""
        return max(0, self.approvals_needed - len(self.approvals))

    @property
    def last_decision(self) -> PersonDecision | None:
        """The latest decision that counts, None where nobody decided."""
        counted: Sequence[PersonDecision] = [d for d in self.decisions if d.counts]
        return counted[-1] if counted else None

    @property
    def apply_before(self) -> datetime | None:
        """After this moment nothing is sent any more; None until approved."""
        return self.approved_at + self.apply_within if self.approved_at else None

    def after(self, event: Event, **changes: Any) -> ChangeRequest:
        """This request once `event` has happened; ValueError where the table has no such step."""
        status = TRANSITIONS.get((self.status, event))
        if status is None:
            raise ValueError(f"{event} can't happen to a request that is {self.status}")
        return replace(self, status=status, **changes)
