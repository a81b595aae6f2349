"""Waiting for an outcome that can't be read: again and again, after a growing while."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from bot.domain.changes import noun
from bot.domain.requests import ChangeRequest, Event, ItemState
from bot.services.outcomes import Outcomes
from bot.services.ports import Clock
from bot.services.progress import RE_READ_AFTER, Progress

RE_READ_AT_LEAST_EVERY = timedelta(minutes=10)
GONE_AT_LAST = 3
"""Readings in a row that find nothing before an unknown outcome is left unknown for good."""
GONE_AFTER = timedelta(days=1)
"""So long after the approval one such reading is enough."""


class Vigil:
    """Counts in memory: a restart only begins anew."""

    def __init__(self, *, progress: Progress, clock: Clock) -> None:
        self._progress = progress
        self._clock = clock
        self._vain: Counter[str] = Counter()
        self._gone: Counter[str] = Counter()

    async def read_in_vain(self, request: ChangeRequest, *, gone: bool) -> None:
        """Read again later, except what is gone: that is given up."""
        self._vain[request.id] += 1
        self._gone[request.id] = self._gone[request.id] + 1 if gone else 0
        asked = request.approved_at or request.created_at
        if gone and (self._gone[request.id] >= GONE_AT_LAST or self._clock.now() - asked >= GONE_AFTER):
            gone_for_good = Outcomes(noun(request.change)).gone
            await self._progress.finish(request, ItemState.UNCONFIRMED, gone_for_good, event=Event.FAIL)
            self.end(request)
            return
        doublings = min(self._vain[request.id] - 1, 10)
        await self._progress.put_off(request, min(RE_READ_AFTER * 2**doublings, RE_READ_AT_LEAST_EVERY))

    def end(self, request: ChangeRequest) -> None:
        """It is known: nothing is counted any more."""
        self._vain.pop(request.id, None)
        self._gone.pop(request.id, None)
