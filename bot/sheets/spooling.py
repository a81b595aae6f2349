"""Writes a table whose rows come one by one from elsewhere: never more than a piece of it in memory."""

from __future__ import annotations

import codecs
import csv
import io
import tempfile
from collections.abc import Sequence
from typing import IO

from bot.services.documents import Document
from bot.sheets.writing import CHUNK, safe_cell

IN_MEMORY = 1_000_000
"""Bytes of a written file before it moves to disk."""


async def spool(document: Document) -> IO[bytes]:
    """`Document` as CSV, in the form of `write_csv`: implements `WriteDocument`."""
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  (the caller's to close)
    try:
        file.write(codecs.BOM_UTF8)
        piece = [document.header]
        size = 0
        async for row in document.rows:
            piece.append(tuple(row))
            size += sum(map(len, row))
            if size >= CHUNK:
                file.write(_lines(piece))
                piece, size = [], 0
        file.write(_lines(piece))
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows([safe_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue().encode("utf-8", "replace")
