"""A bot in a process of its own, that can be killed at the n-th point of its work.

A point lies before and after every commit, every call to the vendor and every message to Slack.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.logs import set_up
from bot.policy_file import parse_policy
from bot.services.ports import Platform, Store, Tx
from bot.slack.api import SlackApi
from tests import quick

VENDOR_CALLS = ("thing", "things_group", "things_last_seen_in", "is_online", "write_thing_lock")
MESSAGES = ("chat.postMessage", "chat.update")


def run(environ: Mapping[str, str], policy: Mapping[str, Any], folder: str, kill_at: int) -> None:
    """Run until SIGTERM, or until SIGKILL at point `kill_at`; 0: at none. Points go to a file."""
    quick.look_for_nothing_twice()
    with (Path(folder) / "child.log").open("a", encoding="utf-8") as stream:
        set_up(level="INFO", form="text", stream=stream)
        asyncio.run(_run(environ, policy, Fuse(Path(folder) / "points", kill_at)))


async def _run(environ: Mapping[str, str], policy: Mapping[str, Any], fuse: Fuse) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    watch_messages(fuse)
    seams = Seams(
        inventory=False,
        wrap_store=lambda store: WatchedStore(store, fuse),
        wrap_platform=lambda platform: WatchedPlatform(platform, fuse),
    )
    bot = await build(Config.from_env(environ), parse_policy(policy), clock=SystemClock(), seams=seams)
    await bot.start()
    await ended.wait()
    await bot.stop()


class Fuse:
    """Counts the points, and kills the process at one of them: no handler, no flush, no good-bye."""

    def __init__(self, path: Path, kill_at: int) -> None:
        self._path = path
        self._kill_at = kill_at
        self._count = 0

    def point(self, name: str) -> None:
        """One more."""
        self._count += 1
        with self._path.open("a", encoding="utf-8") as points:
            points.write(f"{name}\n")
        if self._count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class WatchedStore:
    """The store, with a point on either side of every commit."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """As the store's own."""
        return self._watched()

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[Tx]:
        async with self._store.transaction() as tx:
            yield tx
            self._fuse.point("before a commit")
        self._fuse.point("after a commit")


class WatchedPlatform:
    """The vendor, with a point on either side of every call."""

    def __init__(self, platform: Platform, fuse: Fuse) -> None:
        self._platform = platform
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._platform, name)
        return watched(call, name, self._fuse) if name in VENDOR_CALLS else call


def watch_messages(fuse: Fuse) -> None:
    """A point on either side of every message; the API has no seam, so its class is changed here."""
    original = SlackApi.call

    async def call(self: SlackApi, method: str, **arguments: Any) -> dict[str, Any]:
        if method not in MESSAGES:
            return await original(self, method, **arguments)
        return await watched(original, method, fuse)(self, method, **arguments)

    SlackApi.call = call


def watched(call: Any, name: str, fuse: Fuse) -> Any:
    """The same call between two points."""

    async def between(*given: Any, **named: Any) -> Any:
        fuse.point(f"before {name}")
        try:
            return await call(*given, **named)
        finally:
            fuse.point(f"after {name}")

    return between
