"""Rows of text as they come out of a file, and how much of them is read at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bot.domain.bulk_cells import is_comment
from bot.domain.errors import NotASheet

MAX_BYTES = 10 * 1000 * 1000
"""Of a file as it was uploaded; Slack's own limit for a form."""
MAX_ROWS = 100_000
"""Besides the header; blank lines and remarks don't count."""
LONGEST_CELL = 1_000
"""Characters kept of a cell: more than any number with its label, few enough for 100,000 of them."""

Line = tuple[int, tuple[str, ...]]
"""The line's number, as a spreadsheet program shows it, and its cells as text."""


class Sheet:
    """The filled lines of a file, the header among them: to be gone through once.

    Going through raises `NotASheet` where a file goes wrong, at its end at the latest: what was read before
    that is not to be used. Blank lines are passed over, remarks (`# …`) too, and counted in `remarks`.
    """

    def __init__(self, lines: Iterable[tuple[int, Sequence[str]]], notes: tuple[str, ...] = ()) -> None:
        self._lines = self._filled(lines)
        self.notes = notes
        """What people should know about the reading, one sentence each."""
        self.remarks = 0
        """How many remarks were left out so far."""

    def __iter__(self) -> Iterator[Line]:
        return self._lines

    def _filled(self, lines: Iterable[tuple[int, Sequence[str]]]) -> Iterator[Line]:
        count = 0
        for number, cells in lines:
            if not is_filled(cells):
                continue
            if is_comment(cells):
                self.remarks += 1
                continue
            count += 1
            if count > MAX_ROWS + 1:
                raise NotASheet(f"There are more than {MAX_ROWS:,} rows. Split the file.")
            yield number, tuple(cell[:LONGEST_CELL] for cell in cells)
        if not count:
            raise NotASheet("There are no rows in it. Write one SIM on each line.")


def is_filled(cells: Sequence[str]) -> bool:
    """Whether anything stands in a row."""
    return any(cell and not cell.isspace() for cell in cells)
