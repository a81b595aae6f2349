"""Applying what was approved: claim → read → write → read back. Only the read-back makes it done.

A crash may come between any two steps. `running` has sent nothing and starts over; `sent` is in doubt and
is read before anything else. Only read + `cas` makes that harmless: the vendor's call is at-least-once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.domain.changes import holds, wanted
from bot.domain.errors import (
    DirectoryUnavailable,
    LoginFailed,
    NotReached,
    OutcomeUnknown,
    Overtaken,
    PlatformError,
    RateLimited,
    Refused,
    ThingNotFound,
)
from bot.domain.impact import Seen
from bot.domain.requests import ChangeRequest, ItemState
from bot.domain.things import Thing, ThingLock
from bot.services import outcomes as say
from bot.services.authority import Authority
from bot.services.ports import Clock, Notifier, Platform, Store
from bot.services.preview import Previews
from bot.services.progress import RE_READ_AFTER, Progress, item_of

READ_BACK_DELAYS = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Seconds before each read-back: five within ten seconds."""
WRITES_AT_MOST = 6
"""PUTs in one go: a record that moves faster than this is given up, unchanged."""
UNKNOWN_AT_MOST = 3
"""PUTs in a row whose answer was lost before the outcome is left to the sweep."""
RE_READ_AT_LEAST_EVERY = timedelta(minutes=10)
GONE_AT_LAST = 3
"""Readings in a row that find no SIM before an unknown outcome is left unknown for good."""
GONE_AFTER = timedelta(days=1)
"""So long after the approval one such reading is enough."""


class Execution:
    """Brings approved requests to their end. `apply` may be called again at any time for any of them."""

    def __init__(
        self,
        *,
        store: Store,
        platform: Platform,
        previews: Previews,
        authority: Authority,
        clock: Clock,
        notifier: Notifier,
        jitter: Callable[[], float],
    ) -> None:
        self._store = store
        self._progress = Progress(store=store, clock=clock)
        self._platform = platform
        self._previews = previews
        self._authority = authority
        self._clock = clock
        self._notifier = notifier
        self._jitter = jitter
        self._vain: Counter[str] = Counter()
        self._gone: Counter[str] = Counter()

    async def apply(self, request: ChangeRequest) -> None:
        """One step further, from wherever its item stands, to an end or to a later look."""
        try:
            match request.item.state if request.item else None:
                case ItemState.QUEUED | ItemState.RUNNING:
                    await self._start(request)
                case ItemState.SENT:
                    await self._in_doubt(request)
                case ItemState.UNCONFIRMED:
                    await self._settle(request)
                case _:
                    return
        except Overtaken:
            return
        finally:
            self._notifier.wake()

    # --- before anything is sent ---------------------------------------------------------------

    async def _start(self, request: ChangeRequest) -> None:
        request = await self._progress.claim(request)
        if self._late(request):
            await self._finish(request, ItemState.OUTDATED, say.TOO_LATE)
            return
        try:
            objection = await self._authority.still_holds(request)
            if objection:
                await self._finish(request, ItemState.OUTDATED, say.no_longer_allowed(objection))
                return
            seen = await self._previews.core(request.change.iccid, patient=True)
        except DirectoryUnavailable:
            await self._progress.later(request, say.SLACK_AWAY)
        except ThingNotFound:
            await self._finish(request, ItemState.FAILED, say.NOT_FOUND)
        except LoginFailed:
            await self._finish(request, ItemState.FAILED, say.LOGIN_FAILED)
        except PlatformError as error:
            await self._progress.later(request, say.away(error))
        else:
            await self._apply_to(request, seen)

    async def _apply_to(self, request: ChangeRequest, seen: Seen) -> None:
        if holds(request.change, seen.thing.lock):
            await self._finish(request, ItemState.ALREADY, say.ALREADY, seen.thing.lock)
            return
        if _group_lost(request, seen):
            await self._progress.later(request, say.GROUP_AWAY)
            return
        objection = self._not_as_approved(request, seen)
        if objection:
            await self._finish(request, ItemState.OUTDATED, objection, seen.thing.lock)
            return
        await self._write(request, seen.thing)

    def _not_as_approved(self, request: ChangeRequest, seen: Seen) -> str | None:
        preview = self._previews.judge(request.change, seen)
        if preview.fingerprint == request.fingerprint:
            return None
        better = replace(preview.impact, verdict=request.impact.verdict)
        if not preview.impact.verdict.worse_than(request.impact.verdict):
            same_otherwise = self._previews.mark(request.change, seen, better, preview.terms)
            if same_otherwise == request.fingerprint:
                return None
        return say.no_longer_as_approved(request.seen, seen)

    # --- the write, and what came of it ----------------------------------------------------------

    async def _write(self, request: ChangeRequest, thing: Thing) -> None:
        """Send, look, and send again only where a look showed that nothing was written."""
        unknown = 0
        for tries_left in reversed(range(WRITES_AT_MOST)):
            if self._late(request):
                await self._finish(request, ItemState.OUTDATED, say.TOO_LATE)
                return
            request, goal = await self._progress.mark_sent(request, thing)
            answer = await self._put(request, thing, goal)
            unknown = unknown + 1 if isinstance(answer, OutcomeUnknown) else 0
            if isinstance(answer, LoginFailed):
                await self._finish(request, ItemState.FAILED, say.LOGIN_FAILED)
                return
            waiting = isinstance(answer, RateLimited)
            if isinstance(answer, NotReached) and not (waiting and tries_left):
                await self._progress.later(request, say.away(answer))
                return
            now = await self._look_after(request, thing, answer)
            if now is None:
                return
            if unknown >= UNKNOWN_AT_MOST or not tries_left:
                await self._finish(request, ItemState.FAILED, say.given_up(answer), now.lock)
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
            seen = await self._previews.once_more(request.change.iccid, thing)
        except DirectoryUnavailable:
            await self._progress.later(request, say.SLACK_AWAY)
            return None
        except PlatformError as error:
            await self._progress.later(request, say.away(error))
            return None
        if await self._is_decided(request, seen.thing, refused=refused):
            return None
        if _group_lost(request, seen):
            await self._progress.later(request, say.GROUP_AWAY)
            return None
        objection = say.no_longer_allowed(objection) if objection else self._not_as_approved(request, seen)
        if objection:
            await self._finish(request, ItemState.OUTDATED, objection, seen.thing.lock)
            return None
        return seen.thing

    async def _is_decided(
        self, request: ChangeRequest, thing: Thing, *, refused: bool = False, done: str = say.DONE
    ) -> bool:
        """Whether the lock fields are no longer those that were approved: then that is the end of it.

        As wanted by us, or by somebody else where our own write was refused.
        """
        before = request.seen.thing.lock
        goal = wanted(request.change, before)
        if thing.lock == goal:
            end = (ItemState.ALREADY, say.ALREADY) if refused else (ItemState.DONE, done)
        elif thing.lock != before:
            state = ItemState.OUTDATED if refused else ItemState.CONFLICT
            end = (state, say.overtaken(thing.lock, goal))
        else:
            return False
        await self._finish(request, *end, thing.lock)
        return True

    async def _put(self, request: ChangeRequest, thing: Thing, goal: ThingLock) -> PlatformError | None:
        """The PUT, and an audit entry of its answer. None: the vendor said yes, which proves nothing."""
        answer: PlatformError | None = None
        try:
            await self._platform.write_thing_lock(
                thing,
                imei_lock=goal.imei_lock,
                locked_imei=goal.locked_imei,
                not_after=request.apply_before or self._clock.now(),
            )
        except PlatformError as error:
            answer = error
        said = "2xx" if answer is None else f"{type(answer).__name__}: {answer} {answer.snippet}".strip()
        await self._progress.answered(request, said)
        return answer

    async def _look_after(
        self, request: ChangeRequest, sent: Thing, answer: PlatformError | None
    ) -> Thing | None:
        """Read back until it is clear. A Thing: surely unchanged, and worth another try. None: ended.

        The jitter comes before the reading: between a reading and the next PUT `cas` would grow stale.
        After a yes it takes two readings to believe that a moved `cas` was not our write's.
        """
        refused = isinstance(answer, Refused)
        thing: Thing | None = None
        for number, delay in enumerate(READ_BACK_DELAYS):
            await self._clock.sleep(delay if answer is None else delay + self._jitter())
            try:
                thing = await self._platform.thing(request.change.iccid)
            except PlatformError:
                continue
            if await self._is_decided(request, thing, refused=refused):
                return None
            moved_on = thing.cas != sent.cas and (answer is not None or number > 0)
            if moved_on or isinstance(answer, RateLimited):
                return thing
            if refused:
                break
        return await self._unchanged(request, thing, answer)

    async def _unchanged(
        self, request: ChangeRequest, thing: Thing | None, answer: PlatformError | None
    ) -> Thing | None:
        if thing is None and isinstance(answer, NotReached):
            await self._progress.later(request, say.away(answer))
        elif thing is None:
            await self._finish(request, ItemState.UNCONFIRMED, say.UNREADABLE)
        elif isinstance(answer, Refused):
            await self._finish(request, ItemState.FAILED, say.refused(answer), thing.lock)
        elif answer is None:
            await self._finish(request, ItemState.FAILED, say.DID_NOT_STICK, thing.lock)
        else:
            return thing
        return None

    # --- after a crash, or a lost answer ---------------------------------------------------------

    async def _in_doubt(self, request: ChangeRequest) -> None:
        """A PUT may have left before this process began, or was put off: read before anything else."""
        try:
            thing = await self._platform.thing(request.change.iccid)
        except PlatformError as error:
            await self._still_in_doubt(request, error)
            return
        if await self._is_decided(request, thing, done=say.CONFIRMED_LATER):
            return
        if self._late(request):
            await self._finish(request, ItemState.OUTDATED, say.TOO_LATE, thing.lock)
            return
        fit = await self._fit_again(request, thing)
        if fit:
            await self._write(request, fit)

    async def _still_in_doubt(self, request: ChangeRequest, error: PlatformError) -> None:
        """A write that was put off surely had no effect; only one that may have left is a doubt."""
        if item_of(request).next_at is None:
            await self._finish(request, ItemState.UNCONFIRMED, say.UNREADABLE)
        elif isinstance(error, ThingNotFound):
            await self._finish(request, ItemState.FAILED, say.NOT_FOUND)
        elif self._late(request):
            await self._finish(request, ItemState.OUTDATED, say.TOO_LATE)
        else:
            await self._progress.later(request, say.away(error))

    async def _settle(self, request: ChangeRequest) -> None:
        """Unconfirmed: the sweep reads until it is clear. Nothing is sent any more."""
        try:
            thing = await self._platform.thing(request.change.iccid)
        except PlatformError as error:
            await self._read_in_vain(request, gone=isinstance(error, ThingNotFound))
            return
        if not await self._is_decided(request, thing, done=say.CONFIRMED_LATER):
            await self._finish(request, ItemState.FAILED, say.NOT_CHANGED_AFTER_ALL, thing.lock)

    async def _read_in_vain(self, request: ChangeRequest, *, gone: bool) -> None:
        """Read again after a growing while, except a SIM that is gone: that one is given up.

        Counted in memory: a restart only begins anew.
        """
        self._vain[request.id] += 1
        self._gone[request.id] = self._gone[request.id] + 1 if gone else 0
        asked = request.approved_at or request.created_at
        if gone and (self._gone[request.id] >= GONE_AT_LAST or self._clock.now() - asked >= GONE_AFTER):
            await self._finish(request, ItemState.FAILED, say.GONE)
            return
        doublings = min(self._vain[request.id] - 1, 10)
        await self._progress.put_off(request, min(RE_READ_AFTER * 2**doublings, RE_READ_AT_LEAST_EVERY))

    async def give_up(self, request_id: str) -> None:
        """A step failed in a way that nobody foresaw: once the time is over, end what can't go on."""
        request = await self._store.request(request_id)
        if request is None or request.item is None or not self._late(request):
            return
        if request.item.state in {ItemState.QUEUED, ItemState.RUNNING}:
            await self._finish(request, ItemState.OUTDATED, say.TOO_LATE)
        elif request.item.state is ItemState.SENT:
            await self._finish(request, ItemState.UNCONFIRMED, say.UNREADABLE)
        self._notifier.wake()

    async def _finish(
        self, request: ChangeRequest, state: ItemState, explanation: str, found: ThingLock | None = None
    ) -> None:
        await self._progress.finish(request, state, explanation, found)
        self._vain.pop(request.id, None)
        self._gone.pop(request.id, None)

    def _late(self, request: ChangeRequest) -> bool:
        return request.apply_before is None or self._clock.now() > request.apply_before


def _group_lost(request: ChangeRequest, seen: Seen) -> bool:
    """The group could be read when this was approved, and can't be now: that is no change of the SIM."""
    return request.seen.group_readable and not seen.group_readable
