"""A ChangeRequest, its states, and the one table of what may follow what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain.changes import Bulk, Change, SingleChange
from bot.domain.impact import Impact, Seen
from bot.domain.plans import Scope, SeenPlan
from bot.domain.things import Lock


class Status(StrEnum):
    """Where a request stands."""

    PREVIEWING = "previewing"
    """Whom it hurts is being found out; nobody can approve it yet."""
    PENDING = "pending"
    APPROVED = "approved"
    APPLYING = "applying"
    PAUSED = "paused"
    """Of a bulk: nothing new is sent until somebody resumes it, or cancels the rest."""
    UNCONFIRMED = "unconfirmed"
    """Sent; what came of it is not known yet. The sweep reads until it is."""
    SUCCEEDED = "succeeded"
    PARTLY_FAILED = "partly_failed"
    """Of a bulk: ended, and not every row was applied."""
    FAILED = "failed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    OUTDATED = "outdated"
    """No longer what was approved, or of an undo what was written: nothing was applied."""


OPEN = frozenset(
    {
        Status.PREVIEWING,
        Status.PENDING,
        Status.APPROVED,
        Status.APPLYING,
        Status.PAUSED,
        Status.UNCONFIRMED,
    }
)
"""While a request is in one of these, its Thing takes no other."""

UNDECIDED = frozenset({Status.PREVIEWING, Status.PENDING})
"""Nobody has had the last word: it can be denied, cancelled, or expire."""


class Event(StrEnum):
    """What can happen to a request."""

    COUNT = "count"
    """The preview has come further."""
    SHOW = "show"
    """The preview is complete, or given up with "unknown": it waits for approval."""
    COUNT_AGAIN = "count_again"
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
    FAIL_PARTLY = "fail_partly"
    OUTDATE = "outdate"
    DOUBT = "doubt"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    """The rest of a bulk was cancelled before anything had been changed."""


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.PREVIEWING, Event.COUNT): Status.PREVIEWING,
    (Status.PREVIEWING, Event.SHOW): Status.PENDING,
    (Status.PREVIEWING, Event.DENY): Status.DENIED,
    (Status.PREVIEWING, Event.CANCEL): Status.CANCELLED,
    (Status.PREVIEWING, Event.EXPIRE): Status.EXPIRED,
    (Status.PENDING, Event.COUNT_AGAIN): Status.PREVIEWING,
    (Status.PENDING, Event.REDRAW): Status.PENDING,
    (Status.PENDING, Event.ENDORSE): Status.PENDING,
    (Status.PENDING, Event.APPROVE): Status.APPROVED,
    (Status.PENDING, Event.DENY): Status.DENIED,
    (Status.PENDING, Event.CANCEL): Status.CANCELLED,
    (Status.PENDING, Event.EXPIRE): Status.EXPIRED,
    (Status.PENDING, Event.OUTDATE): Status.OUTDATED,
    (Status.APPROVED, Event.APPLY): Status.APPLYING,
    (Status.APPROVED, Event.OUTDATE): Status.OUTDATED,
    (Status.APPLYING, Event.SUCCEED): Status.SUCCEEDED,
    (Status.APPLYING, Event.FAIL): Status.FAILED,
    (Status.APPLYING, Event.OUTDATE): Status.OUTDATED,
    (Status.APPLYING, Event.DOUBT): Status.UNCONFIRMED,
    (Status.APPLYING, Event.FAIL_PARTLY): Status.PARTLY_FAILED,
    (Status.APPLYING, Event.PAUSE): Status.PAUSED,
    (Status.APPLYING, Event.STOP): Status.CANCELLED,
    (Status.PAUSED, Event.RESUME): Status.APPLYING,
    (Status.PAUSED, Event.FAIL_PARTLY): Status.PARTLY_FAILED,
    (Status.PAUSED, Event.FAIL): Status.FAILED,
    (Status.PAUSED, Event.SUCCEED): Status.SUCCEEDED,
    (Status.PAUSED, Event.OUTDATE): Status.OUTDATED,
    (Status.PAUSED, Event.DOUBT): Status.UNCONFIRMED,
    (Status.PAUSED, Event.STOP): Status.CANCELLED,
    (Status.UNCONFIRMED, Event.SUCCEED): Status.SUCCEEDED,
    (Status.UNCONFIRMED, Event.FAIL): Status.FAILED,
    (Status.UNCONFIRMED, Event.FAIL_PARTLY): Status.PARTLY_FAILED,
    (Status.UNCONFIRMED, Event.STOP): Status.CANCELLED,
}


class ItemState(StrEnum):
    """Where one target of a request stands."""

    PLANNED = "planned"
    """A row of a bulk that nobody has approved yet."""
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
    SKIPPED = "skipped"
    """A row of a bulk that was left out of it, or that came after the rest was cancelled."""


ITEM_TRANSITIONS: dict[ItemState, frozenset[ItemState]] = {
    ItemState.PLANNED: frozenset({ItemState.QUEUED, ItemState.SKIPPED}),
    ItemState.QUEUED: frozenset({ItemState.RUNNING, ItemState.OUTDATED, ItemState.SKIPPED}),
    ItemState.RUNNING: frozenset(
        {
            ItemState.QUEUED,
            ItemState.SENT,
            ItemState.ALREADY,
            ItemState.OUTDATED,
            ItemState.FAILED,
            ItemState.SKIPPED,
        }
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
    thread_ts: str = ""
    """The thread in which a request made from a message is answered."""
    link: str = ""
    """Permalink of that message."""

    def thread_in(self, channel: str) -> str:
        """That thread, where it is one of this channel; else ""."""
        return self.thread_ts if channel == self.channel else ""


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
    position: int = 0
    """Of a row of a bulk: where it stands, from 1; 0 for the only item of a request."""
    run: int = 0
    """Of a row of a bulk: the run that took it last, from 1; 0 before."""
    unseen_since: datetime | None = None
    """Of a group's unknown outcome: when the sweep first read it without seeing what was written. None: it
    has not yet."""


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
    """None until approved, and for a bulk: its items are many."""
    undoes: str = ""
    """Id of the request that this one takes back."""
    undone_by: str = ""
    """Id of the request that took this one back: read with it, never written."""
    undone_partly: bool = False
    """Of a bulk: that one ended before it had put back every row that it was to."""
    note: str = ""
    """Why it is paused, how far its preview has come: a sentence for people."""
    next_at: datetime | None = None
    """Not looked at again by the sweep before this; None: as soon as there is work for its status."""

    @property
    def single(self) -> SingleChange:
        """The change of one Thing or group; TypeError for a bulk."""
        if isinstance(self.change, Bulk):
            raise TypeError(f"request {self.id} is a bulk: its rows have the changes")
        return self.change

    @property
    def before(self) -> Lock:
        """The lock fields that it was asked on; TypeError for a bulk."""
        if isinstance(self.seen, SeenPlan):
            raise TypeError(f"request {self.id} is a bulk: its rows have the locks")
        return self.seen.target.lock

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What rules have to allow it."""
        if isinstance(self.seen, SeenPlan):
            return self.seen.plan.scopes
        return ((self.change.kind, self.seen.things_group_id),)

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
