"""What an audit entry says of locks, and of the Thing or Things Group that it is about."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.domain.audit import AuditEntry
from bot.domain.changes import Bulk, Change, GroupChange, wanted
from bot.domain.impact import Seen, SeenGroup, SeenThing
from bot.domain.plans import SeenPlan
from bot.domain.requests import ChangeRequest
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
    """The entry with the id of what it is about; a bulk's rows have entries of their own."""
    match seen:
        case SeenThing(thing=thing):
            return replace(entry, thing_id=thing.thing_id)
        case SeenGroup(group=group):
            return replace(entry, things_group_id=group.things_group_id)
        case SeenPlan():
            return entry


def asked_words(request: ChangeRequest) -> tuple[dict[str, str], dict[str, str]]:
    """What stood there when it was asked, and what it asks for, as an audit entry keeps them."""
    undoes = {"undoes": request.undoes} if request.undoes else {}
    if isinstance(request.seen, SeenPlan):
        plan = request.seen.plan
        return {}, {"bulk": plan.name, "rows": str(plan.rows.ready), "digest": plan.digest} | undoes
    before = request.before
    return lock_words(before), lock_words(wanted(request.single, before)) | undoes


def target_typed(change: Change) -> dict[str, str]:
    """What somebody asked for where nothing was found yet."""
    if isinstance(change, Bulk):
        return {"bulk": change.name}
    if isinstance(change, GroupChange):
        return {"things_group_id": change.things_group_id.text}
    return {"iccid": change.iccid.digits}
