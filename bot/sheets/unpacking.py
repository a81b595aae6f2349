"""What a workbook would become in memory, counted in its parts before any of them is parsed.

The parser frees a row once it is read, and nothing else: an archive of 70 kB may hold one row of sixteen
million cells. By its name alone no part is believed to be what it is called: any may be named as a sheet.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

MOST_AT_ONCE = 200_000
"""Elements of one row, or of a part without rows: a sheet has 16,384 columns, and styles are fewer."""
MOST_LINES = 1_048_576
"""Of a sheet, blank ones too."""
MOST_OF_TEXTS = 4_000_000
"""Elements of the table of texts: ten texts of their own in each of 100,000 rows."""

_PIECE = 1 << 16
_CARRIED = 500
"""Bytes: no end of a row is longer."""
_ROW_ENDS = re.compile(rb"</(?:\w+:)?row\s*>|<(?:\w+:)?row(?:\s[^<>]*)?/>")
_OF_A_SHEET = re.compile(rb"<(?:\w+:)?(?:c|row|sheetData)[\s/>]")
_TEXTS = re.compile(r"xl/sharedStrings\w*\.xml", re.IGNORECASE)


def is_too_much(archive: zipfile.ZipFile) -> bool:
    """Whether a part holds more than any that a person would send.

    Raises what `zipfile` raises, where the archive is damaged.
    """
    return any(_is_too_much(archive, part) for part in archive.infolist())


def _is_too_much(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    if _TEXTS.fullmatch(part.filename) and not any(map(_OF_A_SHEET.search, _pieces(archive, part))):
        return sum(piece.count(b"<") for piece in _pieces(archive, part)) > MOST_OF_TEXTS
    return _has_too_long_rows(_pieces(archive, part))


def _has_too_long_rows(pieces: Iterator[bytes]) -> bool:
    """Only in XML. Behind a comment, or the like, an end of a row may be none, and is not taken for one."""
    lines, of_row, carried, trusted = 0, 0, b"", True
    for number, piece in enumerate(pieces):
        if number == 0 and b"<" not in piece[:8]:
            return False
        text = carried + piece
        trusted = trusted and b"<!" not in text
        *rows, rest = _ROW_ENDS.split(text) if trusted else [text]
        for row in rows:
            if of_row + row.count(b"<") > MOST_AT_ONCE:
                return True
            of_row = 0
        lines += len(rows)
        carried = rest[-_CARRIED:] if trusted else b""
        of_row += rest[: len(rest) - len(carried)].count(b"<")
        if lines > MOST_LINES or of_row > MOST_AT_ONCE:
            return True
    return False


def _pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as opened:
        while piece := opened.read(_PIECE):
            yield piece
