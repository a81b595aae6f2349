"""What stops a bulk by itself: its canary, its error budget, its time, and people who lost their role."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.sandbox.stage import POLICY
from tests.conftest import OpenStage
from tests.scenarios import acts, bulks, evidence

PUT = ("PUT", "/thing/update/")
SLOW = {"MONOGOTO_MAX_RATE": "30"}


async def test_a_failure_in_the_canary_pauses_before_the_next_row_and_tells_everybody_concerned(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=200)
    stage.monogoto.fail(PUT, "refused")
    await bulks.locks(stage, 40)
    await bulks.until_status(stage, "paused")
    assert bulks.states(stage) == {"failed": 1, "queued": 39}
    assert evidence.puts(stage) == 1
    [told] = bulks.thread(stage)
    assert "<@U0ENG1>" in told
    assert "<@U0APP1>" in told
    assert "One of the first 5 rows is not as asked" in told
    card = acts.shown(bulks.card(stage))
    assert "Paused after 1 of 40 SIMs" in card
    assert "One of the first 5 rows is not as asked" in card
    assert [line["outcome"] for line in bulks.results(stage)][:2] == ["failed", "to come"]
    assert "HTTP 400" in bulks.results(stage)[0]["what happened"]


async def test_the_canary_goes_one_by_one(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, 12)
    await bulks.until_status(stage, "succeeded")
    order = [call.path for call in stage.monogoto.calls if call.path.startswith("/thing/")]
    assert [path.startswith("/thing/update") for path in order[:15]] == [False, True, False] * 5


async def test_more_failures_than_the_budget_pause_it_and_resuming_starts_with_a_new_canary(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=300, settings=SLOW)
    iccids = await bulks.locks(stage, 60)
    moved = iccids[10:13]
    for iccid in moved:
        stage.monogoto.console_edit(iccid, MasterIMEI="490154203237518", LockMasterImei=True)
    await bulks.until_status(stage, "paused")
    states = bulks.states(stage)
    assert states["outdated"] >= 2
    assert states["queued"] > 20
    assert "running" not in states
    assert "sent" not in states
    assert "5 %" in bulks.thread(stage)[-1]
    await stage.person("U0ENG1").click(bulks.card(stage), "bulk.resume", confirm=True)
    await acts.idle(stage)
    await bulks.until_status(stage, "partly_failed")
    assert bulks.states(stage) == {"done": 57, "outdated": 3}
    assert "57 of 60 SIMs are as asked" in acts.shown(bulks.card(stage))
    found = {line["ICCID"].replace("-", ""): line for line in bulks.results(stage)}
    assert all(found[iccid]["outcome"] == "outdated" for iccid in moved)
    assert bulks.holds_left(stage) == 0


async def test_a_row_that_moved_meanwhile_is_left_alone_and_the_others_go_on(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200)
    iccids = await bulks.locks(stage, 30)
    stage.monogoto.console_edit(iccids[20], MasterIMEI="490154203237518", LockMasterImei=True)
    await bulks.until_status(stage, "partly_failed")
    assert bulks.states(stage) == {"done": 29, "outdated": 1}
    assert not list(stage.monogoto.writes[iccids[20]])
    assert "now locked to 49-015420-323751-8" in bulks.results(stage)[20]["what happened"]


async def test_what_has_not_left_when_the_time_is_over_never_will(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, 60, apply_within=timedelta(minutes=2))
    await bulks.until_done(stage, 8)
    await stage.person("U0ENG1").click(bulks.card(stage), "bulk.pause")
    await acts.idle(stage)
    assert bulks.status(stage) == "paused"
    await bulks.until_status(stage, "partly_failed")
    states = bulks.states(stage)
    assert set(states) == {"done", "outdated"}
    assert sum(states.values()) == 60
    assert sum(map(len, stage.monogoto.writes.values())) == states["done"]
    assert "may be applied is over" in bulks.results(stage)[-1]["what happened"]


async def test_a_bulk_whose_requester_lost_the_role_sends_nothing_more(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200, settings={"MONOGOTO_MAX_RATE": "10"})
    await bulks.locks(stage, 60)
    await bulks.until_done(stage, 6)
    stage.slack.workspace.groups["S0ENGINEERS"].users.remove("U0ENG1")
    await bulks.until_status(stage, "partly_failed")
    states = bulks.states(stage)
    assert set(states) == {"done", "outdated"}
    assert states["outdated"] > 0
    assert "may no longer do so" in bulks.results(stage)[-1]["what happened"]


@pytest.mark.parametrize(("canary", "budget"), [(0, "100%"), (2, 0.5)])
async def test_the_policy_sets_canary_and_budget(open_stage: OpenStage, canary: int, budget: object) -> None:
    policy = POLICY | {"bulk": {"canary": canary, "error_budget": budget}}
    stage = await open_stage(things=200, policy=policy)
    iccids = await bulks.locks(stage, 20)
    for iccid in iccids[5:9]:
        stage.monogoto.console_edit(iccid, MasterIMEI="490154203237518", LockMasterImei=True)
    await bulks.until_status(stage, "partly_failed")
    assert bulks.states(stage) == {"done": 16, "outdated": 4}
