"""A connection that only looks alive is replaced; one that Slack refreshes leaves no gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bot.slack.dispatch import Answer
from bot.slack.socket import SocketTransport
from tests.slack.small_slack import PATIENCE, Receiver, SmallSlack, transport_to, until

PING = 0.1


@pytest.fixture
def reasons() -> list[str]:
    """Why each connection was opened."""
    return []


@pytest.fixture
async def transport(
    slack: SmallSlack, receiver: Receiver, reasons: list[str]
) -> AsyncIterator[SocketTransport]:
    transport = transport_to(
        slack, receiver, ping_seconds=PING, hello_seconds=0.4, on_connected=reasons.append
    )
    await transport.start()
    yield transport
    await transport.stop()


@pytest.mark.usefixtures("transport")
async def test_a_connection_whose_pings_go_unanswered_is_replaced_and_payloads_flow_again(
    slack: SmallSlack, reasons: list[str]
) -> None:
    slack.pongs = False
    await until(lambda: len(slack.connections) > 1)
    slack.pongs = True
    await until(lambda: len(reasons) > 1)
    await slack.send("E1", {})
    assert await slack.answer() == {"envelope_id": "E1"}
    assert reasons[:2] == ["start", "silent"]


async def test_payloads_alone_do_not_keep_a_connection_whose_pongs_stopped(
    slack: SmallSlack, transport: SocketTransport
) -> None:
    """What comes in proves nothing of the way out: answers would be lost on it."""
    slack.pongs = False
    async with asyncio.timeout(PATIENCE):
        while len(slack.connections) == 1:
            with suppress(ConnectionError):  # it is being replaced already
                await slack.send("E", {}, over=0)
            await asyncio.sleep(PING / 4)
    assert len(slack.connections) > 1


async def test_while_no_pong_comes_its_age_grows_and_then_there_is_no_connection(
    slack: SmallSlack, transport: SocketTransport
) -> None:
    slack.pongs = slack.greets = False
    await until(lambda: (transport.last_pong_age() or 0) > 2 * PING)
    await until(lambda: transport.last_pong_age() is None)


@pytest.mark.parametrize("pongs", [True, False])
async def test_a_connection_without_hello_is_none_and_another_is_tried(
    slack: SmallSlack, receiver: Receiver, pongs: bool
) -> None:
    slack.greets, slack.pongs = False, pongs
    transport = transport_to(slack, receiver, ping_seconds=PING, hello_seconds=0.4)
    starting = asyncio.create_task(transport.start())
    await until(lambda: len(slack.connections) > 1)
    assert transport.last_pong_age() is None
    assert not starting.done()
    slack.greets = slack.pongs = True
    async with asyncio.timeout(PATIENCE):
        await starting
    await transport.stop()


async def test_a_refresh_that_is_announced_leaves_no_moment_without_a_connection(
    slack: SmallSlack, receiver: Receiver, transport: SocketTransport, reasons: list[str]
) -> None:
    slack.greets = False  # the next connection is not ready yet
    await slack.connections[0].send_json({"type": "disconnect", "reason": "warning"})
    await until(lambda: len(slack.connections) == 2)
    await slack.send("E1", {"over": "the old one"}, over=0)
    assert await slack.answer() == {"envelope_id": "E1"}
    assert transport.last_pong_age() is not None
    await slack.connections[1].send_json({"type": "hello"})
    await until(lambda: len(reasons) == 2)
    for over in (0, 1):
        await slack.send(f"E{over + 2}", {}, over=over)
        assert await slack.answer() == {"envelope_id": f"E{over + 2}"}
    assert reasons == ["start", "refresh"]
    assert len(receiver.payloads) == 3


async def test_an_answer_whose_connection_ended_meanwhile_leaves_over_the_next_one(
    slack: SmallSlack, receiver: Receiver, transport: SocketTransport, reasons: list[str]
) -> None:
    receiver.door.clear()
    receiver.reply = lambda: Answer(200, {"text": "late"})
    await slack.send("E1", {})
    await receiver.entered.wait()
    await slack.connections[0].close()
    await until(lambda: len(reasons) == 2)
    receiver.door.set()
    assert await slack.answer() == {"envelope_id": "E1", "payload": {"text": "late"}}


async def test_the_one_that_slack_refreshed_is_closed_in_the_end(
    slack: SmallSlack, receiver: Receiver
) -> None:
    transport = transport_to(slack, receiver, ping_seconds=PING, linger_seconds=0.2)
    await transport.start()
    await slack.connections[0].send_json({"type": "disconnect", "reason": "refresh_requested"})
    await until(lambda: len(slack.connections) == 2 and slack.connections[0].closed)
    assert not slack.connections[1].closed
    await transport.stop()


@pytest.mark.usefixtures("transport")
async def test_connections_that_break_at_once_are_not_opened_in_a_row_without_a_pause(
    slack: SmallSlack,
) -> None:
    started = asyncio.get_running_loop().time()
    for count in range(1, 6):
        await until(lambda count=count: len(slack.connections) == count)
        await slack.connections[-1].close()
    await until(lambda: slack.opened == 6)
    waited = asyncio.get_running_loop().time() - started
    assert waited > PING * 0.8 * (2 + 4 + 8)
