"""Rows of a bulk of every kind, good and bad, as people and spreadsheets write them, with their verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

from bot.domain.identifiers import group_imei, luhn_digit

LOCK, LAST_SEEN, KEEP, CLEAR = "lock", "lock_last_seen", "unlock_keep", "unlock_clear"
LOOK, REFUSED = "look", "refused"
SAME_SIM, SAME_DEVICE = "same SIM", "same device"

BAD_ICCIDS = (
    *("", "8.94448E+18", "8,94448E+18", "#N/A", "7944476500008878576", "8912372646888991"),
    *("8944476500OO8878576", "898600B5123456789012", "8989000000000000000000", "8944476500008870000"),
    *("8944476500008878576.0", "894447650000887857,0", "490154203237518", "TRUE", "not a number"),
    *("8944476500008878576 / 8944476500008878577", "=1+1", "2026-11-22 00:00:00", "٨٩٤٤٤٧٦٥٠٠٠٠٨٨٧٨٥٧٦x"),
)
BAD_IMEIS = (
    *("", "4.90154E+14", "4,90154E+14", "490154203237517", "000000000000000", "49O154203237518"),
    *("A0000000002329", "89310410106543789301", "490154203237518.0", "490154203237518,0", "unlock", "lock"),
    *("soon", "86696204060123456", "#REF!", "490154203237518 and 490154203237526", "12345", "ＩＭＥＩ"),
)
LOOKS = ("49015420323751", "4901542032375101", "353053110000000", "12345009876546")
SPELLINGS = {
    LAST_SEEN: ("last seen", "Last-Seen", "LAST_SEEN", " lastseen "),
    KEEP: ("unlock keep", "Unlock-Keep", "UNLOCK_KEEP"),
    CLEAR: ("unlock clear", "unlock_clear", "Unlock  Clear"),
}
_MARKS = (
    "{}",
    "'{}",
    '="{}"',
    "{}\u00a0",
    "\u200b{}",
    '"{}"',
    "  {}",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Two cells, and what has to come of them."""

    iccid: str
    what: str
    verdict: str

    @property
    def cells(self) -> tuple[str, str]:
        return self.iccid, self.what


def iccid(number: int) -> str:
    """The ICCID of this number, 19 digits with a right check digit; no two are alike."""
    body = f"894450{number:011d}7"  # no row of zeros, as a rounded one has
    return body + luhn_digit(body)


def imei(number: int) -> str:
    """The IMEI of this number, with a right check digit; no two name the same device."""
    body = f"49015{number:09d}"
    return body + luhn_digit(body)


def samples(count: int) -> Iterator[Sample]:
    """So many rows, every kind over and over; two of ten repeat an earlier number."""
    makers = cycle(
        (
            _good,
            _good,
            _in_words,
            _bad_iccid,
            _good_in_other_dress,
            _bad_imei,
            _look,
            _good,
            _same_sim,
            _same_device,
        )
    )
    for number, make in zip(range(count), makers, strict=False):
        yield make(number)


def verdicts(rows: Sequence[Sample]) -> Counter[str]:
    """How many rows of each verdict there are."""
    return Counter(row.verdict for row in rows)


def as_csv(
    rows: Sequence[Sample], delimiter: str = ",", header: tuple[str, str] = ("ICCID", "IMEI")
) -> bytes:
    """A file with these rows, as Excel would save it."""
    lines = [header, *(row.cells for row in rows)]
    return "".join(delimiter.join(map(_quoted, cells)) + "\r\n" for cells in lines).encode()


def _good(number: int) -> Sample:
    return Sample(iccid(number), imei(number), LOCK)


def _good_in_other_dress(number: int) -> Sample:
    mark = _MARKS[number // 10 % len(_MARKS)]
    plain = imei(number)
    dresses = (plain, group_imei(plain), f"{int(plain):,}", _wide(plain), plain + "/01")
    return Sample(mark.format(iccid(number)), mark.format(dresses[number // 70 % len(dresses)]), LOCK)


def _in_words(number: int) -> Sample:
    verdict = (LAST_SEEN, KEEP, CLEAR)[number // 10 % 3]
    spellings = SPELLINGS[verdict]
    return Sample(iccid(number), spellings[number // 30 % len(spellings)], verdict)


def _bad_iccid(number: int) -> Sample:
    return Sample(BAD_ICCIDS[number // 10 % len(BAD_ICCIDS)], imei(number), REFUSED)


def _bad_imei(number: int) -> Sample:
    return Sample(iccid(number), BAD_IMEIS[number // 10 % len(BAD_IMEIS)], REFUSED)


def _look(number: int) -> Sample:
    return Sample(iccid(number), LOOKS[number // 10 % len(LOOKS)], LOOK)


def _same_sim(number: int) -> Sample:
    """The SIM of the row just before; every second time without its check digit."""
    same = iccid(number - 1)
    return Sample(same if number // 10 % 2 else same[:-1], imei(number), SAME_SIM)


def _same_device(number: int) -> Sample:
    """The device of two rows before, the last one that was written right."""
    return Sample(iccid(number), imei(number - 2), SAME_DEVICE)


def _wide(digits: str) -> str:
    return "".join(chr(ord("０") + int(digit)) for digit in digits)


def _quoted(cell: str) -> str:
    needs = any(c in cell for c in '",;\t') or cell != cell.strip()
    return '"' + cell.replace('"', '""') + '"' if needs else cell
