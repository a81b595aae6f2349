"""What one row of a bulk asks for: which SIM, which change, or why it can't be read.

A row is cells of text, as a file or a pasted line held them. Nothing is completed or repaired silently:
a number that only resembles one is refused with the proposal, and waits for a person to mend the file.
Which cell is which: `bulk_columns`. What spreadsheets do to one: `bulk_cells`. The same number twice:
`bulk_repeats`. Files: the `sheets` package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.bulk_cells import EXACT_DIGITS, letters, plain_cell, shown, was_rounded
from bot.domain.bulk_columns import Columns, understand
from bot.domain.changes import LockThing, ThingChange, UnlockThing
from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    luhn_digit,
    parse_iccid,
    parse_imei,
)

_MEND = "Format the column as text, and copy the number from its source again."


class Want(StrEnum):
    """What a row asks for, by the name under which it is stored."""

    LOCK = "lock"
    LOCK_LAST_SEEN = "lock_last_seen"
    """To the device that the SIM was last used in: found out and frozen when the bulk is planned."""
    UNLOCK_KEEP = "unlock_keep"
    UNLOCK_CLEAR = "unlock_clear"


WORDS = {
    Want.LOCK: "lock",
    Want.LOCK_LAST_SEEN: "last seen",
    Want.UNLOCK_KEEP: "unlock keep",
    Want.UNLOCK_CLEAR: "unlock clear",
}
"""How each is written in a file; case, blanks, hyphens and underscores don't matter."""

UNDO = "undo"
"""Stands in files of ours where a row put back what was there before: no file can ask for that."""
_NO_UNDO = (
    '"undo" can\'t be asked for in a file. Press Undo on the card of what is to be taken back, '
    'or write the IMEI, "unlock keep" or "unlock clear".'
)
_SPELLINGS = {
    "lock": Want.LOCK,
    **dict.fromkeys(
        ("lastseen", "lastseenimei", "lastseendevice", "locklastseen", "locktolastseen"), Want.LOCK_LAST_SEEN
    ),
    **dict.fromkeys(("unlockkeep", "unlockandkeep", "unlockkeepimei"), Want.UNLOCK_KEEP),
    **dict.fromkeys(("unlockclear", "unlockandclear", "unlockclearimei"), Want.UNLOCK_CLEAR),
}
_UNLOCK_HOW = 'Write "unlock keep" (the stored IMEI stays) or "unlock clear" (it is removed).'
_WHAT_TO_WRITE = 'Write an IMEI, "last seen", "unlock keep" or "unlock clear".'


Typed = tuple[str, str]
"""What stood in the file, cut: the ICCID, and the IMEI or the words instead of it. Stays out of `repr`."""


@dataclass(frozen=True, slots=True)
class WantedRow:
    """A row that can be used. `imei` is there for `Want.LOCK` only; `doubts` are what to look at."""

    line: int
    iccid: Iccid
    want: Want
    imei: Imei | None
    doubts: tuple[str, ...] = ()
    typed: Typed = field(default=("", ""), repr=False, compare=False)

    @property
    def change(self) -> ThingChange | None:
        """What is asked of the Thing; None for `last seen`, as long as nobody knows which device that is."""
        if self.imei is not None:
            return LockThing(self.iccid, self.imei)
        if self.want is Want.LOCK_LAST_SEEN:
            return None
        return UnlockThing(self.iccid, keep=self.want is Want.UNLOCK_KEEP)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that can't be used as it stands, and why; shows only its line in `repr`.

    `proposed` is an IMEI that was likely meant: the row needs a look, and the file to be mended.
    """

    line: int
    reason: str = field(repr=False)
    typed: Typed = field(default=("", ""), repr=False)
    proposed: Imei | None = field(default=None, repr=False)

    @property
    def needs_a_look(self) -> bool:
        """Whether something near to it could be used."""
        return self.proposed is not None


Row = WantedRow | RefusedRow


def read_rows(lines: Iterable[tuple[int, Sequence[str]]]) -> tuple[Columns, Iterator[Row]] | Rejection:
    """A whole file, row by row: its columns by the first line, then each row as it comes.

    `lines` are line numbers and cells, without blank lines and remarks: what a `Sheet` yields. Raises what
    `lines` raises, while the rows are read too.
    """
    following = iter(lines)
    first = next(following, None)
    if first is None:
        return Rejection("There is nothing in it. Write one SIM on each line.")
    columns = understand(first[1])
    if isinstance(columns, Rejection):
        return columns
    return columns, _rows(columns, first, following)


def _rows(
    columns: Columns, first: tuple[int, Sequence[str]], following: Iterator[tuple[int, Sequence[str]]]
) -> Iterator[Row]:
    if not columns.is_headed:
        yield read_row(columns, first[1], first[0])
    for line, cells in following:
        yield read_row(columns, cells, line)


def read_row(columns: Columns, cells: Sequence[str], line: int) -> Row:
    """One row of a file, checked as the form checks what is asked. Never raises."""
    asked = _Cells.of(columns, cells)
    if any(cell.strip() for cell in cells[columns.width :]):
        return asked.refused(
            line,
            f"This row has more than {columns.width} cells: a separator stands inside one. Put it in quotes.",
        )
    iccid = parse_iccid(plain_cell(asked.iccid))
    if isinstance(iccid, Rejection):
        return asked.refused(line, f"ICCID: {iccid.why}")
    if was_rounded(plain_cell(asked.iccid), iccid.value):
        return asked.refused(line, _rounded(iccid.value))
    want = _want(asked)
    if isinstance(want, Rejection):
        return asked.refused(line, want.why)
    if want is not Want.LOCK:
        return WantedRow(line, iccid.value, want, None, iccid.warnings, asked.shown)
    imei = parse_imei(plain_cell(asked.imei))
    if isinstance(imei, Proposal):
        return asked.refused(line, _proposed(imei, asked.imei), imei.value)
    if isinstance(imei, Rejection):
        return asked.refused(line, f"IMEI: {imei.why}")
    return WantedRow(line, iccid.value, want, imei.value, iccid.warnings + imei.warnings, asked.shown)


def passed_over(ignored: Sequence[str], remarks: int) -> list[str]:
    """What of a file nobody reads, one sentence each: columns by their names, and remarks by their number."""
    notes = []
    if ignored:
        names = ", ".join(f'"{name}"' for name in ignored[:3]) + (" and more" if len(ignored) > 3 else "")
        notes.append(f"Columns that were not read: {names}.")
    if remarks:
        lines = "1 line that starts" if remarks == 1 else f"{remarks:,} lines that start"
        notes.append(f"Left out: {lines} with #.")
    return notes


def want_of(text: str) -> Want | None:
    """What a cell says in words, None where it says none of them."""
    return None if text.isdigit() else _SPELLINGS.get(letters(text))


@dataclass(frozen=True, slots=True)
class _Cells:
    """The three cells of a row, "" where there is none."""

    iccid: str
    imei: str
    action: str

    @classmethod
    def of(cls, columns: Columns, cells: Sequence[str]) -> _Cells:
        def cell(at: int | None) -> str:
            return cells[at] if at is not None and at < len(cells) else ""

        return cls(cell(columns.iccid), cell(columns.imei), cell(columns.action))

    @property
    def shown(self) -> Typed:
        """Both cells of what is wanted in one: the dot can't make a number of two."""
        said = [cell for cell in (self.imei, self.action) if cell.strip() and want_of(cell) is not Want.LOCK]
        return shown(self.iccid), " · ".join(map(shown, said or [self.imei or self.action]))

    def refused(self, line: int, reason: str, proposed: Imei | None = None) -> RefusedRow:
        return RefusedRow(line, reason, self.shown, proposed)


def _want(asked: _Cells) -> Want | Rejection:
    """What the row asks for; the two cells that can say it must not disagree."""
    said, has_imei_cell = want_of(asked.imei), bool(asked.imei.strip())
    if not asked.action.strip():
        return _want_of_one_cell(asked.imei, said)
    action = want_of(asked.action)
    if action is None:
        return _unknown_action(asked.action)
    if action is Want.LOCK:
        return _want_of_lock(asked.imei, said)
    if has_imei_cell and said is not action:
        return Rejection(f'IMEI: "{WORDS[action]}" takes no IMEI. Empty one of the two cells.')
    return action


def _want_of_one_cell(text: str, said: Want | None) -> Want | Rejection:
    if not text.strip():
        return Rejection(f"IMEI: the cell is empty. {_WHAT_TO_WRITE}")
    if said is Want.LOCK:
        return Rejection('IMEI: "lock" needs to know which device. Write the IMEI, or "last seen".')
    if said or any(c.isdigit() for c in text):
        return said or Want.LOCK
    if letters(text) == UNDO:
        return Rejection(f"IMEI: {_NO_UNDO}")
    if letters(text) == "unlock":
        return Rejection(f'IMEI: "unlock" can mean two things. {_UNLOCK_HOW}')
    return Rejection(f"IMEI: this cell says neither an IMEI nor what to do. {_WHAT_TO_WRITE}")


def _want_of_lock(text: str, said: Want | None) -> Want | Rejection:
    if said in {Want.UNLOCK_KEEP, Want.UNLOCK_CLEAR}:
        return Rejection(f'Action: "lock" beside "{WORDS[said]}": one of the two is wrong.')
    return _want_of_one_cell(text, said)


def _unknown_action(text: str) -> Rejection:
    if letters(text) == UNDO:
        return Rejection(f"Action: {_NO_UNDO}")
    if letters(text) == "unlock":
        return Rejection(f'Action: "unlock" can mean two things. {_UNLOCK_HOW}')
    return Rejection('Action: not known. Write "lock", "last seen", "unlock keep" or "unlock clear".')


def _proposed(imei: Proposal[Imei], typed: str) -> str:
    digits = plain_cell(typed)
    if len(digits) == 14 and luhn_digit("0" + digits[:13]) == digits[13:]:
        whole = Imei("0" + digits).grouped
        return (
            f"IMEI: 14 digits. Either a spreadsheet dropped the 0 in front ({whole}), or the check digit is "
            f"missing ({imei.value.grouped}). Write the one that is on the label."
        )
    return f"IMEI: {imei.why} If {imei.value.grouped} is the device, write that."


def _rounded(iccid: Iccid) -> str:
    zeros = "0" * (len(iccid.digits) - EXACT_DIGITS)
    return (
        f"ICCID: it ends in {zeros}, as in a spreadsheet that keeps 15 digits of a number. {_MEND} "
        f"If the SIM really ends so, write it in groups: {iccid.grouped}."
    )
