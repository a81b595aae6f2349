"""Excel workbooks (.xlsx), row by row. openpyxl is known here only.

Chosen over a faster reader because it streams: one that lays a sheet out in memory ends the whole process on
a workbook of 5 kB with a cell in its last corner.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import openpyxl

from bot.domain.errors import NotASheet
from bot.sheets.kinds import SAVE_AS
from bot.sheets.sheet import Sheet, is_filled
from bot.sheets.unpacking import is_too_much

MOST_UNPACKED = 80 * 1000 * 1000
"""Bytes of all parts together; 100,000 rows of three columns have 20 million."""
MOST_OF_A_WHOLE_PART = 4 * 1000 * 1000
"""Bytes of a part that is read whole, as styles are."""
MOST_PARTS = 2_000
LAST_LINE = 1_048_576
MOST_COLUMNS = 100
"""What stands to the right of these isn't looked at."""

_STREAMED = re.compile(
    r"xl/(worksheets/|sharedStrings|calcChain|media/|drawings/|comments|pivotCache/|tables/)"
)
_EXACT_BELOW = 10**15
_TOO_LARGE = (
    "The workbook is too large once unpacked. Copy the columns that matter into a new one, or save it as CSV "
    "UTF-8."
)
_DAMAGED = "The workbook is damaged, or is none. Open it in Excel and save it again, or save it as CSV UTF-8."


def open_workbook(data: bytes) -> Sheet:
    """The rows of the first visible sheet that holds any; says which, where several do."""
    _check_parts(data)
    with _told_plainly():
        warnings.filterwarnings("ignore", module="openpyxl")  # on styles and validations that it leaves out
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        seen = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
        filled = [sheet for sheet in seen if any(is_filled(cells) for _, cells in _rows(sheet))]
    if not filled:
        raise NotASheet("No visible sheet of the workbook holds anything. Write one SIM on each line.")
    return Sheet(_rows(filled[0]), _notes([str(sheet.title) for sheet in filled]))


class _told_plainly:  # noqa: N801  (reads as a word at its place)
    """Over hostile bytes a parser raises anything; people get one sentence."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, NotASheet):
            raise NotASheet(_DAMAGED) from error


def _check_parts(data: bytes) -> None:
    """By what the archive says of its parts: `zipfile` never unpacks more of one than that."""
    if data.count(b"PK\x01\x02") > MOST_PARTS:
        raise NotASheet(f"The workbook has too many parts. {SAVE_AS}")
    with _told_plainly():
        archive = zipfile.ZipFile(io.BytesIO(data))
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names and "[Content_Types].xml" not in names:
        kind = "an OpenDocument or other kind of file" if "mimetype" in names else "an archive (.zip)"
        raise NotASheet(f"This is {kind}, not an Excel workbook. {SAVE_AS}")
    if "xl/workbook.bin" in names:
        raise NotASheet(f"This is a binary workbook (.xlsb). {SAVE_AS}")
    if not any(name.startswith("xl/") for name in names):
        raise NotASheet(f"This is a document of another program, not an Excel workbook. {SAVE_AS}")
    whole = max((part.file_size for part in parts if not _STREAMED.match(part.filename)), default=0)
    if whole > MOST_OF_A_WHOLE_PART or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise NotASheet(_TOO_LARGE)
    with _told_plainly():
        if is_too_much(archive):
            raise NotASheet(_TOO_LARGE)


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows that aren't empty. The size that a workbook declares is often wrong: it is left aside."""
    sheet.reset_dimensions()
    nothing = (None,) * MOST_COLUMNS
    with _told_plainly():
        for number, cells in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True), start=1):
            if number > LAST_LINE:
                raise NotASheet(_DAMAGED)
            if cells != nothing:  # a million blank rows may stand between two
                yield number, tuple("" if value is None else text_of(value) for value in cells)


def text_of(value: object) -> str:
    """A cell as text. A number of more than 15 digits comes as `8.9E+18`: Excel doesn't keep the rest."""
    match value:
        case bool():
            return str(value).upper()
        case int() | float():
            return _number(value)
        case _:
            return str(value)


def _number(value: float) -> str:
    if abs(value) >= _EXACT_BELOW:
        return f"{value:.14E}"
    return str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)


def _notes(filled: list[str]) -> tuple[str, ...]:
    if len(filled) == 1:
        return ()
    others = ", ".join(f'"{name[:40]}"' for name in filled[1:4]) + (" and more" if len(filled) > 4 else "")
    return (f'Only the sheet "{filled[0][:40]}" was read. Also filled: {others}.',)
