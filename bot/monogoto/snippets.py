"""Pieces of the vendor's answers that may be shown: short, without control characters or long numbers."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 120
_LONG_NUMBER: Final = re.compile(r"\d{14,}")
_NUMBER: Final = re.compile(r"\d{4,}")
"""A PIN has four digits."""


def masked(text: str) -> str:
    """`text` with every run of 14 or more digits cut down to its last four."""
    return _LONG_NUMBER.sub(lambda run: f"…{run[0][-4:]}", text)


def snippet(raw: bytes) -> str:
    """The beginning of an answer, at most 120 characters; still to be escaped before it is shown."""
    text = raw[:4096].decode("utf-8", "replace")
    visible = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    return masked(" ".join(visible.split()))[:LONGEST]


def sparing(raw: bytes) -> str:
    """As `snippet`, but without any number of four digits or more: PINs, PUKs and phone numbers have them."""
    return _NUMBER.sub("…", snippet(raw))


def listed(names: list[str]) -> str:
    """Names as the vendor gave them, safe to show."""
    return ", ".join(sparing(name.encode("utf-8", "replace")) for name in names)
