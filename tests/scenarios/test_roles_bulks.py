"""The buttons of a bulk, as everybody who has no business with it: its plan, while applied, and ended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.workspace import BOT_USER_ID, User
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.bulk_acts import approval_card, card_of, hurry, planned, send_lines, send_on, status
from tests.scenarios.evidence import database, untold
from tests.scenarios.roles import records

OUTSIDERS = ("U0GUEST", "U0OTHER", "U0WORKFLOW", "U0GONE")
SUPPORT = ("U0SUP1", "U0PLAIN")
BUTTONS = {
    "planned": ("bulk.send", "request.cancel", "request.approve", "request.deny"),
    "pending": ("request.approve", "request.deny", "request.cancel", "bulk.send"),
    "ended": ("bulk.ask_again", "request.undo", "bulk.pause", "bulk.resume", "bulk.cancel_rest"),
}
"""At each time of its life, what is pressed: also what the card doesn't show then."""


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """Outsiders sit in every user group."""
    stage = await open_stage()
    stage.slack.workspace.users["U0GONE"] = User("U0GONE", "gone", "Gone", deleted=True)
    for group in stage.slack.workspace.groups.values():
        group.users += OUTSIDERS
    return stage


async def everything(stage: Stage) -> list[Any]:
    """Requests, decisions and rows, and what the vendor was asked to write."""
    return [
        *await records(stage),
        {iccid: len(writes) for iccid, writes in stage.monogoto.writes.items() if writes},
    ]


async def pressed_by_all(stage: Stage, card: Message, value: str, buttons: tuple[str, ...]) -> None:
    """Each button by each of them: nothing comes of it, and each is refused in the audit."""
    before = await everything(stage)
    for action_id in buttons:
        known = len(await acts.audited(stage))
        who = [*OUTSIDERS, *SUPPORT]
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": value}
        going = asyncio.gather(
            *(
                stage.slack.deliver(stage.slack.payloads.message_action(user_id, card, action))
                for user_id in who
            )
        )
        await stage.until(going.done)
        await going
        await acts.idle(stage)
        assert await everything(stage) == before, action_id
        refused = {who for _, outcome, who in (await acts.audited(stage))[known:] if outcome == "refused"}
        if action_id != "request.undo":  # opens a form for those who may ask for some bulk
            assert refused >= set(who) - {BOT_USER_ID}, action_id
        stage.clock.advance(3)


@pytest.mark.timeout(180)  # a whole bulk, pressed at by everybody
async def test_nobody_without_business_with_a_bulk_gets_anything_by_its_buttons(stage: Stage) -> None:
    engineer, examples = stage.person("U0ENG1"), stage.monogoto.examples
    lines = [f"{sim.iccid},{sim.imei}" for sim in (examples.fresh, examples.online)]
    plan = await planned(stage, await send_lines(stage, engineer, "\n".join(["ICCID,IMEI", *lines])))
    request_id = acts.request_id_in(acts.shown(plan))
    await pressed_by_all(stage, plan, f"{request_id}.{'0' * 64}", BUTTONS["planned"])

    await send_on(stage, engineer, plan)
    asked = await approval_card(stage, request_id)
    assert stage.bot
    request = await stage.bot.desk.store.request(request_id)
    assert request
    await pressed_by_all(stage, asked, f"{request_id}.{request.fingerprint}", BUTTONS["pending"])

    await acts.approve(stage, stage.person("U0APP1"), asked)
    await hurry(stage, lambda: status(stage, request_id) == "succeeded" and not untold(database(stage)))
    card = card_of(stage, request_id)
    assert card
    await pressed_by_all(stage, card, request_id, BUTTONS["ended"])


async def test_whoever_is_nobody_here_is_not_told_how_a_request_stands(stage: Stage) -> None:
    """Undo and Ask again judge a request before they open anything: for an outsider they say only no."""
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    request_id = acts.request_id_in(acts.shown(card))
    for action_id in ("request.undo", "bulk.ask_again"):
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": request_id}
        for user_id in ("U0OTHER", "U0GUEST"):
            await stage.slack.deliver(stage.slack.payloads.message_action(user_id, card, action))
            await acts.idle(stage)
            said = acts.shown(stage.whispers(user_id)[-1])
            assert said.startswith("⛔")
            assert request_id not in said
            stage.clock.advance(3)
