"""ICCID, IMEI and TAC as values, and when two of them agree. Reading what people type: `identifiers`.

Values show themselves masked (`…7518`), so that a log line never holds a whole one; ask for `digits`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.identifier_text import are_digits, compact

_DOUBLED = str.maketrans("0123456789", "0246813579")
_NOT_ZERO = re.compile("[1-9]")
_GROUP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}")


class _Masked:
    """Shows its last four digits at most, in `repr` too."""

    __slots__ = ()
    digits: str

    @property
    def masked(self) -> str:
        """For logs and for people who needn't see it all: the last four digits."""
        return f"…{self.digits[-4:]}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked})"


@dataclass(frozen=True, slots=True, repr=False)
class Tac(_Masked):
    """Type allocation code: the first 8 digits of an IMEI, shared by all devices of a model."""

    digits: str

    def __post_init__(self) -> None:
        _demand(are_digits(self.digits) and len(self.digits) == 8, "A TAC is exactly 8 digits")


@dataclass(frozen=True, slots=True, repr=False)
class Imei(_Masked):
    """Fifteen digits. Whether the last one is right is `parse_imei`'s to say: there is one exception."""

    digits: str

    def __post_init__(self) -> None:
        _demand(are_digits(self.digits) and len(self.digits) == 15, "An IMEI is exactly 15 digits")
        _demand(not is_one_digit_repeated(self.digits), "One digit repeated throughout is no IMEI")

    @property
    def tac(self) -> Tac:
        """The model's range: the first 8 digits."""
        return Tac(self.digits[:8])

    @property
    def device(self) -> str:
        """The first 14 digits: what networks compare."""
        return self.digits[:14]

    @property
    def grouped(self) -> str:
        """For the eye: `49-015420-323751-8`."""
        return group_imei(self.digits)


@dataclass(frozen=True, slots=True, repr=False)
class Iccid(_Masked):
    """A SIM's number: 18 to 20 digits that start with 89."""

    digits: str

    def __post_init__(self) -> None:
        _demand(are_digits(self.digits) and 18 <= len(self.digits) <= 20, "An ICCID is 18 to 20 digits")
        _demand(self.digits.startswith("89"), "An ICCID starts with 89")

    @property
    def grouped(self) -> str:
        """For the eye: in fours, with spaces."""
        return " ".join(self.digits[i : i + 4] for i in range(0, len(self.digits), 4))


@dataclass(frozen=True, slots=True)
class ThingsGroupId:
    """The vendor's id of a Things Group. No secret, but it goes into a path: only plain characters."""

    text: str

    def __post_init__(self) -> None:
        _demand(bool(_GROUP_ID.fullmatch(self.text)), "A Things Group's id has letters, digits, - and _ only")


def iccid_forms(iccid: Iccid) -> tuple[Iccid, ...]:
    """The forms under which the platform may hold an ICCID, the typed one first; at most three."""
    digits = iccid.digits
    forms = (digits, digits[:-1], digits + luhn_digit(digits))
    return tuple(Iccid(form) for form in forms if 18 <= len(form) <= 20)


def luhn_digit(digits: str) -> str:
    """The check digit that belongs after `digits`."""
    total = sum(map(int, digits[-1::-2].translate(_DOUBLED))) + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


def same_device(a: str, b: str) -> bool:
    """Whether two stored IMEIs name one device: the first 14 digits agree. Unknown ones never do."""
    first, second = compact(a)[:14], compact(b)[:14]
    return first == second and len(first) == 14 and are_digits(first) and is_reported(first)


def in_range(imei: str, tac: str) -> bool:
    """Whether a stored IMEI lies in a TAC's range: the first 8 digits agree. An unknown one never does."""
    device, prefix = compact(imei), compact(tac)
    if len(prefix) != 8 or not device.startswith(prefix):
        return False
    return are_digits(device) and is_reported(device[:14])


def is_reported(imei: str) -> bool:
    """Whether the carrier reports a device at all: neither nothing nor all zeros."""
    return _NOT_ZERO.search(imei) is not None


def group_imei(text: str) -> str:
    """A stored value of any shape, safe to show: grouped like an IMEI where it is 14 to 16 digits."""
    bare = compact(text)
    if are_digits(bare) and 14 <= len(bare) <= 16:
        return "-".join(part for part in (bare[:2], bare[2:8], bare[8:14], bare[14:]) if part)
    shown = "".join(c if c.isascii() and (c.isalnum() or c in " -.") else "?" for c in text[:32])
    return shown + "…" if len(text) > 32 else shown


def is_one_digit_repeated(number: str) -> bool:
    """Whether a number is no number at all: 000000000000000."""
    return len(set(number)) == 1


def _demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
