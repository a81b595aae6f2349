"""A bulk against a bare httpx loop that makes the same calls, in the same order, as many at a time.

A ratio of 1 says that approvals' checks, records and read-backs of the bot cost no time beside the vendor's.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from bench.lines import Line, cpu
from bench.vendor import Vendor, vendor
from bot.app import Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.domain.requests import Status
from bot.policy_file import parse_policy
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.stage import POLICY
from bot.services.bulk_calls import AT_ONCE
from tests.scenarios import bulks

GOAL = 0.90
UNDER_WAY = frozenset({Status.APPROVED, Status.APPLYING})
SPARE = 1.6
"""Things for each row: not every one of an account is in a device and unlocked."""


async def bulk(rows: int) -> Line:
    """Bare calls against a whole bulk, each on a fresh account."""
    things = int(rows * SPARE) + 200
    world = LocalMonogoto(SystemClock(), things=things)
    iccids = bulks.unlocked(world, rows)
    del world
    with vendor(things=things) as there:
        before = cpu()
        bare = await _bare(there, iccids)
        bare_cpu = cpu() - before
    with vendor(things=things) as there, tempfile.TemporaryDirectory() as folder:
        ours, ours_cpu = await _bulk(there, iccids, things, Path(folder))
    return Line(f"bulk of {rows:,} rows", bare, ours, GOAL, bare_cpu, ours_cpu)


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


async def _bulk(there: Vendor, iccids: Sequence[str], things: int, folder: Path) -> tuple[float, float]:
    """Seconds from the approval to the end, and of the processor."""
    policy = parse_policy(POLICY)
    config = Config.from_env(there.environ | {"DATABASE_URL": f"sqlite:///{folder / 'bench.db'}"})
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
            await asyncio.sleep(0.5)
        took, used = time.perf_counter() - began, cpu() - before
        if await _status(bot) is not Status.SUCCEEDED:
            raise RuntimeError(f"the bulk ended as {await _status(bot)}")
    finally:
        await bot.stop()
    return took, used


async def _status(bot: object) -> Status:
    request = await bot.desk.store.request(bulks.ID)  # type: ignore[attr-defined]
    return Status(request.status)
