"""What stands in a cell, apart from what spreadsheets have done to it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bot.domain.identifiers import Iccid

LONGEST_SHOWN = 60
_FORMULA_TEXT = re.compile(r'=\s*"([^"]*)"')
_AROUND = " \t\r\n'\u200b\ufeff"
_THOUSANDS = re.compile(r"\d{1,3}(?:([,.'’])\d{3})(?:\1\d{3})+")
_DECIMAL = re.compile(r"(\d{12,})[.,]\d{1,2}")
EXACT_DIGITS = 15
"""So many digits of a number does a spreadsheet keep."""


def is_comment(cells: Sequence[str]) -> bool:
    """Whether a row is a remark: its first filled cell is `#`, or starts with `#` and a blank.

    Without the blank it is a row like any other: a spreadsheet's `#N/A` must not vanish silently.
    """
    first = next((cell.strip() for cell in cells if cell.strip()), "")
    return first == "#" or (first[:1] == "#" and first[1:2].isspace())


def plain_cell(text: str) -> str:
    """Without what spreadsheets put around a number: `="…"`, a leading apostrophe, thousands separators.

    Decimals stay, and are spelled `.0`: the parsers refuse that, where `,5` could pass for one more group.
    """
    if text.isascii() and text.isdigit():
        return text
    plain = unicodedata.normalize("NFKC", text).strip(_AROUND)
    formula = _FORMULA_TEXT.fullmatch(plain)
    plain = (formula[1] if formula else plain).strip(_AROUND + '"')
    grouped = _THOUSANDS.fullmatch(plain)
    plain = plain.replace(grouped[1], "") if grouped else plain
    decimal = _DECIMAL.fullmatch(plain)
    return f"{decimal[1]}.0" if decimal else plain


def was_rounded(text: str, iccid: Iccid) -> bool:
    """Whether an ICCID looks like a number of which a spreadsheet kept 15 digits and put zeros behind.

    Written in groups it never was a number, so those few SIMs that really end like this can be said.
    """
    end = iccid.digits[EXACT_DIGITS:]
    return end.strip("0") == "" and iccid.digits in text


def letters(text: str) -> str:
    """Letters and digits alone, in lower case: `Last-Seen` is `lastseen`."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in plain if c.isalnum())


def shown(text: str) -> str:
    """What was typed, on one line and cut."""
    if len(text) <= LONGEST_SHOWN and text.isprintable():
        return text.strip()
    plain = " ".join("".join(c if c.isprintable() else " " for c in text[: LONGEST_SHOWN + 1]).split())
    return plain[: LONGEST_SHOWN - 1] + "…" if len(text) > LONGEST_SHOWN else plain
