"""Things Groups as the vendor holds them: the documented keys, those that no page mentions, and the PUT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.sandbox.monogoto.records import ABSENT
from bot.sandbox.monogoto.settings import GroupPut

ID_KEY: Final = "ThingsGroupId"
NAME_KEY: Final = "ThingsGroupName"
MODIFIED_KEY: Final = "DateModified"

FIELD_OF_KEY: Final = {
    NAME_KEY: "name",
    "TelephonyProfileId": "telephony_profile",
    "IMEIPrefix": "prefix",
    "LockMasterImei": "lock",
}
"""The documented keys; every other one lives in `GroupRecord.other`."""

CLEARED: Final[Mapping[str, Any]] = {
    NAME_KEY: "",
    "TelephonyProfileId": "",
    "IMEIPrefix": "",
    "LockMasterImei": False,
}
"""What a documented key becomes where a replacing PUT leaves it out."""

_ROW_KEYS: Final = (ID_KEY, NAME_KEY, "TelephonyProfileId", "CustomerId", "Description", MODIFIED_KEY)


@dataclass(slots=True)
class GroupRecord:
    """One Things Group. Every field but the id holds whatever JSON was sent, or ABSENT."""

    group_id: str
    name: Any
    telephony_profile: Any
    lock: Any = False
    prefix: Any = ""
    other: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupWrite:
    """One PUT that took effect: what was sent, and the whole group as GET showed it before and after."""

    at: datetime
    body: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Each key that differs, as (before, after); ABSENT where the key wasn't or isn't there."""
        keys = self.before | self.after
        pairs = {key: (self.before.get(key, ABSENT), self.after.get(key, ABSENT)) for key in keys}
        return {key: pair for key, pair in pairs.items() if not _same(*pair)}


def render_group(group: GroupRecord) -> dict[str, Any]:
    """The answer to GET, with a good many fields that no page mentions."""
    documented = {key: getattr(group, name) for key, name in FIELD_OF_KEY.items()}
    shown = {ID_KEY: group.group_id, **documented, **group.other}
    return {key: value for key, value in shown.items() if value is not ABSENT}


def render_group_row(group: GroupRecord) -> dict[str, Any]:
    """A row of a listing: fewer keys, no lock."""
    whole = render_group(group)
    return {key: whole[key] for key in _ROW_KEYS if key in whole}


def write_group_key(group: GroupRecord, key: str, value: Any) -> None:
    """Set one key as it would be spelt in JSON; ABSENT takes it away. The id stays what it is."""
    if key == ID_KEY:
        return
    if key in FIELD_OF_KEY:
        setattr(group, FIELD_OF_KEY[key], value)
    elif value is ABSENT:
        group.other.pop(key, None)
    else:
        group.other[key] = value


def put_group(group: GroupRecord, body: Mapping[str, Any], mode: GroupPut) -> None:
    """Store what was sent as it was sent; what becomes of the rest is for `mode` to say."""
    if mode == "replace_all":
        group.other.clear()
    left_out = {} if mode == "merge" else {key: CLEARED[key] for key in CLEARED if key not in body}
    for key, value in {**left_out, **body}.items():
        write_group_key(group, key, value)


def _same(before: Any, after: Any) -> bool:
    """As JSON compares: true is not 1."""
    return type(before) is type(after) and bool(before == after)
