"""What time brings: expiry, work left behind, outcomes still unknown. No timers, only rows and `now`."""

from __future__ import annotations

from bot.domain.errors import StoreUnavailable
from bot.domain.requests import ChangeRequest, Status
from bot.services.execution import Execution
from bot.services.ports import Clock, Store
from bot.services.requests import Requests


class Sweep:
    """Finds what is due, and brings one of it a step further."""

    def __init__(self, *, store: Store, requests: Requests, execution: Execution, clock: Clock) -> None:
        self._store = store
        self._requests = requests
        self._execution = execution
        self._clock = clock

    async def due(self) -> tuple[ChangeRequest, ...]:
        """Every request that something is to happen to now."""
        return await self._store.due(self._clock.now())

    async def step(self, request: ChangeRequest) -> None:
        """Expire it or apply it; safe to call twice, or late. What fails unforeseen doesn't fail for ever."""
        if request.status is Status.PENDING:
            await self._requests.expire(request)
            return
        try:
            await self._execution.apply(request)
        except StoreUnavailable:
            raise
        except Exception:
            await self._execution.give_up(request.id)
            raise
