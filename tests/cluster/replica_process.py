"""One replica in a process of its own, as `python -m bot` runs it, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.dispatch.cluster import ClusterDispatcher
from bot.logs import set_up
from bot.policy_file import parse_policy
from bot.services.ports import Platform
from bot.slack.messenger import Messenger
from tests import quick
from tests.cluster import next_version

log = logging.getLogger("bot")


@dataclass(frozen=True)
class Plays:
    """What is odd about a replica."""

    hands: bool = True
    """Whether it does the jobs that are given out."""
    newer: bool = False
    """It is of the version after this one."""
    inventory: bool = False
    stops_before_write: bool = False
    stops_before_post: bool = False


def run(environ: Mapping[str, str], policy: Mapping[str, Any], log_file: str, plays: Plays) -> None:
    """Until SIGTERM."""
    quick.look_for_nothing_twice()
    with Path(log_file).open("a", encoding="utf-8") as stream:
        set_up(level="INFO", form="text", stream=stream)
        if not plays.hands:
            tie_hands()
        if plays.newer:
            next_version.play()
        if plays.stops_before_post:
            stop_before_post()
        asyncio.run(_run(environ, policy, plays))


async def _run(environ: Mapping[str, str], policy: Mapping[str, Any], plays: Plays) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    seams = Seams(inventory=plays.inventory)
    if plays.stops_before_write:
        seams = replace(seams, wrap_platform=StoppedBeforeWrite)
    bot = await build(Config.from_env(environ), parse_policy(policy), clock=SystemClock(), seams=seams)
    await bot.start()
    log.info("ready: process %s", os.getpid())
    await ended.wait()
    await bot.stop()
    log.info("ended")


def tie_hands() -> None:
    """It looks for what is due and gives out jobs, and leaves it to others to do them."""

    async def idle(self: ClusterDispatcher, queue: str) -> None:
        await asyncio.Event().wait()

    ClusterDispatcher._keep_working = idle


def stop_before_post() -> None:
    """The process stops itself between the commit that begins a message and the call that posts it, once."""
    post, stops = Messenger._post, [True]

    async def stopped(self: Messenger, *given: Any, **named: Any) -> Any:
        if stops.pop() if stops else False:
            os.kill(os.getpid(), signal.SIGSTOP)
        return await post(self, *given, **named)

    Messenger._post = stopped


class StoppedBeforeWrite:
    """The vendor; the process stops itself between the commit of `sent` and the PUT, once."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._stops = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)

    async def write_thing_lock(self, *given: Any, **named: Any) -> None:
        """As the vendor's own, a while later."""
        if self._stops:
            self._stops = False
            os.kill(os.getpid(), signal.SIGSTOP)
        await self._platform.write_thing_lock(*given, **named)
