"""Right before a group's lock is written its Things are counted once more: worse is outdated."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from bot.domain.census import Census
from bot.domain.changes import GroupChange
from bot.domain.errors import Overtaken, PlatformError
from bot.domain.impact import SeenGroup
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.services.counting import Counter, Counting, Ledger, Stage
from bot.services.outcomes import Outcomes
from bot.services.ports import Clock
from bot.services.progress import Progress

HOLDS = timedelta(minutes=15)
"""So long a count stands; a write that is put off for longer takes a new one."""
SAY = Outcomes("group")


class Recount:
    """Long work between the approval and the write; what it found is kept for the write's own checks."""

    def __init__(self, *, counter: Counter, ledger: Ledger, progress: Progress, clock: Clock) -> None:
        self._counter = counter
        self._ledger = ledger
        self._progress = progress
        self._clock = clock
        self._found: dict[str, tuple[datetime, Census]] = {}
        """By request; a restart finds it in the rows."""

    def is_due(self, request: ChangeRequest) -> bool:
        """Whether it has to be counted before anything else is done. What nobody could count isn't again."""
        if not isinstance(request.change, GroupChange) or request.item is None:
            return False
        approved = _approved(request)
        if approved is None or not approved.is_complete or request.status is Status.UNCONFIRMED:
            return False
        in_time = request.apply_before is not None and self._clock.now() <= request.apply_before
        nothing_sent = request.item.state in {ItemState.QUEUED, ItemState.RUNNING}
        return nothing_sent and in_time and self._standing(request.id) is None

    def objection(self, request: ChangeRequest) -> str | None:
        """Why the numbers are no longer what was approved, or None."""
        approved, now = _approved(request), self._standing(request.id)
        if approved is None or now is None:
            return None
        worse = now.worse_than(approved)
        return SAY.worse_than_approved(worse) if worse else None

    async def step(self, request: ChangeRequest) -> bool:
        """One slice. Whether there is more to do at once: after the last one, the write."""
        seen = request.seen
        if not isinstance(seen, SeenGroup):
            raise TypeError(f"request {request.id} is not about a Things Group")
        try:
            counting = await self._counter.slice(request.single, seen, await self._counting(request))
        except PlatformError as error:
            return await self._put_off(request, error)
        if counting.stage is Stage.DONE:
            self._drop_old()
            self._found[request.id] = (self._clock.now(), await self._counter.census(counting))
        return True

    async def _put_off(self, request: ChangeRequest, error: PlatformError) -> bool:
        with suppress(Overtaken):
            await self._progress.later(request, SAY.away(error))
        return False

    async def _counting(self, request: ChangeRequest) -> Counting:
        counting = await self._ledger.counting(request.id, again=True)
        if counting is None or not self._is_new(counting, request.approved_at):
            return await self._counter.begin(request.id, again=True, newer_than=request.approved_at)
        return counting

    def _is_new(self, counting: Counting, approved_at: datetime | None) -> bool:
        since_approval = approved_at is not None and counting.started_at >= approved_at
        ended = counting.finished_at
        return since_approval and (ended is None or self._clock.now() < ended + HOLDS)

    def _standing(self, request_id: str) -> Census | None:
        at, census = self._found.get(request_id, (None, None))
        return census if at is not None and self._clock.now() < at + HOLDS else None

    def _drop_old(self) -> None:
        now = self._clock.now()
        self._found = {key: kept for key, kept in self._found.items() if now < kept[0] + HOLDS}


def _approved(request: ChangeRequest) -> Census | None:
    return request.seen.census if isinstance(request.seen, SeenGroup) else None
