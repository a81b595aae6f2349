"""Several writers, one commit: what is waiting when the database becomes free is committed together.

Each keeps what a transaction of its own would promise: `write` returns once its work is committed, and raises
what its own work raised, with nothing of it kept. On a disk that has to be waited for, a commit costs the
same for one as for twenty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from bot.services.ports import Store, Tx

T = TypeVar("T")
Work = Callable[[Tx], Awaitable[T]]
"""What is to be written. It may be run again after a rollback: it does nothing but write."""


@dataclass(eq=False, slots=True)
class _Waiting:
    work: Work[Any]
    came: Any = None
    is_committed: bool = False
    error: Exception | None = None

    @property
    def is_over(self) -> bool:
        return self.is_committed or self.error is not None


class GroupCommit:
    """Whoever gets the turn first writes for all who wait; nobody waits for company."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = asyncio.Lock()
        self._waiting: list[_Waiting] = []

    async def write(self, work: Work[T]) -> T:
        """What comes of it, once that is committed, in the order of asking. Raises what `work` raises, or
        `StoreUnavailable`."""
        mine = _Waiting(work)
        self._waiting.append(mine)
        try:
            async with self._turn:
                if not mine.is_over:
                    await self._write_all()
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
            raise
        if mine.error is not None:
            raise mine.error
        return cast("T", mine.came)

    async def _write_all(self) -> None:
        batch = list(self._waiting)
        try:
            await self._together(batch)
        finally:  # who writes for the others may be cancelled: then the next one does
            self._waiting = [waiting for waiting in self._waiting if not waiting.is_over]

    async def _together(self, batch: Sequence[_Waiting]) -> None:
        try:
            async with self._store.transaction() as tx:
                for waiting in batch:
                    waiting.came = await waiting.work(tx)
        except Exception as error:  # noqa: BLE001  raised where it belongs: by its own `write`
            if len(batch) == 1:
                batch[0].error = error
                return
        else:
            for waiting in batch:
                waiting.is_committed = True
            return
        # Nothing of it was kept: one of them failed, and only that one may.
        for waiting in batch:
            await self._together([waiting])
