"""The vendor's sense of time: `cas` tokens and the several ways in which it spells a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from bot.services.ports import Clock

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = 1 << 16


def nanoseconds(moment: datetime) -> int:
    """Since 1970, without a float in between."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return nanoseconds(moment) // 1_000_000


def location_time(moment: datetime) -> str:
    """As in LastLocationUpdateTime: UTC without saying so."""
    return moment.isoformat(" ")[:19]


def usage_time(moment: datetime) -> str:
    """As in Last_Usage_Time: the hour only."""
    return moment.isoformat(" ")[:13]


def cas_at(moment: datetime) -> int:
    """The token that a change at that moment gets: the low 16 bits are zero."""
    return nanoseconds(moment) & ~(_STEP - 1)


class CasTicker:
    """Tokens for changes happening now, each greater than the one before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = cas_at(clock.now())

    def next(self) -> int:
        """A token never given before."""
        self._last = max(self._last + _STEP, cas_at(self._clock.now()))
        return self._last
