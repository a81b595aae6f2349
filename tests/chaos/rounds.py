"""One round: the world, the people, the bot's lives, the troubles; then quiet, and the reckoning."""

from __future__ import annotations

import asyncio
import random
import shutil
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.config import Config
from bot.policy_file import parse_policy
from bot.sandbox.monogoto.calls import Call
from bot.sandbox.slack.state import ApiRequest
from bot.sandbox.stage import POLICY
from bot.sandbox.wiring import environment
from bot.storage.engine import open_engine
from tests.chaos.database import FileReader
from tests.chaos.invariants import violations
from tests.chaos.lives import Disk, Life, prepare
from tests.chaos.machine import Machine
from tests.chaos.people import People
from tests.chaos.plan import Plan
from tests.chaos.simulation import VirtualClock, VirtualLoop, run, task_in, until
from tests.chaos.troubles import Troubles
from tests.chaos.witness import Witness
from tests.chaos.world import World

PATIENCE = 3 * 3600.0
"""Of virtual time, for all that is approved to come to its end once nothing goes wrong any more."""
EXPIRY = 26 * 3600.0
GRAIN = 15.0
RATE = 50
AT_WORK = "select count(*) from requests where status in ('approved', 'applying', 'unconfirmed')"
OPEN = AT_WORK.replace("'unconfirmed'", "'unconfirmed', 'previewing', 'pending', 'paused'")
UNTOLD = "select count(*) from outbox where state in ('waiting', 'sending')"
UNCHECKED = "select count(*) from submissions where state = 'checking'"


@dataclass(slots=True)
class Played:
    """A round that is over."""

    plan: Plan
    effects: int = 0
    lives: int = 0
    kills: int = 0
    violations: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    writes: int = 0
    """That took effect."""
    slack: list[Any] = field(default_factory=list)
    """All that was sent to Slack and stands there, for whoever looks for what must not."""
    vendor: list[Any] = field(default_factory=list)


def play(plan: Plan, template: Path, folder: Path) -> Played:
    """All of it, in the folder, which is empty before."""
    loop = VirtualLoop()
    prepare(loop)
    return run(_Round(plan, template, folder, loop).play(), loop)


class _Round:
    def __init__(self, plan: Plan, template: Path, folder: Path, loop: VirtualLoop) -> None:
        self._plan = plan
        self._loop = loop
        self._chance = random.Random(f"chance {plan.seed}")
        self._clock = VirtualClock(loop)
        self._disk = Disk()
        database = folder / "imei-lock.db"
        shutil.copyfile(template, database)
        self._world = World(VirtualClock(loop), database, plan.seed)
        self._reader = FileReader(database)
        self._played = Played(plan)
        self._coming = list(plan.troubles)
        self._troubles = Troubles(self._world, plan, loop, self._clock, self._disk)
        self._happening: list[asyncio.Task[None]] = []
        self._puts = 0
        self._kills_next = False
        self._world.monogoto.watch(self._answered)
        self._policy = parse_policy(POLICY)
        self._witness = Witness(
            self._world.slack,
            self._world.monogoto,
            self._reader,
            VirtualClock(loop),
            self._clock,
            at_the_earliest=self._clock.at_the_earliest,
        )

    async def play(self) -> Played:
        self._context = copy_context()
        self._loop.grain = self._plan.grain
        await self._world.start()
        self._world.monogoto.settings.change(**dict(self._plan.settings))
        self._troubles.begin()
        machine = self._machine()
        self._replicas = {machine.name: machine}
        running = asyncio.create_task(machine.run())
        people = People(self._world.slack, self._world.monogoto, self._reader, self._chance)
        try:
            await asyncio.gather(*(people.live(story) for story in self._plan.stories))
            await self._quiet()
            await machine.end(running)
            await self._judge(machine)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self._reader.close()
            await self._world.stop()
        return self._played

    def _machine(self) -> Machine:
        return Machine(
            "replica 1",
            config=self._config,
            policy=self._policy,
            clock=self._clock,
            disk=self._disk,
            chance=self._chance,
            at_effect=self._effect,
            off=self._plan.off,
            on_server=lambda port: self._world.slack.deliver_http(f"http://127.0.0.1:{port}/slack/events"),
        )

    def _config(self) -> Config:
        url = f"sqlite:///{self._world.database}"
        given: dict[str, Any] = {"database_url": url, "transport": self._plan.transport, "rate": RATE}
        return Config.from_env(environment(self._world.slack, self._world.monogoto, **given))

    def _effect(self, life: Life, _: str) -> None:
        self._played.effects += 1
        if self._kills_next:
            self._kills_next = False
            self._kill(life)
        while self._coming and self._coming[0].at <= self._played.effects:
            trouble = self._coming.pop(0)
            if trouble.what == "kill":
                self._kill(life)
            elif trouble.what == "sigterm":
                self._replicas[life.name.split(" life ")[0]].terminate()
            else:
                work = self._troubles.happen(trouble)
                self._happening.append(task_in(self._context.copy(), work, trouble.what))

    def _kill(self, life: Life) -> None:
        self._played.kills += not life.is_dead
        life.kill()

    def _answered(self, call: Call, _: bytes) -> None:
        if call.method == "PUT":
            self._puts += 1
            self._kills_next |= self._puts == self._plan.kill_after_put

    async def _quiet(self) -> None:
        """Everything is well again; all that was approved has its time to end, the rest expires."""
        self._coming.clear()
        for task in self._happening:
            task.cancel()
        await asyncio.gather(*self._happening, return_exceptions=True)
        self._troubles.end()
        self._loop.grain = GRAIN
        await until(lambda: not self._count(AT_WORK, UNTOLD, UNCHECKED), within=PATIENCE)
        if self._count(OPEN):
            self._loop.leap(EXPIRY)
            await until(lambda: not self._count(OPEN, UNTOLD, UNCHECKED), within=PATIENCE)
        self._loop.grain = 0.0

    def _count(self, *queries: str) -> int:
        return sum(int(rows[0][0]) if (rows := self._reader.rows(query)) else 1 for query in queries)

    async def _judge(self, machine: Machine) -> None:
        self._played.lives = len(machine.lives)
        self._played.oddities = machine.oddities
        rows = self._reader.rows("select kind, status from requests order by number")
        self._played.statuses = [f"{kind}={status}" for kind, status in rows]
        engine = open_engine(f"sqlite:///{self._world.database}", read_only=True)
        try:
            records = await self._witness.records(engine, self._policy, is_clock_true=not self._world.jumped)
        finally:
            await engine.close()
        self._played.violations = violations(records)
        self._played.writes = len(records.effects)
        self._played.slack = [vars_of(call) for call in self._world.slack.requests]
        self._played.vendor = [call.as_json() for call in self._world.monogoto.calls]


def vars_of(call: ApiRequest) -> dict[str, Any]:
    """A call to Slack as it was made, ready for JSON."""
    return {"method": call.method, "args": call.args, "status": call.status, "answer": call.answer}
