"""Work that changes a modal begins only after the ack that changes the same modal has left."""

from __future__ import annotations

import asyncio

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.slack.background import Background
from bot.slack.dispatch import BoltDispatch, ack_sent

COMMAND = {"command": "/imei", "text": "help", "team_id": "T0TEAM", "user_id": "U0ENG1"}


async def nobody() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0TEAM", bot_token="xoxb-none")


async def test_work_waits_until_the_transport_says_that_the_ack_has_left() -> None:
    background, began = Background(), asyncio.Event()

    async def work() -> None:
        await ack_sent()
        began.set()

    async def listen(ack: AsyncAck) -> None:
        await ack()
        background.start(work(), name="work")

    app = AsyncApp(authorize=nobody, process_before_response=True, request_verification_enabled=False)
    app.command("/imei")(listen)
    answer = await BoltDispatch(app)(COMMAND)
    assert answer.status == 200
    for _ in range(20):
        await asyncio.sleep(0)
    assert not began.is_set()
    answer.sent.set()
    assert await background.drain(1.0) == ()
    assert began.is_set()


async def test_work_that_no_payload_started_waits_for_nothing() -> None:
    await asyncio.wait_for(ack_sent(), 0.5)
