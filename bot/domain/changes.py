"""What may be asked, as data, and what the lock fields are to be afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.identifiers import (
    Iccid,
    Imei,
    Tac,
    ThingsGroupId,
    Valid,
    parse_iccid,
    parse_imei,
    parse_tac,
    same_device,
)
from bot.domain.things import GroupLock, Lock, ThingLock


class Kind(StrEnum):
    """The names of the changes, the same in the policy file, the audit and the database."""

    LOCK_THING = "lock_thing"
    UNLOCK_THING = "unlock_thing"
    LOCK_THINGS_GROUP = "lock_things_group"
    UNLOCK_THINGS_GROUP = "unlock_things_group"


GROUP_KINDS = (Kind.LOCK_THINGS_GROUP, Kind.UNLOCK_THINGS_GROUP)


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


@dataclass(frozen=True, slots=True)
class LockThingsGroup:
    """Only devices of this range are to get service on the Things of this group."""

    things_group_id: ThingsGroupId
    tac: Tac

    @property
    def kind(self) -> Kind:
        """The change's name in policy and audit."""
        return Kind.LOCK_THINGS_GROUP


@dataclass(frozen=True, slots=True)
class UnlockThingsGroup:
    """The group is to restrict nobody any more. `keep` leaves the stored TAC in place for a later lock."""

    things_group_id: ThingsGroupId
    keep: bool

    @property
    def kind(self) -> Kind:
        """The change's name in policy and audit."""
        return Kind.UNLOCK_THINGS_GROUP


ThingChange = LockThing | UnlockThing
GroupChange = LockThingsGroup | UnlockThingsGroup
Change = ThingChange | GroupChange


def doing(kind: Kind) -> str:
    """The change as something people do, in a sentence."""
    words = {
        Kind.LOCK_THING: "locking a SIM",
        Kind.UNLOCK_THING: "unlocking a SIM",
        Kind.LOCK_THINGS_GROUP: "locking a group",
        Kind.UNLOCK_THINGS_GROUP: "unlocking a group",
    }
    return words[kind]


def noun(what: Change | Kind) -> str:
    """What is changed, in text for people: "SIM" or "group"."""
    kind = what if isinstance(what, Kind) else what.kind
    return "group" if kind in GROUP_KINDS else "SIM"


def doubts(change: Change, last_seen: str) -> tuple[str, ...]:
    """What to look at in the numbers themselves, one sentence each, though they can be used."""
    if isinstance(change, GroupChange):
        tac = parse_tac(change.tac.digits) if isinstance(change, LockThingsGroup) else None
        return tac.warnings if isinstance(tac, Valid) else ()
    iccid = parse_iccid(change.iccid.digits)
    found = iccid.warnings if isinstance(iccid, Valid) else ()
    if isinstance(change, LockThing):
        imei = parse_imei(change.imei.digits, last_seen=last_seen)
        found += imei.warnings if isinstance(imei, Valid) else ()
    return found


def wanted(change: Change, now: Lock) -> Lock:
    """The lock fields to write, given those read just before."""
    match change:
        case LockThing(imei=imei):
            return ThingLock(imei_lock=True, locked_imei=imei.digits)
        case UnlockThing(keep=keep):
            return ThingLock(imei_lock=False, locked_imei=now.bound_to if keep else "")
        case LockThingsGroup(tac=tac):
            return GroupLock(imei_lock=True, tac=tac.digits)
        case UnlockThingsGroup(keep=keep):
            return GroupLock(imei_lock=False, tac=now.bound_to if keep else "")


def holds(change: Change, now: Lock) -> bool:
    """Whether nothing is left to do. For a lock the same device is enough: networks compare 14 digits."""
    match change:
        case LockThing(imei=imei):
            return now.imei_lock and same_device(now.bound_to, imei.digits)
        case LockThingsGroup(tac=tac):
            return now.imei_lock and now.bound_to == tac.digits
        case UnlockThing(keep=keep) | UnlockThingsGroup(keep=keep):
            return not now.imei_lock and (keep or not now.bound_to)
