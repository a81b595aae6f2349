"""Applying a change to a Thing: claim → read → write → read back. Only the read-back makes it done.

A crash may come between any two steps. `running` has sent nothing and starts over; `sent` is in doubt and
is read before anything else. Only read + `cas` makes that harmless: the vendor's call is at-least-once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot.domain.changes import ThingChange, wanted
from bot.domain.errors import (
    DirectoryUnavailable,
    LoginFailed,
    NotReached,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    ThingNotFound,
)
from bot.domain.identifiers import Iccid
from bot.domain.impact import SeenThing
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.domain.things import Lock, Thing
from bot.services.beside import beside
from bot.services.clearance import Clearance, Roles, group_lost
from bot.services.outcomes import Outcomes
from bot.services.ports import Clock, Platform
from bot.services.preview import Previews
from bot.services.progress import ItemProgress, item_of
from bot.services.vigil import Vigil

READ_BACK_DELAYS = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Seconds before each read-back: five within ten seconds."""
WRITES_AT_MOST = 6
"""PUTs in one go: a record that moves faster than this is given up, unchanged."""
UNKNOWN_AT_MOST = 3
"""PUTs in a row whose answer was lost before the outcome is left to the sweep."""
LOOK_AGAIN = timedelta(minutes=1)
"""Between two readings of what had no effect, while nothing may be sent."""
SAY = Outcomes("SIM")


class ThingExecution:
    """The steps of a request about one Thing."""

    def __init__(
        self,
        *,
        platform: Platform,
        previews: Previews,
        authority: Roles,
        clearance: Clearance,
        progress: ItemProgress,
        vigil: Vigil,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._platform = platform
        self._previews = previews
        self._authority = authority
        self._clearance = clearance
        self._progress = progress
        self._vigil = vigil
        self._clock = clock
        self._jitter = jitter

    async def start(self, request: ChangeRequest) -> None:
        """Nothing has left yet."""
        cleared = await self._clearance.start(request)
        if cleared is None:
            return
        request, seen = cleared
        if not isinstance(seen, SeenThing):
            raise TypeError(f"request {request.id} is not about a Thing")
        await self._write(request, seen.thing)

    # --- the write, and what came of it ----------------------------------------------------------

    async def _write(self, request: ChangeRequest, thing: Thing) -> None:
        """Send, look, and send again only where a look showed that nothing was written."""
        unknown = 0
        for tries_left in reversed(range(WRITES_AT_MOST)):
            if self._clearance.is_late(request):
                await self._finish(request, ItemState.OUTDATED, SAY.too_late)
                return
            request, goal = await self._progress.mark_sent(request, thing)
            answer = await self._put(request, thing, goal)
            unknown = unknown + 1 if isinstance(answer, OutcomeUnknown) else 0
            if isinstance(answer, LoginFailed):
                await self._progress.answered(request, answer)
                await self._finish(request, ItemState.FAILED, SAY.login_failed)
                return
            waiting = isinstance(answer, RateLimited)
            if isinstance(answer, NotReached) and not (waiting and tries_left):
                await self._progress.answered(request, answer)
                await self._progress.later(request, SAY.away(answer))
                return
            now = await self._look_after(request, thing, answer)
            if now is None:
                return
            if unknown >= UNKNOWN_AT_MOST or not tries_left:
                await self._finish(request, ItemState.FAILED, SAY.given_up(answer), now.lock)
                return
            fit = await self._fit_again(request, now, refused=isinstance(answer, Refused))
            if fit is None:
                return
            thing = fit

    async def _fit_again(
        self, request: ChangeRequest, thing: Thing, *, refused: bool = False
    ) -> Thing | None:
        """All that the first try rested on, asked anew before another one. None: ended, or put off.

        Roles first, then the group, the Thing last: the PUT follows at once, while `cas` is fresh.
        """
        try:
            objection = await self._authority.still_holds(request)
            seen = await self._previews.once_more(iccid_of(request), thing)
        except DirectoryUnavailable:
            await self._progress.later(request, SAY.slack_away)
            return None
        except PlatformError as error:
            await self._progress.later(request, SAY.away(error))
            return None
        if await self._is_decided(request, seen.thing, refused=refused):
            return None
        if group_lost(request, seen):
            await self._progress.later(request, SAY.group_away)
            return None
        lost = SAY.no_longer_allowed(objection) if objection else None
        if objection := lost or self._clearance.not_as_approved(request, seen):
            await self._finish(request, ItemState.OUTDATED, objection, seen.thing.lock)
            return None
        return seen.thing

    async def _is_decided(
        self, request: ChangeRequest, thing: Thing, *, refused: bool = False, done: str = SAY.done
    ) -> bool:
        """Whether the lock fields are no longer those that were approved: then that is the end of it.

        As wanted by us, or by somebody else where our own write was refused.
        """
        before = request.before
        goal = wanted(request.single, before)
        if thing.lock == goal:
            end = (ItemState.ALREADY, SAY.already) if refused else (ItemState.DONE, done)
        elif thing.lock != before:
            state = ItemState.OUTDATED if refused else ItemState.CONFLICT
            end = (state, SAY.overtaken(thing.lock, goal))
        else:
            return False
        await self._finish(request, *end, thing.lock)
        return True

    async def _put(self, request: ChangeRequest, thing: Thing, goal: Lock) -> PlatformError | None:
        """None: the vendor said yes, which proves nothing."""
        try:
            await self._platform.write_thing_lock(
                thing,
                imei_lock=goal.imei_lock,
                locked_imei=goal.bound_to,
                not_after=request.apply_before or self._clock.now(),
            )
        except PlatformError as error:
            return error
        return None

    async def _look_after(
        self, request: ChangeRequest, sent: Thing, answer: PlatformError | None
    ) -> Thing | None:
        """Read back until it is clear. A Thing: surely unchanged, and worth another try. None: ended.

        The answer's audit entry is made beside the first reading, and is there before anything follows.
        The jitter comes before the reading: between a reading and the next PUT `cas` would grow stale.
        After a yes it takes two readings to believe that a moved `cas` was not our write's.
        """
        refused = isinstance(answer, Refused)
        thing: Thing | None = None
        for number, delay in enumerate(READ_BACK_DELAYS):
            reading = self._read_after(delay if answer is None else delay + self._jitter(), request)
            try:
                thing = await (
                    reading if number else beside(self._progress.answered(request, answer), reading)
                )
            except PlatformError:
                thing = None
                continue
            if await self._is_decided(request, thing, refused=refused):
                return None
            moved_on = thing.cas != sent.cas and (answer is not None or number > 0)
            if moved_on or isinstance(answer, RateLimited):
                return thing
            if refused:
                break
        return await self._unchanged(request, thing, answer)

    async def _read_after(self, seconds: float, request: ChangeRequest) -> Thing:
        await self._clock.sleep(seconds)
        return await self._platform.thing(iccid_of(request))

    async def _unchanged(
        self, request: ChangeRequest, thing: Thing | None, answer: PlatformError | None
    ) -> Thing | None:
        if thing is None and isinstance(answer, NotReached):
            await self._progress.later(request, SAY.away(answer))
        elif thing is None:
            await self._finish(request, ItemState.UNCONFIRMED, SAY.unreadable)
        elif isinstance(answer, Refused):
            await self._finish(request, ItemState.FAILED, SAY.refused(answer), thing.lock)
        elif answer is None:
            await self._finish(request, ItemState.FAILED, SAY.did_not_stick, thing.lock)
        else:
            return thing
        return None

    # --- after a crash, or a lost answer ---------------------------------------------------------

    async def in_doubt(self, request: ChangeRequest) -> None:
        """A PUT may have left before this process began, or was put off: read before anything else.

        Of a paused bulk that is all: what a reading shows to have had no effect is sent once it is resumed.
        """
        try:
            thing = await self._platform.thing(iccid_of(request))
        except PlatformError as error:
            await self._still_in_doubt(request, error)
            return
        if await self._is_decided(request, thing, done=SAY.confirmed_later):
            return
        if self._clearance.is_late(request):
            await self._finish(request, ItemState.OUTDATED, SAY.too_late, thing.lock)
            return
        if request.status is Status.PAUSED:
            await self._progress.put_off(request, LOOK_AGAIN)
            return
        fit = await self._fit_again(request, thing)
        if fit:
            await self._write(request, fit)

    async def _still_in_doubt(self, request: ChangeRequest, error: PlatformError) -> None:
        """A write that was put off surely had no effect; only one that may have left is a doubt."""
        if item_of(request).next_at is None:
            await self._finish(request, ItemState.UNCONFIRMED, SAY.unreadable)
        elif isinstance(error, ThingNotFound):
            await self._finish(request, ItemState.FAILED, SAY.not_found)
        elif self._clearance.is_late(request):
            await self._finish(request, ItemState.OUTDATED, SAY.too_late)
        else:
            await self._progress.later(request, SAY.away(error))

    async def settle(self, request: ChangeRequest) -> None:
        """Unconfirmed: the sweep reads until it is clear. Nothing is sent any more."""
        try:
            thing = await self._platform.thing(iccid_of(request))
        except PlatformError as error:
            await self._vigil.read_in_vain(request, gone=isinstance(error, ThingNotFound))
            return
        if not await self._is_decided(request, thing, done=SAY.confirmed_later):
            await self._finish(request, ItemState.FAILED, SAY.not_changed_after_all, thing.lock)

    async def _finish(
        self, request: ChangeRequest, state: ItemState, explanation: str, found: Lock | None = None
    ) -> None:
        await self._progress.finish(request, state, explanation, found)
        self._vigil.end(request)


def iccid_of(request: ChangeRequest) -> Iccid:
    """Of a request about a Thing; TypeError for any other."""
    if not isinstance(request.change, ThingChange):
        raise TypeError(f"request {request.id} is not about a Thing")
    return request.change.iccid
