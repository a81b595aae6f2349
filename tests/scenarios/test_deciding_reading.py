"""A decision rests on a fresh reading: what happens when there is none, or when it takes its time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.policy_file import parse_policy
from bot.sandbox.stage import POLICY, SINGLE_RULE, Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    ask_unlock,
    audit_entries,
    idle,
    shown,
    until_slow,
    whisper,
)
from tests.scenarios.evidence import database, rows
from tests.scenarios.test_asking_places import policy
from tests.scenarios.test_deciding_clicks import TWO, puts

READ = ("GET", "/thing/ThingId")
GROUP = ("GET", "/thingsgroup/")
HOUR = 3600 * 1_000_000


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def test_an_approver_hears_within_a_minute_that_the_vendor_asked_for_a_pause(
    stage: Stage,
) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    approver = stage.person("U0APP1")
    stage.monogoto.fail(READ, "rate_limited", seconds=1800.0)
    await approve(stage, approver, card)
    before, heard = stage.clock.now(), len(stage.whispers(approver.id))
    await approver.click(card, "request.approve", confirm=True)
    await until_slow(stage, lambda: len(stage.whispers(approver.id)) > heard)
    assert stage.clock.now() - before < timedelta(seconds=45)
    assert "Try again in a minute" in stage.whispers(approver.id)[-1].text
    assert "request.approve" in str(card.blocks)
    tried = [e for e in await audit_entries(stage) if e["event"] == "request.approve"]
    assert [(e["outcome"], e["person"]["user_id"]) for e in tried] == [("failed", "U0APP1")] * 2


async def test_a_group_that_cannot_be_read_for_once_voids_no_approval(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(approvals=TWO))
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: "1 more approval needed" in shown(card))
    stage.monogoto.fail(GROUP, "error_html")
    await approve(stage, stage.person("U0APP2"), card)
    await whisper(stage, stage.person("U0APP2"), "Try again in a minute")
    assert "1 more approval needed" in shown(card)
    await approve(stage, stage.person("U0APP2"), card)
    await stage.until(lambda: puts(stage))


async def test_a_role_taken_away_while_the_click_waits_for_a_reading_does_not_count(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    for slow in (READ, GROUP):
        stage.monogoto.fail(slow, "latency", seconds=12.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until_slow(stage, lambda: stage.monogoto.calls[-1].path.startswith(GROUP[1]))
    stage.slack.workspace.groups["S0APPROVERS"].users.remove("U0APP1")
    await until_slow(stage, lambda: any("⛔" in told.text for told in stage.whispers("U0APP1")))
    assert not puts(stage)


async def test_a_sim_moved_to_a_stricter_group_takes_over_that_groups_times(open_stage: OpenStage) -> None:
    stage = await open_stage()
    await stage.stop_bot()
    stricter_group = stage.monogoto.examples.locked_group
    strict = SINGLE_RULE | {"expires": "2h", "apply_within": "5m", "things_groups": [stricter_group]}
    stage.policy = parse_policy(POLICY | {"rules": [SINGLE_RULE, strict]})
    await stage.start_bot()
    sim = stage.monogoto.examples.locked
    card = await ask_unlock(stage, stage.person("U0ENG1"), sim, "clear")
    ((asked, old),) = rows(database(stage), "select created_at, expires_at from requests")
    assert old - asked == 24 * HOUR
    stage.monogoto.console_edit(sim.iccid, ThingsGroupId=stricter_group)
    await approve(stage, stage.person("U0APP1"), card)
    ((expires, within),) = rows(database(stage), "select expires_at, apply_within from requests")
    assert (expires - asked, within) == (2 * HOUR, HOUR // 12)
    (redraw,) = [e for e in await audit_entries(stage) if e["event"] == "request.redraw"]
    assert redraw["before"] == {"imei_lock": "true", "locked_imei": sim.imei}
    assert redraw["after"] == {"imei_lock": "false", "locked_imei": ""}
    await stage.until(lambda: redraw["fingerprint"] in str(card.blocks))


async def test_a_refused_press_of_deny_is_audited_like_a_refused_approval(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    stage.clock.advance(25 * 3600)
    await stage.person("U0APP1").click(card, "request.deny")
    await idle(stage)
    denied = [e for e in await audit_entries(stage) if e["event"] == "request.deny"]
    assert [(e["outcome"], e["person"]["user_id"]) for e in denied] == [("refused", "U0APP1")]
