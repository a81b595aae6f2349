"""Exactly what a decision is about: its hash, and the names of what is no longer so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bot.domain.changes import (
    LockThing,
    LockThingsGroup,
    RestoreThing,
    RestoreThingsGroup,
    SingleChange,
    UnlockThing,
    UnlockThingsGroup,
)
from bot.domain.impact import SeenGroup, SeenTarget, Verdict
from bot.domain.things import Lock


def differences(before: SeenTarget, now: SeenTarget) -> tuple[str, ...]:
    """The names of what was approved and is no longer so, among the fields that a decision rests on."""
    names = []
    if before.target.target_id != now.target.target_id:
        names.append("thing")
    if before.target.lock != now.target.lock:
        names.append("lock")
    if _group_lock(before) != _group_lock(now):
        names.append("group")
    return tuple(names)


def _group_lock(seen: SeenTarget) -> tuple[str, ...]:
    """The lock beside the target's own, which a decision about a Thing rests on too."""
    if isinstance(seen, SeenGroup):
        return ("itself",)
    if not seen.group_readable:
        return ("unreadable", seen.thing.things_group_id or "")
    if seen.group is None:
        return ("none",)
    return (seen.group.things_group_id, str(seen.group.imei_lock), seen.group.tac)


def fingerprint(
    team: str, change: SingleChange, seen: SeenTarget, verdict: Verdict, rules: Iterable[str]
) -> str:
    """SHA-256, in hex, over exactly what an approver agrees to: a change in any of it is another question."""
    parts = [team, seen.target.target_id, *_change_parts(change), *_lock_parts(seen.target.lock)]
    parts += [*_group_lock(seen), verdict.value, *rules, *_census_parts(seen)]
    framed = "".join(f"{len(part.encode())}:{part}," for part in parts)
    return hashlib.sha256(framed.encode()).hexdigest()


def _census_parts(seen: SeenTarget) -> tuple[str, ...]:
    """How many a group change hurts is part of what is agreed to; whom exactly is not."""
    census = seen.census if isinstance(seen, SeenGroup) else None
    if census is None:
        return ()
    unknown = census.unknown if census.is_complete else "?"
    return (f"loses {census.loses}", f"unknown {unknown}", f"of {census.things}")


def _change_parts(change: SingleChange) -> tuple[str, ...]:
    match change:
        case LockThing(iccid=iccid, imei=imei):
            return (change.kind.value, iccid.digits, imei.digits)
        case UnlockThing(iccid=iccid, keep=keep):
            return (change.kind.value, iccid.digits, str(keep))
        case LockThingsGroup(things_group_id=group_id, tac=tac):
            return (change.kind.value, group_id.text, tac.digits)
        case UnlockThingsGroup(things_group_id=group_id, keep=keep):
            return (change.kind.value, group_id.text, str(keep))
        case RestoreThing(iccid=iccid, lock=lock):
            return ("restore", iccid.digits, *_lock_parts(lock))
        case RestoreThingsGroup(things_group_id=group_id, lock=lock):
            return ("restore", group_id.text, *_lock_parts(lock))


def _lock_parts(lock: Lock) -> tuple[str, ...]:
    return (str(lock.imei_lock), lock.bound_to)
