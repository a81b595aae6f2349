"""The seams of applying bulks: their rows, moved and read. Beside `ports.py`, which is long already."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from bot.domain.requests import ChangeRequest, Item, ItemState
from bot.domain.rows import BulkRow
from bot.domain.tallies import Run, Tally


class RowSteps(Protocol):
    """The part of a write transaction (`Tx`) that moves the rows of an approved bulk."""

    async def take_rows(self, bulk: ChangeRequest, limit: int, now: datetime) -> tuple[BulkRow, ...]:
        """QUEUED rows that are due → RUNNING in the present run, never tried ones first; none unless the bulk
        is APPLYING, and was not steered since it was read."""
        ...

    async def move_rows(
        self, bulk_id: str, states: Iterable[ItemState], to: ItemState, explanation: str = ""
    ) -> int:
        """All rows in one of the states, at once; how many. What ends for good lets go of its Thing."""
        ...

    def move_row(self, old: Item, new: Item, lets_go: str = "") -> None:
        """As `put_item`, once a transaction and for many rows in one go: written right before the commit,
        which raises `Overtaken` where one has moved. `lets_go`: the Thing that is held no longer."""
        ...

    def demand_applying(self, bulk_id: str) -> None:
        """The commit raises `Overtaken` where that bulk is not APPLYING: it was paused, say."""
        ...

    async def only_read_on(self, bulk_id: str, now: datetime) -> None:
        """SENT rows that wait for another try → UNCONFIRMED, due at once."""
        ...

    async def begin_run(self, bulk_id: str, run: Run) -> None:
        """From here on the brakes count anew."""
        ...


class BulkWork(Protocol):
    """The rows of an approved bulk, read. Raises `StoreUnavailable`."""

    async def tally(self, bulk: ChangeRequest) -> tuple[Tally, Run]:
        """Its rows counted by state, and the run that they are in (of one not begun: since its approval)."""
        ...

    async def rows_in_doubt(self, bulk_id: str, now: datetime, limit: int) -> tuple[BulkRow, ...]:
        """RUNNING, SENT or UNCONFIRMED, and due: what an earlier slice or process left behind."""
        ...

    async def next_row_at(self, bulk_id: str, states: Iterable[ItemState] = ()) -> datetime | None:
        """When the first of its unfinished rows is due, or of those in these states; None where one is due at
        once, or none is left."""
        ...

    async def open_undo(self, bulk_id: str) -> str:
        """The id of a request that undoes this bulk and was sent on, but has not ended; "" where none is."""
        ...

    async def rows_after(
        self, bulk_id: str, position: int, limit: int, states: Iterable[ItemState] = ()
    ) -> tuple[BulkRow, ...]:
        """Rows after that position, in the order of the file; of these states, else of any."""
        ...
