"""What became of each row of a bulk, as a table; and which rows can be asked for again, or taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import PurePath

from bot.domain.plans import RowVerdict
from bot.domain.requests import OPEN, ChangeRequest, ItemState
from bot.domain.rows import BulkRow
from bot.services.applying_ports import BulkWork
from bot.services.documents import Document
from bot.services.outcomes import lock_text
from bot.services.plan_documents import Cells

HEADER = ("line", "ICCID", "IMEI", "before", "outcome", "what happened")
"""An unlock stands in the third, as the reader wants it; it passes over the others."""
PAGE = 500
"""Rows in memory at a time."""
FAILED = (ItemState.FAILED, ItemState.OUTDATED, ItemState.CONFLICT)
"""Rows that may be asked for again: what came of them is known, and it is not what was asked."""
OUTCOME = {
    ItemState.QUEUED: "to come",
    ItemState.RUNNING: "to come",
    ItemState.SENT: "under way",
    ItemState.DONE: "done",
    ItemState.ALREADY: "already so",
    ItemState.OUTDATED: "outdated",
    ItemState.CONFLICT: "changed elsewhere",
    ItemState.FAILED: "failed",
    ItemState.UNCONFIRMED: "not known",
    ItemState.SKIPPED: "left out",
}


class BulkResults:
    """Reads the rows page by page: of a hundred thousand never more than one page is in memory."""

    def __init__(self, work: BulkWork, cells: Cells) -> None:
        self._work = work
        self._cells = cells

    async def document(self, request: ChangeRequest) -> Document:
        """One line a row, in the order of the file, as the rows stand when it is made."""
        name = PurePath(request.seen.target.title).stem or "bulk"
        what = "so-far" if request.status in OPEN else "results"
        file = f"{name}-{what}-{request.id}.csv"
        return Document(file, f"Results of {name}", HEADER, self._lines(request.id))

    async def changed(self, bulk_id: str) -> AsyncIterator[BulkRow]:
        """The rows that changed their SIM, each with the lock that stood there before: what an undo is about.

        `row.seen.thing.lock` is that lock: the write left only while it was still as seen.
        """
        async for row in self._rows(bulk_id, (ItemState.DONE,)):
            yield row

    async def failed(self, bulk_id: str) -> AsyncIterator[BulkRow]:
        """The rows that can be asked for again as they were: neither applied nor in doubt."""
        async for row in self._rows(bulk_id, FAILED):
            yield row

    async def _lines(self, bulk_id: str) -> AsyncIterator[Sequence[str]]:
        async for row in self._rows(bulk_id):
            yield line_of(row, self._cells)

    async def _rows(self, bulk_id: str, states: Sequence[ItemState] = ()) -> AsyncIterator[BulkRow]:
        after = 0
        while page := await self._work.rows_after(bulk_id, after, PAGE, states):
            for row in page:
                yield row
            after = page[-1].item.position


def line_of(row: BulkRow, cells: Cells) -> tuple[str, ...]:
    """Under `HEADER`: what was asked as our reader takes it back, and what became of it."""
    before = lock_text(row.seen.thing.lock) if row.seen else ""
    left_out = row.item.state is ItemState.SKIPPED and row.verdict is not RowVerdict.READY
    outcome = f"left out: {row.verdict.value}" if left_out else OUTCOME.get(row.item.state, "")
    line, iccid, imei, outcome, why = cells(row, outcome, row.item.explanation)
    return (line, iccid, imei, before, outcome, why)
