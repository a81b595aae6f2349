"""How far a bulk has come: its approved rows by state, when it must pause, and the one way it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.requests import Event, Item, ItemState

LEAST_JUDGED = 20
"""Rows that the error budget is a share of at least: of fewer, one failure would be too many."""


@dataclass(frozen=True, slots=True)
class Brakes:
    """What stops a bulk by itself, as the policy says."""

    canary: int = 5
    """Rows that go first, one after the other; any failure among them pauses. 0: none."""
    error_budget: float = 0.05
    """The share of ended rows that may fail before it pauses."""


USUAL_BRAKES = Brakes()


@dataclass(frozen=True, slots=True)
class Tally:
    """The rows that were approved, each counted once, by where they stand."""

    queued: int = 0
    running: int = 0
    sent: int = 0
    done: int = 0
    already: int = 0
    outdated: int = 0
    conflict: int = 0
    failed: int = 0
    unconfirmed: int = 0
    """Sent, and read again and again until it is clear."""
    unknown: int = 0
    """Sent, and no longer read: nobody will know."""
    cancelled: int = 0
    """Left out when the rest was cancelled."""

    @classmethod
    def of(cls, approved: int, states: Mapping[ItemState, int], unknown: int) -> Tally:
        """From the states of all rows. SKIPPED are also those that nobody approved: what is missing of
        the approved ones is what was cancelled."""
        counted = {state.value: states.get(state, 0) for state in _COUNTED}
        counted["unconfirmed"] -= unknown
        return cls(**counted, unknown=unknown, cancelled=max(0, approved - sum(counted.values()) - unknown))

    def moved(self, old: Item, new: Item) -> Tally:
        """Once this row is no longer what it was."""
        was, now = _field(old), _field(new)
        if was == now:
            return self
        return replace(self, **{was: getattr(self, was) - 1, now: getattr(self, now) + 1})

    @property
    def total(self) -> int:
        """All of them."""
        return self.left + self.ended + self.cancelled

    @property
    def unsent(self) -> int:
        """Of which nothing has left."""
        return self.queued + self.running

    @property
    def left(self) -> int:
        """Still to be applied, or under way."""
        return self.unsent + self.sent

    @property
    def well(self) -> int:
        """As asked by now."""
        return self.done + self.already

    @property
    def failures(self) -> int:
        """What the brakes count. The world that moved (`outdated`) counts too: a plan that no longer fits
        in many places is a reason to look."""
        return self.outdated + self.conflict + self.failed + self.unconfirmed + self.unknown

    @property
    def ended(self) -> int:
        """Rows with an outcome, be it a doubt."""
        return self.well + self.failures


_COUNTED = frozenset(ItemState) - {ItemState.PLANNED, ItemState.SKIPPED}


def _field(item: Item) -> str:
    if item.state is ItemState.SKIPPED:
        return "cancelled"
    given_up = item.state is ItemState.UNCONFIRMED and item.next_at is None
    return "unknown" if given_up else item.state.value


@dataclass(frozen=True, slots=True)
class Run:
    """From one start of a bulk to its next pause: the brakes count anew in each."""

    since: datetime
    number: int = 1
    ended: int = 0
    """Of the rows that it took, those that have an outcome by now."""
    failures: int = 0
    """Of them, those that are not as asked."""
    already: int = 0
    """Of them, those that needed no write."""

    @classmethod
    def of(cls, since: datetime, number: int, states: Mapping[ItemState, int]) -> Run:
        """From the states of the rows that it took."""
        tally = Tally.of(0, states, 0)
        return cls(since, number, tally.ended, tally.failures, tally.already)

    @property
    def tried(self) -> int:
        """Rows that say something of the others: one that was as asked before proves nothing."""
        return self.ended - self.already

    def moved(self, old: Item, new: Item) -> Run:
        """Once this row is no longer what it was: rows that an earlier run took don't count in this one."""
        if new.run != self.number:
            return self
        by = Tally().moved(old, new)
        return replace(
            self,
            ended=self.ended + by.ended,
            failures=self.failures + by.failures,
            already=self.already + by.already,
        )


def in_canary(run: Run, brakes: Brakes) -> bool:
    """Whether the rows still go one after the other."""
    return run.tried < brakes.canary


def why_pause(run: Run, brakes: Brakes) -> str | None:
    """Why nothing more may be sent until a person has looked, or None."""
    if run.failures and run.tried <= brakes.canary:
        return (
            f"One of the first {brakes.canary} rows is not as asked: they are sent one by one to find that."
        )
    if run.failures > brakes.error_budget * max(run.ended, LEAST_JUDGED):
        budget = f"{brakes.error_budget * 100:g} %"
        return (
            f"{run.failures} of the last {run.ended} rows are not as asked: more than the {budget} that the "
            "policy allows."
        )
    return None


def end_of(tally: Tally) -> Event | None:
    """What the rows together make of their request; None while one of them is still to be applied."""
    if tally.left:
        return None
    if tally.unconfirmed:
        return Event.DOUBT
    if not tally.failures and not tally.cancelled:
        return Event.SUCCEED if tally.well else Event.STOP
    if tally.done:
        return Event.FAIL_PARTLY
    if tally.cancelled and not tally.conflict and not tally.unknown:
        return Event.STOP
    return Event.OUTDATE if tally.outdated == tally.total else Event.FAIL
