"""What one replica does for all of them: it serves while it holds the lease, and another one after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bot.domain.errors import StoreUnavailable
from bot.services.ports import Clock
from bot.services.replica_ports import Lease

log = logging.getLogger(__name__)


class Duty(Protocol):
    """Something that only one replica may be at. It may be started again after it was stopped."""

    async def start(self) -> None:
        """Go on where the one before stopped, or died."""
        ...

    async def stop(self, patience: float) -> None:
        """End what is in hand within so many seconds."""
        ...


Chore = Callable[[bool], Awaitable[None]]
"""Done at every beat; told whether this replica serves."""


class Tenure:
    """Beats: says that this replica lives, takes or renews the lease, and serves for as long as it has it."""

    def __init__(
        self,
        *,
        replica: str,
        presence: Lease,
        lease: Lease,
        duties: Sequence[Duty],
        chores: Sequence[Chore],
        clock: Clock,
        every: float,
    ) -> None:
        self._replica = replica
        self._presence = presence
        self._lease = lease
        self._duties = duties
        self._chores = chores
        self._clock = clock
        self._every = every
        self._serving = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_serving(self) -> bool:
        """Whether this replica is the one."""
        return self._serving

    async def start(self) -> None:
        """Returns after the first beat."""
        await self._beat()
        self._task = asyncio.create_task(self._run(), name="tenure")

    async def stop(self, patience: float) -> None:
        """Serve no more, and let the next one begin at once."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end(patience)
        try:
            await self._lease.give_back()
            await self._presence.give_back()
        except StoreUnavailable as error:
            log.warning("the lease could not be given back, and will run out: %s", error)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(self._every)
            await self._beat()

    async def _beat(self) -> None:
        try:
            await self._presence.take()
            await self._serve(ours=await self._lease.take())
            for chore in self._chores:
                await chore(self._serving)
        except StoreUnavailable as error:
            log.warning("a heartbeat failed: %s", error)
            await self._serve(ours=self._lease.is_held() and self._serving)
        except Exception:
            log.exception("a heartbeat failed")

    async def _serve(self, *, ours: bool) -> None:
        if ours and not self._serving:
            log.info("replica %s serves for all from now on", self._replica)
            self._serving = True
            try:
                for duty in self._duties:
                    await duty.start()
            except BaseException:
                await self._end(0.0)
                raise
        elif not ours and self._serving:
            log.warning("replica %s is not sure of its lease any more, and serves no longer", self._replica)
            await self._end(0.0)

    async def _end(self, patience: float) -> None:
        if self._serving:
            self._serving = False
            for duty in reversed(self._duties):
                await duty.stop(patience)
