"""The rows of a table as they come out of a file, in pieces, those that repeat one another marked."""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from bot.domain.bulk_repeats import Repeats
from bot.domain.bulk_rows import Row, WantedRow, passed_over, read_rows
from bot.domain.errors import NotASheet
from bot.domain.identifiers import Rejection
from bot.domain.planned import Asked, asked
from bot.domain.plans import RowVerdict
from bot.services.bulk_ports import Table

CHUNK = 400
"""Rows in one transaction, and in memory: others get their turn in between."""

Chunk = tuple[Sequence[Asked], Mapping[int, str]]
"""Rows in their order, and why earlier ones, by position, need a look after all."""


async def read_table(open_table: Callable[[], Table], notes: list[str]) -> AsyncIterator[Chunk]:
    """Read in a thread, piece by piece: nobody else waits for a large file. `notes` are filled at the end."""
    reader = await asyncio.to_thread(_TableReader, open_table)
    while (chunk := await asyncio.to_thread(reader.chunk))[0]:
        yield chunk
    notes += reader.notes()


@dataclass(slots=True)
class _TableReader:
    """The rows of a table, those that repeat an earlier one marked together with it."""

    open_table: Callable[[], Table]
    _table: Table = field(init=False)
    _ignored: tuple[str, ...] = field(init=False, default=())
    _rows: Iterator[Row] = field(init=False)
    _repeats: Repeats = field(init=False, default_factory=Repeats)
    _lines: array[int] = field(init=False, default_factory=lambda: array("I"))
    """The line of each row read so far: they grow, so that a line leads back to its position."""

    def __post_init__(self) -> None:
        self._table = self.open_table()
        read = read_rows(self._table)
        if isinstance(read, Rejection):
            raise NotASheet(read.why)
        columns, self._rows = read
        self._ignored = columns.ignored

    def chunk(self) -> Chunk:
        """The next rows; none at the end."""
        looks: dict[int, str] = {}
        rows = [self._asked(row, looks) for row in islice(self._rows, CHUNK)]
        return rows, looks

    def notes(self) -> list[str]:
        """What was passed over, one sentence each; whole once all rows were read."""
        return [*self._table.notes, *passed_over(self._ignored, self._table.remarks)]

    def _asked(self, row: Row, looks: dict[int, str]) -> Asked:
        self._lines.append(row.line)
        found = self._repeats.of(row) if isinstance(row, WantedRow) else ()
        for repeat in found:
            position = bisect_left(self._lines, repeat.first) + 1
            looks.setdefault(position, f"{repeat.what}: line {row.line} has the same. Correct one of them.")
        if not found:
            return asked(row)
        why = " ".join(repeat.reason for repeat in found)
        return replace(asked(row), verdict=RowVerdict.LOOK, why=why)
