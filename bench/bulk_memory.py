"""Resident memory of the bot with a bulk of many rows: applied for a while, cancelled, its results sent."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path

from bench.lines import load, met
from bench.vendor import Vendor, vendor
from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.domain.requests import OPEN, Origin
from bot.domain.rows import BulkRow
from bot.policy_file import parse_policy
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.stage import POLICY
from bot.storage.engine import migrate, open_engine
from tests.scenarios import bulks

GOAL_MB = 30
REAL = 400
"""Rows that can be applied; the others are there to be held, counted, cancelled and listed."""
THINGS = 1_000
SECONDS = 8.0
"""Of applying, before the rest is cancelled."""


async def memory(small: int, large: int) -> AsyncIterator[str]:
    """A row of the table: the peaks of a small and of a large plan, and how far they are apart."""
    first, second = await asyncio.to_thread(peak, small), await asyncio.to_thread(peak, large)
    grown = second - first
    peaks = f"{first:.1f} MB | {second:.1f} MB | {grown:+.1f} MB | < {GOAL_MB} MB"
    yield f"| memory, {small:,} → {large:,} rows | {peaks} | {met(grown < GOAL_MB)} | | {load()} |"


def peak(rows: int) -> float:
    """The most that a bot of its own process held, in MB."""
    context = multiprocessing.get_context("spawn")
    with vendor(things=THINGS, seconds=0.0) as there, tempfile.TemporaryDirectory() as folder:
        environ = there.environ | {"DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.db'}"}
        made = context.Process(target=_prepare, args=(environ["DATABASE_URL"], rows))
        made.start()
        made.join()
        found: Queue[float] = context.Queue()
        ran = context.Process(target=_run, args=(replace(there, environ=environ), found))
        ran.start()
        most = found.get(timeout=600)
        ran.join()
    return most


def _prepare(database_url: str, rows: int) -> None:
    async def prepare() -> None:
        engine = open_engine(database_url)
        await migrate(engine)
        queued = list(_rows(rows))
        await bulks.insert_approved(engine, queued, now=SystemClock().now())
        await engine.close()

    asyncio.run(prepare())


def _rows(count: int) -> Iterator[BulkRow]:
    world = LocalMonogoto(SystemClock(), things=THINGS)
    iccids = bulks.unlocked(world, min(count, REAL))
    changes = [bulks.lock_to_last_seen(world, iccid) for iccid in iccids]
    real = bulks.rows(world, parse_policy(POLICY), changes)
    yield from real
    for position in range(len(real) + 1, count + 1):
        like = real[position % len(real)]
        if like.seen is None:
            continue
        thing = replace(like.seen.thing, thing_id=f"ThingId_ICCID_89{position:017d}")
        item = replace(like.item, position=position)
        yield replace(like, item=item, line=position + 1, seen=replace(like.seen, thing=thing))


def _run(there: Vendor, found: Queue[float]) -> None:
    async def run() -> None:
        policy = parse_policy(POLICY)
        seams = Seams(inventory=False)
        bot = await build(Config.from_env(there.environ), policy, clock=SystemClock(), seams=seams)
        await bot.start()
        await asyncio.sleep(SECONDS)
        request = await bot.desk.store.request(bulks.ID)
        if request and request.status in OPEN:
            await bot.desk.steering.cancel_rest(bulks.REQUESTER, Origin("C0FIELD"), bulks.ID)
        while request and request.status in OPEN:
            await asyncio.sleep(0.5)
            request = await bot.desk.store.request(bulks.ID)
        await asyncio.sleep(SECONDS)  # the results go up
        await bot.stop()

    asyncio.run(run())
    found.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
