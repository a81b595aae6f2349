"""The vendor's rate holds for all replicas together, counted by the vendor's own log."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.cluster import people
from tests.cluster.conftest import OpenReplicas

pytestmark = pytest.mark.timeout(240)
RATE, BURST = 20, 10


async def test_three_replicas_together_keep_to_the_vendors_rate(open_replicas: OpenReplicas) -> None:
    replicas = await open_replicas(rate=RATE)
    await replicas.start(3)
    sims = replicas.monogoto.examples
    rounds = (
        (sims.never_seen, sims.fresh, sims.imei_absent),
        (sims.zeros, sims.online, sims.odd_time),
        (sims.hostile_name, sims.hostile_bold, sims.hostile_formula),
    )
    for each in rounds:  # who is quickest may take all of one
        asked = [await people.ask(replicas, sim.iccid, sims.unused_imeis[0]) for sim in each]
        await asyncio.gather(*(people.approve(replicas, request_id) for request_id in asked))
        await people.ended(replicas, *asked)
        at_work = {one.number for one in replicas.all if ": at work" in one.said}
        if len(at_work) > 1:
            break
    moments = [call.at for call in replicas.monogoto.calls if call.path != "/Auth"]
    assert len(moments) > 2 * BURST
    for first, at in enumerate(moments):
        within = sum(1 for later in moments[first:] if later < at + timedelta(seconds=2))
        assert within <= BURST + 2 * RATE + 1
    assert len(at_work) > 1
