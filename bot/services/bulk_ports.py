"""The seams of bulks: their rows in the store, and the tables that people send. Adapters implement these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.identifiers import Imei
from bot.domain.impact import Impact
from bot.domain.plans import RowCounts, RowVerdict, Scope
from bot.domain.requests import ChangeRequest, ItemState
from bot.domain.rows import BulkRow
from bot.domain.things import ThingLock


class RowsTx(Protocol):
    """What one write transaction does to the rows of bulks. Rows are in the hundreds, statements few."""

    async def add_rows(self, rows: Sequence[BulkRow]) -> None:
        """Insert them; those that are there already stay as they are."""
        ...

    async def put_rows(self, rows: Sequence[BulkRow]) -> None:
        """What planning has found out about rows that nobody has approved: all of their columns."""
        ...

    async def look_at_rows(self, request_id: str, reasons: Mapping[int, str]) -> None:
        """These positions need a look, for these reasons, where they are ready or unchecked."""
        ...

    async def hold_ready_rows(self, request_id: str) -> int:
        """Every ready row's Thing is the request's own from now on, and 0; or none is.

        Where other open requests hold some of them, those rows need a look by now: how many.
        """
        ...

    async def queue_ready_rows(self, request_id: str) -> None:
        """Approved: ready rows are QUEUED, all others SKIPPED."""
        ...

    async def discard_bulk(self, request_id: str) -> None:
        """A bulk that was never read to its end, and shown to nobody, is forgotten with its rows.

        Any other request stays as it is.
        """
        ...


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """The rows of a plan, taken together."""

    rows: RowCounts
    impacts: tuple[tuple[Impact, int], ...] = ()
    """Each impact that ready rows have, and how many have it."""
    scopes: tuple[Scope, ...] = ()
    """What the ready rows need the rules of, each once, in a fixed order."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Rows of one file that ask for the same Thing, or for the same device."""

    what: str
    """ICCID or IMEI."""
    rows: tuple[tuple[int, int], ...]
    """(position, line) of each, two at least."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What our own records know of Things and devices, for many at once."""

    holders: Mapping[str, str] = field(default_factory=dict)
    """Thing or group id → id of the open request that holds it."""
    last_seen: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Device (14 digits) → (Thing id, name) of the Things that the inventory saw in it last."""
    locked: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Device → (Thing id, name) of the Things that our succeeded requests left locked to it."""
    left: Mapping[str, ThingLock] = field(default_factory=dict)
    """Thing id → the lock that the bulk to be undone left on it."""


class BulkRows(Protocol):
    """The rows of bulks, to be read. Raises `StoreUnavailable`."""

    async def rows(
        self,
        request_id: str,
        *,
        after: int = 0,
        limit: int,
        verdict: RowVerdict | None = None,
        states: Sequence[ItemState] = (),
        due: datetime | None = None,
    ) -> tuple[BulkRow, ...]:
        """At most `limit` of them by position, those behind `after`; of one verdict, in some of the states.

        `due`: those that were never tried, then those whose `next_at` has come by then.
        """
        ...

    async def rows_about(self, request_id: str, target_ids: Sequence[str]) -> tuple[BulkRow, ...]:
        """Its rows on these Things."""
        ...

    async def unread_bulks(self) -> tuple[ChangeRequest, ...]:
        """Bulks whose rows are still coming, or never came to their end."""
        ...

    async def row_counts(self, request_id: str) -> RowCounts:
        """How many rows there are, by verdict."""
        ...

    async def next_row_at(self, request_id: str) -> datetime | None:
        """When the first of the unchecked rows is to be tried again; None where one never was tried."""
        ...

    async def totals(self, request_id: str) -> PlanTotals:
        """All that the plan says of its rows together, but for the digest."""
        ...

    async def repeats(self, request_id: str) -> tuple[Repeated, ...]:
        """Among the rows that are ready, or already so: which ask for the same Thing or device."""
        ...

    async def ready_prints(
        self, request_id: str, *, after: int = 0, limit: int
    ) -> tuple[tuple[int, str], ...]:
        """(position, fingerprint) of ready rows, by position."""
        ...

    async def surroundings(
        self, request_id: str, target_ids: Sequence[str], devices: Sequence[Imei]
    ) -> Surroundings:
        """Who else holds these Things and groups, and which Things these devices are known from."""
        ...


class Table(Protocol):
    """The filled lines of a file: to be gone through once. Raises `NotASheet`, at its end at the latest."""

    notes: tuple[str, ...]
    """What people should know about the reading, one sentence each."""
    remarks: int
    """How many remarks were left out so far."""

    def __iter__(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Line number and cells."""
        ...


@dataclass(frozen=True, slots=True)
class Tables:
    """Reads what people send as a table. Takes time: call it in a thread. Both raise `NotASheet`."""

    file: Callable[[bytes], Table]
    """A CSV file or an Excel workbook."""
    pasted: Callable[[str], Table]
