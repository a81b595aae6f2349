"""The vendor's several ways to spell a time, read defensively: what can't be a time is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

_TEXT: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2}))?)?")
_EARLIEST: Final = datetime(2010, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


def last_seen(record: Mapping[str, object]) -> datetime | None:
    """The latest of the three times that tell when a SIM was last used."""
    times = (
        from_milliseconds(record.get("Last_DATA_Time")),
        from_text(record.get("LastLocationUpdateTime")),
        from_text(record.get("Last_Usage_Time")),
    )
    return max((time for time in times if time is not None), default=None)


def from_milliseconds(value: object) -> datetime | None:
    """A whole number of milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return _plausible(datetime.fromtimestamp(value / 1000, UTC))
    except (OverflowError, OSError, ValueError):
        return None


def from_text(value: object) -> datetime | None:
    """`YYYY-MM-DD HH`, with minutes and seconds or without, in UTC. 83 seconds were seen: then none."""
    parts = _TEXT.match(value) if isinstance(value, str) else None
    if parts is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups())
    try:
        return _plausible(datetime(year, month, day, hour, minute, second if second < 60 else 0, tzinfo=UTC))
    except ValueError:
        return None


def _plausible(moment: datetime) -> datetime | None:
    return moment if _EARLIEST <= moment < _LATEST else None
