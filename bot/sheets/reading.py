"""Opens a table: a file as it was uploaded, or pasted lines. One error for whatever is wrong: `NotASheet`."""

from __future__ import annotations

import io

from bot.domain.errors import NotASheet
from bot.sheets.delimited import records
from bot.sheets.kinds import Kind, encoding_of, kind_of
from bot.sheets.sheet import MAX_BYTES, Sheet


def open_sheet(data: bytes) -> Sheet:
    """The rows of a CSV file or an Excel workbook, by its content, whatever its name says.

    Raises `NotASheet` here or while the rows are gone through, and nothing else.
    """
    if kind_of(data) is Kind.WORKBOOK:
        # Costs 15 MB and a moment; most installations never see a workbook.
        from bot.sheets.workbooks import open_workbook  # noqa: PLC0415

        return open_workbook(data)
    encoding = encoding_of(data)
    return Sheet(records(lambda: io.TextIOWrapper(io.BytesIO(data), encoding, newline="")))


def open_pasted(text: str) -> Sheet:
    """The rows of pasted lines: like a CSV file, or an ICCID and an IMEI with blanks between.

    Raises `NotASheet` here or while the rows are gone through, and nothing else.
    """
    if len(text) > MAX_BYTES:
        raise NotASheet(f"That is more than {MAX_BYTES // 1_000_000} MB. Split it.")
    if not text.strip():
        raise NotASheet("Nothing was entered. Write one SIM on each line: its ICCID and the IMEI.")
    return Sheet(records(lambda: io.StringIO(text, newline=""), pasted=True))
