"""A bot that is asked from another thread, so that Hypothesis can shrink what broke it."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.sandbox.clock import ManualClock
from bot.sandbox.stage import Stage

T = TypeVar("T")
MORE = int(os.environ.get("FUZZ", "1"))
"""How many times as many examples: `make fuzz` asks for more than `make test`."""


class Elsewhere:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="elsewhere")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result, or what it raised."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def close(self) -> None:
        """End the loop, and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    running = Elsewhere()
    yield running
    running.close()


@pytest.fixture(scope="module")
def stage(
    elsewhere: Elsewhere, new_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """One stage for all examples of a module."""
    folder = tmp_path_factory.mktemp("fuzzed")
    shutil.copyfile(new_database, folder / new_database.name)

    async def open_it() -> Stage:
        return await Stage(folder, clock=ManualClock(), transport="http").__aenter__()

    opened = elsewhere.run(open_it())
    yield opened
    elsewhere.run(opened.__aexit__())
