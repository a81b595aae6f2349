"""One replica in a process of its own, as `python -m bot` runs it, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.logs import set_up
from bot.policy_file import parse_policy
from tests import quick

log = logging.getLogger("bot")


def run(
    environ: Mapping[str, str], policy: Mapping[str, Any], log_file: str, *, hands: bool, newer: bool
) -> None:
    """`hands`: whether it takes jobs. `newer`: whether it plays the version after this one."""
    quick.look_for_nothing_twice()
    with Path(log_file).open("a", encoding="utf-8") as stream:
        set_up(level="INFO", form="text", stream=stream)
        if not hands:
            _tie_hands()
        if newer:
            from tests.cluster import next_version

            next_version.play()
        asyncio.run(_run(environ, policy))


async def _run(environ: Mapping[str, str], policy: Mapping[str, Any]) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    seams = Seams(inventory=environ.get("TEST_INVENTORY") == "yes")
    bot = await build(Config.from_env(environ), parse_policy(policy), clock=SystemClock(), seams=seams)
    await bot.start()
    log.info("ready: process %s", os.getpid())
    await ended.wait()
    await bot.stop()
    log.info("ended")


def _tie_hands() -> None:
    """It looks for what is due and gives out jobs, and leaves it to others to do them."""
    from bot.dispatch.cluster import ClusterDispatcher

    async def idle(self: ClusterDispatcher, queue: str) -> None:
        await asyncio.Event().wait()

    ClusterDispatcher._keep_working = idle  # type: ignore[method-assign]
