"""The device model: whether a device gets service on a SIM, by the Thing's lock and by its group's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bot.sandbox.monogoto.groups import GroupRecord
from bot.sandbox.monogoto.records import ABSENT, ThingRecord
from bot.sandbox.monogoto.settings import Settings

NO_IMEI: Final = "0" * 15
"""What the platform hears where the carrier reports none."""


RefusedBy = Literal["", "state", "thing", "group"]
"""Nothing, the SIM's own state, its lock, or its group's."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a data session, and why."""

    accepted: bool
    why: str
    by: RefusedBy = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A device that tried to get on-line, and what it was told."""

    iccid: str
    imei: str
    verdict: Verdict


def judge(record: ThingRecord, group: GroupRecord | None, imei: str, settings: Settings) -> Verdict:
    """Both locks must agree, the Thing's by 14 digits, the group's by prefix, unless one is said to win."""
    both_on = record.lock is True and group is not None and group.lock is True
    passed_over = {"thing": "group", "group": "thing"}.get(settings.lock_wins) if both_on else None
    asked: dict[RefusedBy, str] = {
        "state": _refused_by_state(record),
        "thing": "" if passed_over == "thing" else _refused_by_thing(record, imei, settings),
        "group": "" if passed_over == "group" else _refused_by_group(group, imei, settings),
    }
    for by, why in asked.items():
        if why:
            return Verdict(accepted=False, why=why, by=by)
    return Verdict(accepted=True, why=_why_accepted(record, group, imei))


def _why_accepted(record: ThingRecord, group: GroupRecord | None, imei: str) -> str:
    wanted = str(record.master_imei or "") if record.lock is True else ""
    if wanted and wanted[:14] == imei[:14]:
        tail = "" if wanted == imei else "; the last digit, a check digit, isn't compared"
        return f"it is the device that the SIM is locked to{tail}"
    prefix = _prefix(group) if group is not None and group.lock is True else ""
    if prefix and imei.startswith(prefix):
        return "it is in the range that the SIM's group is locked to"
    return "no lock stands against this device"


def _refused_by_state(record: ThingRecord) -> str:
    return f"the SIM is {record.state}" if record.state in {"SUSPENDED", "RETIRED"} else ""


def _refused_by_thing(record: ThingRecord, imei: str, settings: Settings) -> str:
    if record.lock is not True:
        return ""
    wanted = str(record.master_imei or "")
    if not wanted:
        return "locked to no IMEI at all" if settings.empty_lock == "refuses_all" else ""
    return "" if wanted[:14] == imei[:14] else "the Thing is locked to another IMEI"


def _refused_by_group(group: GroupRecord | None, imei: str, settings: Settings) -> str:
    if group is None or group.lock is not True:
        return ""
    prefix = _prefix(group)
    if not prefix:
        return "the group is locked to no range at all" if settings.empty_lock == "refuses_all" else ""
    return "" if imei.startswith(prefix) else "the group is locked to another range"


def _prefix(group: GroupRecord) -> str:
    return "" if group.prefix is ABSENT else str(group.prefix or "")
