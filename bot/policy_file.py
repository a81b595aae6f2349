"""Reads `policy.toml` into a Policy; every mistake is named at once, with the place where it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.changes import SINGLE_KINDS
from bot.domain.policy import Approvals, Policy, Rule

_ID = {"team": r"[TE][A-Z0-9]+", "channel": r"[CG][A-Z0-9]+", "principal": r"[USW][A-Z0-9]+"}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LOOKUPS = ("status", "requests", "history")
_TOP = {"team", "approvals_channel", "audit_channel", "roles", "lookups", "rules"}
_RULE = {
    "changes",
    "things_groups",
    "request",
    "approve",
    "approvals",
    "many_from",
    "expires",
    "apply_within",
}


class PolicyError(Exception):
    """The file can't be used. One line a problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_policy(path: Path) -> Policy:
    """Read and check the file. Raises `PolicyError`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(
            [f"{path} can't be read ({error.strerror}). Copy policy.example.toml and edit it."]
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError([f"{path} is not valid TOML: {error}"]) from None
    return parse_policy(data)


def parse_policy(data: Mapping[str, Any]) -> Policy:
    """Check what the file holds. Raises `PolicyError`."""
    reader = _Reader()
    policy = reader.policy(data)
    if reader.problems:
        raise PolicyError(reader.problems)
    return policy


class _Reader:
    """Collects problems while it reads, so that one run names them all."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def policy(self, data: Mapping[str, Any]) -> Policy:
        self._unknown(data, _TOP, "the file")
        roles = self._roles(data.get("roles"))
        rules = data.get("rules")
        if not isinstance(rules, list) or not rules:
            self.problems.append("there is no [[rules]]: nothing would be allowed")
            rules = []
        return Policy(
            team=self._id(data.get("team"), "team", "team"),
            roles=roles,
            rules=tuple(self._rule(rule, n, roles) for n, rule in enumerate(rules, start=1)),
            lookups=self._lookups(data.get("lookups", {}), roles),
            approvals_channel=self._channel(data, "approvals_channel"),
            audit_channel=self._channel(data, "audit_channel"),
        )

    def _roles(self, data: Any) -> dict[str, tuple[str, ...]]:
        if not isinstance(data, dict) or not data:
            self.problems.append("there is no [roles]: nobody could do anything")
            return {}
        return {
            name: tuple(self._id(i, "principal", f"roles.{name}") for i in self._list(ids, f"roles.{name}"))
            for name, ids in data.items()
        }

    def _lookups(self, data: Any, roles: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        if not isinstance(data, dict):
            self.problems.append("lookups: must be a table")
            return {}
        self._unknown(data, set(_LOOKUPS), "[lookups]")
        return {name: self._role_names(names, f"lookups.{name}", roles) for name, names in data.items()}

    def _rule(self, data: Any, number: int, roles: Mapping[str, Any]) -> Rule:
        where = f"rule {number}"
        defaults = Rule((), (), (), Approvals(1, 1, 1))
        if not isinstance(data, dict):
            self.problems.append(f"{where}: must be a table")
            return defaults
        self._unknown(data, _RULE, where)
        return Rule(
            changes=self._changes(data.get("changes"), f"{where}, changes"),
            request=self._role_names(data.get("request"), f"{where}, request", roles),
            approve=self._role_names(data.get("approve"), f"{where}, approve", roles),
            approvals=self._approvals(data.get("approvals"), where),
            things_groups=self._things_groups(data, where),
            many_from=self._whole(data.get("many_from", defaults.many_from), f"{where}, many_from", 1),
            expires=self._duration(data, "expires", where, defaults.expires),
            apply_within=self._duration(data, "apply_within", where, defaults.apply_within),
        )

    def _changes(self, data: Any, where: str) -> tuple[str, ...]:
        changes = self._list(data, where)
        if data == []:
            self.problems.append(f"{where}: names none, so the rule would hold for nothing")
        known = ", ".join(SINGLE_KINDS)
        for change in changes:
            if change != "*" and change not in set(SINGLE_KINDS):
                self.problems.append(f"{where}: {change!r} is none of {known} or *")
        return tuple(changes)

    def _things_groups(self, data: Mapping[str, Any], where: str) -> tuple[str, ...]:
        """Left out, the rule holds for any Thing: an emptied list must not come to mean that."""
        if data.get("things_groups") == []:
            self.problems.append(f"{where}, things_groups: names none; leave it out to mean any Thing")
        return tuple(self._list(data.get("things_groups", []), f"{where}, things_groups"))

    def _approvals(self, data: Any, where: str) -> Approvals:
        if not isinstance(data, dict) or set(data) != {"none", "some", "many"}:
            self.problems.append(f"{where}, approvals: must be {{ none = …, some = …, many = … }}")
            return Approvals(1, 1, 1)
        whole = {key: self._whole(value, f"{where}, approvals.{key}", 0) for key, value in data.items()}
        return Approvals(**whole)

    def _role_names(self, data: Any, where: str, roles: Mapping[str, Any]) -> tuple[str, ...]:
        names = tuple(self._list(data, where))
        for name in names:
            if name not in roles:
                self.problems.append(f"{where}: there is no role {name!r} in [roles]")
        return names

    def _duration(self, data: Mapping[str, Any], key: str, where: str, default: timedelta) -> timedelta:
        value = data.get(key)
        if value is None:
            return default
        found = re.fullmatch(r"(\d{1,6})([smhd])", value) if isinstance(value, str) else None
        if not found or int(found[1]) == 0:
            self.problems.append(f'{where}, {key}: must be a time such as "30m", "24h" or "7d"')
            return default
        return timedelta(**{_UNITS[found[2]]: int(found[1])})

    def _whole(self, value: Any, where: str, least: int) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.problems.append(f"{where}: must be a whole number of at least {least}")
        return least

    def _list(self, value: Any, where: str) -> list[str]:
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return value
        self.problems.append(f"{where}: must be a list of texts")
        return []

    def _channel(self, data: Mapping[str, Any], key: str) -> str | None:
        value = data.get(key)
        return None if value is None else self._id(value, "channel", key)

    def _id(self, value: Any, kind: str, where: str) -> str:
        if value is None:
            self.problems.append(f"{where}: is missing")
            return ""
        if isinstance(value, str) and re.fullmatch(_ID[kind], value):
            return value
        self.problems.append(f"{where}: {value!r} is not an id; names can be taken by anyone, ids can't")
        return ""

    def _unknown(self, data: Mapping[str, Any], known: set[str], where: str) -> None:
        self.problems += [f"{where}: {key!r} is not a setting" for key in data if key not in known]
