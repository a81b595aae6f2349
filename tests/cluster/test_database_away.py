"""The database is away for a while: replicas come back by themselves, and lose nothing."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox import postgres
from tests.cluster import people
from tests.cluster.conftest import OpenReplicas

pytestmark = pytest.mark.timeout(240)
AWAY_SECONDS = 10.0


async def test_replicas_go_on_by_themselves_after_the_database_was_away(open_replicas: OpenReplicas) -> None:
    with postgres.running() as server, server.database() as url:
        replicas = await open_replicas(database_url=url)
        await replicas.start(2)
        sims = replicas.monogoto.examples
        before = await people.ask(replicas, sims.fresh.iccid, sims.fresh.imei)
        await replicas.until(lambda: people.card_of(replicas, before))
        server.stop()
        await asyncio.sleep(AWAY_SECONDS)
        server.start()
        await replicas.until(replicas.serving)
        await people.approve(replicas, before)
        after = await people.lock(replicas, sims.never_seen.iccid, sims.unused_imeis[0])
        assert await people.ended(replicas, before, after) == ["succeeded", "succeeded"]
        assert all(one.lives for one in replicas.all)
        await people.told_once(replicas, before, after)
