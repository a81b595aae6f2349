"""How the local Slack delivers: three seconds, signatures, sockets that turn, drop and stall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import Clock as SdkClock
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def slack(clock: ManualClock) -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(clock)
    await slack.start()
    yield slack
    await slack.stop()


@dataclass
class Listener:
    """A bot that keeps what it gets and answers what it was told to."""

    verify: Callable[[bytes, dict[str, str]], bool]
    status: int = 200
    text: str = ""
    bodies: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def handle(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), {k.lower(): v for k, v in request.headers.items()}
        self.bodies.append((body, headers))
        if self.hold is not None:
            await self.hold.wait()
        if not self.verify(body, headers):
            return web.Response(status=401)
        return web.Response(status=self.status, text=self.text)


@pytest.fixture
async def listener(slack: LocalSlack, clock: ManualClock) -> AsyncIterator[Listener]:
    class Now(SdkClock):
        def now(self) -> float:
            return clock.now().timestamp()

    verifier = SignatureVerifier(slack.signing_secret, clock=Now())
    listener = Listener(verifier.is_valid_request)
    app = web.Application()
    app.router.add_post("/", listener.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_http(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    yield listener
    await runner.cleanup()


Connect = Callable[..., Awaitable[SocketModeClient]]


@pytest.fixture
async def connect(slack: LocalSlack) -> AsyncIterator[Connect]:
    clients: list[SocketModeClient] = []

    async def one(on_request: Any = None, **options: Any) -> SocketModeClient:
        client = SocketModeClient(
            slack.app_token, web_client=AsyncWebClient(base_url=slack.api_url), **options
        )
        clients.append(client)
        if on_request is not None:
            client.socket_mode_request_listeners.append(on_request)
        await client.connect()
        await slack.connected(len(clients))
        return client

    yield one
    for client in clients:
        await client.close()


async def acks(client: Any, request: SocketModeRequest) -> None:
    await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))


async def test_http_deliveries_carry_a_good_signature_over_the_exact_bytes(
    slack: LocalSlack, listener: Listener
) -> None:
    delivery = await slack.person("U0ENG1").command("/lock-thing", "ключ & payload=1")
    assert delivery.acked
    fields = parse_qs(listener.bodies[0][0].decode())
    assert fields["text"] == ["ключ & payload=1"]
    assert (fields["channel_name"], fields["is_enterprise_install"]) == (["field-ops"], ["false"])
    bad = await slack.deliver(slack.payloads.command("U0ENG1", "/imei"), bad_signature=True)
    old = await slack.deliver(slack.payloads.command("U0ENG1", "/imei"), stale=True)
    assert (bad.status, old.status) == (401, 401)
    assert bad.error == '/imei failed with the error "http_client_error"'


async def test_a_duplicate_has_the_same_bytes_and_the_same_signature(
    slack: LocalSlack, listener: Listener
) -> None:
    await slack.deliver(slack.payloads.command("U0ENG1", "/imei"), duplicate=True)
    (one, first), (two, second) = listener.bodies
    assert one == two
    assert first["x-slack-signature"] == second["x-slack-signature"]
    assert len(slack.deliveries) == 2


async def test_an_answer_to_a_command_is_shown_to_the_person_alone(
    slack: LocalSlack, listener: Listener
) -> None:
    listener.text = "Hello"
    await slack.person("U0ENG1").command("/imei")
    assert [m.text for m in slack.ephemerals("U0ENG1")] == ["Hello"]
    assert slack.messages("C0FIELD") == []


async def test_after_three_seconds_the_person_sees_operation_timeout(
    slack: LocalSlack, listener: Listener, clock: ManualClock
) -> None:
    listener.hold = asyncio.Event()
    command = asyncio.create_task(slack.person("U0ENG1").command("/lock-thing"))
    await slack.until(lambda: slack.unacked)
    assert slack.in_flight == 1
    clock.advance(2.9)
    await asyncio.sleep(0)
    assert not command.done()
    clock.advance(0.1)
    delivery = await command
    assert (delivery.acked, delivery.seconds) == (False, 3.0)
    assert delivery.error == '/lock-thing failed with the error "operation_timeout"'
    listener.hold.set()


async def test_an_unreachable_or_failing_bot_is_named_by_slacks_codes(
    slack: LocalSlack, listener: Listener
) -> None:
    listener.status = 500
    assert (await slack.person("U0ENG1").command("/imei")).code == "http_service_error"
    slack.deliver_http("http://127.0.0.1:1/")
    assert (await slack.person("U0ENG1").command("/imei")).code == "dispatch_failed"
    slack.deliver_http(None)
    assert (await slack.person("U0ENG1").command("/imei")).code == "dispatch_failed"


async def test_a_delayed_payload_uses_up_its_triggers_time(
    slack: LocalSlack, listener: Listener, clock: ManualClock
) -> None:
    payload = slack.payloads.command("U0ENG1", "/imei")
    late = asyncio.create_task(slack.deliver(payload, delay=4))
    await asyncio.sleep(0)
    clock.advance(4)
    assert (await late).acked
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    view = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [{"type": "divider"}]}
    with pytest.raises(Exception, match="expired_trigger_id"):
        await client.views_open(trigger_id=payload["trigger_id"], view=view)


async def test_an_event_that_fails_comes_again_at_once_and_after_one_and_five_minutes(
    slack: LocalSlack, listener: Listener, clock: ManualClock
) -> None:
    listener.status = 500
    await slack.person("U0ENG1").open_home()
    await slack.until(lambda: len(slack.deliveries) == 2 and not slack.in_flight)
    for count, seconds in ((3, 60), (4, 300)):
        clock.advance(seconds)
        await slack.until(lambda count=count: len(slack.deliveries) == count and not slack.in_flight)
    assert [headers.get("x-slack-retry-num") for _, headers in listener.bodies] == [None, "1", "2", "3"]
    assert len({delivery.payload["event_id"] for delivery in slack.deliveries}) == 1


async def test_each_payload_goes_to_one_socket_in_turn(slack: LocalSlack, connect: Connect) -> None:
    got: list[int] = []

    def numbered(number: int) -> Any:
        async def on_request(client: Any, request: SocketModeRequest) -> None:
            got.append(number)
            assert request.type == "slash_commands"
            assert request.accepts_response_payload
            await acks(client, request)

        return on_request

    await connect(numbered(1))
    await connect(numbered(2))
    for _ in range(4):
        assert (await slack.person("U0ENG1").command("/imei")).acked
    assert got == [1, 2, 1, 2]


async def test_a_ticket_lets_one_connection_in_for_a_while(slack: LocalSlack, clock: ManualClock) -> None:
    client = AsyncWebClient(token=slack.app_token, base_url=slack.api_url)
    used = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    late = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(used) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(used)
        clock.advance(31)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(late)


async def test_the_eleventh_connection_is_sent_away(slack: LocalSlack) -> None:
    client = AsyncWebClient(base_url=slack.api_url)
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(11):
            url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
            sockets.append(await session.ws_connect(url))
        assert (await sockets[-1].receive_json())["reason"] == "too_many_websockets"
        assert slack.sockets == 10


async def test_a_client_comes_back_after_a_good_bye_and_after_a_drop(
    slack: LocalSlack, connect: Connect
) -> None:
    await connect(acks, ping_interval=0.05)
    await slack.disconnect_sockets("refresh_requested")
    await slack.until(lambda: len(slack.calls("apps.connections.open")) == 2)
    await slack.connected()
    slack.drop_sockets()
    await slack.until(lambda: len(slack.calls("apps.connections.open")) == 3)
    await slack.connected()
    assert (await slack.person("U0ENG1").command("/imei")).acked


async def test_a_stalled_socket_swallows_payloads_and_answers_no_ping(
    slack: LocalSlack, connect: Connect, clock: ManualClock
) -> None:
    client = await connect(acks, ping_interval=30)
    assert slack.stall_sockets() == 1
    await client.current_session.ping(b"sdk-ping-pong:1.0")
    command = asyncio.create_task(slack.person("U0ENG1").command("/imei"))
    await slack.until(lambda: slack.unacked)
    clock.advance(3)
    assert (await command).code == "operation_timeout"
    assert client.last_ping_pong_time != 1.0


async def test_pings_are_answered(slack: LocalSlack) -> None:
    client = AsyncWebClient(base_url=slack.api_url)
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url, autoping=False) as socket:
        await socket.receive_json()
        await socket.ping(b"there?")
        answer = await socket.receive()
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"there?")
        await slack.ping_sockets()
        assert (await socket.receive()).type == aiohttp.WSMsgType.PING


async def test_the_same_envelope_may_come_twice(slack: LocalSlack, connect: Connect) -> None:
    seen: list[str] = []

    async def on_request(client: Any, request: SocketModeRequest) -> None:
        seen.append(request.envelope_id)
        await acks(client, request)

    await connect(on_request)
    await slack.deliver(slack.payloads.command("U0ENG1", "/imei"), duplicate=True)
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert all(delivery.acked for delivery in slack.deliveries)


async def test_a_bot_that_subscribed_hears_of_group_changes(clock: ManualClock) -> None:
    slack = LocalSlack(clock, events=["subteam_members_changed", "subteam_updated"])
    await slack.start()
    await slack.set_group("S0SUPPORT", ["U0ENG1"])
    events = {d.payload["event"]["type"]: d.payload["event"] for d in slack.deliveries}
    changed = events["subteam_members_changed"]
    assert (changed["added_users"], changed["removed_users"]) == (["U0ENG1"], ["U0SUP1"])
    assert events["subteam_updated"]["subteam"]["users"] == ["U0ENG1"]
    await slack.stop()
