"""What the words around a number say of it: labels of ours, labels of other things, columns of a table."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum


class NumberKind(StrEnum):
    """What a number can be."""

    ICCID = "iccid"
    IMEI = "imei"
    TAC = "tac"


@dataclass(frozen=True, slots=True)
class Label:
    """What stands before a number; `kind` None: it is a number of something else."""

    kind: NumberKind | None
    maybe_iccid: bool = False
    """Whether what is called so can still be an ICCID, which nothing else looks like; an IMEI can't."""


SERIAL = Label(None, maybe_iccid=True)
"""A serial number: SIMs have one as well."""


_OURS = {
    NumberKind.ICCID: r"icc[ -]?ids?|icc|sim(?:[ -]?(?:cards?|karte))?(?:[ -]?serial)?(?:[ -]?id)?",
    NumberKind.IMEI: r"imei[ -]?svs?|imeis?|#06#",
    NumberKind.TAC: r"tacs?|type[ ]allocation[ ]codes?|imei[ -]?(?:prefix|range)",
}
_OTHERS = (
    r"imsi|msisdn|meid|eid|phones?|tel|telephone|telefon|mobile|mobil|handy|fax|tickets?|cases?|orders?"
    r"|invoices?|rechnung|ref|reference|incident|inc|account|konto|iban|customer|kunde|timestamp|time|date|datum"
    r"|pin2?|puk2?|ip|tracking|card[ ]number|kartennummer|uuid|build|version"
    r"|contracts?|vertrag|dhl|fedex|parcel|shipment|rma|(?-i:S[OR]|PO)"
)
_SERIALS = r"serials?(?:[ ]?(?:number|nummer|no|nr))?|s/n|sn|seriennummer"
_ANY = "|".join((*_OURS.values(), _OTHERS, _SERIALS))
_PAIRED = re.compile(
    rf"(?<![A-Za-z/])(?P<labels>(?:{_ANY})(?:[ ]?/[ ]?(?:{_ANY})){{1,3}})[ ]?[:=]?[ ]?"
    r"(?P<numbers>[^\W_][\w -]{0,30}(?:/[ ]?[^\W_][\w -]{0,30}){1,3})",
    re.IGNORECASE,
)
"""Labels joined by slashes, and as many numbers: four at most, lest a wall of them takes long."""
_LABEL = re.compile(
    "|".join(f"(?P<{kind}>(?<![A-Za-z])(?:{words})(?![A-Za-z]))" for kind, words in _OURS.items())
    + rf"|(?P<other>(?<![A-Za-z])(?:{_OTHERS})(?![A-Za-z]))"
    + rf"|(?P<serial>(?<![A-Za-z])(?:{_SERIALS})(?![A-Za-z]))",
    re.IGNORECASE,
)
_GLUE = re.compile(
    r"(?:\s+|[:=#\"'“”„‘’|>.,()\[\]{}→-]|\b(?:is|ist|was|no|nr|number|num|nummer|id)\b){0,24}", re.IGNORECASE
)
_LIST_GLUE = re.compile(r"[\s,;&|+]{0,8}(?:\b(?:and|und|or|oder)\b)?[\s\"']{0,4}")
_SLOT = re.compile(r"(?<![A-Za-z])(IMEIs?)[ ]?[12](?!\d)", re.IGNORECASE)
_ANOTHER_NAME = re.compile(r"(?:[+#]|[A-Za-z]|[A-Za-z]-)$")
_GOES_ON = re.compile(r"(?!F{1,2}(?![0-9A-Z]))[A-Z]", re.IGNORECASE)
_DATE = re.compile(
    r"(?<![\d])(?<!\d[./-])(?:(?:19|20)\d\d([./-])[01]?\d\1[0-3]?\d|[0-3]?\d([./-])[01]?\d\2(?:19|20)\d\d)"
    r"(?![./-]?\d)"
)
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5}|/\d{1,2}(?!\d))?(?![\d]|\.\d)")
_EPOCH = re.compile(r"(?<![\d.])1\d{9}\.\d{1,6}(?!\d)")
_CELLS = re.compile(r"\s*[|;\t,]\s*|[ ]{2,}")
_HEADER_CELL = re.compile(
    "(?:"
    + "|".join(f"(?P<{kind}>{words})" for kind, words in _OURS.items())
    + rf"|(?P<other>{_OTHERS})|(?P<serial>{_SERIALS}))(?:[ ]?(?:numbers?|nummer|nr|no|id)\.?)?",
    re.IGNORECASE,
)
LONGEST_ADDRESS = 300
"""Characters of a web address that are looked at."""
HEADERS_AT_MOST = 20
"""Cells of a table's header that are looked at."""


@dataclass(frozen=True, slots=True)
class _Said:
    """The labels of a text, by where what they speak of may begin."""

    ends: tuple[int, ...]
    labels: tuple[Label, ...]
    text: str

    def before(self, start: int) -> Label | None:
        """The label of a number that begins here: the nearest one, with only glue between."""
        at = bisect_right(self.ends, start) - 1
        if at < 0:
            return None
        reach = _GLUE.match(self.text, self.ends[at], start)
        return self.labels[at] if reach and reach.end() == start else None


def labels_in(text: str) -> _Said:
    """All labels in a text."""
    ends: list[int] = []
    found: list[Label] = []
    for match in _LABEL.finditer(text):
        ends.append(match.end())
        found.append(_label(match.lastgroup or "other"))
    return _Said(tuple(ends), tuple(found), text)


def _label(group: str) -> Label:
    return SERIAL if group == "serial" else Label(None if group == "other" else NumberKind(group))


def is_list_glue(between: str) -> bool:
    """Whether a list goes on: one label speaks for all of it."""
    return _LIST_GLUE.fullmatch(between) is not None


def begins_elsewhere(text: str, start: int) -> bool:
    """Whether letters or a plus stand right before the digits: part of a name, or a telephone number."""
    return _ANOTHER_NAME.search(text, max(0, start - 2), start) is not None


def is_in_address(text: str, start: int) -> bool:
    """Whether the digits are part of a web address: of a ticket's, as a rule."""
    words = text[max(0, start - LONGEST_ADDRESS) : start].split()
    return start > 0 and not text[start - 1].isspace() and bool(words) and "://" in words[-1]


def goes_on(text: str, end: int) -> bool:
    """Whether letters stand right behind the digits, other than an ICCID's padding."""
    return _GOES_ON.match(text, end) is not None


def is_a_time(digits: str) -> bool:
    """Fourteen digits that are a date and a time of day, either way round."""
    date, hour, minute, second = digits[:8], int(digits[8:10]), int(digits[10:12]), int(digits[12:14])
    return (
        hour < 24
        and minute < 60
        and second < 60
        and (_is_a_day(date) or _is_a_day(date[4:] + date[2:4] + date[:2]))
    )


def _is_a_day(date: str) -> bool:
    year, month, day = int(date[:4]), int(date[4:6]), int(date[6:8])
    return 1990 <= year < 2100 and 1 <= month <= 12 and 1 <= day <= 31


def without_lookalikes(text: str) -> str:
    """Dates, times, addresses and a slot's 1 or 2 give way: their digits could join those of a number."""
    text = _SLOT.sub(r"\1:", text)
    for pattern in (_EPOCH, _ADDRESS, _DATE):
        text = pattern.sub(" | ", text)
    return text


def with_paired_labels(text: str) -> str:
    """“IMEI/IMSI: a / b” as “IMEI: a | IMSI: b”, where there are as many numbers as labels."""
    return _PAIRED.sub(_each_its_own, text)


def _each_its_own(match: re.Match[str]) -> str:
    names, numbers = match["labels"].split("/"), match["numbers"].split("/")
    if len(names) != len(numbers):
        return match[0]
    return " | ".join(f"{name}: {number}" for name, number in zip(names, numbers, strict=True))


def with_table_labels(text: str) -> str:
    """Under a header of labels each cell gets its own label, so that a table reads like a ticket."""
    lines, columns = list[str](), list[str]()
    for line in text.split("\n"):
        cells = _CELLS.split(line.strip(" |"))
        header = _header(line, cells)
        if header:
            columns = header
        elif columns and len(cells) == len(columns) and not _LABEL.search(line):
            labelled = zip(columns, cells, strict=True)
            lines.append(" | ".join(f"{column}: {cell}" if column else cell for column, cell in labelled))
            continue
        elif any(c.isalnum() for c in line):
            columns = []
        lines.append(line)
    return "\n".join(lines)


def _header(line: str, cells: list[str]) -> list[str]:
    """The label of each column, "" where it says nothing of numbers; [] where the line is no header."""
    if not 2 <= len(cells) <= HEADERS_AT_MOST or any(c.isdigit() for c in line):
        return []
    matches = [_HEADER_CELL.fullmatch(cell.strip(" :")) for cell in cells]
    columns = ["" if match is None else _column(match) for match in matches]
    needed = 1 if any(c in line for c in "|;\t") else 2
    return columns if sum(map(bool, columns)) >= needed else []


def _column(match: re.Match[str]) -> str:
    """A word that `labels_in` knows for what the header says."""
    return "reference" if match.lastgroup == "other" else str(match.lastgroup)
