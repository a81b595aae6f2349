"""A bulk that is planned, sent on, approved and applied by whichever replica, through the death of one."""

from __future__ import annotations

import pytest

from bot.sandbox.stage import POLICY, SINGLE_RULE
from tests.cluster import people
from tests.cluster.conftest import OpenReplicas
from tests.scenarios import acts, bulks

pytestmark = pytest.mark.timeout(240)
ROWS = 24
RATE = 40


async def test_a_bulk_whose_replica_is_killed_in_the_middle_is_finished_by_another_and_writes_once(
    open_replicas: OpenReplicas,
) -> None:
    policy = POLICY | {"rules": [SINGLE_RULE | {"approvals": {"none": 1, "some": 1, "many": 1}}]}
    replicas = await open_replicas(policy=policy, rate=RATE)
    await replicas.start(3)
    iccids = bulks.unlocked(replicas.monogoto, ROWS)
    lines = "\n".join(f"{iccid} {replicas.monogoto.thing(iccid)['IMEI']}" for iccid in iccids)
    engineer = replicas.slack.person("U0ENG1")
    await engineer.command("/lock-csv", channel="C0FIELD")
    form = await replicas.until(lambda: acts.form_of(engineer))
    result = await engineer.submit(form, {"lines": lines, "reason": "New devices"})
    assert result.ok, result
    bulk_id = (await replicas.until(replicas.standing))[0][0]

    def plan() -> object:
        found = people.cards_of(replicas, bulk_id)
        return next((card for card in found if "bulk.send" in str(card.blocks)), None)

    await engineer.click(await replicas.until(plan), "bulk.send")
    await people.approve(replicas, bulk_id)
    done = "SELECT count(*) FROM items WHERE position > 0 AND state = 'done'"
    await replicas.until(lambda: replicas.rows(done)[0][0] >= ROWS // 3)
    holder = replicas.at_work_on(bulk_id)
    assert holder
    holder.kill()
    assert await people.ended(replicas, bulk_id) == ["succeeded"]
    assert replicas.at_work_on(bulk_id) is not holder
    written = [iccid for iccid in iccids for _ in replicas.monogoto.writes[iccid]]
    assert len(written) == len(set(written)) == replicas.rows(done)[0][0] > ROWS // 2
    ends = [e["outcome"] for e in await replicas.audit() if e["event"] == "item.end"]
    assert ends == ["done"] * len(written)
