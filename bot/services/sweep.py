"""What time brings: expiry, work left behind, outcomes still unknown. No timers, only rows and `now`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bot.domain.changes import Kind
from bot.domain.errors import StoreUnavailable
from bot.domain.requests import UNDECIDED, ChangeRequest, Status
from bot.services import traces
from bot.services.bulk_execution import BulkExecution
from bot.services.execution import Execution
from bot.services.ports import Clock, Store
from bot.services.recount import Recount
from bot.services.requests import Requests


class LongWork(Protocol):
    """Work on many Things, done a slice of time at once: all of its state is in rows."""

    async def step(self, request: ChangeRequest) -> bool:
        """One slice, of some seconds. Whether there is more to do at once."""
        ...


class Sweep:
    """Finds what is due, and brings one of it a step further."""

    def __init__(
        self,
        *,
        store: Store,
        requests: Requests,
        execution: Execution,
        clock: Clock,
        previewing: Mapping[Kind, LongWork] | None = None,
        bulk: BulkExecution | None = None,
        recount: Recount | None = None,
        on_look: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_look = on_look
        self._store = store
        self._requests = requests
        self._execution = execution
        self._clock = clock
        self._previewing = previewing or {}
        self._bulk = bulk
        self._recount = recount

    async def due(self) -> tuple[ChangeRequest, ...]:
        """Every request that something is to happen to now."""
        due = await self._store.due(self._clock.now())
        self._on_look()
        return due

    async def due_now(self, request_id: str) -> ChangeRequest | None:
        """This one as it stands now, None where nothing is to happen to it now."""
        found = await self._store.due(self._clock.now(), request_id)
        return found[0] if found else None

    def end_soon(self) -> None:
        """The process ends: slices of bulks end once what has left was read back, and none begins."""
        if self._bulk:
            self._bulk.end_soon()

    def is_long(self, request: ChangeRequest) -> bool:
        """Whether its step is a slice of long work, which must not hold up the others."""
        previewing = request.status is Status.PREVIEWING
        return previewing or request.change.kind is Kind.BULK or self._is_recounted(request)

    def _is_recounted(self, request: ChangeRequest) -> bool:
        return self._recount is not None and self._recount.is_due(request)

    async def step(self, request: ChangeRequest) -> bool:
        """Expire it or apply it; safe to call twice, or late. Whether there is more to do at once.

        What fails unforeseen doesn't fail for ever.
        """
        with traces.about(**{traces.REQUEST: request.id}):
            return await self._step(request)

    async def _step(self, request: ChangeRequest) -> bool:
        if request.status in UNDECIDED and self._clock.now() >= request.expires_at:
            await self._requests.expire(request)
            return False
        if request.status is Status.PREVIEWING:
            return await self._previewing[request.change.kind].step(request)
        if request.change.kind is Kind.BULK:
            return await self._bulk.step(request) if self._bulk else False
        if self._recount and self._recount.is_due(request):
            return await self._recount.step(request)
        try:
            await self._execution.apply(request)
        except StoreUnavailable:
            raise
        except Exception:
            await self._execution.give_up(request.id)
            raise
        return False
