"""What may be asked, as data, and what the lock fields are to be afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.identifiers import (
    Iccid,
    Imei,
    Rejection,
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
    BULK = "bulk"
    """Many of the others, row by row, in one request: rules speak of its rows, never of itself."""


GROUP_KINDS = (Kind.LOCK_THINGS_GROUP, Kind.UNLOCK_THINGS_GROUP)
SINGLE_KINDS = tuple(kind for kind in Kind if kind is not Kind.BULK)
"""The changes that rules can name."""


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


@dataclass(frozen=True, slots=True)
class RestoreThing:
    """The lock fields as they stood before a request of ours: exactly those, whatever they were."""

    iccid: Iccid
    lock: ThingLock

    @property
    def kind(self) -> Kind:
        """The change that it makes, under the rules of that change."""
        return Kind.LOCK_THING if self.lock.imei_lock else Kind.UNLOCK_THING


@dataclass(frozen=True, slots=True)
class RestoreThingsGroup:
    """The lock fields as they stood before a request of ours. Name and profile stay as they are now."""

    things_group_id: ThingsGroupId
    lock: GroupLock

    @property
    def kind(self) -> Kind:
        """The change that it makes, under the rules of that change."""
        return Kind.LOCK_THINGS_GROUP if self.lock.imei_lock else Kind.UNLOCK_THINGS_GROUP


@dataclass(frozen=True, slots=True)
class Bulk:
    """The rows of a file, each a change of its own. What they are stands with the request's items."""

    name: str
    """What people call it: the file's name, say."""

    @property
    def kind(self) -> Kind:
        """The change's name in audit and database; the policy asks for the kinds of the rows."""
        return Kind.BULK


ThingChange = LockThing | UnlockThing | RestoreThing
GroupChange = LockThingsGroup | UnlockThingsGroup | RestoreThingsGroup
SingleChange = ThingChange | GroupChange
"""A change of one Thing or of one Things Group."""
Change = SingleChange | Bulk


def doing(kind: Kind) -> str:
    """The change as something people do, in a sentence."""
    words = {
        Kind.LOCK_THING: "locking a SIM",
        Kind.UNLOCK_THING: "unlocking a SIM",
        Kind.LOCK_THINGS_GROUP: "locking a group",
        Kind.UNLOCK_THINGS_GROUP: "unlocking a group",
        Kind.BULK: "changing many SIMs",
    }
    return words[kind]


def noun(what: Change | Kind) -> str:
    """What is changed, in text for people: "SIM", "group" or "bulk"."""
    kind = what if isinstance(what, Kind) else what.kind
    if kind is Kind.BULK:
        return "bulk"
    return "group" if kind in GROUP_KINDS else "SIM"


def doubts(change: SingleChange, last_seen: str) -> tuple[str, ...]:
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


def wanted(change: SingleChange, now: Lock) -> Lock:
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
        case RestoreThing(lock=lock) | RestoreThingsGroup(lock=lock):
            return lock


def device_bound(change: SingleChange) -> Imei | None:
    """The device that a Thing would be locked to; None where it is to none, or to what is no IMEI.

    What stood there before an undone request may lack its check digit, or have a wrong one: it is read
    as what the vendor keeps, not as what somebody typed.
    """
    match change:
        case LockThing(imei=imei):
            return imei
        case RestoreThing(lock=lock) if lock.imei_lock:
            reading = parse_imei(lock.locked_imei, last_seen=lock.locked_imei)
            return None if isinstance(reading, Rejection) else reading.value
    return None


def holds(change: SingleChange, now: Lock) -> bool:
    """Whether nothing is left to do. For a lock the same device is enough: networks compare 14 digits."""
    match change:
        case LockThing(imei=imei):
            return now.imei_lock and same_device(now.bound_to, imei.digits)
        case LockThingsGroup(tac=tac):
            return now.imei_lock and now.bound_to == tac.digits
        case UnlockThing(keep=keep) | UnlockThingsGroup(keep=keep):
            return not now.imei_lock and (keep or not now.bound_to)
        case RestoreThing(lock=lock) | RestoreThingsGroup(lock=lock):
            return now == lock
