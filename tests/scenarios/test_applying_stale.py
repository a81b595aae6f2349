"""A `cas` that goes stale by itself, in every way in which the vendor may say so."""

from __future__ import annotations

import itertools

import pytest

from bot.app import Seams
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import READ, WRITE, asked, check, puts, until

STALE_ANSWERS = ["409", "412", "400", "500", "200"]


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


@pytest.mark.parametrize("answer", STALE_ANSWERS)
async def test_a_session_between_reading_and_writing_is_overcome_by_a_fresh_cas(
    stage: Stage, answer: str
) -> None:
    sim = stage.monogoto.examples.fresh
    stage.monogoto.settings.change(stale_cas=answer)
    card = await asked(stage, sim)
    stage.monogoto.fail(WRITE, "cas_moves_first", times=2)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await check(stage, sim, card, end=("succeeded", "done"), says="done. Locked to", writes=1, sent=3)


@pytest.mark.parametrize("answer", STALE_ANSWERS)
async def test_sessions_every_50_ms_of_a_slow_vendor_end_in_one_write(
    open_stage: OpenStage, answer: str
) -> None:
    """Each call takes 15 to 60 ms, so that the first write meets a moved record and a later one does not."""
    pauses = itertools.cycle([0.02, 0.08])
    stage = await open_stage(seams=Seams(jitter=lambda: next(pauses)))
    sim = stage.monogoto.examples.fresh
    stage.monogoto.settings.change(stale_cas=answer)
    card = await asked(stage, sim)
    stage.monogoto.session_every(sim.iccid, 50)
    stage.monogoto.fail(WRITE, "latency", seconds=0.06)
    for match, seconds in ((READ, 0.015), (WRITE, 0.03)):
        stage.monogoto.fail_at_rate(match, "latency", 1.0, seconds=seconds)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: stage.monogoto.writes[sim.iccid], reach=1.1)
    tries = puts(stage)
    assert tries > 1
    await check(stage, sim, card, end=("succeeded", "done"), says="done. Locked to", writes=1, sent=tries)


@pytest.mark.parametrize("answer", STALE_ANSWERS)
async def test_a_record_that_moves_between_any_two_calls_is_given_up_unchanged(
    stage: Stage, answer: str
) -> None:
    sim = stage.monogoto.examples.fresh
    stage.monogoto.settings.change(stale_cas=answer)
    card = await asked(stage, sim)
    stage.monogoto.session_every(sim.iccid, 0)
    await acts.approve(stage, stage.person("U0APP1"), card)
    tries = 3 if answer == "500" else 6
    told = await check(
        stage, sim, card, end=("failed", "failed"), says="the SIM was not changed", writes=0, sent=tries
    )
    assert "sk again" in told
    assert stage.monogoto.thing(sim.iccid)["LockMasterImei"] is False
