"""The preview of a large group: every page of the account's list, judged and summed up."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx

from bench.lines import Line, timed
from bench.vendor import Vendor, vendor
from bot.clock import SystemClock
from bot.domain.changes import LockThingsGroup
from bot.domain.identifiers import Tac, ThingsGroupId
from bot.domain.impact import SeenGroup, assess
from bot.domain.requests import ChangeRequest, Origin, Person, Status
from bot.domain.things import ThingsGroup
from bot.monogoto.auth import UserPassword
from bot.monogoto.client import Monogoto
from bot.services.counting import Counter, Counting, Stage
from bot.services.paging import AT_ONCE, USUAL_SIZE
from bot.storage.census import SqlCensus
from bot.storage.engine import migrate, open_engine
from bot.storage.gate import SqlGate
from bot.storage.inventory import SqlInventory
from bot.storage.store import SqlStore

GOAL = 0.85
SO_MANY = 1_000_000
RATE = 10_000.0
"""Calls a second: the gate is asked for each, and never the limit."""


async def preview(things: int) -> AsyncIterator[str]:
    """Bare pages against a whole count of the same pages at the same concurrency; half of the bare ones
    before the count, half after it, so that a machine that grows busier meanwhile hits both alike."""
    half = things // 2
    with vendor(things=things, one_group=True) as there:
        first, first_cpu = await timed(_bare(there, 0, half))
        ours, ours_cpu = await timed(_ours(there, things))
        second, second_cpu = await timed(_bare(there, half, things + USUAL_SIZE))
    name = f"preview of a group of {things:,} Things"
    yield str(Line(name, first + second, ours, GOAL, first_cpu + second_cpu, ours_cpu))


async def _bare(there: Vendor, start: int, end: int) -> float:
    async with httpx.AsyncClient(base_url=there.url) as client:
        login = {"UserName": there.username, "Password": there.password}
        token = (await client.post("/Auth", json=login)).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        offsets = iter(range(start, end, USUAL_SIZE))

        async def pages() -> None:
            for offset in offsets:
                query = {"limit": "50", "offset": str(offset), "sortBy[ThingName]": "ASC"}
                answer = await client.get("/things", params=query)
                answer.raise_for_status()
                answer.json()

        began = time.perf_counter()
        await asyncio.gather(*(pages() for _ in range(AT_ONCE)))
        return time.perf_counter() - began


async def _ours(there: Vendor, things: int) -> float:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'bench.db'}")
        await migrate(engine)
        gate = SqlGate(engine, clock, RATE, burst=1000)
        who = UserPassword(there.username, there.password)
        async with Monogoto(there.url, who, clock=clock, gate=gate) as monogoto:
            group = await monogoto.things_group(there.group_id)
            request = _request(group, clock)
            async with SqlStore(engine).transaction() as tx:
                await tx.add_request(request, [])
            ledger = _UpToOnline(engine, SqlInventory(engine))
            counter = Counter(things=monogoto, ledger=ledger, clock=clock)
            began = time.perf_counter()
            counting = await counter.begin(request.id, again=False)
            seen = SeenGroup(group, clock.now())
            while counting.stage is not Stage.DONE:
                counting = await counter.slice(request.single, seen, counting)
            census = await counter.census(counting)
            took = time.perf_counter() - began
        await engine.close()
    if census.things != things:
        raise RuntimeError(f"{census.things} of {things} were counted")
    return took


class _UpToOnline(SqlCensus):
    """Where very many lose service the bot doesn't ask who is online; here not in a small run either."""

    async def how_many_lose(self, counting: Counting) -> int:
        return max(SO_MANY, await super().how_many_lose(counting))


def _request(group: ThingsGroup, clock: SystemClock) -> ChangeRequest:
    change = LockThingsGroup(ThingsGroupId(group.things_group_id), Tac("35305311"))
    seen, now = SeenGroup(group, clock.now()), clock.now()
    return ChangeRequest(
        id="BENCH",
        rev=1,
        status=Status.PREVIEWING,
        change=change,
        requester=Person("U0BENCH", "T0TEAM"),
        asked_in=Origin("C0BENCH"),
        reason="bench",
        seen=seen,
        impact=assess(change, seen),
        fingerprint="0" * 64,
        approvals_needed=2,
        created_at=now,
        expires_at=now + timedelta(hours=1),
        apply_within=timedelta(hours=1),
    )
