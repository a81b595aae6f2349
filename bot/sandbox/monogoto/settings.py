"""What the vendor documents nowhere, as switches: the bot must be right whichever way each is set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

UnknownId = Literal["404_text", "404_json", "200_null", "200_empty", "400", "500"]
StaleCas = Literal["409", "412", "400", "500", "200"]
GroupPut = Literal["replace", "merge", "replace_all"]


@dataclass
class Settings:
    """Change any of these while the server runs; the next call sees it."""

    unknown_id: UnknownId = "404_text"
    """How an ICCID or a group id that nobody holds is answered."""
    stale_cas: StaleCas = "409"
    """How a PUT with a stale `cas` is answered; nothing is written in any case ("200": other text)."""
    thing_id: Literal["lenient", "strict"] = "lenient"
    """Whether PUT takes `/thing/ThingId_…` and blanks, or only the form that GET returns."""
    token_lifetime: float = 4 * 3600.0
    """Seconds, for tokens issued from now on."""
    token_key: Literal["token", "Token"] = "token"  # noqa: S105  a key's name
    failed_login_status: int = 403
    profile: Literal["standard", "monitor", "group_user"] = "standard"
    """`monitor` may not write; `group_user` sees only `own_groups`."""
    own_groups: frozenset[str] = frozenset()
    rows_with_group: bool = True
    """Whether rows of `/things` carry ThingsGroupId."""
    rows_untold_group: Literal["absent", "null", "empty"] = "absent"
    """How rows that don't tell ThingsGroupId leave it out."""
    rows_with_lock: bool = False
    """Whether rows of `/things` carry MasterIMEI and LockMasterImei."""
    groups_listing: Literal["array", "missing"] = "array"
    """Whether `/thingsgroups`, which is a guess, exists."""
    thing_put: Literal["merge", "replace"] = "merge"
    """What the Thing's PUT does to keys it leaves out: nothing, or clears name, description and group."""
    stored_imei_locks: bool = False
    """Whether storing an IMEI turns the lock on, whatever LockMasterImei says."""
    group_put: GroupPut = "replace"
    """What a group's PUT does to keys it leaves out: clears the documented ones (`replace`), nothing
    (`merge`), or clears those and drops every other one too (`replace_all`)."""
    group_modified_moves: bool = True
    """Whether a change of a group moves its DateModified, which no page mentions."""
    validates_imei: bool = False
    """Whether PUT refuses a MasterIMEI that is neither empty nor 15 digits."""
    validates_tac: bool = False
    """Whether PUT refuses an IMEIPrefix that is neither empty nor eight digits."""
    lock_wins: Literal["both", "thing", "group"] = "both"
    """Whose lock is asked where both are on: each must agree, or that one alone decides."""
    empty_lock: Literal["refuses_all", "ignored"] = "refuses_all"
    """What LockMasterImei true with no IMEI, or no range, does to devices."""
    active_sessions: Literal["list", "object"] = "list"
    """ActiveSessions of `/thing/status`: a list in the vendor's example, an object in its schema."""

    def change(self, **values: Any) -> None:
        """Set several by name. Raises ValueError on an unknown name or value, then nothing is set."""
        hints = get_type_hints(Settings)
        checked = {name: _checked(name, value, hints) for name, value in values.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """All switches, ready for JSON."""
        return asdict(self) | {"own_groups": sorted(self.own_groups)}


def _checked(name: str, value: Any, hints: dict[str, Any]) -> Any:
    if name not in {field.name for field in fields(Settings)}:
        raise ValueError(f"no setting named {name!r}")
    hint = hints[name]
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name} must be one of {', '.join(get_args(hint))}")
        return value
    if get_origin(hint) is frozenset:
        return frozenset(str(item) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{name} must be a {hint.__name__}")
    return value
