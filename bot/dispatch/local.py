"""Runs approved work in this process: an event, a few workers, a sweep. All state is in rows."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from bot.domain.errors import StoreUnavailable
from bot.domain.requests import ChangeRequest
from bot.services import traces
from bot.services.ports import Clock
from bot.services.sweep import Sweep

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
WORKERS = 4
LONG_WORKERS = 3
"""Slices of long work (previews of groups, bulks) at a time: never all of what single changes need."""
LONGEST_PAUSE_SECONDS = 600.0


class LocalDispatcher:
    """`wake` says that there may be something to do; every few seconds it looks by itself."""

    def __init__(self, *, clock: Clock, workers: int = WORKERS) -> None:
        self._clock = clock
        self._slots = asyncio.Semaphore(workers)
        self._long_slots = asyncio.Semaphore(LONG_WORKERS)
        self._woken = asyncio.Event()
        self._active: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, tuple[float, datetime]] = {}
        """Of requests whose step failed unforeseen: how long the pause, and until when."""
        self._loop: asyncio.Task[None] | None = None
        self._timer: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def start(self, sweep: Sweep) -> None:
        """Begin: what an earlier process left behind is due at once."""
        self._woken.set()
        self._loop = asyncio.create_task(self._run(sweep), name="dispatcher")
        self._timer = asyncio.create_task(self._tick(), name="sweep-timer")

    async def stop(self, patience: float) -> None:
        """Take nothing new; give work in hand `patience` seconds of real time. The rest is in rows."""
        for task in (self._loop, self._timer):
            if task:
                task.cancel()
        await asyncio.gather(*(t for t in (self._loop, self._timer) if t), return_exceptions=True)
        pending = set(self._active.values())
        if pending:
            _, pending = await asyncio.wait(pending, timeout=patience)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            self._woken.set()

    async def _run(self, sweep: Sweep) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                due = await sweep.due()
            except StoreUnavailable as error:
                log.warning("the sweep could not read the database: %s", error)
                continue
            except Exception:
                log.exception("the sweep failed; it looks again in a while")
                continue
            for request in due:
                if request.id not in self._active and not self._pauses_now(request.id):
                    task = asyncio.create_task(self._step(sweep, request), name=f"request-{request.id}")
                    self._active[request.id] = task

    async def _step(self, sweep: Sweep, request: ChangeRequest) -> None:
        traces.about_request(request.id)
        try:
            async with self._long_slots if sweep.is_long(request) else self._slots:
                more = await sweep.step(request)
            self._pauses.pop(request.id, None)
            if more:
                self._woken.set()
        except StoreUnavailable as error:
            log.warning("request %s waits: the database could not be written: %s", request.id, error)
        except Exception:
            pause = self._pause(request.id)
            log.exception("request %s: a step failed; it is taken up again in %.0f s", request.id, pause)
        finally:
            self._active.pop(request.id, None)

    def _pause(self, request_id: str) -> float:
        """Twice as long after each failure: what fails for a reason of its own fails again."""
        before, _ = self._pauses.get(request_id, (SWEEP_SECONDS / 2, None))
        pause = min(before * 2, LONGEST_PAUSE_SECONDS)
        self._pauses[request_id] = (pause, self._clock.now() + timedelta(seconds=pause))
        return pause

    def _pauses_now(self, request_id: str) -> bool:
        _, until = self._pauses.get(request_id, (0.0, None))
        return until is not None and self._clock.now() < until
