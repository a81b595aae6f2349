"""Rounds with real processes and real time: `kill -9` at a point of the bot's work, then another life."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import shutil
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path

from bot.clock import SystemClock
from bot.policy_file import parse_policy
from bot.sandbox.stage import POLICY
from bot.sandbox.wiring import environment
from bot.storage.engine import open_engine
from tests.chaos.database import Reader
from tests.chaos.invariants import violations
from tests.chaos.people import People
from tests.chaos.plan import Story, plan_of
from tests.chaos.rounds import AT_WORK, UNCHECKED, UNTOLD, Played
from tests.chaos.simulation import until
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.scenarios import crashing_bot

PATIENCE = 0.15
MOST_POINTS = 60
QUIET_SECONDS = 90.0
PRELOADED = ["tests.scenarios.crashing_bot", "sqlalchemy.dialects.sqlite.aiosqlite", "aiosqlite"]
KINDS = ("lock_thing", "unlock_keep", "unlock_clear", "lock_group")
LOST_ANSWERS = ("drop_after", "error_after", "drop_before", "error_html")


def play(seed: int, template: Path, folder: Path) -> Played:
    """One story, two deaths, and a vendor that loses an answer now and then."""
    return asyncio.run(_Killed(seed, template, folder).play())


class _Killed:
    def __init__(self, seed: int, template: Path, folder: Path) -> None:
        self._seed = seed
        self._chance = random.Random(f"processes {seed}")
        self._folder = folder
        database = folder / "imei-lock.db"
        shutil.copyfile(template, database)
        self._clock = SystemClock()
        self._world = World(self._clock, database, seed)
        self._reader = Reader(database)
        self._played = Played(plan_of(seed))
        self._is_over = False
        self._child: BaseProcess | None = None

    async def play(self) -> Played:
        await self._world.start()
        slack, monogoto = self._world.slack, self._world.monogoto
        witness = Witness(slack, monogoto, self._reader, self._clock, self._clock)
        kind = self._chance.choice(KINDS)
        if self._chance.random() < 0.5:
            fault = self._chance.choice(LOST_ANSWERS)
            monogoto.fail_at_rate(("PUT", "/"), fault, 0.5)  # type: ignore[arg-type]
        lives = asyncio.create_task(self._lives())
        people = People(slack, monogoto, self._reader, self._chance, PATIENCE)
        targets = {"lock_group": ("open_group",), "lock_thing": ("fresh",)}.get(kind, ("locked",))
        try:
            await people.live(Story(2, kind, targets, "approve", "U0ENG1", 0.0, undo=False))
            monogoto.clear_faults()
            await until(self._is_quiet, within=QUIET_SECONDS)
            self._is_over = True
            await self._end(lives)
            await self._judge(witness)
        finally:
            lives.cancel()
            await asyncio.gather(lives, return_exceptions=True)
            self._reader.close()
            await self._world.stop()
        return self._played

    def _is_quiet(self) -> bool:
        queries = (AT_WORK, UNTOLD, UNCHECKED)
        return not sum(int(r[0][0]) if (r := self._reader.rows(query)) else 1 for query in queries)

    async def _lives(self) -> None:
        """Two are killed at a point of their work, the third one lives."""
        for number in range(1, 10):
            self._played.lives = number
            self._child = self._start(self._chance.randint(1, MOST_POINTS) if number < 3 else 0)
            await until(lambda: self._child and self._child.exitcode is not None, within=600.0)
            self._played.kills += self._child.exitcode == -signal.SIGKILL
            self._child.join()
            if self._is_over:
                return

    def _start(self, kill_at: int) -> BaseProcess:
        url = f"sqlite:///{self._world.database}"
        slack, monogoto = self._world.slack, self._world.monogoto
        environ = environment(slack, monogoto, database_url=url, transport="socket", rate=500)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        given = (environ, POLICY, str(self._folder), kill_at)
        child = context.Process(target=crashing_bot.run, args=given)
        child.start()
        return child

    async def _end(self, lives: asyncio.Task[None]) -> None:
        if self._child and self._child.exitcode is None:
            self._child.terminate()
        await lives

    async def _judge(self, witness: Witness) -> None:
        engine = open_engine(f"sqlite:///{self._world.database}", read_only=True)
        try:
            records = await witness.records(engine, parse_policy(POLICY), is_clock_true=True)
        finally:
            await engine.close()
        self._played.violations = violations(records)
        self._played.writes = len(records.effects)
        self._played.statuses = [f"{request.kind}={request.status}" for request in records.requests]
