"""Logging: ids and outcomes. Whatever else slips in is masked on its way out."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

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


class TextFormatter(logging.Formatter):
    """One line a record, a traceback below it; all of it masked, line breaks in a message made visible."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the library's name
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, exception; texts masked."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        if record.exc_info:
            entry["exception"] = mask(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def set_up(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every record of the process, masked, to `stream` (standard error where none is given).

    `form` is text or json. Replaces what was set up before.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    handler.addFilter(_Quiet())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
