"""Every key of the environment: set, by default, missing or wrong. Values of secrets are not repeated."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.config import ConfigError, Secret, environment, from_files, settings
from bot.domain.policy import Policy
from bot.policy_file import PolicyError, load_policy
from bot.secret_files import SUFFIX
from bot.services.checked import Checked, failed, ok, remark, warning
from bot.settings import DatabaseUrl

_OURS = ("SLACK_", "MONOGOTO_")
_PERSONAL = frozenset({"MONOGOTO_USERNAME"})


def variables(
    given: Mapping[str, str], values: Mapping[str, Any], problems: Mapping[str, str]
) -> Iterable[Checked]:
    """One line for each key, then those that look like ours and are none."""
    files = {key: given.get(key + SUFFIX, "").strip() for key in from_files()}
    for key, setting in settings().items():
        name = f"variable {key}"
        if key in problems:
            yield failed(name, problems[key], f"Set {key} in .env or in the environment; see .env.example.")
        elif files.get(key):
            yield ok(name, f"set, from the file that {key}{SUFFIX} names")
        elif not given.get(key, "").strip():
            yield ok(name, "not set" if setting.default is None else f"{setting.default} (by default)")
        elif isinstance(address := values[key.lower()], DatabaseUrl):
            yield ok(name, address.shown)
        elif isinstance(values[key.lower()], Secret) or key in _PERSONAL:
            yield ok(name, "set")
        else:
            yield ok(name, str(values[key.lower()]))
    known = {*settings(), *(key + SUFFIX for key in files)}
    for key in sorted(given):
        if key.startswith(_OURS) and key not in known:
            yield warning(f"variable {key}", "is no setting", "Take it out, or mend its name: .env.example.")


def settings_file(path: Path | None, real: Mapping[str, str]) -> tuple[dict[str, str], list[Checked]]:
    """The environment with that file's values under it, and a line about the file itself."""
    name = "file .env"
    if path is None:
        return dict(real), []
    try:
        read = environment(path, real)
        mode = path.stat().st_mode if path.exists() else None
    except (ConfigError, OSError):
        fix = f"Let the bot's user read {path} (UTF-8 text), or take it away."
        return dict(real), [failed(name, f"{path.absolute()} can't be read", fix)]
    if mode is None:
        return read, [remark(name, "there is none in this folder: all comes from the environment")]
    if mode & 0o077:
        return read, [warning(name, "others on this machine may read its secrets", f"chmod 600 {path}")]
    return read, [ok(name, "read; for its owner only")]


def policy_file(path: Path | None) -> tuple[Policy | None, list[Checked]]:
    """The policy where it can be used, and a line for each mistake in it."""
    name = "policy file"
    if path is None:
        return None, [failed(name, "POLICY_FILE is wrong", "Set POLICY_FILE to the path of policy.toml.")]
    try:
        policy = load_policy(path)
    except PolicyError as error:
        fix = f"Mend it in {path}; policy.example.toml shows how it is meant."
        return None, [failed(name, problem, fix) for problem in error.problems]
    if path.stat().st_mode & stat.S_IWOTH:
        said = f"{path}: anybody on this machine may give themselves a role in it"
        return policy, [warning(name, said, f"chmod o-w {path}")]
    return policy, [ok(name, f"{path}: {len(policy.roles)} roles, {len(policy.rules)} rules")]
