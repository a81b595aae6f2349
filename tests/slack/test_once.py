"""What is dispatched once though it comes twice, and what leaves only while a lease is held."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.domain.errors import Overtaken
from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack
from bot.slack.api import LeasedApi, SlackApi
from bot.slack.dispatch import Answer, Payload
from bot.slack.once import KEPT_SECONDS, DispatchedOnce, OnceHere, name_of

COMMAND = {"command": "/lock-thing", "trigger_id": "1.2.a"}
CLICK = {"type": "block_actions", "trigger_id": "1.2.b"}
EVENT = {"type": "event_callback", "event_id": "Ev1"}
FORM = {"type": "view_submission", "trigger_id": "1.2.c"}
TYPING = {"type": "block_suggestion", "trigger_id": "1.2.d"}


@pytest.mark.parametrize("payload", [COMMAND, CLICK, EVENT])
async def test_a_payload_that_comes_again_is_acknowledged_and_not_dispatched(
    payload: Payload, clock: ManualClock
) -> None:
    seen: list[Payload] = []

    async def dispatch(payload: Payload) -> Answer:
        seen.append(payload)
        return Answer(200, "first")

    once = DispatchedOnce(dispatch, OnceHere(clock))
    assert [(await once(payload)).body, (await once(payload)).body] == ["first", None]
    assert seen == [payload]


@pytest.mark.parametrize("payload", [FORM, TYPING, {}, {"type": "event_callback"}, {"trigger_id": 7}])
def test_what_knows_repeats_itself_or_has_no_name_is_dispatched_each_time(payload: dict[str, Any]) -> None:
    assert name_of(payload) == ""


async def test_what_was_begun_here_may_be_begun_again_once_it_is_forgotten_or_a_minute_old(
    clock: ManualClock,
) -> None:
    once = OnceHere(clock)
    assert await once.begin("share")
    assert not await once.begin("share")
    await once.forget("share")
    assert await once.begin("share")
    clock.advance(KEPT_SECONDS + 1)
    assert await once.begin("share")


async def test_no_call_leaves_once_the_lease_may_be_anothers() -> None:
    held = [True]
    async with aiohttp.ClientSession() as session:
        slack = LocalSlack(SystemClock())
        await slack.start()
        plain = SlackApi(token=slack.bot_token, base_url=slack.api_url, session=session)
        api = LeasedApi(plain, lambda: held[0])
        await api.call("auth.test")
        held[0] = False
        with pytest.raises(Overtaken):
            await api.call("auth.test")
        assert len(slack.calls("auth.test")) == 1
        await slack.stop()
