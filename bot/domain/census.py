"""A group's Things, one by one: who keeps service under a lock, who loses it, of whom it can't be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.identifiers import in_range, is_reported
from bot.domain.things import GroupLock, ThingRow


class Standing(StrEnum):
    """Where one Thing stands, worst first: each Thing of the group has exactly one."""

    LOSES = "loses"
    """Loses service; for an unlock: loses the group's protection, with no lock of its own that is known."""
    CONTRADICTS = "contradicts"
    """Its own lock holds it to a device outside the range: which of the two wins is documented nowhere."""
    NEVER_SEEN = "never_seen"
    ZEROS = "zeros"
    UNREADABLE = "unreadable"
    """What the vendor shows is no IMEI, or it couldn't be read."""
    KEEPS = "keeps"
    """Keeps service; for an unlock: keeps the protection of its own lock."""


UNKNOWN = (Standing.CONTRADICTS, Standing.NEVER_SEEN, Standing.ZEROS, Standing.UNREADABLE)
NAMED = 5
"""So many names of those who lose service stand on the card."""
TACS = 5
"""So many ranges of devices stand on the card."""
IMEI_LENGTHS = (14, 15, 16)


def standing(row: ThingRow, after: GroupLock) -> Standing:
    """What becomes of this Thing once its group's lock is `after`."""
    if not after.imei_lock:
        return Standing.KEEPS if row.own_lock and row.own_lock.imei_lock else Standing.LOSES
    if row.own_lock and row.own_lock.imei_lock and not in_range(row.own_lock.bound_to, after.tac):
        return Standing.CONTRADICTS
    if not row.last_seen_imei:
        return Standing.NEVER_SEEN
    if not is_reported(row.last_seen_imei):
        return Standing.ZEROS
    if not device_tac(row.last_seen_imei):
        return Standing.UNREADABLE
    return Standing.KEEPS if in_range(row.last_seen_imei, after.tac) else Standing.LOSES


def device_tac(last_seen_imei: str) -> str:
    """The range that a device in use belongs to, "" where that can't be told."""
    readable = last_seen_imei.isascii() and last_seen_imei.isdigit() and len(last_seen_imei) in IMEI_LENGTHS
    return last_seen_imei[:8] if readable and is_reported(last_seen_imei) else ""


@dataclass(frozen=True, slots=True)
class Census:
    """What was counted of a group. Together the standings are all its Things that were read."""

    standings: Mapping[Standing, int]
    counted_from: datetime
    """When the oldest of the readings was made that it rests on."""
    counted_at: datetime
    untold: int = 0
    """Things of the account of which it is not known whether they are in this group."""
    given_up: str = ""
    """Why not all could be read, one sentence; "" where all were."""
    own_locks_told: int = 0
    """Of how many Things the reading told their own lock."""
    own_locks: int = 0
    """How many of those are locked by themselves."""
    online: int | None = None
    """How many of those that lose service are online; None where that wasn't counted."""
    tacs: tuple[tuple[str, int], ...] = ()
    """Ranges of the devices in use, the most frequent first, `TACS` at most."""
    other_tacs: int = 0
    """How many further ranges there are."""
    in_other_tacs: int = 0
    """How many Things use a device of those."""
    losing: tuple[str, ...] = ()
    """Names of the first that lose service, `NAMED` at most."""

    def of(self, *standings: Standing) -> int:
        """How many Things stand so."""
        return sum(self.standings.get(standing, 0) for standing in standings)

    @property
    def things(self) -> int:
        """All Things of the group that were counted."""
        return sum(self.standings.values())

    @property
    def keeps(self) -> int:
        """How many keep service, or the protection of a lock of their own."""
        return self.of(Standing.KEEPS)

    @property
    def loses(self) -> int:
        """How many lose service, or protection."""
        return self.of(Standing.LOSES)

    @property
    def unknown(self) -> int:
        """Of how many it can't be known."""
        return self.of(*UNKNOWN)

    @property
    def is_complete(self) -> bool:
        """Whether these are all Things of the group: else nobody knows how many are affected."""
        return not self.given_up and not self.untold

    def worse_than(self, approved: Census) -> str:
        """Why somebody who agreed to `approved` has not agreed to this: the numbers; "" where they have."""
        then, now = approved.loses + approved.unknown, self.loses + self.unknown
        if not self.is_complete:
            return "how many SIMs it affects can't be counted any more"
        if now > then:
            return f"it would now affect {now:,} SIMs, and {then:,} were approved"
        if self.loses > approved.loses:
            return f"{self.loses:,} SIMs would now surely lose by it, and {approved.loses:,} were approved"
        return ""
