"""What a probe stores on a spare SIM: nothing that could take the device in it off the network."""

from __future__ import annotations

from typing import Final

from bot.domain.identifiers import Imei, luhn_digit, same_device
from bot.domain.things import Thing

_TEST_DEVICES: Final = "0010100"
"""The reporting body 00 is kept for test devices: no device in the field has such an IMEI."""
_TEST_IMEIS: Final = tuple(
    f"{_TEST_DEVICES}{n}234567" + luhn_digit(f"{_TEST_DEVICES}{n}234567") for n in (1, 2, 3)
)


def two_values(thing: Thing) -> tuple[str, str]:
    """Two values that differ from what is stored. The first is the device's own where that is known:
    should a vendor take it for a lock in spite of all, the device in the field still matches."""
    wanted = [thing.last_seen_imei] if _is_imei(thing.last_seen_imei) else []
    fit = [value for value in (*wanted, *_TEST_IMEIS) if value != thing.locked_imei]
    return fit[0], fit[1]


def may_be_left_over(thing: Thing) -> bool:
    """Whether what is stored is something that a probe stores."""
    stored = thing.locked_imei
    return bool(stored) and (stored in _TEST_IMEIS or same_device(stored, thing.last_seen_imei))


def _is_imei(text: str) -> bool:
    try:
        Imei(text)
    except ValueError:
        return False
    return True
