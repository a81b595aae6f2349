"""Three replicas at one database: whichever gets a payload, dies or is stopped, each request ends once."""

from __future__ import annotations

import pytest

from tests.cluster import people
from tests.cluster.replicas import TIMEOUT, Replicas

pytestmark = pytest.mark.timeout(150)
WRITE = ("PUT", "/thing/update/")
TAKEN_OVER_WITHIN = TIMEOUT + 6.0
"""The heartbeat, the rescue's own second, and a busy machine."""


async def test_what_is_asked_on_one_replica_is_approved_on_another_and_applied_by_a_third(
    replicas: Replicas,
) -> None:
    applies = (await replicas.start(1))[0]
    await replicas.start(2, hands=False)
    sim = replicas.monogoto.examples.fresh
    request_id = await people.lock(replicas, sim.iccid, sim.imei)
    assert await people.ended(replicas, request_id) == ["succeeded"]
    went_to = dict(replicas.slack.sent)
    asked, approved = went_to["lock_thing.submit"], went_to["request.approve"]
    assert len({asked, approved, applies.number}) == 3
    assert replicas.at_work_on(request_id) is applies
    assert len(replicas.monogoto.writes[sim.iccid]) == 1
    await people.told_once(replicas, request_id)
