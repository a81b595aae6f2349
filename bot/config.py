"""What the operator sets, read once at the start and passed on as values.

Each field of `Config` is one key of the environment, in lower case, with its explanation, its default and
its reader beside it. `.env.example` is kept equal to this table by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_type_hints

from dotenv import dotenv_values

from bot.secret_files import with_files_read
from bot.settings import (
    DatabaseUrl,
    Secret,
    any_secret,
    any_text,
    database_address,
    host_name,
    one_of,
    one_word,
    port_number,
    rate,
    ready_token,
    safe_url,
    seconds,
    slack_url,
    token,
)

__all__ = [
    "Config",
    "ConfigError",
    "DatabaseUrl",
    "Secret",
    "Setting",
    "database_url",
    "environment",
    "from_files",
    "move_to",
    "readable",
    "settings",
]


class ConfigError(Exception):
    """The bot can't start like this. `problems` maps each key to one sentence; values are never repeated."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{key}: {sentence}" for key, sentence in problems.items()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key: what it is for, how it is read, and what holds where it isn't set (None: nothing does).

    `secret`: may hold one, and so may come from the file that `<KEY>_FILE` names.
    """

    explanation: str
    read: Callable[[str], object]
    default: str | None = None
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that the operator decides. Field names are the environment's keys in lower case."""

    slack_bot_token: Annotated[
        Secret,
        Setting(
            "The bot user's token (xoxb-…): app page, “OAuth & Permissions”.",
            token("xoxb-"),
            required=True,
            secret=True,
        ),
    ]
    slack_transport: Annotated[
        Literal["socket", "http"],
        Setting("socket (the bot calls out, no public address) or http.", one_of("socket", "http"), "socket"),
    ]
    slack_app_token: Annotated[
        Secret | None,
        Setting(
            "App-level token (xapp-…) with connections:write; needed for socket.",
            token("xapp-"),
            secret=True,
        ),
    ]
    slack_signing_secret: Annotated[
        Secret | None,
        Setting("Signing secret: app page, “Basic Information”; needed for http.", one_word, secret=True),
    ]
    host: Annotated[str, Setting("Address to listen on, for http.", host_name, "127.0.0.1")]
    port: Annotated[
        int, Setting("Port to listen on, for http; 0 lets the system choose.", port_number, "3000")
    ]
    slack_api_url: Annotated[
        str, Setting("Slack's Web API: https, or this machine.", slack_url, "https://slack.com/api/")
    ]
    monogoto_url: Annotated[
        str, Setting("Monogoto's API: https, or this machine.", safe_url, "https://console.monogoto.io")
    ]
    monogoto_username: Annotated[
        str | None, Setting("Monogoto user name; together with the password.", any_text)
    ]
    monogoto_password: Annotated[Secret | None, Setting("Monogoto password.", any_secret, secret=True)]
    monogoto_token: Annotated[
        Secret | None,
        Setting("A ready-made Monogoto token, instead of user name and password.", ready_token, secret=True),
    ]
    monogoto_max_rate: Annotated[float, Setting("Calls a second to Monogoto, at most.", rate, "5")]
    database_url: Annotated[
        DatabaseUrl,
        Setting(
            "Where requests and the audit are kept: sqlite:///<file>, or "
            "postgresql://<user>:<password>@<host>/<database>.",
            database_address,
            "sqlite:///imei-lock.db",
            secret=True,
        ),
    ]
    replica_heartbeat: Annotated[
        float,
        Setting("On PostgreSQL: how often each replica says that it lives, in seconds.", seconds, "10"),
    ]
    replica_timeout: Annotated[
        float,
        Setting("On PostgreSQL: after so many silent seconds others take over its work.", seconds, "30"),
    ]
    policy_file: Annotated[Path, Setting("Who may ask for what, and who approves.", Path, "policy.toml")]
    health_host: Annotated[
        str, Setting("Address for /healthz, /readyz and /metrics.", host_name, "127.0.0.1")
    ]
    health_port: Annotated[
        int | None,
        Setting(
            "Port for them, apart from Slack's; not set: not served; 0 lets the system choose.", port_number
        ),
    ]
    log_level: Annotated[
        str,
        Setting("DEBUG, INFO, WARNING or ERROR.", one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    ]
    log_format: Annotated[
        Literal["text", "json"],
        Setting("text for people, json (one object a line) for machines.", one_of("text", "json"), "text"),
    ]

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Config:
        """Read every key, or raise one `ConfigError` that names each missing or wrong one."""
        values, problems = readable(environment)
        if problems:
            raise ConfigError(problems)
        return cls(**values)

    def secrets(self) -> tuple[str, ...]:
        """Every secret in it, to be kept out of what is written."""
        held = [getattr(self, key.lower()) for key in from_files() if key != "DATABASE_URL"]
        revealed = [value.reveal() for value in held if value is not None]
        passwords = self.database_url.passwords()
        return (*revealed, self.database_url.reveal(), *passwords) if passwords else tuple(revealed)


def readable(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What can be read, and one sentence for each key that is missing or wrong, in the table's order.

    The values are those of `Config`'s fields; None where a key is not set, or wrong.
    """
    values: dict[str, Any] = {}
    given, problems = with_files_read(environment, from_files())
    for key, setting in settings().items():
        raw = given.get(key, "").strip() or setting.default
        values[key.lower()] = None
        if key in problems:
            continue
        if raw is None:
            if setting.required:
                problems[key] = f"is missing. {setting.explanation}"
            continue
        try:
            values[key.lower()] = setting.read(raw)
        except ValueError as wrong:
            problems[key] = f"{wrong}."
    _check_transport(values, problems)
    _check_login(values, problems)
    _check_heartbeat(values, problems)
    return values, {key: problems[key] for key in settings() if key in problems}


def database_url(environment: Mapping[str, str]) -> DatabaseUrl:
    """Where the records are, for verbs that need nothing else. Raises `ConfigError`."""
    given = _with_file(environment, "DATABASE_URL")
    return _address("DATABASE_URL", given or settings()["DATABASE_URL"].default or "")


def move_to(environment: Mapping[str, str], typed: str | None) -> DatabaseUrl:
    """Where the records are to go: as typed, else by `MOVE_TO` or `MOVE_TO_FILE`. Raises `ConfigError`."""
    given = typed or _with_file(environment, "MOVE_TO")
    if not given:
        raise ConfigError({"MOVE_TO": "is missing: say where to, with --to or in the environment or .env."})
    return _address("--to" if typed else "MOVE_TO", given)


def _with_file(environment: Mapping[str, str], key: str) -> str:
    given, problems = with_files_read(environment, [key])
    if problems:
        raise ConfigError(problems)
    return given.get(key, "").strip()


def _address(key: str, value: str) -> DatabaseUrl:
    try:
        return database_address(value)
    except ValueError as wrong:
        raise ConfigError({key: f"{wrong}."}) from None


@cache
def settings() -> Mapping[str, Setting]:
    """Every key of the environment with what is known of it, in the order they are read."""
    hints = get_type_hints(Config, include_extras=True)
    return MappingProxyType({name.upper(): hint.__metadata__[0] for name, hint in hints.items()})


def from_files() -> list[str]:
    """The keys whose values may come from a file: `<KEY>_FILE` names it."""
    return [key for key, setting in settings().items() if setting.secret]


def environment(dotenv: Path, real: Mapping[str, str]) -> dict[str, str]:
    """The `.env` file, where there is one, under the real environment, which wins.

    Nothing is interpolated: a `$` in a password is a `$`. Raises `ConfigError` where it can't be read.
    """
    try:
        read = dotenv_values(dotenv, interpolate=False)
    except (OSError, UnicodeError) as error:
        raise ConfigError({dotenv.name: f"can't be read ({type(error).__name__})."}) from None
    written = {key: value for key, value in read.items() if value}
    return written | dict(real)


def _check_transport(values: Mapping[str, Any], problems: dict[str, str]) -> None:
    needed = {"socket": "SLACK_APP_TOKEN", "http": "SLACK_SIGNING_SECRET"}.get(
        values["slack_transport"] or ""
    )
    if needed and values[needed.lower()] is None:
        problems.setdefault(needed, f"is missing; SLACK_TRANSPORT={values['slack_transport']} needs it.")


def _check_heartbeat(values: Mapping[str, Any], problems: dict[str, str]) -> None:
    interval, timeout = values["replica_heartbeat"], values["replica_timeout"]
    if interval and timeout and timeout < 2 * interval:
        problems.setdefault("REPLICA_TIMEOUT", "must be at least twice REPLICA_HEARTBEAT.")


def _check_login(values: Mapping[str, Any], problems: dict[str, str]) -> None:
    halves = ("MONOGOTO_USERNAME", "MONOGOTO_PASSWORD")
    missing = [key for key in halves if values[key.lower()] is None]
    if "MONOGOTO_TOKEN" in problems:
        return
    if values["monogoto_token"] is None:
        for key in missing:
            problems.setdefault(key, "is missing; set user name and password, or MONOGOTO_TOKEN alone.")
    elif len(missing) < len(halves):
        problems["MONOGOTO_TOKEN"] = "is set beside a user name or password; set one or the other."  # noqa: S105  a sentence, not a password
