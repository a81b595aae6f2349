"""A process that ends in the middle of a bulk: what has left comes to its end, the rest is for the next."""

from __future__ import annotations

import asyncio

from tests.conftest import OpenStage
from tests.scenarios import bulks, evidence

ROWS = 300
FAST = {"MONOGOTO_MAX_RATE": "100000"}
"""Nobody waits at the gate: the clock of the stage stands still while the bot ends."""


async def test_at_the_usual_pace_nothing_leaves_any_more_and_what_has_left_is_read_to_its_end(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=400, settings={"MONOGOTO_MAX_RATE": "5"})
    await bulks.locks(stage, 150)
    bot = stage.bot
    assert bot
    marks: list[None] = []
    bulks.after_calls(stage, 15, lambda: marks.append(None))
    await evidence.until(stage, lambda: bool(marks), step=0.2)
    bot._sweep.end_soon()
    left, announced = evidence.puts(stage), bulks.states(stage).get("sent", 0)
    await stage.settle(60)
    assert evidence.puts(stage) <= left + announced  # of those some may have been on their way
    assert bulks.states(stage).keys() == {"done", "running", "queued"}


async def test_a_slice_ends_at_once_and_the_next_process_goes_on(open_stage: OpenStage) -> None:
    stage = await open_stage(things=600, settings=FAST)
    iccids = await bulks.locks(stage, ROWS)
    bot = stage.bot
    assert bot
    ending: list[asyncio.Task[None]] = []
    bulks.after_calls(stage, 30, lambda: ending.append(asyncio.create_task(bot.stop(patience=30))))
    await evidence.until(stage, lambda: bool(ending), step=0.05)
    stage.bot = None
    await ending[0]
    left = bulks.states(stage)
    assert "sent" not in left
    assert left["done"] < 100
    assert left["done"] + left["queued"] + left.get("running", 0) == ROWS
    await stage.start_bot()
    await bulks.until_status(stage, "succeeded")
    assert [len(stage.monogoto.writes[iccid]) for iccid in iccids] == [1] * ROWS
