"""Work that goes on after an ack: held, heard when it fails, and waited for before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.slack.dispatch import log_unexpected

OnError = Callable[[Exception, str], Awaitable[None]]
"""Given the error and the reference id under which it was logged: tells the person."""


class Background:
    """Holds its tasks until they end; no error in them goes unheard."""

    def __init__(self, on_error: OnError | None = None) -> None:
        self._on_error = on_error
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many tasks are still running."""
        return len(self._tasks)

    def start(
        self, work: Coroutine[Any, Any, object], *, name: str, on_error: OnError | None = None
    ) -> asyncio.Task[None]:
        """Run `work` from now on. An error is logged, then told to `on_error` (else to the common one)."""
        task = asyncio.create_task(self._run(work, name, on_error or self._on_error), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, work: Coroutine[Any, Any, object], name: str, on_error: OnError | None) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  the end of a task's line: logged and told
            reference = log_unexpected(name, error)
            if on_error is not None:
                await self._tell(on_error, error, reference, name)

    async def _tell(self, on_error: OnError, error: Exception, reference: str, name: str) -> None:
        try:
            await on_error(error, reference)
        except Exception as second:  # noqa: BLE001  telling failed too: the log is all that is left
            log_unexpected(f"Telling that {name} failed under reference {reference}", second)

    async def drain(self, within: float) -> tuple[str, ...]:
        """Wait until all tasks have ended, those started meanwhile too, at most `within` seconds.

        What is left then is cancelled; returns its names, empty where everything was finished.
        """
        deadline = asyncio.get_running_loop().time() + within
        while self._tasks:
            left = deadline - asyncio.get_running_loop().time()
            _, pending = await asyncio.wait(self._tasks, timeout=max(0.0, left))
            if pending and left <= 0:
                return await self._cancel(pending)
        return ()

    async def _cancel(self, tasks: set[asyncio.Task[None]]) -> tuple[str, ...]:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return tuple(sorted(task.get_name() for task in tasks))
