"""The odd Things by name: what each one is, as a change to an ordinary Thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from bot.sandbox.monogoto import digits
from bot.sandbox.monogoto.devices import NO_IMEI
from bot.sandbox.monogoto.examples import Example, Examples
from bot.sandbox.monogoto.group_cases import SeededGroups
from bot.sandbox.monogoto.groups import GroupRecord
from bot.sandbox.monogoto.names import HOSTILE, TACS
from bot.sandbox.monogoto.records import ABSENT, ThingRecord

_TAC: Final = TACS[0]
_ELSEWHERE: Final = digits.imei(TACS[4], 900_001)


@dataclass(frozen=True, slots=True)
class _Oddity:
    why: str
    keys: dict[str, Any] = field(default_factory=dict)
    iccid: Callable[[int], str] = digits.iccid_19
    printed: Callable[[str], str] = str


def _never(imei: Any) -> dict[str, Any]:
    return {"imei": imei, "last_data_ms": None, "last_location": None, "last_usage": None, "online": False}


def _wrong_check(number: int) -> str:
    right = digits.iccid_19(number)
    return right[:-1] + str((int(right[-1]) + 1) % 10)


_ODDITIES: Final[dict[str, _Oddity]] = {
    "fresh": _Oddity("seen in a device, never locked", {"name": "Cold store 12 – Malmö gateway"}),
    "never_seen": _Oddity("IMEI is null: no device yet", {"name": "Spare SIM 3 – Porto", **_never(None)}),
    "imei_absent": _Oddity("the key IMEI is left out", {"name": "Spare SIM 4 – Porto", **_never(ABSENT)}),
    "zeros": _Oddity("the carrier reports no IMEI", {"imei": NO_IMEI, "carrier_hides_imei": True}),
    "locked": _Oddity("locked to the device it is used in", {"master_imei": "=", "lock": True}),
    "locked_elsewhere": _Oddity("locked to another device", {"master_imei": _ELSEWHERE, "lock": True}),
    "cleared": _Oddity("a lock was removed: MasterIMEI is empty, not null", {"master_imei": ""}),
    "lock_without_imei": _Oddity("LockMasterImei true, no IMEI", {"lock": True}),
    "in_locked_group": _Oddity("in a locked group, device in range"),
    "outside_locked_group": _Oddity(
        "in a locked group, device out of range", {"imei": digits.imei(TACS[5], 900_002)}
    ),
    "retired": _Oddity("RETIRED", {"state": "RETIRED", "online": False}),
    "suspended": _Oddity("SUSPENDED", {"state": "SUSPENDED", "online": False}),
    "short_iccid": _Oddity("held with 19 digits, printed with one more", printed=digits.with_check),
    "long_iccid": _Oddity(
        "held with 20 digits, printed with one less",
        iccid=lambda number: digits.with_check(digits.iccid_19(number)),
        printed=lambda iccid: iccid[:-1],
    ),
    "twenty_digits": _Oddity("20 digits, held as printed", iccid=digits.iccid_20),
    "wrong_check_digit": _Oddity("the ICCID's check digit is wrong", iccid=_wrong_check),
    "shared_imei": _Oddity(
        "last seen in the same device as another Thing", {"imei": digits.imei(_TAC, 900_003)}
    ),
    "shared_imei_twin": _Oddity("that other Thing", {"imei": digits.imei(_TAC, 900_003)}),
    "odd_time": _Oddity(
        "a time of 83 seconds", {"last_location": "2026-01-14 07:31:83", "last_data_ms": None}
    ),
    "online": _Oddity("has a session now", {"online": True}),
    "hostile_name": _Oddity("a name that mentions a channel", {"name": HOSTILE["mention"]}),
    "hostile_bold": _Oddity("a name in mark-up", {"name": HOSTILE["bold"]}),
    "hostile_formula": _Oddity("a name that is a formula", {"name": HOSTILE["formula"]}),
    "hostile_long": _Oddity("600 characters", {"name": HOSTILE["long"]}),
    "hostile_emoji": _Oddity("emoji", {"name": HOSTILE["emoji"]}),
    "hostile_right_to_left": _Oddity("right-to-left", {"name": HOSTILE["right_to_left"]}),
    "hostile_markup": _Oddity("HTML and control characters", {"name": HOSTILE["markup"]}),
    "locked_in_locked_group": _Oddity(
        "locked to its device, in a group locked to that range", {"master_imei": "=", "lock": True}
    ),
    "locked_elsewhere_in_locked_group": _Oddity(
        "locked to a device out of its group's range: nothing gets on-line",
        {"master_imei": _ELSEWHERE, "lock": True},
    ),
    "never_seen_in_locked_group": _Oddity("in a locked group, no device yet", _never(None)),
}

COUNT: Final = len(_ODDITIES)


def odd_things(
    ordinary: Callable[[int, str, GroupRecord], ThingRecord], groups: SeededGroups
) -> tuple[list[ThingRecord], Examples]:
    """All of them, made from ordinary Things; the open group holds most of them."""
    records: list[ThingRecord] = []
    named: dict[str, Example] = {}
    for number, (name, oddity) in enumerate(_ODDITIES.items(), start=1):
        group = groups.locked if name.endswith("locked_group") else groups.open
        record = _odd(ordinary(number, oddity.iccid(number), group), oddity)
        records.append(record)
        named[name] = _example(record, oddity)
    by_name: dict[str, Any] = named | groups.named()
    return records, Examples(
        **{key.name: by_name[key.name] for key in fields(Examples) if key.name in by_name},
        unused_imeis=tuple(digits.imei(_TAC, 999_000 + n) for n in range(10)),
        unknown_iccid=digits.iccid_19(99_999_999_999),
    )


def _odd(record: ThingRecord, oddity: _Oddity) -> ThingRecord:
    changed = replace(record, **oddity.keys)
    if changed.master_imei == "=":
        changed.master_imei = changed.imei
    return changed


def _example(record: ThingRecord, oddity: _Oddity) -> Example:
    imei = record.imei if isinstance(record.imei, str) else ""
    return Example(record.iccid, oddity.printed(record.iccid), imei, record.group_id, record.name, oddity.why)
