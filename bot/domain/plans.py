"""A bulk as its approvers see it: the rows of a file, read, checked and counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.changes import Kind

Scope = tuple[Kind, str | None]
"""What rules speak of: a kind of change, and the Things Group that it touches."""


class RowVerdict(StrEnum):
    """What the plan says of one row."""

    UNCHECKED = "unchecked"
    READY = "ready"
    ALREADY = "already"
    """Monogoto shows it as asked: nothing to do."""
    LOOK = "look"
    """A person has to look: a proposal, a duplicate, something open."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows by verdict; together all rows of the file."""

    unchecked: int = 0
    ready: int = 0
    already: int = 0
    look: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """All rows."""
        return self.unchecked + self.ready + self.already + self.look + self.refused


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of a bulk, taken together."""

    bulk_id: str
    """Stands where a Thing or a group has its id: a bulk as such holds nothing, its rows do."""
    name: str
    rows: RowCounts = RowCounts()
    digest: str = ""
    """SHA-256, in hex, over the ready rows, each with what it was planned on; "" until all are checked."""
    scopes: tuple[Scope, ...] = ()
    """What the ready rows need the rules of, each once."""
    notes: tuple[str, ...] = ()
    """What was passed over when the file was read, one sentence each."""

    @property
    def target_id(self) -> str:
        """As for a Thing: what the request is about."""
        return self.bulk_id

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name


@dataclass(frozen=True, slots=True)
class SeenPlan:
    """A plan, and when its last row was checked. Each row's own live state stands with its item."""

    plan: Plan
    read_at: datetime

    @property
    def target(self) -> Plan:
        """What would be changed."""
        return self.plan

    @property
    def things_group_id(self) -> str | None:
        """None: the rows are of many groups; `Plan.scopes` names them."""
        return None

    @property
    def is_whole(self) -> bool:
        """Whether all was read that a decision rests on."""
        return not self.plan.rows.unchecked
