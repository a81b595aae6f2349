"""Some replicas of the bot as real processes, against stand-ins in this one, over real sockets.

    async with Replicas(slack, monogoto, postgres_url, tmp_path) as replicas:
        first, second, third = await replicas.start(3)
        first.kill(); second.freeze(); second.thaw(); await third.end()
        who = replicas.serving()         # the one that tells Slack, None where the lease has run out
        await replicas.until(lambda: replicas.at_work_on(request_id))

`rows`, `standing`, `untold` and `audit` read the database beside them.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg

from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.stage import POLICY
from bot.sandbox.wiring import environment
from bot.storage import audit
from bot.storage.engine import open_engine
from tests.cluster import replica_process

HEARTBEAT, TIMEOUT = 0.5, 3.0
"""Of the replicas in tests, in seconds: a dead one is taken over so soon."""
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.05
PRELOADED = [
    "tests.cluster.replica_process",
    "bot.app_replicas",
    "sqlalchemy.dialects.postgresql.psycopg",
    "psycopg",
    "httpcore",
    "anyio._backends._asyncio",
]
"""What every replica needs, imported once."""


@dataclass(eq=False)
class One:
    """One process."""

    process: BaseProcess
    log: Path
    number: int
    """Of its connection, at the local Slack: they are started one after the other."""

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def said(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    @property
    def lives(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self.process.is_alive()

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.join()

    @property
    def is_frozen(self) -> bool:
        """Whether it is stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"

    def freeze(self) -> None:
        """SIGSTOP: it may be anywhere, and its connections stay open."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def end(self) -> int | None:
        """SIGTERM; its exit code."""
        self.process.terminate()
        await asyncio.to_thread(self.process.join, PATIENCE_SECONDS)
        return self.process.exitcode


class Replicas:
    """As many as are started, on one database."""

    def __init__(
        self,
        slack: LocalSlack,
        monogoto: LocalMonogoto,
        database_url: str,
        folder: Path,
        *,
        policy: dict[str, Any] | None = None,
        rate: int = 500,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.slack = slack
        self.monogoto = monogoto
        self.database_url = database_url
        self.all: list[One] = []
        self._folder = folder
        self._policy = policy or POLICY
        own = {"REPLICA_HEARTBEAT": str(HEARTBEAT), "REPLICA_TIMEOUT": str(TIMEOUT)}
        env = environment(slack, monogoto, database_url=database_url, transport="socket", rate=rate)
        self._environ = env | own | (settings or {})

    async def __aenter__(self) -> Replicas:
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self.all:
            one.process.kill()
            one.process.join()
            one.process.close()

    async def start(self, count: int, **plays: Any) -> list[One]:
        """So many more, one after the other; `plays` as in `replica_process.Plays`."""
        return [await self._ready(self.launch(**plays)) for _ in range(count)]

    async def start_together(self, count: int) -> list[One]:
        """So many more at the same moment."""
        launched = [self.launch() for _ in range(count)]
        return [await self._ready(one) for one in launched]

    def launch(self, **plays: Any) -> One:
        """One more, not ready yet."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        number = len(self.all) + 1
        log = self._folder / f"replica-{number}.log"
        given = (self._environ, self._policy, str(log), replica_process.Plays(**plays))
        process = context.Process(target=replica_process.run, args=given, daemon=True)
        process.start()
        self.all.append(One(process, log, number))
        return self.all[-1]

    async def _ready(self, one: One) -> One:
        await self.until(lambda: "ready: process" in one.said or not one.lives)
        assert one.lives, one.said
        return one

    async def until(self, condition: Callable[[], Any], within: float = PATIENCE_SECONDS) -> Any:
        """Wait in real time."""
        try:
            async with asyncio.timeout(within):
                while not (result := condition()):  # noqa: ASYNC110  other processes set no event here
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise AssertionError("\n".join(one.said[-3000:] for one in self.all)) from None
        return result

    # --- who is at what --------------------------------------------------------------------------

    def serving(self) -> One | None:
        """The replica that tells."""
        found = self.rows("SELECT holder FROM leases WHERE name = 'serving'")
        return next((one for one in self.all if found and f"-{one.process.pid}-" in found[0][0]), None)

    def at_work_on(self, request_id: str) -> One | None:
        """Who took its job last, among those that live."""
        took = [one for one in self.all if one.lives and f"request {request_id}: at work" in one.said]
        return took[-1] if took else None

    # --- the records -----------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read beside the replicas."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def standing(self) -> list[tuple[str, str, str | None]]:
        """Each request's id and status and its item's state, oldest first."""
        joined = "requests r LEFT JOIN items i ON i.request_id = r.id ORDER BY number"
        return [(i, s, t) for i, s, t in self.rows(f"SELECT r.id, r.status, i.state FROM {joined}")]

    def untold(self) -> int:
        """Messages that still wait, or whose fate is open."""
        return int(self.rows("SELECT count(*) FROM outbox WHERE state IN ('waiting', 'sending')")[0][0])

    async def audit(self) -> list[dict[str, Any]]:
        """The audit's entries, oldest first, after its chain was found whole."""
        engine = open_engine(self.database_url, read_only=True)
        try:
            assert await audit.verify(engine) is None
            return [json.loads(line)["entry"] async for line in audit.export(engine)]
        finally:
            await engine.close()
