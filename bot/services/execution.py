"""Applying what was approved: each request goes one step further, from wherever its item stands."""

from __future__ import annotations

from typing import Protocol

from bot.domain.changes import (
    LockThing,
    LockThingsGroup,
    RestoreThing,
    RestoreThingsGroup,
    UnlockThing,
    UnlockThingsGroup,
    noun,
)
from bot.domain.errors import Overtaken
from bot.domain.requests import ChangeRequest, ItemState
from bot.services.clearance import Clearance
from bot.services.group_execution import GroupExecution
from bot.services.outcomes import Outcomes
from bot.services.ports import Notifier, Store
from bot.services.progress import Progress
from bot.services.thing_execution import ThingExecution


class Steps(Protocol):
    """What can be done about an item, by what is known of its write."""

    async def start(self, request: ChangeRequest) -> None:
        """Nothing has left yet."""
        ...

    async def in_doubt(self, request: ChangeRequest) -> None:
        """A write may have left before this process began, or was put off: read before anything else."""
        ...

    async def settle(self, request: ChangeRequest) -> None:
        """Unconfirmed: read until it is clear. Nothing is sent any more."""
        ...


class Execution:
    """Brings approved requests to their end. `apply` may be called again at any time for any of them."""

    def __init__(
        self,
        *,
        store: Store,
        things: ThingExecution,
        groups: GroupExecution,
        clearance: Clearance,
        progress: Progress,
        notifier: Notifier,
    ) -> None:
        self._store = store
        self._things = things
        self._groups = groups
        self._clearance = clearance
        self._progress = progress
        self._notifier = notifier

    async def apply(self, request: ChangeRequest) -> None:
        """One step further, to an end or to a later look."""
        steps = self._steps(request)
        try:
            match request.item.state if request.item else None:
                case ItemState.QUEUED | ItemState.RUNNING:
                    await steps.start(request)
                case ItemState.SENT:
                    await steps.in_doubt(request)
                case ItemState.UNCONFIRMED:
                    await steps.settle(request)
                case _:
                    return
        except Overtaken:
            return
        finally:
            self._notifier.wake()

    def _steps(self, request: ChangeRequest) -> Steps:
        match request.single:
            case LockThing() | UnlockThing() | RestoreThing():
                return self._things
            case LockThingsGroup() | UnlockThingsGroup() | RestoreThingsGroup():
                return self._groups

    async def give_up(self, request_id: str) -> None:
        """A step failed in a way that nobody foresaw: once the time is over, end what can't go on."""
        request = await self._store.request(request_id)
        if request is None or request.item is None or not self._clearance.is_late(request):
            return
        say = Outcomes(noun(request.change))
        if request.item.state in {ItemState.QUEUED, ItemState.RUNNING}:
            await self._progress.finish(request, ItemState.OUTDATED, say.too_late)
        elif request.item.state is ItemState.SENT:
            await self._progress.finish(request, ItemState.UNCONFIRMED, say.unreadable)
        self._notifier.wake()
