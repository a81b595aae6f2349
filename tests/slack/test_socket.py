"""Envelopes are taken, dispatched once and answered; a refused token ends it instead of going on for ever."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.slack.dispatch import Answer
from bot.slack.socket import SocketTransport, TransportFailed
from tests.slack.small_slack import PATIENCE, Receiver, SmallSlack, transport_to, until


@pytest.fixture
async def transport(slack: SmallSlack, receiver: Receiver) -> AsyncIterator[SocketTransport]:
    transport = transport_to(slack, receiver)
    await transport.start()
    await until(lambda: slack.connections)
    yield transport
    await transport.stop()


@pytest.mark.usefixtures("transport")
@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (Answer(200), {"envelope_id": "E1"}),
        (Answer(200, {"text": "Hello"}), {"envelope_id": "E1", "payload": {"text": "Hello"}}),
        (Answer(200, "plain"), {"envelope_id": "E1", "payload": {"text": "plain"}}),
    ],
)
async def test_an_envelope_is_dispatched_and_answered(
    slack: SmallSlack, receiver: Receiver, answer: Answer, sent: dict[str, Any]
) -> None:
    receiver.reply = lambda: answer
    await slack.send("E1", {"command": "/lock-thing", "text": "payload"})
    assert await slack.answer() == sent
    assert receiver.payloads == [{"command": "/lock-thing", "text": "payload"}]


@pytest.mark.usefixtures("transport")
async def test_an_envelope_delivered_again_gets_the_same_answer_but_is_dispatched_once(
    slack: SmallSlack, receiver: Receiver
) -> None:
    count = itertools.count()
    receiver.reply = lambda: Answer(200, {"n": next(count)})
    receiver.door.clear()
    await slack.send("E1", {})
    await slack.send("E1", {})
    await receiver.entered.wait()
    receiver.door.set()
    assert [await slack.answer(), await slack.answer()] == [{"envelope_id": "E1", "payload": {"n": 0}}] * 2
    await slack.send("E1", {})
    assert await slack.answer() == {"envelope_id": "E1", "payload": {"n": 0}}
    assert len(receiver.payloads) == 1


@pytest.mark.usefixtures("transport")
async def test_an_error_is_logged_and_the_envelope_may_come_again(
    slack: SmallSlack, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Answer:
        raise RuntimeError("boom")

    receiver.reply = fail
    await slack.send("E1", {})
    await until(lambda: [record for record in caplog.records if "left unanswered" in record.getMessage()])
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["boom"]
    receiver.reply = lambda: Answer(200)
    await slack.send("E1", {})
    assert await slack.answer() == {"envelope_id": "E1"}
    assert len(receiver.payloads) == 2


async def test_the_age_of_the_last_pong_is_known_while_connected_and_only_then(
    slack: SmallSlack, receiver: Receiver
) -> None:
    transport = transport_to(slack, receiver)
    assert transport.last_pong_age() is None
    await transport.start()
    await until(lambda: transport.last_pong_age() is not None)
    age = transport.last_pong_age()
    assert age is not None
    assert 0 <= age < PATIENCE
    await transport.stop()
    assert transport.last_pong_age() is None


@pytest.mark.parametrize("code", ["invalid_auth", "missing_scope", "account_inactive"])
async def test_a_refused_token_is_said_at_once_and_not_tried_again(
    slack: SmallSlack, receiver: Receiver, code: str
) -> None:
    slack.error = code
    transport = transport_to(slack, receiver)
    with pytest.raises(TransportFailed, match=f"The app token was refused: {code} .* SLACK_APP_TOKEN"):
        await transport.start()
    assert slack.opened == 1
    await transport.stop()


async def test_a_token_refused_while_running_is_heard(slack: SmallSlack, transport: SocketTransport) -> None:
    slack.error = "token_revoked"
    await slack.connections[-1].close()
    async with asyncio.timeout(PATIENCE):
        assert "token_revoked" in str(await transport.failed())
    assert transport.last_pong_age() is None


async def test_a_used_up_address_is_not_tried_twice(slack: SmallSlack, receiver: Receiver) -> None:
    slack.bad_addresses = 1
    transport = transport_to(slack, receiver, ping_seconds=0.2)
    async with asyncio.timeout(PATIENCE):
        await transport.start()
    assert slack.opened == 2
    await transport.stop()


async def test_a_passing_trouble_at_slack_is_waited_out(slack: SmallSlack, receiver: Receiver) -> None:
    slack.error = "internal_error"
    transport = transport_to(slack, receiver, ping_seconds=0.2)
    starting = asyncio.create_task(transport.start())
    await until(lambda: slack.opened)
    slack.error = ""
    async with asyncio.timeout(PATIENCE):
        await starting
    await transport.stop()


@pytest.mark.usefixtures("transport")
@pytest.mark.parametrize("how", ["announced", "closed"])
async def test_after_a_disconnect_it_goes_on_over_a_new_connection(slack: SmallSlack, how: str) -> None:
    if how == "announced":
        await slack.connections[-1].send_json({"type": "disconnect", "reason": "warning"})
    else:
        await slack.connections[-1].close()
    await until(lambda: len(slack.connections) > 1)
    await slack.send("E2", {})
    assert await slack.answer() == {"envelope_id": "E2"}


async def test_stopping_answers_what_is_in_hand_and_takes_no_more(
    slack: SmallSlack, receiver: Receiver, transport: SocketTransport
) -> None:
    receiver.door.clear()
    await slack.send("E1", {"n": 1})
    await receiver.entered.wait()
    stopping = asyncio.create_task(transport.stop())
    await asyncio.sleep(0)
    await slack.send("E2", {"n": 2})
    receiver.door.set()
    await stopping
    assert await slack.answer() == {"envelope_id": "E1"}
    assert slack.answers.empty()
    assert receiver.payloads == [{"n": 1}]


async def test_stopping_does_not_wait_for_ever(
    slack: SmallSlack, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    transport = transport_to(slack, receiver, grace_seconds=0.05)
    await transport.start()
    await until(lambda: slack.connections)
    receiver.door.clear()
    await slack.send("E1", {})
    await receiver.entered.wait()
    await transport.stop()
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "Envelope E1 (slash_commands) was not answered before the end" in warnings
