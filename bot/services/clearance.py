"""What has to hold before a write leaves. What doesn't hold ends the request, or puts it off."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from bot.domain.changes import holds, noun
from bot.domain.errors import DirectoryUnavailable, LoginFailed, PlatformError, ThingNotFound
from bot.domain.impact import SeenGroup, SeenTarget
from bot.domain.plans import SeenPlan
from bot.domain.requests import ChangeRequest, ItemState
from bot.services.outcomes import Outcomes
from bot.services.ports import Clock
from bot.services.preview import Previews
from bot.services.progress import ItemProgress
from bot.services.recount import Recount


class Roles(Protocol):
    """Who tells whether the people behind a request may still do what they did."""

    async def still_holds(self, request: ChangeRequest) -> str | None:
        """Why an approved request may no longer be applied, or None. Raises `DirectoryUnavailable`."""
        ...


class Clearance:
    """The same for a Thing and for a Things Group: in time, still allowed, still as approved."""

    def __init__(
        self,
        *,
        progress: ItemProgress,
        previews: Previews,
        authority: Roles,
        clock: Clock,
        recount: Recount | None = None,
    ) -> None:
        self._recount = recount
        self._progress = progress
        self._previews = previews
        self._authority = authority
        self._clock = clock

    async def start(self, request: ChangeRequest) -> tuple[ChangeRequest, SeenTarget] | None:
        """Claim it and ask everything: what was read just now, fit for the write. None: ended or put off."""
        request = await self._progress.claim(request)
        seen = await self._read(request)
        if seen is None or not await self._is_fit(request, seen):
            return None
        return request, seen

    async def _read(self, request: ChangeRequest) -> SeenTarget | None:
        say = Outcomes(noun(request.change))
        if self.is_late(request):
            await self._progress.finish(request, ItemState.OUTDATED, say.too_late)
            return None
        try:
            objection = await self._authority.still_holds(request)
            if not objection:
                seen = await self._previews.core(request.single, request.seen, patient=True)
                return seen.counted_as(request.seen) if isinstance(seen, SeenGroup) else seen
            await self._progress.finish(request, ItemState.OUTDATED, say.no_longer_allowed(objection))
        except DirectoryUnavailable:
            await self._progress.later(request, say.slack_away)
        except ThingNotFound:
            await self._progress.finish(request, ItemState.FAILED, say.not_found)
        except LoginFailed:
            await self._progress.finish(request, ItemState.FAILED, say.login_failed)
        except PlatformError as error:
            await self._progress.later(request, say.away(error))
        return None

    async def _is_fit(self, request: ChangeRequest, seen: SeenTarget) -> bool:
        say = Outcomes(noun(request.change))
        lock = seen.target.lock
        if holds(request.single, lock):
            await self._progress.finish(request, ItemState.ALREADY, say.already, lock)
        elif group_lost(request, seen):
            await self._progress.later(request, say.group_away)
        elif objection := self._worse(request) or self.not_as_approved(request, seen):
            await self._progress.finish(request, ItemState.OUTDATED, objection, lock)
        else:
            return True
        return False

    def _worse(self, request: ChangeRequest) -> str | None:
        return self._recount.objection(request) if self._recount else None

    def not_as_approved(self, request: ChangeRequest, seen: SeenTarget) -> str | None:
        """Why this is no longer what was approved, or None. A better verdict alone is no reason."""
        preview = self._previews.judge(request.single, seen)
        if preview.fingerprint == request.fingerprint:
            return None
        better = replace(preview.impact, verdict=request.impact.verdict)
        if not preview.impact.verdict.worse_than(request.impact.verdict):
            same_otherwise = self._previews.mark(request.single, seen, better, preview.terms)
            if same_otherwise == request.fingerprint:
                return None
        return Outcomes(noun(request.change)).no_longer_as_approved(seen_target(request), seen)

    def is_late(self, request: ChangeRequest) -> bool:
        """Whether nothing may be sent for it any more."""
        return request.apply_before is None or self._clock.now() > request.apply_before


def seen_target(request: ChangeRequest) -> SeenTarget:
    """What was read of its one target when it was asked; TypeError for a bulk."""
    if isinstance(request.seen, SeenPlan):
        raise TypeError(f"request {request.id} is a bulk: its rows were read one by one")
    return request.seen


def group_lost(request: ChangeRequest, seen: SeenTarget) -> bool:
    """The group could be read when this was approved, and can't be now: that is no change of the SIM."""
    return request.seen.is_whole and not seen.is_whole
