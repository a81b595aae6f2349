"""What starts the bot's process, and starts it again when it has ended, as a supervisor does."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest

from bot.__main__ import _until_ended
from bot.app import Seams, build, id_from
from bot.config import Config
from bot.domain.errors import StoreUnavailable
from bot.domain.policy import Policy
from bot.slack.socket import TransportFailed
from bot.storage import sqlite
from tests.chaos.lives import LIFE, Connection, Disk, Life
from tests.chaos.simulation import VirtualClock, task_in

log = logging.getLogger("chaos")

STOP_SECONDS = 45.0
"""Of virtual time between SIGTERM and SIGKILL."""
STARTS_AT_MOST = 60


class Machine:
    """One replica: life after life on one database.

    `at_effect` as of `Life`; `on_server` hears where it listens.
    """

    def __init__(
        self,
        name: str,
        *,
        config: Callable[[], Config],
        policy: Policy,
        clock: VirtualClock,
        disk: Disk,
        chance: random.Random,
        at_effect: Callable[[Life, str], None],
        on_server: Callable[[int], None],
        off: float,
    ) -> None:
        self.name = name
        self._config = config
        self._policy = policy
        self._clock = clock
        self._disk = disk
        self._chance = chance
        self._at_effect = at_effect
        self._on_server = on_server
        self._off = off
        self._is_over = False
        self._terminated = asyncio.Event()
        self.lives: list[Life] = []
        self.oddities: list[str] = []

    def terminate(self) -> None:
        """SIGTERM."""
        self._terminated.set()

    async def run(self) -> None:
        """Life after life, until `end`."""
        while not self._is_over:
            if len(self.lives) >= STARTS_AT_MOST:
                raise RuntimeError(f"{self.name} was started {STARTS_AT_MOST} times and never stayed")
            await self._live()
            if not self._is_over:
                await asyncio.sleep(self._off * self._chance.uniform(0.25, 1.5))

    async def end(self, running: asyncio.Task[None]) -> None:
        """SIGTERM for good."""
        self._is_over = True
        self.terminate()
        await running

    async def _live(self) -> None:
        life = Life(f"{self.name} life {len(self.lives) + 1}", self._clock, self._chance, self._at_effect)
        life.disk = self._disk
        life.on_server = self._on_server
        self.lives.append(life)
        self._terminated.clear()
        context = copy_context()
        context.run(LIFE.set, life)
        process = task_in(context, self._process(life), life.name)
        killed = asyncio.ensure_future(life.killed.wait())
        signalled = asyncio.ensure_future(self._too_long_after_term())
        if self._is_over:
            self.terminate()
        try:
            await asyncio.wait({process, killed, signalled}, return_when=asyncio.FIRST_COMPLETED)
            if signalled.done() and not process.done() and not life.is_dead:
                self.oddities.append(f"{life.name} did not end within {STOP_SECONDS:.0f} s of SIGTERM")
            if process.done() and not process.cancelled() and (error := process.exception()):
                self._exited(life, error)
        finally:
            killed.cancel()
            signalled.cancel()
            await life.bury()

    async def _process(self, life: Life) -> None:
        """As `python -m bot` runs it."""
        seams = Seams(
            new_id=lambda: id_from(str(self._chance.random())),
            jitter=lambda: self._chance.uniform(0.02, 0.2),
            inventory=False,
        )
        config = self._config()
        bot = await build(config, self._policy, clock=self._clock, seams=seams)
        try:
            await _until_ended(bot, config, self._terminated)
        finally:
            await bot.stop()

    async def _too_long_after_term(self) -> None:
        await self._terminated.wait()
        await asyncio.sleep(STOP_SECONDS)

    def _exited(self, life: Life, error: BaseException) -> None:
        """By itself, with an exit code: the supervisor starts it again. Anything unforeseen is told."""
        if not isinstance(error, StoreUnavailable | TransportFailed):
            self.oddities.append(f"{life.name} broke: {error!r}")
            log.error("%s broke", life.name, exc_info=error)


def patch_the_driver(patched: pytest.MonkeyPatch) -> None:
    """Every database that the bot opens from now on belongs to the life that opens it."""
    patched.setattr(sqlite, "OneTripConnection", Connection)
    plain = sqlite._make_ready

    def make_ready(*given: Any, **named: Any) -> Any:
        lock = plain(*given, **named)
        life = LIFE.get()
        if life is not None and lock is not None:
            life.holds(lock)
        return lock

    patched.setattr(sqlite, "_make_ready", make_ready)
