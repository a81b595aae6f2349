"""What may be asked, as data, and what the lock fields are to be afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.identifiers import Iccid, Imei, Valid, parse_iccid, parse_imei, same_device
from bot.domain.things import ThingLock


class Kind(StrEnum):
    """The names of the changes, the same in the policy file, the audit and the database."""

    LOCK_THING = "lock_thing"
    UNLOCK_THING = "unlock_thing"
    LOCK_THINGS_GROUP = "lock_things_group"
    UNLOCK_THINGS_GROUP = "unlock_things_group"


@dataclass(frozen=True, slots=True)
class LockThing:
    """Only the device of this IMEI is to get service on this Thing. An empty IMEI can't be said."""

    iccid: Iccid
    imei: Imei

    @property
    def kind(self) -> Kind:
        """The change's name in policy and audit."""
        return Kind.LOCK_THING


@dataclass(frozen=True, slots=True)
class UnlockThing:
    """Any device is to get service again. `keep` leaves the stored IMEI in place for a later lock."""

    iccid: Iccid
    keep: bool

    @property
    def kind(self) -> Kind:
        """The change's name in policy and audit."""
        return Kind.UNLOCK_THING


Change = LockThing | UnlockThing


def doubts(change: Change, last_seen: str) -> tuple[str, ...]:
    """What to look at in the numbers themselves, one sentence each, though they can be used."""
    iccid = parse_iccid(change.iccid.digits)
    found = iccid.warnings if isinstance(iccid, Valid) else ()
    if isinstance(change, LockThing):
        imei = parse_imei(change.imei.digits, last_seen=last_seen)
        found += imei.warnings if isinstance(imei, Valid) else ()
    return found


def wanted(change: Change, now: ThingLock) -> ThingLock:
    """The lock fields to write, given those read just before."""
    match change:
        case LockThing(imei=imei):
            return ThingLock(imei_lock=True, locked_imei=imei.digits)
        case UnlockThing(keep=keep):
            return ThingLock(imei_lock=False, locked_imei=now.locked_imei if keep else "")


def holds(change: Change, now: ThingLock) -> bool:
    """Whether nothing is left to do. For a lock the same device is enough: networks compare 14 digits."""
    match change:
        case LockThing(imei=imei):
            return now.imei_lock and same_device(now.locked_imei, imei.digits)
        case UnlockThing(keep=keep):
            return not now.imei_lock and (keep or not now.locked_imei)
