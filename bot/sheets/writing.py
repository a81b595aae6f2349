"""Writes CSV that spreadsheet programs open as it is meant: no formula runs, no number loses digits.

UTF-8 with its mark (Excel takes it for something else without), CRLF, commas.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from bot.domain.identifiers import Iccid, Imei

CHUNK = 1 << 16
"""About as many characters go out at a time."""

_FORMULA = {"=", "+", "-", "@", "\N{MINUS SIGN}"}
_BREAKS = {"\t", "\r", "\n"}
_INNER_FORMULA = re.compile(r"([;\t\r\n][\s\"\u00ad\u200b-\u200f\u2060\ufeff]*)(?=[=+\-@\u2212＝＋－＠])")
_LONG_NUMBER = re.compile(r"\d{12,}")


def write_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """The file in pieces, as `rows` yields them: in memory is never more than a piece."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    yield codecs.BOM_UTF8
    writer.writerow([safe_cell(cell) for cell in header])
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
        if buffer.tell() >= CHUNK:
            yield _taken(buffer)
    yield _taken(buffer)


def safe_cell(text: str) -> str:
    """Text that no spreadsheet program takes for a formula, or for a number that it would round.

    An apostrophe goes in front, as one types it there; our reader takes it off again. A formula behind a
    `;`, a tab or a line end gets one too: another program may separate there, and take a quote off.
    """
    plain = _INNER_FORMULA.sub(r"\1'", text.replace("\0", ""))
    shown = _without_unseen(unicodedata.normalize("NFKC", plain))
    if shown[:1] in _FORMULA or plain[:1] in _BREAKS or _LONG_NUMBER.fullmatch(shown.rstrip()):
        return f"'{plain}"
    return plain


def _without_unseen(text: str) -> str:
    """Without the blanks, controls, marks and quotes in front: programs skip some of them."""
    shown = (at for at, c in enumerate(text) if c != '"' and unicodedata.category(c)[0] not in "CZ")
    return next((text[at:] for at in shown), "")


def iccid_cell(iccid: Iccid) -> str:
    """In fours with hyphens: text in every program. With blanks, some countries' would read a number."""
    digits = iccid.digits
    return "-".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def imei_cell(imei: Imei) -> str:
    """`49-015420-323751-8`: text in every program."""
    return imei.grouped


def _taken(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return data
