"""Nothing is applied late, and nothing on the strength of what held only at the first try."""

from __future__ import annotations

from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import READ, check, database, outcomes, standing, until
from tests.scenarios.test_asking_places import policy

GROUP = ("GET", "/thingsgroup/")
OUTDATED = ("outdated", "outdated")


async def test_a_reading_that_waited_past_the_time_for_applying_is_followed_by_no_write(
    open_stage: OpenStage,
) -> None:
    """Asked to pause for ten minutes, the bot reads when they are over: by then it is too late to write."""
    stage = await open_stage(policy=policy(apply_within="1m"))
    sim = stage.monogoto.examples.fresh
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), sim)
    stage.monogoto.fail(GROUP, "latency", seconds=2.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: stage.monogoto.calls[-1].path.startswith(GROUP[1]), step=0.1)
    stage.monogoto.fail(READ, "rate_limited", seconds=600.0)
    await until(stage, lambda: outcomes(stage, card))
    stage.clock.advance(15)
    await until(stage, lambda: standing(database(stage))[-1][1] == "running")
    stage.clock.advance(600)
    await check(stage, sim, card, end=OUTDATED, says="time in which", writes=0, sent=0)
