"""Pause, resume, cancel the rest: who may, and that one click wins."""

from __future__ import annotations

import asyncio
import os

import pytest

from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios import acts, bulks, evidence

ROWS = int(os.environ.get("STEERED_ROWS", "30"))
"""`make test-full` takes sixty: they show the same, at twice the pace."""
SLOW = {"MONOGOTO_MAX_RATE": str(ROWS // 2)}


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """A bulk of which some rows are done."""
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, ROWS)
    await bulks.until_done(stage, 8)
    return stage


async def press(stage: Stage, who: str, action: str, *, sure: bool = True) -> None:
    await stage.person(who).click(bulks.card(stage), action, confirm=sure)
    await acts.idle(stage)


async def test_after_a_pause_nothing_is_sent_until_it_is_resumed(stage: Stage) -> None:
    await press(stage, "U0ENG1", "bulk.pause")
    sent = sum(map(len, stage.monogoto.writes.values()))
    await stage.settle(60)
    assert bulks.status(stage) == "paused"
    assert sum(map(len, stage.monogoto.writes.values())) <= sent + 1  # one may have been on its way
    states = bulks.states(stage)
    assert set(states) == {"done", "queued"}
    assert "bulk.pause" not in str(bulks.card(stage).blocks)
    await press(stage, "U0APP2", "bulk.resume")
    await bulks.until_status(stage, "succeeded")
    assert bulks.states(stage) == {"done": ROWS}
    assert all(len(writes) <= 1 for writes in stage.monogoto.writes.values())
    assert [line[:2] for line in bulks.thread(stage)] == ["⏸️", "▶️", "✅ "]


async def test_cancelling_the_rest_leaves_what_is_done_and_says_so(stage: Stage) -> None:
    await press(stage, "U0APP1", "bulk.cancel_rest")
    await bulks.until_status(stage, "partly_failed")
    states = bulks.states(stage)
    assert set(states) == {"done", "skipped"}
    assert sum(states.values()) == ROWS
    assert sum(map(len, stage.monogoto.writes.values())) == states["done"]
    assert bulks.holds_left(stage) == 0
    assert f"{states['skipped']} cancelled" in bulks.thread(stage)[-1]
    assert bulks.results(stage)[-1]["outcome"] == "left out"


async def test_the_rest_can_be_cancelled_while_it_is_paused(stage: Stage) -> None:
    await press(stage, "U0ENG1", "bulk.pause")
    await press(stage, "U0ENG1", "bulk.cancel_rest")
    await bulks.until_status(stage, "partly_failed")
    assert set(bulks.states(stage)) == {"done", "skipped"}


async def test_of_two_clicks_on_pause_at_once_one_pauses_and_the_other_hears_that_it_is_paused(
    stage: Stage,
) -> None:
    """Whoever of the two comes first: their payloads are worked on side by side."""
    card, value = bulks.card(stage), f"{bulks.ID}.x"
    action = {"type": "button", "action_id": "bulk.pause", "block_id": "steering", "value": value}
    payloads = [stage.slack.payloads.message_action(who, card, action) for who in ("U0ENG1", "U0APP1")]
    await asyncio.gather(*map(stage.slack.deliver, payloads))
    await acts.idle(stage)
    found = {
        outcome: who for event, outcome, who in await acts.audited(stage, bulks.ID) if event == "bulk.pause"
    }
    assert set(found) == {"ok", "refused"}
    assert set(found.values()) == {"U0ENG1", "U0APP1"}
    await acts.whisper(stage, stage.person(found["refused"]), "paused already")


OTHERS = ["U0ENG2", "U0SUP1", "U0GUEST", "U0OTHER", "U0WORKFLOW"]


@pytest.mark.parametrize("action", ["bulk.pause", "bulk.cancel_rest", "bulk.resume"])
async def test_whoever_neither_asked_nor_may_approve_steers_nothing(stage: Stage, action: str) -> None:
    if action == "bulk.resume":
        await press(stage, "U0ENG1", "bulk.pause")
    before = bulks.status(stage)
    pressed = {"type": "button", "action_id": action, "block_id": "steering", "value": f"{bulks.ID}.x"}
    for who in OTHERS:
        await stage.slack.deliver(stage.slack.payloads.message_action(who, bulks.card(stage), pressed))
    await acts.idle(stage)
    assert bulks.status(stage) == before
    refused = {user for event, outcome, user in await acts.audited(stage, bulks.ID) if outcome == "refused"}
    assert refused == set(OTHERS)
    assert (action, "ok") not in [found[:2] for found in await acts.audited(stage, bulks.ID)]


async def test_a_single_change_goes_through_at_once_while_a_bulk_is_applied(stage: Stage) -> None:
    before = stage.clock.now()
    sim = stage.monogoto.examples.never_seen
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), sim, "490154203237518")
    await acts.approve(stage, stage.person("U0APP1"), card)
    assert "✅" in await acts.outcome(stage, card)
    assert bulks.status(stage) == "applying"
    assert (stage.clock.now() - before).total_seconds() < 8
    await bulks.until_status(stage, "succeeded")


async def test_a_bulk_waits_for_a_vendor_that_is_too_busy_and_goes_on(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200)
    await bulks.locks(stage, 40)
    stage.monogoto.fail_at_rate(("*", "/thing"), "rate_limited", rate=0.2, seconds=3)
    await bulks.until_done(stage, 10)
    stage.monogoto.clear_faults()
    await bulks.until_status(stage, "succeeded")
    assert bulks.states(stage) == {"done": 40}
    assert all(len(writes) <= 1 for writes in stage.monogoto.writes.values())


async def test_while_the_vendor_is_away_the_bulk_rests_and_says_so_once(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200)
    await bulks.locks(stage, 40)
    stage.monogoto.fail_at_rate(("*", "/thing"), "drop_before", rate=1.0)
    await evidence.until(stage, lambda: any("⏳" in said for said in bulks.thread(stage)), within=400)
    await stage.settle(60)
    (said,) = bulks.thread(stage)
    assert said.startswith("⏳ The SIMs that are left are not changed yet. Monogoto can't be reached")
    assert bulks.status(stage) == "applying"
    stage.monogoto.clear_faults()
    await bulks.until_status(stage, "succeeded")
    assert bulks.states(stage) == {"done": 40}
