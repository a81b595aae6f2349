"""Made-up numbers that hold water: check digits as the standards want them."""

from __future__ import annotations

from typing import Final

_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` right. Apart from the bot's own, and quick: thousands at start."""
    backwards = digits[::-1]
    summed = backwards[::2].translate(_DOUBLED) + backwards[1::2]
    return str(-(sum(summed.encode()) - 48 * len(summed)) % 10)


def with_check(digits: str) -> str:
    """`digits` and their check digit."""
    return digits + luhn_digit(digits)


def imei(tac: str, serial: int) -> str:
    """The IMEI of the device of that serial number in the range."""
    return with_check(f"{tac}{serial % 1_000_000:06d}")


def iccid_19(number: int) -> str:
    """A 19-digit ICCID, its check digit last."""
    return with_check(f"8944478{number:011d}")


def iccid_20(number: int) -> str:
    """A 20-digit ICCID, its check digit last."""
    return with_check(f"89454200{number:011d}")
