"""Locks, devices and groups in few words: the rows that cards, forms and answers share."""

from __future__ import annotations

from datetime import datetime

from bot.domain.changes import SingleChange, wanted
from bot.domain.identifiers import group_imei, is_reported
from bot.domain.impact import SeenGroup, SeenThing
from bot.domain.things import GroupLock, Lock, Thing, ThingsGroup, is_readable
from bot.services.outcomes import is_an_imei
from bot.slack import blocks as b

Rows = list[tuple[str, str]]


def b_iccid(iccid: str) -> str:
    """An ICCID in groups of four."""
    return " ".join(iccid[i : i + 4] for i in range(0, len(iccid), 4))


def lock_words(lock: Lock) -> str:
    """Lock fields in words."""
    if isinstance(lock, GroupLock):
        return group_lock_words(lock)
    stored = group_imei(lock.locked_imei)
    if not stored:
        return "locked, no IMEI stored" if lock.imei_lock else "unlocked"
    if not is_an_imei(lock.locked_imei):
        stored = "zeros" if set(lock.locked_imei) == {"0"} else stored
        return f"locked, to no IMEI: {stored}" if lock.imei_lock else f"unlocked (kept, no IMEI: {stored})"
    return f"locked to {stored}" if lock.imei_lock else f"unlocked ({stored} kept)"


def group_lock_words(lock: GroupLock) -> str:
    """A group's lock fields in words."""
    stored = group_imei(lock.tac)
    if not stored:
        return "locked, no TAC stored" if lock.imei_lock else "unlocked"
    return f"locked to TAC {stored}" if lock.imei_lock else f"unlocked (TAC {stored} kept)"


def after_words(change: SingleChange, before: Lock) -> str:
    """The lock fields as the change leaves them; that something stored goes is said."""
    after = wanted(change, before)
    what = "TAC" if isinstance(after, GroupLock) else "IMEI"
    cleared = bool(before.bound_to) and not after.bound_to
    return lock_words(after) + (f", {what} cleared" if cleared else "")


def thing_rows(seen: SeenThing, now: str, after: tuple[str, str] | None = None) -> Rows:
    """A Thing with its lock, labelled `now`, what it is to become, and its group's lock beside it."""
    thing = seen.thing
    rows = [
        ("SIM", thing.name if is_readable(thing.name) else "(no name)"),
        ("ICCID", b_iccid(thing.iccid)),
        (now, lock_words(thing.lock)),
        *([after] if after else []),
        ("seen in", device_words(thing, seen.read_at)),
    ]
    rows += group_rows(seen.group, readable=seen.group_readable)
    return [*rows, ("state", thing.state or "unknown")]


def things_group_rows(seen: SeenGroup, now: str, after: tuple[str, str] | None = None) -> Rows:
    """A Things Group with its lock, labelled `now`, and what it is to become."""
    group = seen.group
    return [
        ("group", group.name if is_readable(group.name) else "(no name)"),
        ("id", group.things_group_id.removeprefix("ThingsGroupId_")),
        (now, lock_words(group.lock)),
        *([after] if after else []),
    ]


def device_words(thing: Thing, now: datetime) -> str:
    """The device last seen, and how long before this reading; a line of a phone's width."""
    if not thing.last_seen_imei:
        return "never in any device"
    if not is_reported(thing.last_seen_imei):
        return "carrier reports none"
    age = b.age(thing.last_seen_at, now) if thing.last_seen_at else "time unknown"
    return f"{group_imei(thing.last_seen_imei)}, {age}"


def group_rows(group: ThingsGroup | None, *, readable: bool) -> Rows:
    """The group and its own lock, beside the Thing's: which of the two wins is documented nowhere."""
    if not readable:
        return [("group", "could not be read")]
    if group is None:
        return [("group", "none")]
    lock = f"locked to TAC {group_imei(group.tac) or '(none)'}" if group.imei_lock else "not locked"
    return [("group", group.title), ("its lock", lock)]
