"""A bulk is one request under the strictest rule of any row; what affects many has to be typed."""

from __future__ import annotations

from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import POLICY, SINGLE_RULE, Stage
from tests.conftest import OpenStage
from tests.scenarios import acts, bulk_acts
from tests.scenarios.evidence import database, rows

MANY = SINGLE_RULE | {"many_from": 3}


async def asked(stage: Stage, lines: list[str]) -> Message:
    """A plan of these lines, sent on; the card with the approvers' buttons."""
    engineer = stage.person("U0ENG1")
    view = await bulk_acts.send_lines(stage, engineer, "\n".join(["ICCID,IMEI", *lines]))
    plan = await bulk_acts.planned(stage, view)
    assert bulk_acts.counted(plan)["ready"] == len(lines)
    await bulk_acts.send_on(stage, engineer, plan)
    return await bulk_acts.approval_card(stage, acts.request_id_in(acts.shown(plan)))


def decisions(stage: Stage) -> int:
    return int(rows(database(stage), "select count(*) from decisions")[0][0])


async def test_many_affected_need_two_approvals_each_with_the_number_typed(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=POLICY | {"rules": [MANY]})
    sims, ravi = stage.monogoto.examples, stage.person("U0APP1")
    losing = [sims.fresh, sims.online, sims.cleared]
    card = await asked(
        stage, [f"{sim.iccid},{imei}" for sim, imei in zip(losing, sims.unused_imeis, strict=False)]
    )
    assert "2 approvals needed" in acts.shown(card)
    assert "3 SIMs lose service or protection" in acts.shown(card)
    await ravi.click(card, "request.approve")
    view = await acts.number_form(stage, ravi)
    assert "*3* affected" in acts.shown(view)
    assert (await acts.submit(ravi, view, {"typed": "2"})).errors
    assert decisions(stage) == 0
    assert (await acts.submit(ravi, view, {"typed": "3"})).ok
    await acts.idle(stage)
    assert decisions(stage) == 1
    assert bulk_acts.status(stage, acts.request_id_in(acts.shown(card))) == "pending"
    await acts.approve(stage, stage.person("U0APP2"), card)
    await bulk_acts.hurry(
        stage, lambda: bulk_acts.status(stage, acts.request_id_in(acts.shown(card))) == "succeeded"
    )


async def test_one_row_of_a_strict_group_makes_the_whole_bulk_strict(open_stage: OpenStage) -> None:
    strict_group = LocalMonogoto(ManualClock()).examples.hostile_group
    strict = SINGLE_RULE | {
        "changes": ["*"],
        "things_groups": [strict_group],
        "approve": ["approver"],
        "approvals": {"none": 2, "some": 2, "many": 2},
    }
    stage = await open_stage(policy=POLICY | {"rules": [SINGLE_RULE, strict]})
    sims, admin = stage.monogoto.examples, stage.person("U0ADMIN")
    stage.monogoto.console_edit(sims.fresh.iccid, ThingsGroupId=strict_group)
    lines = [f"{sim.iccid},{sim.imei}" for sim in (sims.online, sims.fresh)]
    card = await asked(stage, lines)
    assert "2 approvals needed from <!subteam^S0APPROVERS> ·" in acts.shown(card)
    await admin.click(card, "request.approve", confirm=True)
    assert "approver" in await acts.told(stage, admin)
    assert decisions(stage) == 0
