"""Text as rows of cells: which separator it has, and one row after the other, in little memory."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TextIO

from bot.domain.bulk_cells import is_comment
from bot.domain.bulk_columns import Columns, understand
from bot.domain.errors import NotASheet
from bot.sheets.sheet import is_filled

OpenText = Callable[[], TextIO]
Record = tuple[int, Sequence[str]]
"""A row's number, blank rows counted, and its cells."""

DELIMITERS = (",", ";", "\t")
BLANKS = " "
"""The separator of pasted lines: as many blanks as there are."""
LONGEST_RECORD = 1 << 16
"""Characters: many times a row of a hundred cells. What is longer has a quote that nobody closed."""
_SAMPLE = 20
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_WORD_DIGITS = re.compile(r"\D*(?:\d\D{0,2}){14,}")


def records(open_text: OpenText, *, pasted: bool = False) -> Iterator[Record]:
    """The rows of a text by its own separator. `open_text` opens it anew, from its beginning.

    Raises `NotASheet` while it is read, where it stops being a table.
    """
    delimiter = _named_separator(open_text)
    if delimiter:
        return _records(open_text, delimiter, skip=1)
    candidates = (*DELIMITERS, BLANKS) if pasted else DELIMITERS
    return _records(open_text, max(candidates, key=lambda candidate: _fit(open_text, candidate)))


def _named_separator(open_text: OpenText) -> str:
    """What Excel's own first line says: `sep=;`."""
    with open_text() as text:
        found = _NAMED_SEPARATOR.fullmatch(_Lines(text).next_or_end())
    if found and found[1] not in DELIMITERS:
        raise NotASheet(f'The first line says "sep={found[1]}". Separate the cells by commas, ";" or tabs.')
    return found[1] if found else ""


def _fit(open_text: OpenText, delimiter: str) -> tuple[bool, float, int]:
    """How well a separator fits, the best highest: first, whether it yields columns that are understood."""
    sample: list[Sequence[str]] = []
    with suppress(NotASheet):  # told when it is read; what came before it says enough
        sample.extend(islice(_filled(_records(open_text, delimiter)), _SAMPLE))
    if not sample:
        return False, 0.0, 0
    width = len(sample[0])
    alike = sum(len(cells) == width for cells in sample) / len(sample)
    return isinstance(understand(sample[0]), Columns), alike if width > 1 else 0.0, width


def _filled(rows: Iterator[Record]) -> Iterator[Sequence[str]]:
    return (cells for _, cells in rows if is_filled(cells) and not is_comment(cells))


def _records(open_text: OpenText, delimiter: str, skip: int = 0) -> Iterator[Record]:
    with open_text() as text:
        lines = _Lines(text)
        for _ in range(skip):
            lines.next_or_end()
        rows = _blank_separated(lines) if delimiter == BLANKS else _separated(lines, delimiter)
        yield from enumerate(rows, start=1)


def _separated(lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while (cells := _next_record(reader, lines)) is not None:
        yield cells


def _next_record(reader: Iterator[list[str]], lines: _Lines) -> list[str] | None:
    start = lines.start_row()
    try:
        return next(reader, None)
    except csv.Error as error:
        raise NotASheet(
            f"Line {start}: a quote stands inside a cell, or is never closed. Remove it, or double it."
        ) from error


class _Lines:
    """The lines of a text, none of them endless; knows how many it gave."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.number = 0
        self.left = LONGEST_RECORD
        """Characters that may come before the row has to be complete."""
        self._start = 1

    def __iter__(self) -> _Lines:
        return self

    def start_row(self) -> int:
        """The line in which the next row starts."""
        self.left = LONGEST_RECORD
        self._start = self.number + 1
        return self._start

    def __next__(self) -> str:
        line = self.next_or_end()
        if not line:
            raise StopIteration
        self.left -= len(line)
        return line

    def next_or_end(self) -> str:
        """The next line, "" at the end."""
        line = self._text.readline(self.left + 1)
        self.number += 1
        if len(line) > self.left:
            raise NotASheet(f"Line {self._start} is too long for a row, or has a quote that is never closed.")
        if "\0" in line:
            raise NotASheet(f"Line {self.number} holds what is no text. Save the table as CSV UTF-8 again.")
        return line


def _blank_separated(lines: _Lines) -> Iterator[list[str]]:
    while lines.start_row() and (line := lines.next_or_end()):
        yield _split_at_blanks(line)


def _split_at_blanks(line: str) -> list[str]:
    """`ICCID IMEI` or `ICCID last seen`, as people paste it; numbers in groups need two blanks between."""
    wide = re.split(r"\s{2,}|\t", line.strip())
    if len(wide) > 1:
        return wide
    words = line.split()
    if words and _WORD_DIGITS.match(words[0]):
        return line.strip().split(maxsplit=1)
    return words if not any(c.isdigit() for c in line) else [line.strip()]
