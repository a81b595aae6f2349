"""A row of a bulk: what the file asked for, what the plan says of it, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.changes import ThingChange
from bot.domain.impact import Impact, SeenThing
from bot.domain.plans import RowVerdict
from bot.domain.requests import ChangeRequest, Item, ItemState


@dataclass(frozen=True, slots=True)
class BulkRow:
    """One line of the file. What a refused row could not be read for is None or ""."""

    item: Item
    """Its state; `position` counts the rows from 1, `explanation` says why it was refused or how it ended."""
    line: int
    """As the spreadsheet program shows it."""
    typed: tuple[str, ...]
    """ICCID and IMEI (or the words instead of it), as the file has them."""
    verdict: RowVerdict
    change: ThingChange | None = None
    """What is asked of the Thing; "last seen" is an IMEI by now."""
    seen: SeenThing | None = None
    impact: Impact | None = None
    fingerprint: str = ""
    """As a request about this Thing alone would carry it."""

    def taken_by(self, run: int) -> BulkRow:
        """The same row, claimed in that run of the bulk."""
        return replace(self, item=replace(self.item, state=ItemState.RUNNING, run=run))


def as_request(bulk: ChangeRequest, row: BulkRow) -> ChangeRequest:
    """The bulk as if this row were all of it: what is applied to a Thing is applied in the same way.

    ValueError for a row that is not ready.
    """
    if row.change is None or row.seen is None or row.impact is None:
        raise ValueError(f"row {row.item.position} of {bulk.id} was never planned")
    return replace(
        bulk,
        change=row.change,
        seen=row.seen,
        impact=row.impact,
        fingerprint=row.fingerprint,
        item=row.item,
    )
