"""Waiting for an outcome that can't be read: again and again, after a growing while."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from bot.domain.changes import noun
from bot.domain.requests import ChangeRequest, Event, ItemState
from bot.services.outcomes import Outcomes
from bot.services.ports import Clock
from bot.services.progress import RE_READ_AFTER, ItemProgress

RE_READ_AT_LEAST_EVERY = timedelta(minutes=10)
GONE_AT_LAST = 3
"""Readings in a row that find nothing before an unknown outcome is left unknown for good."""
GONE_AFTER = timedelta(days=1)
"""So long after the approval one such reading is enough."""


_Key = tuple[str, int]
"""A request and the position of its item: the rows of a bulk are waited for one by one."""


class Vigil:
    """Counts in memory: a restart only begins anew."""

    def __init__(self, *, progress: ItemProgress, clock: Clock) -> None:
        self._progress = progress
        self._clock = clock
        self._vain: Counter[_Key] = Counter()
        self._gone: Counter[_Key] = Counter()

    async def read_in_vain(self, request: ChangeRequest, *, gone: bool) -> None:
        """Read again later, except what is gone: that is given up."""
        key = _key(request)
        self._vain[key] += 1
        self._gone[key] = self._gone[key] + 1 if gone else 0
        asked = request.approved_at or request.created_at
        if gone and (self._gone[key] >= GONE_AT_LAST or self._clock.now() - asked >= GONE_AFTER):
            gone_for_good = Outcomes(noun(request.change)).gone
            await self._progress.finish(request, ItemState.UNCONFIRMED, gone_for_good, event=Event.FAIL)
            self.end(request)
            return
        doublings = min(self._vain[key] - 1, 10)
        await self._progress.put_off(request, min(RE_READ_AFTER * 2**doublings, RE_READ_AT_LEAST_EVERY))

    def end(self, request: ChangeRequest) -> None:
        """It is known: nothing is counted any more."""
        self._vain.pop(_key(request), None)
        self._gone.pop(_key(request), None)


def _key(request: ChangeRequest) -> _Key:
    return request.id, request.item.position if request.item else 0
