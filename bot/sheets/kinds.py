"""What a file is by its first bytes: a workbook, text in which encoding, or something that can't be read."""

from __future__ import annotations

import codecs
from enum import Enum, auto

from bot.domain.errors import NotASheet
from bot.sheets.sheet import MAX_BYTES

SAVE_AS = 'Save it as "CSV UTF-8" or as an Excel workbook (.xlsx).'
_STEP = 1 << 16
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OTHERS = {b"%PDF": "a PDF", b"\x1f\x8b": "a compressed file", b"{\\rtf": "an RTF document"}
_ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Kind(Enum):
    """What can be read."""

    WORKBOOK = auto()
    TEXT = auto()


def kind_of(data: bytes) -> Kind:
    """Which of the two a file is. Raises `NotASheet` for anything else that shows it by its beginning."""
    if len(data) > MAX_BYTES:
        raise NotASheet(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it.")
    if not data or data.isspace():
        raise NotASheet("The file is empty. Write one SIM on each line.")
    if data.startswith(b"PK\x03\x04"):
        return Kind.WORKBOOK
    if data.startswith(_OLE):
        raise NotASheet(_ole(data))
    for start, name in _OTHERS.items():
        if data.startswith(start):
            raise NotASheet(f"This is {name}, not a table. {SAVE_AS}")
    return Kind.TEXT


def encoding_of(data: bytes) -> str:
    """The encoding of a text: UTF-8, or UTF-16 with its mark. Raises `NotASheet` for what is no text."""
    encoding = next((name for mark, name in _ENCODINGS.items() if data.startswith(mark)), "")
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise NotASheet(f"The file is in UTF-32. {SAVE_AS}")
    if encoding != "utf-16" and b"\0" in data:
        raise NotASheet(f"This is no text, or UTF-16 without its mark. {SAVE_AS}")
    start = data[:2048].decode(encoding or "utf-8", "replace").lstrip("\ufeff \t\r\n").casefold()
    if start.startswith(("<!doctype html", "<html")) or (start[:1] == "<" and "<html" in start):
        raise NotASheet(
            "This is a web page, not a table: perhaps a sign-in page that came instead of the file. Open the "
            "file, check it, and upload it again."
        )
    if start.startswith("<?xml"):
        raise NotASheet(f"This is XML, not a table. {SAVE_AS}")
    encoding = encoding or "utf-8"
    _check_every_byte(data, encoding)
    return encoding


def _check_every_byte(data: bytes, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    for at in range(0, len(data), _STEP):
        try:
            decoder.decode(data[at : at + _STEP], final=at + _STEP >= len(data))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, at + error.start) + 1
            raise NotASheet(
                f"Line {line} has letters in another encoding, as in Excel's plain CSV. {SAVE_AS}"
            ) from error


def _ole(data: bytes) -> str:
    if _ENCRYPTED in data:
        return "The workbook is protected by a password. Save it without one."
    return f"This is a workbook of the old kind (.xls). {SAVE_AS}"
