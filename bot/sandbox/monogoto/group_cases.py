"""Fills a world with Things Groups: the named ones first, then as many as are asked for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from bot.sandbox.monogoto.groups import MODIFIED_KEY, GroupRecord
from bot.sandbox.monogoto.names import GROUP_KINDS, HOSTILE, PLACES, TACS
from bot.sandbox.monogoto.records import ABSENT
from bot.sandbox.monogoto.ticks import milliseconds

_OPEN, _LOCKED, _HOSTILE, _TWIN, _OTHER_TWIN, _NULLS, _KEYLESS, _RANGELESS = range(8)
FEWEST: Final = 8
"""The named groups are always there."""
_HOSTILE_EVERY: Final = 16
_LOCKED_EVERY: Final = 8


@dataclass(frozen=True, slots=True)
class SeededGroups:
    """All groups in order, and those that examples name."""

    all: list[GroupRecord]

    @property
    def open(self) -> GroupRecord:
        """Neither locked nor with a range."""
        return self.all[_OPEN]

    @property
    def locked(self) -> GroupRecord:
        """Locked to a TAC."""
        return self.all[_LOCKED]

    def named(self) -> dict[str, Any]:
        """The ids that `Examples` gives names to."""
        return {
            "open_group": self.open.group_id,
            "locked_group": self.locked.group_id,
            "locked_group_tac": str(self.locked.prefix),
            "hostile_group": self.all[_HOSTILE].group_id,
            "twin_groups": (self.all[_TWIN].group_id, self.all[_OTHER_TWIN].group_id),
            "never_locked_group": self.all[_NULLS].group_id,
            "keyless_group": self.all[_KEYLESS].group_id,
            "rangeless_group": self.all[_RANGELESS].group_id,
        }


def seeded_groups(random: Random, *, now: datetime, count: int) -> SeededGroups:
    """`count` groups, though never fewer than the named ones; the same for the same arguments."""
    groups = [_group(random, now, number) for number in range(max(FEWEST, count))]
    groups[_OTHER_TWIN].name = groups[_TWIN].name
    groups[_NULLS].prefix, groups[_NULLS].lock = None, None
    groups[_KEYLESS].prefix, groups[_KEYLESS].lock = ABSENT, ABSENT
    groups[_RANGELESS].lock = True
    return SeededGroups(groups)


def _group(random: Random, now: datetime, number: int) -> GroupRecord:
    locked = number % _LOCKED_EVERY == _LOCKED
    place, kind = PLACES[number % len(PLACES)], GROUP_KINDS[number % len(GROUP_KINDS)]
    hostile = _hostile_text(number)
    return GroupRecord(
        group_id=f"ThingsGroupId_{_uuid(random)}",
        name=hostile or f"{place} {kind} {number + 1}",
        telephony_profile=f"TelephonyProfile_{_uuid(random)}",
        lock=locked,
        prefix=TACS[number % len(TACS)] if locked else "",
        other=_undocumented(now, number, kind, place, hostile),
    )


def _hostile_text(number: int) -> str:
    if number % _HOSTILE_EVERY != _HOSTILE:
        return ""
    texts = list(HOSTILE.values())
    return texts[number // _HOSTILE_EVERY % len(texts)]


def _undocumented(now: datetime, number: int, kind: str, place: str, hostile: str) -> dict[str, Any]:
    """What no page mentions: a PUT must leave it as it is, and a diff must be able to show it."""
    created = now - timedelta(days=400 + number % 300)
    return {
        "CustomerId": "CustomerId_local",
        "Description": hostile or f"All {kind} around {place}",
        "DateCreated": milliseconds(created),
        MODIFIED_KEY: milliseconds(created + timedelta(days=90)),
        "RatePlanId": f"Plan_{number % 4}",
        "MaxThings": None,
        "LegacyNumber": number,
        "MonthlyLimit": 0.1,
        "SmsEnabled": False,
        "AlertEmails": [],
        "Tags": [kind, place],
        "Contact": {"Name": hostile or f"Team {place}", "Address": {"City": place, "Floor": None}},
    }


def _uuid(random: Random) -> uuid.UUID:
    return uuid.UUID(int=random.getrandbits(128), version=4)
