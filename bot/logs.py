"""Logging: ids and outcomes. Whatever else slips in is masked on its way out."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from bot.services import traces

# httpx logs full URLs, which hold ICCIDs. Bolt logs signatures and bodies at INFO when a request fails its
# check, whole payloads at DEBUG, and sets its loggers' levels from the root's: so the handler drops these.
# The database's libraries log statements with all their values at DEBUG.
_LOUD = (
    "httpx",
    "httpcore",
    "aiohttp.access",
    "slack_bolt",
    "slack_sdk",
    "aiosqlite",
    "sqlalchemy",
    "alembic",
    "asyncio",
    "procrastinate",
    "psycopg",
)
# That the database is away is said once, by whoever needed it; these libraries say it again, with tracebacks.
_SAID_ALREADY = frozenset({"ConnectorException", "PoolTimeout", "PoolClosed"})
_SAYS_IT_EVERY_SECOND = "psycopg.pool"

# What people group digits with: spaces, also those that don't break or don't show; all dashes; dot, slash.
_SPACES = r" \t\u00a0\u00ad\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff"
_BETWEEN = rf"[{_SPACES}\u2010-\u2015\u2212\ufe58\ufe63\uff0d_./-]"
_ORDINARY = r"(?<![\d.])1\d{9}\.\d{6}(?![\d.])|(?<!\d)20\d\d-[01]\d-[0-3]\d(?![\d-])"
"""A message's time as Slack writes it, and a date."""
_DIGITS = re.compile(rf"(?P<ordinary>{_ORDINARY})|\d(?:{_BETWEEN}{{0,3}}\d){{13,}}")
_SECRETS = (
    (re.compile(r"(xox[a-z]|xapp)[-.][\w.-]+", re.IGNORECASE), r"\1-…"),
    (re.compile(r"\b(Bearer)\s+[^\s'\",}]+", re.IGNORECASE), r"\1 …"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"), "eyJ…"),
    (re.compile(r"\b(ticket=)[\w%.-]+"), r"\1…"),
    (re.compile(r"(hooks\.slack\.com/)[^\s'\"]+"), r"\1…"),
)


def mask(text: str) -> str:
    """The text without ICCIDs, IMEIs (14 digits or more, grouped or not), Slack tokens and bearer values."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return _DIGITS.sub(_mask_digits, text)


def _mask_digits(found: re.Match[str]) -> str:
    if found["ordinary"]:
        return found[0]
    digits = [letter for letter in found[0] if letter.isdigit()]
    return f"<{len(digits)} digits …{''.join(digits[-4:])}>"


class _Quiet(logging.Filter):
    """Lets the loud libraries through from WARNING on, whatever level their loggers have."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return not _is_loud(record.name)
        kind = record.exc_info[0] if record.exc_info else None
        return not (record.name == _SAYS_IT_EVERY_SECOND or (kind and kind.__name__ in _SAID_ALREADY))


def _is_loud(name: str) -> bool:
    return any(name == loud or name.startswith(f"{loud}.") for loud in _LOUD)


def _named(record: logging.LogRecord) -> dict[str, str]:
    """Which request and which payload it is about, and the reference that somebody was told."""
    found = dict(traces.ids())
    for name in (traces.REQUEST, "reference"):
        if told := getattr(record, name, None):
            found[name] = str(told)
    return found


class TextFormatter(logging.Formatter):
    """One line a record, a traceback below it; all of it masked, line breaks in a message made visible.

    Times are UTC, and say so.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the library's name
        line = super().formatMessage(record)
        if named := _named(record):
            line += f" [{' '.join(f'{name}={value}' for name, value in named.items())}]"
        return line.replace("\r", "\\r").replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, ids, exception; texts masked.

    In ASCII: whatever reads it takes no other character for a line's end.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
            **{name: mask(value) for name, value in _named(record).items()},
        }
        if record.exc_info:
            entry["exception"] = mask(self.formatException(record.exc_info))
        if record.stack_info:
            entry["stack"] = mask(self.formatStack(record.stack_info))
        return json.dumps(entry)


class _Discreet(logging.StreamHandler[TextIO]):
    """Takes out what it knows to be secret, wherever in a record it got to: a foreign error's text, say."""

    def __init__(self, stream: TextIO, secrets: Iterable[str]) -> None:
        super().__init__(stream)
        known = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        spelt = known | {
            json.dumps(s, ensure_ascii=ascii_only)[1:-1] for s in known for ascii_only in (True, False)
        }
        self._secrets = sorted(spelt, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


SHORTEST_SECRET = 6
"""Shorter ones are parts of ordinary words: taking them out would garble the log, and show them."""


def set_up(*, level: str, form: str, stream: TextIO | None = None, secrets: Iterable[str] = ()) -> None:
    """Send every record of the process, masked, to `stream` (standard error where none is given).

    `form` is text or json; `secrets` are taken out wherever they are. Replaces what was set up before.
    """
    handler = _Discreet(stream or sys.stderr, secrets)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    handler.addFilter(_Quiet())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
