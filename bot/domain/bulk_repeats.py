"""The same SIM or the same device twice in one file, found row by row."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from bot.domain.bulk_rows import WantedRow
from bot.domain.identifiers import Iccid, Imei, luhn_digit


@dataclass(frozen=True, slots=True)
class Repeat:
    """A number that an earlier row held already: which of the two, and in which line."""

    what: str
    """ICCID or IMEI."""
    first: int

    @property
    def reason(self) -> str:
        """One plain sentence for the later row."""
        if self.what == "ICCID":
            return f"ICCID: the same SIM is in line {self.first} already. Keep one of the two rows."
        return f"IMEI: the same device is in line {self.first} already, for another SIM. Correct one of them."


class Repeats:
    """Finds the same SIM or the same device twice in a file, row by row, in less than 100 bytes a row.

    The same SIM: the same ICCID, or once with its check digit and once without. The same device: the first
    14 digits of the IMEI agree. Only the first row of each is remembered.
    """

    def __init__(self) -> None:
        self._iccids = _Lines()
        self._imeis = _Lines()

    def of(self, row: WantedRow) -> tuple[Repeat, ...]:
        """What this row repeats; remembers what is new in it."""
        found = (self.iccid(row.iccid, row.line), row.imei and self.imei(row.imei, row.line))
        return tuple(repeat for repeat in found if repeat)

    def iccid(self, iccid: Iccid, line: int) -> Repeat | None:
        """The earlier row about this SIM; None remembers this one as the first."""
        digits = iccid.digits
        others = [digits + luhn_digit(digits)]
        if luhn_digit(digits[:-1]) == digits[-1]:
            others.append(digits[:-1])
        for other in others:
            first = self._iccids.find(_iccid_key(other))
            if first:
                return Repeat("ICCID", first)
        first = self._iccids.first(_iccid_key(digits), line)
        return Repeat("ICCID", first) if first else None

    def imei(self, imei: Imei, line: int) -> Repeat | None:
        """The earlier row about this device; None remembers this one as the first.

        For a `last seen`, ask when the device is known.
        """
        first = self._imeis.first(int("1" + imei.device), line)
        return Repeat("IMEI", first) if first else None


def _iccid_key(digits: str) -> int:
    """Each ICCID starts with 89; without it, and a 1 before the zeros, it fits into 64 bits."""
    return int("1" + digits[2:])


class _Lines:
    """From a number to the line that held it first: a hash table in two arrays, for 100,000 rows and more.

    A dict of the same costs several times as much. Python's own salted hash of the digits spreads them, so
    that no file can be made to collide.
    """

    def __init__(self) -> None:
        self._count = 0
        self._resize(1 << 10)

    def find(self, key: int) -> int:
        """The line of the first row with this number, 0 where there is none."""
        return self._lines[self._slot(key)]

    def first(self, key: int, line: int) -> int:
        """The line of the first row with this number; 0 when this is it."""
        slot = self._slot(key)
        if self._keys[slot]:
            return self._lines[slot]
        self._keys[slot], self._lines[slot] = key, line
        self._count += 1
        if 3 * self._count > 2 * len(self._keys):
            self._grow()
        return 0

    def _slot(self, key: int) -> int:
        slot = hash(str(key)) & self._mask
        while (there := self._keys[slot]) and there != key:
            slot = (slot + 1) & self._mask
        return slot

    def _grow(self) -> None:
        old = zip(self._keys, self._lines, strict=True)
        self._resize(2 * len(self._keys))
        for key, line in old:
            if key:
                slot = self._slot(key)
                self._keys[slot], self._lines[slot] = key, line

    def _resize(self, slots: int) -> None:
        self._keys = array("Q", [0]) * slots
        self._lines = array("I", [0]) * slots
        self._mask = slots - 1
