"""Several answers of the policy taken together: for a request's scopes, for the kinds of a bulk's rows."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.changes import Kind
from bot.domain.policy import Decision


def kinds(kind: Kind) -> tuple[Kind, ...]:
    """The kinds that rules speak of: of a bulk, those that its rows can have."""
    return (Kind.LOCK_THING, Kind.UNLOCK_THING) if kind is Kind.BULK else (kind,)


def any_of(decisions: Iterable[Decision]) -> Decision:
    """The first yes, else the first refusal."""
    listed = list(decisions)
    return next((decision for decision in listed if decision.allowed), listed[0])


def all_of(decisions: Iterable[Decision]) -> Decision:
    """The first refusal, else a yes; about nothing at all, no."""
    said = Decision(False, "There is nothing in it that a rule could allow.")
    for said in decisions:
        if not said.allowed:
            return said
    return said
