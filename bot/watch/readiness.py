"""Can the bot work right now, and if not, what is in the way. Probes may ask as often as they like."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from bot.domain.errors import PlatformError, StoreUnavailable
from bot.services.watching import Part

log = logging.getLogger(__name__)

REMEMBER_SECONDS = 3.0
"""The trial write is made at most this often."""
PATIENCE_SECONDS = 3.0
"""A trial write that takes longer counts as failed; probes give up soon after."""
ASK_VENDOR_SECONDS = 60.0
"""While the log-in is not known to be good: at most so often; the vendor's client has pauses of its own."""
VENDOR_PATIENCE_SECONDS = 1.0
"""A probe waits so long for that reading; the next one knows what came of it."""
PROCESS, SLACK, VENDOR = "process", "slack", "vendor"
SLOW = "no write came through within 3 s"


class Readiness:
    """Answers from what is known; only the trial write is made for the question."""

    def __init__(
        self,
        *,
        try_writing: Callable[[], Awaitable[tuple[Part, ...]]],
        unwritten: tuple[str, ...],
        slack: Callable[[], Part],
        vendor: Callable[[], Part],
        ask_vendor: Callable[[], Awaitable[None]],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._try_writing = try_writing
        self._unwritten = unwritten
        self._slack = slack
        self._vendor = vendor
        self._ask_vendor = ask_vendor
        self._seconds = seconds
        self._written: tuple[Part, ...] = ()
        self._written_at = float("-inf")
        self._trial: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self.hindrance = "it is starting"
        """Why the process takes nothing now; "" while it does."""

    async def parts(self) -> tuple[Part, ...]:
        """Each thing that has to be right, good or not."""
        process = Part(PROCESS, not self.hindrance, self.hindrance)
        return (*await self._records(), self._slack(), await self._of_vendor(), process)

    async def stop(self) -> None:
        """End what was begun for a question."""
        tasks = [task for task in (self._trial, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _records(self) -> tuple[Part, ...]:
        """One trial for all who ask at once; one that hangs is not joined by another."""
        if self._seconds() - self._written_at >= REMEMBER_SECONDS:
            if self._trial is None or self._trial.done():
                self._trial = asyncio.create_task(self._try(), name="readiness-trial")
            _, late = await asyncio.wait({self._trial}, timeout=PATIENCE_SECONDS)
            if late:
                return tuple(Part(name, is_good=False, says=SLOW) for name in self._unwritten)
        return self._written

    async def _try(self) -> None:
        try:
            self._written = await self._try_writing()
        except Exception as error:  # noqa: BLE001  whatever it is, nothing was written
            log.warning("the trial write failed: %s", type(error).__name__)
            said = type(error).__name__
            self._written = tuple(Part(name, is_good=False, says=said) for name in self._unwritten)
        self._written_at = self._seconds()

    async def _of_vendor(self) -> Part:
        """As last known. Where that isn't good it is tried: without traffic nobody calls, and a replica that
        has just begun has never logged in."""
        known = self._vendor()
        due = self._seconds() - self._asked_at >= ASK_VENDOR_SECONDS
        if not known.is_good and due and not self.hindrance:
            self._asked_at = self._seconds()
            self._asking = asyncio.create_task(self._ask(), name="readiness-vendor")
            await asyncio.wait({self._asking}, timeout=VENDOR_PATIENCE_SECONDS)
            known = self._vendor()
        return known

    async def _ask(self) -> None:
        try:
            await self._ask_vendor()
        except StoreUnavailable:  # no turn at its pace could be had: nobody was asked
            self._asked_at = float("-inf")
        except PlatformError:
            pass  # what came of it is known where it is looked up
