"""A Thing moved into a group that no rule speaks of: nobody may change it there, and every request ends."""

from __future__ import annotations

from bot.policy_file import parse_policy
from bot.sandbox.stage import POLICY, SINGLE_RULE, Stage
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import check, database, standing, until


async def only_in_its_group(open_stage: OpenStage) -> Stage:
    """The rules speak of one group alone: that of the Thing `fresh`, which the stand-in names."""
    stage = await open_stage()
    await stage.stop_bot()
    rule = SINGLE_RULE | {"things_groups": [stage.monogoto.examples.fresh.group_id]}
    stage.policy = parse_policy(POLICY | {"rules": [rule]})
    await stage.start_bot()
    return stage


async def test_moved_before_the_click_it_is_redrawn_and_then_refused_to_everybody(
    open_stage: OpenStage,
) -> None:
    stage = await only_in_its_group(open_stage)
    sim, approver = stage.monogoto.examples.fresh, stage.person("U0APP1")
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), sim)
    stage.monogoto.console_edit(sim.iccid, ThingsGroupId=stage.monogoto.examples.locked_group)
    await approver.click(card, "request.approve")
    await acts.whisper(stage, approver, "has changed since this card was drawn")
    await stage.until(lambda: "its lock" in acts.shown(card) and "locked to TAC" in acts.shown(card))
    await approver.click(card, "request.approve", confirm=True)
    await acts.whisper(stage, approver, "No rule of the policy allows locking a SIM.")
    assert not stage.monogoto.writes


async def test_moved_after_the_approval_it_is_outdated_and_nothing_is_sent(open_stage: OpenStage) -> None:
    stage = await only_in_its_group(open_stage)
    sim, path = stage.monogoto.examples.fresh, database(stage)
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), sim)
    stage.monogoto.fail(("GET", "/thing/"), "latency", times=2, seconds=3.0)
    await stage.person("U0APP1").click(card, "request.approve")
    await until(stage, lambda: standing(path)[-1][1] == "running" and stage.monogoto.in_flight, step=0.1)
    stage.monogoto.console_edit(sim.iccid, ThingsGroupId=stage.monogoto.examples.locked_group)
    await check(stage, sim, card, end=("outdated", "outdated"), says="not changed", writes=0, sent=0)
