"""Applying a change to a Things Group: as for a Thing, but without a `cas`, the last writer wins.

So the group is read once more right before the write: if anybody has touched what the write rests on or
repeats, nothing leaves, and it starts over. A write whose answer was lost is never sent again, since it may
still land. After a write the whole group is compared, since nobody knows which fields one clears. One open
request holds the group, so ours never overlap; what the console does between the last reading and the
write is beyond anybody's sight.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.changes import GroupChange, wanted
from bot.domain.errors import (
    LoginFailed,
    NotReached,
    OutcomeUnknown,
    PlatformError,
    Refused,
    ThingNotFound,
)
from bot.domain.impact import SeenGroup
from bot.domain.requests import ChangeRequest, ItemState
from bot.domain.things import GroupLock, ThingsGroup, side_effects
from bot.services.clearance import Clearance
from bot.services.outcomes import Outcomes
from bot.services.ports import Clock, Platform
from bot.services.progress import Progress, item_of
from bot.services.records import others_from
from bot.services.thing_execution import READ_BACK_DELAYS
from bot.services.vigil import Vigil

FRESH_FOR = timedelta(seconds=5)
"""So long after it was read a group may be written back; waiting its turn longer, a write doesn't leave."""
UNSEEN_FOR = timedelta(seconds=90)
"""Two readings so far apart must not show the new lock before a lost write counts as not made."""
SAY = Outcomes("group")


class GroupExecution:
    """The steps of a request about one Things Group."""

    def __init__(
        self, *, platform: Platform, clearance: Clearance, progress: Progress, vigil: Vigil, clock: Clock
    ) -> None:
        self._platform = platform
        self._clearance = clearance
        self._progress = progress
        self._vigil = vigil
        self._clock = clock

    async def start(self, request: ChangeRequest) -> None:
        """Nothing has left yet."""
        cleared = await self._clearance.start(request)
        if cleared is None:
            return
        request, seen = cleared
        if not isinstance(seen, SeenGroup):
            raise TypeError(f"request {request.id} is not about a Things Group")
        await self._write(request, seen)

    async def _write(self, request: ChangeRequest, seen: SeenGroup) -> None:
        """Once. Only what surely had no effect is tried again, later, from a new reading."""
        group = await self._untouched(request, seen.group)
        if group is None:
            return
        read_at = self._clock.now()
        request, _ = await self._progress.mark_sent(request, group)
        answer = await self._put(request, group, read_at)
        if isinstance(answer, LoginFailed):
            await self._finish(request, ItemState.FAILED, SAY.login_failed)
        elif isinstance(answer, NotReached):
            await self._progress.later(request, SAY.away(answer))
        else:
            await self._look_after(request, group, answer)

    async def _untouched(self, request: ChangeRequest, before: ThingsGroup) -> ThingsGroup | None:
        """The group once more. None where what a write rests on or repeats has moved: then it is put off.

        Other fields may move as they like; what the write does to them is compared with this reading.
        """
        try:
            group = await self._platform.things_group(before.things_group_id)
        except PlatformError as error:
            await self._progress.later(request, SAY.away(error))
            return None
        if (group.lock, group.sent_back) != (before.lock, before.sent_back):
            await self._progress.later(request, SAY.touched)
            return None
        return group

    async def _put(
        self, request: ChangeRequest, group: ThingsGroup, read_at: datetime
    ) -> PlatformError | None:
        """The PUT, and an audit entry of its answer. None: the vendor said yes, which proves nothing."""
        answer: PlatformError | None = None
        goal = _goal(request, group)
        in_time = request.apply_before or self._clock.now()
        try:
            await self._platform.write_group_lock(
                group,
                imei_lock=goal.imei_lock,
                tac=goal.bound_to,
                not_after=min(in_time, read_at + FRESH_FOR),
            )
        except PlatformError as error:
            answer = error
        await self._progress.answered(request, answer)
        return answer

    async def _look_after(
        self, request: ChangeRequest, before: ThingsGroup, answer: PlatformError | None
    ) -> None:
        """Read back until it is clear, or is left to the sweep."""
        now: ThingsGroup | None = None
        for delay in READ_BACK_DELAYS:
            await self._clock.sleep(delay)
            try:
                now = await self._platform.things_group(before.things_group_id)
            except PlatformError:
                now = None
                continue
            refused, lost = isinstance(answer, Refused), isinstance(answer, OutcomeUnknown)
            if await self._is_decided(request, before, now, refused=refused, may_land=lost):
                return
            if isinstance(answer, Refused):
                break
        await self._unchanged(request, before, now, answer)

    async def _unchanged(
        self,
        request: ChangeRequest,
        before: ThingsGroup,
        now: ThingsGroup | None,
        answer: PlatformError | None,
    ) -> None:
        if now is None:
            await self._finish(request, ItemState.UNCONFIRMED, SAY.unreadable)
        elif isinstance(answer, Refused):
            await self._finish(request, ItemState.FAILED, SAY.refused(answer), now, before)
        elif isinstance(answer, OutcomeUnknown):
            await self._finish(request, ItemState.UNCONFIRMED, SAY.not_seen_yet)
        else:
            await self._finish(request, ItemState.FAILED, SAY.did_not_stick, now, before)

    async def _is_decided(
        self,
        request: ChangeRequest,
        before: ThingsGroup,
        now: ThingsGroup,
        *,
        refused: bool = False,
        may_land: bool = False,
        done: str = SAY.done,
    ) -> bool:
        """Whether the lock fields are no longer those that were there: then that is the end of it.

        `may_land`: our own write may still come, over whatever somebody else did meanwhile; only what was
        wanted ends it then.
        """
        goal = _goal(request, before)
        if now.lock == goal:
            state, said_of_it = (ItemState.ALREADY, SAY.already) if refused else (ItemState.DONE, done)
        elif not may_land and now.lock != request.before:
            state = ItemState.OUTDATED if refused else ItemState.CONFLICT
            said_of_it = SAY.overtaken(now.lock, goal)
        else:
            return False
        await self._finish(request, state, said_of_it, now, before)
        return True

    # --- after a crash, or a lost answer ---------------------------------------------------------

    async def in_doubt(self, request: ChangeRequest) -> None:
        """Put off without effect: it may start over. Else a write may have left, and is only looked for."""
        if item_of(request).next_at is not None:
            await self.start(request)
            return
        try:
            now = await self._platform.things_group(_group_id(request))
        except PlatformError:
            await self._finish(request, ItemState.UNCONFIRMED, SAY.unreadable)
            return
        before = _as_sent(request)
        if not await self._is_decided(request, before, now, may_land=True, done=SAY.confirmed_later):
            await self._finish(request, ItemState.UNCONFIRMED, SAY.not_seen_yet)

    async def settle(self, request: ChangeRequest) -> None:
        """Unconfirmed: read until it is clear. Nothing is sent any more."""
        try:
            now = await self._platform.things_group(_group_id(request))
        except PlatformError as error:
            await self._vigil.read_in_vain(request, gone=isinstance(error, ThingNotFound))
            return
        before, read_at = _as_sent(request), self._clock.now()
        unseen_since = min(item_of(request).unseen_since or read_at, read_at)
        is_lost = read_at - unseen_since >= UNSEEN_FOR
        if await self._is_decided(request, before, now, may_land=not is_lost, done=SAY.confirmed_later):
            return
        if is_lost:
            await self._finish(request, ItemState.FAILED, SAY.not_changed_after_all, now, before)
            return
        wait = unseen_since + UNSEEN_FOR - read_at
        await self._progress.put_off(request, wait, unseen_since=unseen_since)

    async def _finish(
        self,
        request: ChangeRequest,
        state: ItemState,
        explanation: str,
        now: ThingsGroup | None = None,
        before: ThingsGroup | None = None,
    ) -> None:
        found = now.lock if now else None
        side = side_effects(before, now) if before and now else {}
        await self._progress.finish(request, state, explanation, found, side=side)
        self._vigil.end(request)


def _goal(request: ChangeRequest, before: ThingsGroup) -> GroupLock:
    goal = wanted(request.single, before.lock)
    if not isinstance(goal, GroupLock):
        raise TypeError(f"request {request.id} is not about a Things Group")
    return goal


def _group_id(request: ChangeRequest) -> str:
    if not isinstance(request.change, GroupChange):
        raise TypeError(f"request {request.id} is not about a Things Group")
    return request.change.things_group_id.text


def _as_sent(request: ChangeRequest) -> ThingsGroup:
    """The group as it stood right before the write: its lock as approved, the rest as kept with the item."""
    if not isinstance(request.seen, SeenGroup):
        raise TypeError(f"request {request.id} is not about a Things Group")
    group = request.seen.group
    others = others_from(item_of(request).sent_before)
    return ThingsGroup(group.things_group_id, group.name, group.imei_lock, group.tac, others)
