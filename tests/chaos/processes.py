"""Rounds with real processes and real time: `kill -9` at a point of the bot's work, then another life.

One process on SQLite, or three replicas on a PostgreSQL that goes away for ten seconds now and then.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from bot.clock import SystemClock
from bot.policy_file import parse_policy
from bot.sandbox import postgres
from bot.sandbox.stage import POLICY
from bot.sandbox.wiring import environment
from bot.storage.engine import migrate, open_engine
from tests.chaos.database import FileReader, Reader, ServerReader
from tests.chaos.invariants import violations
from tests.chaos.people import People
from tests.chaos.plan import Story, plan_of
from tests.chaos.rounds import AT_WORK, UNCHECKED, UNTOLD, Played
from tests.chaos.simulation import until
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.scenarios import crashing_bot

REPLICATED_EVERY = 100
PATIENCE = 0.25
MOST_POINTS = 40
"""Of one process; replicas share them."""
QUIET_SECONDS = 240.0
"""At most: it ends as soon as it is quiet, on a busy machine later."""
LIFE_SECONDS = 600.0
"""At most, of one process: no story takes so long."""
DEATHS = 2
AWAY_SECONDS = 10.0
PRELOADED = ["tests.chaos.processes", "sqlalchemy.dialects.sqlite.aiosqlite", "aiosqlite"]
KINDS = ("lock_thing", "unlock_keep", "unlock_clear", "lock_group")
TARGETS = {"lock_group": ("open_group",), "lock_thing": ("fresh",)}
LOST_ANSWERS = ("drop_after", "error_after", "drop_before", "error_html")
QUICK_TAKE_OVER = {"REPLICA_HEARTBEAT": "0.5", "REPLICA_TIMEOUT": "3"}


@dataclass(frozen=True, slots=True)
class Ground:
    """What the records are kept in, and how many processes work on them."""

    url: str
    reader: Reader
    replicas: int
    server: postgres.Server | None = None


def play(seed: int, template: Path, folder: Path) -> Played:
    """One story; each replica dies twice, and the vendor may lose the answers of writes."""
    with _ground(seed, template, folder) as ground:
        return asyncio.run(_Killed(seed, folder, ground).play())


@contextmanager
def _ground(seed: int, template: Path, folder: Path) -> Iterator[Ground]:
    if seed % REPLICATED_EVERY == 0:
        with postgres.running() as server, server.database() as url:
            asyncio.run(_migrated(url))
            reader = ServerReader(url)
            yield Ground(url, reader, 3, server)
            reader.close()
        return
    database = folder / "imei-lock.db"
    shutil.copyfile(template, database)
    yield Ground(f"sqlite:///{database}", FileReader(database), 1)


async def _migrated(url: str) -> None:
    engine = open_engine(url)
    await migrate(engine)
    await engine.close()


def live(environ: dict[str, str], folder: str, kill_at: int) -> None:
    """In the child: what it says at its end, of a database that is away say, goes where its log is."""
    log = os.open(f"{folder}/child.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    crashing_bot.run(environ, POLICY, folder, kill_at)


class _Killed:
    def __init__(self, seed: int, folder: Path, ground: Ground) -> None:
        self._seed = seed
        self._chance = random.Random(f"processes {seed}")
        self._folder = folder
        self._ground = ground
        self._clock = SystemClock()
        self._world = World(self._clock, folder / "imei-lock.db", seed)
        self._played = Played(plan_of(seed))
        self._is_over = False
        self._children: set[BaseProcess] = set()

    async def play(self) -> Played:
        await self._world.start()
        slack, monogoto, reader = self._world.slack, self._world.monogoto, self._ground.reader
        witness = Witness(slack, monogoto, reader, self._clock, self._clock)
        kind = self._chance.choice(KINDS)
        if self._chance.random() < 0.5:
            fault = self._chance.choice(LOST_ANSWERS)
            monogoto.fail_at_rate(("PUT", "/"), fault, 0.5)  # type: ignore[arg-type]
        running = [asyncio.create_task(self._lives(n)) for n in range(self._ground.replicas)]
        running.append(asyncio.create_task(self._outage()))
        people = People(slack, monogoto, reader, self._chance, PATIENCE)
        story = Story(2, kind, TARGETS.get(kind, ("locked",)), "approve", "U0ENG1", 0.0, undo=False)
        try:
            await people.live(story)
            monogoto.clear_faults()
            await until(self._is_quiet, within=QUIET_SECONDS)
            self._is_over = True
            for child in self._children:
                child.terminate()
            await asyncio.gather(*running)
            await self._judge(witness)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for child in self._children:
                child.kill()
            reader.close()
            await self._world.stop()
        return self._played

    def _is_quiet(self) -> bool:
        queries = (AT_WORK, UNTOLD, UNCHECKED)
        rows = self._ground.reader.rows
        return not sum(int(found[0][0]) if (found := rows(query)) else 1 for query in queries)

    async def _outage(self) -> None:
        """The database's server fails, and comes back."""
        server = self._ground.server
        if server is None or self._chance.random() < 0.5:
            return
        await asyncio.sleep(self._chance.uniform(1, 8))
        server.stop()
        await asyncio.sleep(AWAY_SECONDS)
        server.start()

    async def _lives(self, replica: int) -> None:
        """Of one replica: the first ones are killed at a point of their work, the last one lives."""
        deaths = 0
        while not self._is_over:  # whoever is started after that is told by nobody to end
            kill_at = self._chance.randint(1, MOST_POINTS // self._ground.replicas) if deaths < DEATHS else 0
            child = self._start(replica, kill_at)
            self._played.lives += 1
            if not await until(lambda child=child: child.exitcode is not None, within=LIFE_SECONDS):
                raise RuntimeError(f"a process did not end within {LIFE_SECONDS:g} s")
            deaths += child.exitcode == -signal.SIGKILL
            self._played.kills += child.exitcode == -signal.SIGKILL
            self._children.discard(child)
            child.join()
            await asyncio.sleep(self._chance.uniform(0.2, 2))

    def _start(self, replica: int, kill_at: int) -> BaseProcess:
        slack, monogoto = self._world.slack, self._world.monogoto
        environ = environment(slack, monogoto, database_url=self._ground.url, transport="socket", rate=500)
        if self._ground.server:
            environ |= QUICK_TAKE_OVER
        own = self._folder / f"replica-{replica}"
        own.mkdir(exist_ok=True)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        child = context.Process(target=live, args=(environ, str(own), kill_at))
        child.start()
        self._children.add(child)
        return child

    async def _judge(self, witness: Witness) -> None:
        engine = open_engine(self._ground.url, read_only=True)
        try:
            records = await witness.records(engine, parse_policy(POLICY), has_expired=False)
        finally:
            await engine.close()
        self._played.violations = violations(records)
        self._played.writes = len(records.effects)
        self._played.statuses = [f"{request.kind}={request.status}" for request in records.requests]
