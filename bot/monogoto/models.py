"""The vendor's spellings, here and nowhere else. Read leniently, but for what a lock hangs on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bot.domain.errors import ThingNotFound, Unreadable
from bot.domain.things import GroupRow, Thing, ThingLock, ThingRow, ThingsGroup
from bot.monogoto.moments import last_seen

ID_PREFIX: Final = "ThingId_ICCID_"
LOCK_PATH: Final = "/thing/update/"
KEYS_OF_A_WRITE: Final = frozenset({"LockMasterImei", "MasterIMEI", "cas"})
"""Keys that a write of the lock changes by its nature."""
OPEN_ROW_KEYS: Final = ("ThingsGroupId", "MasterIMEI", "LockMasterImei", "cas")
"""Keys of which nobody documents whether rows of a listing carry them."""
_DIGITS: Final = re.compile(r"[0-9]+")
_NAMED: Final = re.compile(r"ICCID_([0-9]+)")
_SENT_BACK: Final = frozenset({"TelephonyProfileId", "ThingsGroupName"})
_MOVED_BY_A_WRITE: Final = frozenset({"IMEIPrefix", "LockMasterImei", "DateModified", "cas"})
_ON: Final = frozenset({"online", "connected", "active"})
_OFF: Final = frozenset({"offline", "disconnected", "inactive", "not connected"})


def thing_from(body: object, iccid: str) -> Thing:
    """The Thing of that ICCID. Raises `ThingNotFound` for null or nothing, `Unreadable` for anything else."""
    record = _record(body)
    thing_id = record.get("ThingId")
    if not isinstance(thing_id, str) or not thing_id.isascii():
        raise Unreadable("Monogoto's answer has no ThingId.")
    if not _is_of(thing_id, record.get("ExternalUniqueId"), iccid):
        raise Unreadable("Monogoto answered with another Thing.")
    return Thing(
        thing_id=thing_id,
        iccid=iccid,
        name=_text(record.get("ThingName")),
        state=_text(record.get("State")),
        cas=_cas(record.get("cas")),
        imei_lock=_flag(record.get("LockMasterImei")),
        locked_imei=_lock_text(record, "MasterIMEI"),
        things_group_id=_group_of(record),
        last_seen_imei=_number_text(record.get("IMEI")),
        last_seen_at=last_seen(record),
    )


def group_from(body: object, things_group_id: str) -> ThingsGroup:
    """The Things Group of that id. One without a name has the name ""."""
    record = _record(body)
    if record.get("ThingsGroupId", things_group_id) != things_group_id:
        raise Unreadable("Monogoto answered with another Things Group.")
    if "ThingsGroupId" not in record and not isinstance(record.get("ThingsGroupName"), str):
        raise Unreadable("Monogoto's answer is no Things Group.")
    lock = record.get("LockMasterImei")
    return ThingsGroup(
        things_group_id=things_group_id,
        name=_text(record.get("ThingsGroupName")),
        imei_lock=lock is not None and _flag(lock),  # nobody knows what a group never locked says
        tac=_tac(record),
        others=_fields(record, record.keys() - _MOVED_BY_A_WRITE),
        sent_back=_fields(record, record.keys() & _SENT_BACK),
    )


def rows_from(body: object) -> tuple[ThingRow, ...]:
    """Rows of a listing; those without a ThingId are passed over."""
    if not isinstance(body, list):
        raise Unreadable("Monogoto's listing is not a list.")
    return tuple(_row(row) for row in body if isinstance(row, dict) and isinstance(row.get("ThingId"), str))


def group_rows_from(body: object) -> tuple[GroupRow, ...]:
    """Groups of a listing; those without an id are passed over."""
    if not isinstance(body, list):
        raise Unreadable("Monogoto's listing is not a list.")
    rows = (row for row in body if isinstance(row, dict) and isinstance(row.get("ThingsGroupId"), str))
    return tuple(GroupRow(_text(row["ThingsGroupId"]), _text(row.get("ThingsGroupName"))) for row in rows)


def online_from(body: object, thing_id: str) -> bool | None:
    """Whether the status of that Thing shows a session; None where it doesn't say."""
    data = body.get("Data") if isinstance(body, dict) else None
    for row in data if isinstance(data, list) else []:
        if isinstance(row, dict) and row.get("ThingId") == thing_id:
            sessions = row.get("ActiveSessions")
            return bool(sessions) if isinstance(sessions, (list, dict)) else _connected(row)
    return None


def token_from(raw: bytes) -> str | None:
    """The token of a log-in, in either spelling; None where there is none that fits a header."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    record = body if isinstance(body, dict) else {}
    token = record.get("token") or record.get("Token")
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token.strip()):
        return None
    return token.strip()


def lock_body(thing: Thing, *, imei_lock: bool, locked_imei: str) -> dict[str, Any]:
    """The four keys of a write, and no more."""
    return {
        "cas": thing.cas,
        "ThingId": thing.thing_id,
        "LockMasterImei": imei_lock,
        "MasterIMEI": locked_imei,
    }


def group_lock_body(group: ThingsGroup, *, imei_lock: bool, tac: str) -> dict[str, Any]:
    """The four keys of a write: name and profile exactly as read; one that was not there stays away."""
    kept = {key: json.loads(value) for key, value in group.sent_back}
    return kept | {"IMEIPrefix": tac, "LockMasterImei": imei_lock}


def id_forms(thing_id: str) -> dict[str, str]:
    """The three forms that the vendor's page shows for a write, by what they are."""
    return {
        "as GET returns it": thing_id,
        "with a leading blank": f" {thing_id}",
        "as a path": f"/thing/{thing_id}",
    }


def spelling_of_none(record: Mapping[str, object]) -> str:
    """How a record says that no IMEI is stored; "" where one is."""
    if "MasterIMEI" not in record:
        return "the key left out"
    value = record["MasterIMEI"]
    return {None: "null", "": 'an empty text ("")'}.get(value, "") if isinstance(value, str | None) else ""


def restorable(record: Mapping[str, object]) -> bool:
    """Whether what is stored could be put back by a write: a text, or none."""
    return isinstance(record.get("MasterIMEI"), str | None)


def _fields(record: Mapping[str, object], names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Fields by name, each as JSON text that can be sent back as it is."""
    try:
        return tuple(
            (name, json.dumps(record[name], sort_keys=True, allow_nan=False)) for name in sorted(names)
        )
    except ValueError:
        raise Unreadable("Monogoto's answer holds a number that can't be sent back.") from None


def _tac(record: Mapping[str, object]) -> str:
    """A range that came as a number has lost the zeros in front."""
    value = record.get("IMEIPrefix")
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value).zfill(8) if is_number else _lock_text(record, "IMEIPrefix")


def _group_of(record: Mapping[str, object]) -> str | None:
    """The group that rules may speak of: where it can't be told, nothing may be decided."""
    value = record.get("ThingsGroupId")
    if value is not None and not isinstance(value, str):
        raise Unreadable("Monogoto's answer doesn't say which group the SIM is in.")
    return _text(value) or None


def _record(body: object) -> Mapping[str, object]:
    if body is None or body in ({}, []):
        raise ThingNotFound("Monogoto knows no such id.")
    if not isinstance(body, dict):
        raise Unreadable("Monogoto's answer is no record.")
    return body


def _is_of(thing_id: str, external: object, iccid: str) -> bool:
    """By ThingId; if that is off by the last digit, or has no ICCID, ExternalUniqueId has to vouch for it."""
    named = _NAMED.search(thing_id)
    if named is None:
        return external == iccid
    held = named[1]
    return held == iccid or (external == iccid and (held[:-1] == iccid or held == iccid[:-1]))


def _cas(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # Python reads integers exactly; through a float it would be lost already
    if not isinstance(value, str) or not _DIGITS.fullmatch(value) or not value.strip("0"):
        raise Unreadable("Monogoto's answer has no usable cas.")
    return value


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise Unreadable("Monogoto's answer doesn't say whether the lock is on.")


def _lock_text(record: Mapping[str, object], key: str) -> str:
    value = record.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int))):
        raise Unreadable("Monogoto's answer doesn't say what the lock is set to.")
    return _number_text(value)


def _number_text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value)


def _text(value: object) -> str:
    """Text that any database and any message can hold: no NUL, no half characters."""
    if not isinstance(value, str):
        return ""
    if value.isascii():
        return value.replace("\0", "")
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _row(row: Mapping[str, object]) -> ThingRow:
    thing_id = _text(row.get("ThingId"))
    named = _NAMED.search(thing_id)
    return ThingRow(
        thing_id=thing_id,
        iccid=_text(row.get("ExternalUniqueId")) or (named[1] if named else ""),
        name=_text(row.get("ThingName")),
        last_seen_imei=_number_text(row.get("IMEI")),
        things_group_id=_text(row.get("ThingsGroupId")) or None,  # only a Thing's own record tells "in none"
        own_lock=_row_lock(row),
    )


def _row_lock(row: Mapping[str, object]) -> ThingLock | None:
    """None where the row doesn't tell it, or not in a way that makes sense."""
    if "LockMasterImei" not in row or "MasterIMEI" not in row:
        return None
    lock = row["LockMasterImei"]
    try:
        return ThingLock(lock is not None and _flag(lock), _lock_text(row, "MasterIMEI"))
    except Unreadable:
        return None


def _connected(row: Mapping[str, object]) -> bool | None:
    said = _text(row.get("ConnectionStatus")).strip().lower()
    if said in _ON:
        return True
    return False if said in _OFF else None
