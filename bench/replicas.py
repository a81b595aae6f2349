"""One replica against four, on one PostgreSQL, with as many bulks to apply as there may be replicas.

Where the vendor is free: rows a second, as many times more as they got more of the processor. The cores are
shared by the replicas, the vendor, Slack and the database, so what they got is the processor time that they
really had in those seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from bench.apart import Apart, apart
from bench.apps import whole_bot
from bench.lines import load, met
from bench.people import field, vendor_calls
from bot.clock import SystemClock
from bot.policy_file import parse_policy
from bot.sandbox import postgres
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.stage import POLICY
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.tables import items
from tests.scenarios import bulks

MANY = 4
FREE = 1000
"""Calls a second: never the limit."""
LIMITED = 50
GOAL = 0.8
OFF_AT_MOST = 0.01
CANARY = 8
"""Rows of each bulk after which it is surely past its first ones, which go one by one."""


@dataclass(frozen=True, slots=True)
class _Window:
    """What was seen in some seconds of steady work."""

    seconds: float
    rows: int
    calls: int
    processor: float
    """Seconds that the replicas used of it."""

    @property
    def rows_a_second(self) -> float:
        return self.rows / self.seconds

    @property
    def cores(self) -> float:
        return self.processor / self.seconds


async def replicas(seconds: float, rows: int) -> AsyncIterator[str]:
    """Both lines. `rows`: of each bulk, more than are applied in so many seconds."""
    try:
        yield _limited(await _measure(MANY, LIMITED, seconds * 2, rows))
        one = await _measure(1, FREE, seconds, rows)
        yield _free(one, await _measure(MANY, FREE, seconds, rows))
    except postgres.NoPostgres:
        yield f"| 1 → {MANY} replicas | | {postgres.LEFT_OUT} | | | | | |"


def _limited(window: _Window) -> str:
    rate = window.calls / window.seconds
    off = abs(rate / LIMITED - 1)
    rates = f"{LIMITED} calls/s | {rate:.2f} calls/s"
    verdict = f"{off:.1%} off | ≤ {OFF_AT_MOST:.0%} | {met(off <= OFF_AT_MOST)}"
    return f"| {MANY} replicas, vendor limited | {rates} | {verdict} | | {load()} |"


def _free(one: _Window, many: _Window) -> str:
    faster, cores = many.rows_a_second / one.rows_a_second, many.cores / one.cores
    rates = f"{one.rows_a_second:.0f} rows/s | {many.rows_a_second:.0f} rows/s"
    verdict = f"{faster:.2f} × | ≥ {GOAL} × {cores:.2f} cores | {met(faster >= GOAL * cores)}"
    had = f"{one.cores:.2f}, {many.cores:.2f} cores"
    return f"| 1 → {MANY} replicas, vendor free | {rates} | {verdict} | {had} | {load()} |"


async def _measure(count: int, rate: int, seconds: float, rows: int) -> _Window:
    things = rows * MANY * 2 + 400
    with (
        postgres.running(durable=True) as server,
        server.database() as url,
        apart(field, things, "socket") as people,
    ):
        engine = open_engine(url)
        await migrate(engine)
        await _approve(engine, things, rows)
        environ = people.said | {"DATABASE_URL": url, "MONOGOTO_MAX_RATE": str(rate)}
        with _bots(environ, count) as bots:
            while await _done(engine, CANARY) < MANY:  # noqa: ASYNC110  other processes set no event here
                await asyncio.sleep(0.5)
            seen = await _look(engine, people, bots)
            await asyncio.sleep(seconds)
            window = [
                after - before for before, after in zip(seen, await _look(engine, people, bots), strict=True)
            ]
        await engine.close()
    return _Window(window[0], int(window[1]), int(window[2]), window[3])


@contextmanager
def _bots(environ: Mapping[str, str], count: int) -> Iterator[list[Apart]]:
    with ExitStack() as stack:
        yield [stack.enter_context(apart(whole_bot, environ)) for _ in range(count)]


async def _look(engine: Engine, people: Apart, bots: Sequence[Apart]) -> tuple[float, int, int, float]:
    used = sum(await asyncio.gather(*(bot.do(_processor) for bot in bots)))
    calls = await people.do(vendor_calls)
    now = time.perf_counter()
    async with engine.reading() as connection:
        done = await connection.scalar(select(func.count()).where(items.c.state == "done"))
    return now, done or 0, calls, used


async def _done(engine: Engine, least: int) -> int:
    """How many bulks have so many rows done."""
    far = select(items.c.request_id).where(items.c.state == "done").group_by(items.c.request_id)
    async with engine.reading() as connection:
        return len((await connection.execute(far.having(func.count() >= least))).all())


async def _processor(_bot: Any) -> float:
    return time.process_time()


async def _approve(engine: Engine, things: int, rows: int) -> None:
    """A bulk for each replica, all of them approved."""
    world, policy = LocalMonogoto(SystemClock(), things=things), parse_policy(POLICY)
    iccids = bulks.unlocked(world, rows * MANY)
    for number in range(MANY):
        changes = [bulks.lock_to_last_seen(world, iccid) for iccid in iccids[number::MANY]]
        bulk_id = f"BBBBBBBBB{number + 2}"
        queued = bulks.rows(world, policy, changes, bulk_id=bulk_id)
        await bulks.insert_approved(engine, queued, now=SystemClock().now(), bulk_id=bulk_id)
