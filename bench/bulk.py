"""A bulk against a bare httpx loop that makes the same calls, in the same order, as many at a time.

A ratio of 1 says that approvals' checks, records and read-backs of the bot cost no time beside the vendor's.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
from sqlalchemy import select

from bench.lines import Line, cpu, timed
from bench.vendor import Vendor, vendor
from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.domain.requests import Status
from bot.policy_file import parse_policy
from bot.running import Bot
from bot.sandbox import postgres
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.stage import POLICY
from bot.services.bulk_calls import AT_ONCE
from bot.storage.tables import requests
from tests.scenarios import bulks

GOAL = 0.90
UNDER_WAY = frozenset({Status.APPROVED, Status.APPLYING})
SPARE = 1.6
"""Things for each row: not every one of an account is in a device and unlocked."""


async def bulk(rows: int) -> AsyncIterator[str]:
    """A whole bulk between two halves of the bare calls: a machine that grows busier meanwhile hits both."""
    with tempfile.TemporaryDirectory() as folder:
        yield await _line("SQLite", rows, f"sqlite:///{Path(folder) / 'bench.db'}")
    try:
        with postgres.running(durable=True) as server, server.database() as database_url:
            yield await _line("PostgreSQL", rows, database_url)
    except postgres.NoPostgres:
        yield f"| bulk of {rows:,} rows, PostgreSQL | | {postgres.LEFT_OUT} | | | | | |"


async def _line(store: str, rows: int, database_url: str) -> str:
    things = int(rows * SPARE) + 200
    iccids = bulks.unlocked(LocalMonogoto(SystemClock(), things=things), rows)
    half = rows // 2
    with vendor(things=things) as there, vendor(things=things) as elsewhere:
        first, first_cpu = await timed(_bare(elsewhere, iccids[:half]))
        ours, ours_cpu = await _bulk(there, iccids, things, database_url)
        second, second_cpu = await timed(_bare(elsewhere, iccids[half:]))
    name = f"bulk of {rows:,} rows, {store}"
    return str(Line(name, first + second, ours, GOAL, first_cpu + second_cpu, ours_cpu))


async def _bare(there: Vendor, iccids: Sequence[str]) -> float:
    """GET, PUT with the `cas` just read, GET: nothing else."""
    async with httpx.AsyncClient(base_url=there.url) as client:
        who = {"UserName": there.username, "Password": there.password}
        token = (await client.post("/Auth", json=who)).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        todo = iter(iccids)
        began = time.perf_counter()
        await asyncio.gather(*(_bare_worker(client, todo) for _ in range(AT_ONCE)))
        return time.perf_counter() - began


async def _bare_worker(client: httpx.AsyncClient, todo: Iterator[str]) -> None:
    for iccid in todo:
        path = f"/thing/ThingId_ICCID_{iccid}"
        thing = (await client.get(path)).json()
        body = {
            "ThingId": thing["ThingId"],
            "cas": thing["cas"],
            "LockMasterImei": True,
            "MasterIMEI": thing["IMEI"],
        }
        (await client.put("/thing/update/", json=body)).raise_for_status()
        if (await client.get(path)).json()["LockMasterImei"] is not True:
            raise RuntimeError(f"the write of …{iccid[-4:]} did not hold")


async def _bulk(there: Vendor, iccids: Sequence[str], things: int, database_url: str) -> tuple[float, float]:
    """Seconds from the approval to the end, and of the processor."""
    policy = parse_policy(POLICY)
    config = Config.from_env(there.environ | {"DATABASE_URL": database_url})
    bot = await build(config, policy, clock=SystemClock(), seams=Seams(inventory=False))
    world = LocalMonogoto(SystemClock(), things=things)
    changes = [bulks.lock_to_last_seen(world, iccid) for iccid in iccids]
    queued = bulks.rows(world, policy, changes)
    await bulks.insert_approved(bot._engine, queued, now=SystemClock().now())
    del queued, world, changes
    began, before = time.perf_counter(), cpu()
    await bot.start()
    try:
        while await _status(bot) in UNDER_WAY:  # noqa: ASYNC110  the bot tells Slack, not us
            await asyncio.sleep(0.2)
        took, used = time.perf_counter() - began, cpu() - before
        if await _status(bot) is not Status.SUCCEEDED:
            raise RuntimeError(f"the bulk ended as {await _status(bot)}")
    finally:
        await bot.stop()
    return took, used


async def _status(bot: Bot) -> Status:
    async with bot._engine.reading() as connection:
        return Status(await connection.scalar(_STATUS))


_STATUS = select(requests.c.status).where(requests.c.id == bulks.ID)
