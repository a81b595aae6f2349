"""What an audit entry says of locks, and of the Thing or Things Group that it is about."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.domain.audit import AuditEntry
from bot.domain.changes import Change, GroupChange
from bot.domain.impact import Seen, SeenThing
from bot.domain.things import GroupLock, Lock, Target, ThingLock, ThingsGroup


def lock_words(lock: Lock) -> dict[str, str]:
    """Lock fields as an audit entry keeps them."""
    imei_lock = "true" if lock.imei_lock else "false"
    match lock:
        case ThingLock(locked_imei=locked_imei):
            return {"imei_lock": imei_lock, "locked_imei": locked_imei}
        case GroupLock(tac=tac):
            return {"imei_lock": imei_lock, "tac": tac}


def record_words(target: Target) -> dict[str, str]:
    """What stood there right before a write: of a group, which has no `cas`, the whole record."""
    if isinstance(target, ThingsGroup):
        return lock_words(target.lock) | {"others": others_text(target.others)}
    return lock_words(target.lock)


def others_text(others: tuple[tuple[str, str], ...]) -> str:
    """A group's other fields as one JSON object of JSON texts."""
    return json.dumps(dict(others), separators=(",", ":"))


def others_from(text: str) -> tuple[tuple[str, str], ...]:
    """The fields of `others_text`."""
    return tuple(sorted(json.loads(text).items())) if text else ()


def about(entry: AuditEntry, seen: Seen) -> AuditEntry:
    """The entry with the id of what it is about."""
    if isinstance(seen, SeenThing):
        return replace(entry, thing_id=seen.thing.thing_id)
    return replace(entry, things_group_id=seen.group.things_group_id)


def target_typed(change: Change) -> dict[str, str]:
    """What somebody asked for where nothing was found yet."""
    if isinstance(change, GroupChange):
        return {"things_group_id": change.things_group_id.text}
    return {"iccid": change.iccid.digits}
