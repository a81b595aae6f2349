"""Old and new replicas side by side: each finishes what the other began.

The new version is this one with a migration more and keys more in its JSON (`next_version`): what may change
from one version to the next.
"""

from __future__ import annotations

import pytest

from tests.cluster import people
from tests.cluster.replicas import Replicas

pytestmark = pytest.mark.timeout(240)


async def test_an_old_and_a_new_version_side_by_side_finish_each_others_requests(replicas: Replicas) -> None:
    sims = replicas.monogoto.examples
    old = (await replicas.start(1))[0]
    first = await people.ask(replicas, sims.fresh.iccid, sims.fresh.imei)
    new = (await replicas.start(1, newer=True))[0]
    assert replicas.rows("SELECT mood FROM requests") == [("calm",)]
    again = (await replicas.start(1))[0]  # an old one that had to be started once more
    assert "of a newer version" in again.said
    assert await again.end() == 0
    second = await people.ask(replicas, sims.never_seen.iccid, sims.unused_imeis[0])
    third = await people.ask(replicas, sims.zeros.iccid, sims.unused_imeis[1])
    written = replicas.rows("SELECT id FROM requests WHERE seen LIKE %s", "%of_the_next_version%")
    assert written  # payloads come in turns: not both were the old one's
    for request_id in (first, second, third):
        await people.approve(replicas, request_id)
    assert await people.ended(replicas, first, second, third) == ["succeeded"] * 3
    assert await old.end() == 0
    fourth = await people.lock(replicas, sims.imei_absent.iccid, sims.unused_imeis[2])
    assert await people.ended(replicas, fourth) == ["succeeded"]
    assert replicas.at_work_on(fourth) is new
    await people.told_once(replicas, first, second, third, fourth)
    assert replicas.serving() is new
