"""Both stand-ins with their page, filled as a test wants them, and a bot here or in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import yaml

from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.policy_file import parse_policy
from bot.running import Bot
from bot.sandbox.demo.round import MANIFEST
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.listing import Listing
from bot.sandbox.stage import POLICY
from bot.sandbox.wiring import environment
from tests.scenarios import crashing_bot
from tests.scenarios.test_crash_anywhere import PRELOADED

RATE: Final = 500
PATIENCE_SECONDS: Final = 240.0


class Fleet:
    """Everything runs by the real clock, as a person in front of the page has it."""

    def __init__(self, folder: Path, *, things: int, rate: int = RATE) -> None:
        clock = SystemClock()
        manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
        self.slack = LocalSlack(clock, listing=Listing.from_manifest(manifest))
        self.monogoto = LocalMonogoto(clock, things=things)
        self._folder = folder
        self._rate = rate
        self._bot: Bot | None = None
        self._process: BaseProcess | None = None

    async def start(self) -> None:
        """Both stand-ins; the bot is started apart from them."""
        await self.slack.start()
        await self.monogoto.start()

    async def stop(self) -> None:
        """The bot first, wherever it is."""
        if self._bot is not None:
            await self._bot.stop(patience=2.0)
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            await asyncio.to_thread(self._process.join, 20)
        await self.slack.stop()
        await self.monogoto.stop()

    def _environment(self) -> dict[str, str]:
        url = f"sqlite:///{self._folder / 'imei-lock.db'}"
        return environment(self.slack, self.monogoto, database_url=url, transport="socket", rate=self._rate)

    async def start_bot(self) -> None:
        """In this process."""
        config = Config.from_env(self._environment())
        seams = Seams(inventory=False)
        self._bot = await build(config, parse_policy(POLICY), clock=SystemClock(), seams=seams)
        await self._bot.start()

    def start_process(self) -> None:
        """In one of its own, that can be killed."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        given = (self._environment(), POLICY, str(self._folder), 0)
        self._process = context.Process(target=crashing_bot.run, args=given, daemon=True)
        self._process.start()

    async def kill(self) -> None:
        """`kill -9`: no handler, no flush, no good-bye."""
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.join)

    # --- what the outside world does, and what is there ------------------------------------------------

    @property
    def written(self) -> int:
        """Writes of Things that took effect."""
        return sum(map(len, self.monogoto.writes.values()))

    def put_into_devices(self, group_id: str, devices: list[str | None], *, elsewhere: str) -> None:
        """The first SIMs belong to this group, each last seen in its device; all others to another one."""
        for number, iccid in enumerate(self.monogoto.iccids):
            inside = number < len(devices)
            keys: dict[str, Any] = {"ThingsGroupId": group_id if inside else elsewhere}
            keys |= {"IMEI": devices[number]} if inside else {}
            self.monogoto.console_edit(iccid, **keys, MasterIMEI="", LockMasterImei=False)

    @staticmethod
    async def until(condition: Callable[[], Any]) -> Any:
        """By the clock on the wall."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (result := condition()):  # noqa: ASYNC110  the world outside sets no event
                await asyncio.sleep(0.02)
        return result
