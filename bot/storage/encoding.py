"""Domain values as JSON text and back, field by field. Each text says the version of its form: `"v": 1`.

Reading a form that this version doesn't know raises `UnknownForm`: nothing is guessed. A key more in a known
form is passed over: a newer version may run beside this one, and what it only adds needs no new form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from bot.domain.census import Census, Standing
from bot.domain.changes import (
    Bulk,
    Change,
    Kind,
    LockThing,
    LockThingsGroup,
    RestoreThing,
    RestoreThingsGroup,
    UnlockThing,
    UnlockThingsGroup,
)
from bot.domain.identifiers import Iccid, Imei, Tac, ThingsGroupId
from bot.domain.impact import Counts, Finding, Impact, Seen, SeenGroup, SeenThing, Verdict
from bot.domain.plans import Plan, RowCounts, SeenPlan
from bot.domain.things import GroupLock, Lock, Thing, ThingLock, ThingsGroup
from bot.storage.columns import from_microseconds, to_microseconds

VERSION = 1
_RESTORE_THING = "restore_thing"
_RESTORE_GROUP = "restore_things_group"


class UnknownForm(Exception):
    """The stored text is not of a form that this version writes."""


def encode_change(change: Change) -> str:
    """A Change as JSON text."""
    match change:
        case LockThing(iccid=iccid, imei=imei):
            return _dump({"kind": change.kind.value, "iccid": iccid.digits, "imei": imei.digits})
        case UnlockThing(iccid=iccid, keep=keep):
            return _dump({"kind": change.kind.value, "iccid": iccid.digits, "keep": keep})
        case LockThingsGroup(things_group_id=group_id, tac=tac):
            return _dump({"kind": change.kind.value, "things_group_id": group_id.text, "tac": tac.digits})
        case UnlockThingsGroup(things_group_id=group_id, keep=keep):
            return _dump({"kind": change.kind.value, "things_group_id": group_id.text, "keep": keep})
        case RestoreThing(iccid=iccid, lock=lock):
            return _dump({"kind": _RESTORE_THING, "iccid": iccid.digits, "lock": _lock_form(lock)})
        case RestoreThingsGroup(things_group_id=group_id, lock=lock):
            form = {"kind": _RESTORE_GROUP, "things_group_id": group_id.text, "lock": _lock_form(lock)}
            return _dump(form)
        case Bulk(name=name):
            return _dump({"kind": change.kind.value, "name": name})


def decode_change(stored: str) -> Change:
    """The Change of `encode_change`."""
    form = _load(stored)
    match form["kind"]:
        case Kind.LOCK_THING:
            return LockThing(Iccid(form["iccid"]), Imei(form["imei"]))
        case Kind.UNLOCK_THING:
            return UnlockThing(Iccid(form["iccid"]), keep=form["keep"])
        case Kind.LOCK_THINGS_GROUP:
            return LockThingsGroup(ThingsGroupId(form["things_group_id"]), Tac(form["tac"]))
        case Kind.UNLOCK_THINGS_GROUP:
            return UnlockThingsGroup(ThingsGroupId(form["things_group_id"]), keep=form["keep"])
        case "restore_thing":
            return RestoreThing(Iccid(form["iccid"]), ThingLock(*form["lock"]))
        case "restore_things_group":
            return RestoreThingsGroup(ThingsGroupId(form["things_group_id"]), GroupLock(*form["lock"]))
        case Kind.BULK:
            return Bulk(form["name"])
        case kind:
            raise UnknownForm(f"a change of the unknown kind {kind!r}")


def encode_seen(seen: Seen) -> str:
    """The live state as JSON text; `cas` stays a string."""
    if isinstance(seen, SeenPlan):
        return _dump({"plan": _plan_form(seen.plan), "read_at": to_microseconds(seen.read_at)})
    if isinstance(seen, SeenGroup):
        form = {"things_group": _group_form(seen.group), "read_at": to_microseconds(seen.read_at)}
        return _dump(form | ({"census": _census_form(seen.census)} if seen.census else {}))
    return _dump(
        {
            "thing": _thing_form(seen.thing),
            "group": _group_form(seen.group),
            "group_readable": seen.group_readable,
            "elsewhere": None if seen.elsewhere is None else list(seen.elsewhere),
            "online": seen.online,
            "read_at": to_microseconds(seen.read_at),
            "locked_elsewhere": list(seen.locked_elsewhere),
            "group_request": seen.group_request,
        }
    )


def decode_seen(stored: str) -> Seen:
    """The Seen of `encode_seen`."""
    form = _load(stored)
    if "plan" in form:
        return SeenPlan(_plan(form["plan"]), from_microseconds(form["read_at"]))
    itself = _group(form.get("things_group"))
    if itself is not None:
        census = _census(form["census"]) if "census" in form else None
        return SeenGroup(itself, from_microseconds(form["read_at"]), census)
    elsewhere = form["elsewhere"]
    return SeenThing(
        thing=_thing(form["thing"]),
        group=_group(form["group"]),
        group_readable=form["group_readable"],
        elsewhere=None if elsewhere is None else tuple(elsewhere),
        online=form["online"],
        read_at=from_microseconds(form["read_at"]),
        locked_elsewhere=tuple(form["locked_elsewhere"]),
        group_request=form.get("group_request", ""),
    )


def encode_impact(impact: Impact) -> str:
    """An Impact as JSON text."""
    form: dict[str, Any] = {
        "verdict": impact.verdict.value,
        "findings": [f.value for f in impact.findings],
    }
    if impact.counts is not None:
        form["counts"] = asdict(impact.counts)
    return _dump(form)


def decode_impact(stored: str) -> Impact:
    """The Impact of `encode_impact`."""
    form = _load(stored)
    counts = Counts(**_known(Counts, form["counts"])) if "counts" in form else None
    return Impact(Verdict(form["verdict"]), tuple(Finding(name) for name in form["findings"]), counts)


def encode_texts(texts: Mapping[str, str]) -> str:
    """Names with texts (a form's fields, what a reply is about) as JSON text."""
    return _dump({"texts": dict(texts)})


def decode_texts(stored: str) -> dict[str, str]:
    """The mapping of `encode_texts`."""
    texts: dict[str, str] = _load(stored)["texts"]
    return texts


def _lock_form(lock: Lock) -> list[Any]:
    return [lock.imei_lock, lock.bound_to]


def _census_form(census: Census) -> dict[str, Any]:
    return asdict(census) | {
        "standings": {standing.value: count for standing, count in census.standings.items()},
        "counted_from": to_microseconds(census.counted_from),
        "counted_at": to_microseconds(census.counted_at),
    }


def _census(form: dict[str, Any]) -> Census:
    return Census(
        **_known(Census, form)
        | {
            "standings": {Standing(name): count for name, count in form["standings"].items()},
            "counted_from": from_microseconds(form["counted_from"]),
            "counted_at": from_microseconds(form["counted_at"]),
            "tacs": tuple((tac, count) for tac, count in form["tacs"]),
            "losing": tuple(form["losing"]),
        }
    )


def _plan_form(plan: Plan) -> dict[str, Any]:
    return {
        "bulk_id": plan.bulk_id,
        "name": plan.name,
        "rows": asdict(plan.rows),
        "digest": plan.digest,
        "scopes": [[kind.value, group_id] for kind, group_id in plan.scopes],
        "notes": list(plan.notes),
    }


def _plan(form: dict[str, Any]) -> Plan:
    scopes = tuple((Kind(kind), group_id) for kind, group_id in form["scopes"])
    counts, notes = RowCounts(**_known(RowCounts, form["rows"])), tuple(form["notes"])
    return Plan(form["bulk_id"], form["name"], counts, form["digest"], scopes, notes)


def _thing_form(thing: Thing) -> dict[str, Any]:
    return {
        "thing_id": thing.thing_id,
        "iccid": thing.iccid,
        "name": thing.name,
        "state": thing.state,
        "cas": thing.cas,
        "imei_lock": thing.imei_lock,
        "locked_imei": thing.locked_imei,
        "things_group_id": thing.things_group_id,
        "last_seen_imei": thing.last_seen_imei,
        "last_seen_at": _maybe_microseconds(thing.last_seen_at),
    }


def _thing(form: dict[str, Any]) -> Thing:
    seen_at = form["last_seen_at"]
    return Thing(
        thing_id=form["thing_id"],
        iccid=form["iccid"],
        name=form["name"],
        state=form["state"],
        cas=form["cas"],
        imei_lock=form["imei_lock"],
        locked_imei=form["locked_imei"],
        things_group_id=form["things_group_id"],
        last_seen_imei=form["last_seen_imei"],
        last_seen_at=None if seen_at is None else from_microseconds(seen_at),
    )


def _group_form(group: ThingsGroup | None) -> dict[str, Any] | None:
    """Without its other fields: what stood there before a write is kept with the item."""
    if group is None:
        return None
    return {
        "things_group_id": group.things_group_id,
        "name": group.name,
        "imei_lock": group.imei_lock,
        "tac": group.tac,
    }


def _group(form: dict[str, Any] | None) -> ThingsGroup | None:
    if form is None:
        return None
    return ThingsGroup(form["things_group_id"], form["name"], form["imei_lock"], form["tac"])


def _known(kind: type[Any], form: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in form.items() if name in names}


def _maybe_microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


def _dump(form: dict[str, Any]) -> str:
    """ASCII only: what a text column of some store can't hold is escaped."""
    return json.dumps({"v": VERSION, **form}, separators=(",", ":"))


def _load(stored: str) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(stored)
    if form.get("v") != VERSION:
        raise UnknownForm(f"version {form.get('v')!r}, where this program knows {VERSION}")
    return form
