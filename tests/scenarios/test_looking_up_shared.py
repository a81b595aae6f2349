"""What is shown to a whole channel: only where nobody else reads along, once, and told as it went."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import approve, ask_lock, audited, idle, outcome, shown, told, until_slow
from tests.scenarios.test_looking_up_status import press, support


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def ask_in(stage: Stage, who: Person, channel: str) -> Message:
    """`/imei status` of a SIM in that channel, and the answer."""
    sim = stage.monogoto.examples.fresh
    await who.command("/imei", f"status {sim.iccid}", channel=channel)
    message = await stage.until(lambda: next(iter(stage.whispers(who.id)), None))
    await idle(stage)
    return message


async def test_it_can_be_shared_in_a_public_channel_where_the_bot_is_no_member(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    message = await ask_in(stage, engineer, "C0NOBOT")
    await press(stage, engineer, message, "status.share")
    assert "Shared by <@U0ENG1>" in shown(stage.cards("C0NOBOT")[-1])


@pytest.mark.parametrize("external", [True, False])
async def test_where_the_bot_can_not_see_who_reads_along_nothing_is_shared(
    stage: Stage, external: bool
) -> None:
    engineer, room = stage.person("U0ENG1"), stage.slack.workspace.channels["C0PRIVATE"]
    room.is_ext_shared = external
    message = await ask_in(stage, engineer, room.id)
    assert "stands" in message.text, "in private it is answered"
    await press(stage, engineer, message, "status.share")
    assert "Invite me to the channel first" in await told(stage, engineer)
    assert stage.cards(room.id) == []
    assert ("lookup.status", "refused", "U0ENG1") in await audited(stage)


async def test_two_clicks_share_it_once(stage: Stage) -> None:
    message = await ask_in(stage, support(stage), "C0FIELD")
    clicks = (support(stage).click(message, "status.share") for _ in range(2))
    await asyncio.gather(*clicks)
    await idle(stage)
    assert len(stage.cards("C0FIELD")) == 1
    assert "look in the channel" in stage.whispers("U0SUP1")[-1].text
    stage.clock.advance(61)
    await press(stage, support(stage), message, "status.share")
    assert len(stage.cards("C0FIELD")) == 2, "later it is wanted again"


@pytest.mark.parametrize("failure", [{"status": 500}, {"reset": True}])
async def test_a_lost_answer_is_not_told_as_nothing_shared(stage: Stage, failure: dict[str, int]) -> None:
    message = await ask_in(stage, support(stage), "C0FIELD")
    stage.slack.fail("response_url", after_applying=True, **failure)  # type: ignore[arg-type]
    await press(stage, support(stage), message, "status.share")
    said = stage.whispers("U0SUP1")[-1].text
    assert len(stage.cards("C0FIELD")) == 1
    assert "did not say whether it was shared" in said
    assert "nothing was shared" not in said


async def test_what_slack_refuses_was_not_shared_and_can_be_tried_again_at_once(stage: Stage) -> None:
    message = await ask_in(stage, support(stage), "C0FIELD")
    stage.slack.fail("response_url", status=404)
    await press(stage, support(stage), message, "status.share")
    assert "nothing was shared" in stage.whispers("U0SUP1")[-1].text
    await press(stage, support(stage), message, "status.share")
    assert len(stage.cards("C0FIELD")) == 1


async def test_a_slow_vendor_is_waited_for_after_a_click_too_and_that_is_said(stage: Stage) -> None:
    message = await ask_in(stage, support(stage), "C0FIELD")
    stage.monogoto.fail(("GET", "/thing/"), "latency", seconds=5.0)
    await support(stage).click(message, "status.share")
    await until_slow(stage, lambda: stage.cards("C0FIELD"))
    assert "⏳" in stage.whispers("U0SUP1")[-1].text


async def test_a_shared_answer_calls_nobody_but_whoever_shared_it(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    await approve(stage, stage.person("U0APP1"), card)
    await outcome(stage, card)
    message = await ask_in(stage, support(stage), "C0SUPPORT")
    assert "<@U0APP1>" in shown(message), "in private nobody is called by it"
    await press(stage, support(stage), message, "status.share")
    said = shown(stage.cards("C0SUPPORT")[-1])
    assert "Shared by <@U0SUP1>" in said
    assert said.count("<@") == 1
    assert "Lock SIM: succeeded" in said
