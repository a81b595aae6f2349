"""What a stranger may send, what Slack sends, and what each is answered with."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.clock import ManualClock
from bot.slack.dispatch import Answer, BoltDispatch, Payload
from bot.slack.http import MAX_BODY, WINDOW_SECONDS, HttpTransport, Malformed, parse, sign
from bot.slack.once import OnceHere

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"
COMMAND = urlencode({"command": "/lock-thing", "text": "", "user_id": "U1"}).encode()


class Receiver:
    """Remembers what was dispatched, and answers as it was told to."""

    def __init__(self) -> None:
        self.payloads: list[Payload] = []
        self.answer = Answer(200)
        self.error: Exception | None = None
        self.door = asyncio.Event()
        self.door.set()
        self.entered = asyncio.Event()

    async def __call__(self, payload: Payload) -> Answer:
        self.payloads.append(payload)
        self.entered.set()
        await self.door.wait()
        if self.error:
            raise self.error
        return self.answer


class Caller:
    """Slack's side, or a stranger's: sends bytes and headers exactly as given."""

    def __init__(self, session: aiohttp.ClientSession, port: int, clock: ManualClock) -> None:
        self._session = session
        self._clock = clock
        self.url = f"http://127.0.0.1:{port}"

    def headers(self, body: bytes, *, age: float = 0, kind: str = FORM) -> dict[str, str]:
        timestamp = str(int(self._clock.now().timestamp() - age))
        signature = sign(SECRET, timestamp, body)
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature, "Content-Type": kind}

    async def post(self, body: bytes, headers: dict[str, str] | None = None, **how: Any) -> tuple[int, str]:
        headers = self.headers(body, **how) if headers is None else headers
        sent = io.BytesIO(body)
        async with self._session.post(f"{self.url}/slack/events", data=sent, headers=headers) as response:
            return response.status, await response.text()

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(self.url + path) as response:
            return response.status, await response.text()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def transport(receiver: Receiver, clock: ManualClock) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(receiver, signing_secret=SECRET, host="127.0.0.1", port=0, clock=clock)
    await transport.start()
    yield transport
    await transport.stop()


@pytest.fixture
async def caller(transport: HttpTransport, clock: ManualClock) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(session, transport.port, clock)


def test_the_signature_is_the_one_that_slacks_own_library_accepts() -> None:
    timestamp, body = str(int(time.time())), b"text=caf%C3%A9"
    assert SignatureVerifier(SECRET).is_valid(body, timestamp, sign(SECRET, timestamp, body))


async def test_a_command_arrives_as_strings_and_the_answer_goes_back(
    caller: Caller, receiver: Receiver
) -> None:
    receiver.answer = Answer(200, {"response_type": "ephemeral", "text": "Hello"})
    status, text = await caller.post(COMMAND)
    assert (status, json.loads(text)) == (200, receiver.answer.body)
    assert receiver.payloads == [{"command": "/lock-thing", "text": "", "user_id": "U1"}]


async def test_a_text_answer_and_an_empty_one_are_sent_as_such(caller: Caller, receiver: Receiver) -> None:
    receiver.answer = Answer(200, "plain")
    assert await caller.post(COMMAND) == (200, "plain")
    receiver.answer = Answer(200)
    assert await caller.post(COMMAND + b"&n=2") == (200, "")


async def test_an_interaction_arrives_as_its_payload(caller: Caller, receiver: Receiver) -> None:
    payload = {"type": "view_submission", "view": {"id": "V1"}}
    assert await caller.post(urlencode({"payload": json.dumps(payload)}).encode()) == (200, "")
    assert receiver.payloads == [payload]


@pytest.mark.parametrize(
    "command",
    [
        {"command": "/lock-thing", "text": "payload"},
        {"command": "/lock-thing", "text": "payload={}"},
        {"command": "/lock-thing", "text": "", "channel_name": "payload"},
        {"command": "/lock-thing", "text": "", "payload": '{"type": "view_submission"}'},
    ],
)
async def test_a_command_stays_a_command_whatever_words_it_holds(
    caller: Caller, receiver: Receiver, command: dict[str, str]
) -> None:
    await caller.post(urlencode(command).encode())
    assert receiver.payloads == [command]


async def test_an_event_arrives_as_json(caller: Caller, receiver: Receiver) -> None:
    event = {"type": "event_callback", "event": {"type": "subteam_members_changed"}}
    assert (await caller.post(json.dumps(event).encode(), kind="application/json; charset=utf-8"))[0] == 200
    assert receiver.payloads == [event]


async def test_slacks_challenge_is_answered_here(caller: Caller, receiver: Receiver) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    status, text = await caller.post(body, kind="application/json")
    assert (status, json.loads(text)) == (200, {"challenge": "3eZbrw1a"})
    assert receiver.payloads == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "1772442000"},
        {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "-5", "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "1" * 5000, "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "١٧٧٢٤٤٢٠٠٠", "X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Request-Timestamp": "1772442000", "X-Slack-Signature": "é" * 67},
        {"X-Slack-Request-Timestamp": "1772442000", "X-Slack-Signature": "v0=" + "0" * 64},
    ],
)
async def test_an_unsigned_or_garbled_request_is_401(
    caller: Caller, receiver: Receiver, headers: dict[str, str]
) -> None:
    assert (await caller.post(COMMAND, headers))[0] == 401
    assert receiver.payloads == []


async def test_a_changed_byte_is_401(caller: Caller, receiver: Receiver) -> None:
    headers = caller.headers(COMMAND)
    assert (await caller.post(COMMAND + b"1", headers))[0] == 401
    assert receiver.payloads == []


@pytest.mark.parametrize(("age", "status"), [(300, 200), (301, 401), (-300, 200), (-301, 401)])
async def test_a_signature_holds_for_five_minutes_either_way(caller: Caller, age: int, status: int) -> None:
    assert (await caller.post(COMMAND, age=age))[0] == status


async def test_the_same_signed_request_is_dispatched_once(caller: Caller, receiver: Receiver) -> None:
    receiver.answer = Answer(200, "only once")
    headers = caller.headers(COMMAND)
    assert await caller.post(COMMAND, headers) == (200, "only once")
    assert await caller.post(COMMAND, headers) == (200, "")
    assert len(receiver.payloads) == 1


async def test_a_replay_of_a_request_from_the_future_is_remembered_until_it_is_too_old(
    caller: Caller, receiver: Receiver, clock: ManualClock
) -> None:
    headers = caller.headers(COMMAND, age=-WINDOW_SECONDS)
    await caller.post(COMMAND, headers)
    clock.advance(2 * WINDOW_SECONDS)
    assert await caller.post(COMMAND, headers) == (200, "")
    clock.advance(1)
    assert (await caller.post(COMMAND, headers))[0] == 401
    assert len(receiver.payloads) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", FORM),
        (b"text", FORM),
        (b"text=%FF%FE", FORM),
        (b"\xff\xfe", FORM),
        (b"payload=%7B", FORM),
        (b"payload=%5B%5D", FORM),
        (b"&".join(b"a%d=1" % n for n in range(1000)), FORM),
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"n": ' + b"9" * 5000 + b"}", "application/json"),
    ],
)
async def test_a_malformed_body_is_400_even_when_signed(
    caller: Caller, receiver: Receiver, body: bytes, kind: str
) -> None:
    assert (await caller.post(body, kind=kind))[0] == 400
    assert receiver.payloads == []


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=200), st.sampled_from([FORM, "application/json", "text/plain", ""]))
def test_parsing_gives_a_dict_or_says_malformed(body: bytes, kind: str) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(parse(kind, body), dict)


async def test_a_body_of_a_mebibyte_passes_and_a_byte_more_is_413(caller: Caller, receiver: Receiver) -> None:
    whole = b"text=" + b"a" * (MAX_BODY - 5)
    assert (await caller.post(whole))[0] == 200
    assert (await caller.post(whole + b"a"))[0] == 413
    assert len(receiver.payloads) == 1


async def test_an_error_behind_the_signature_is_500_with_a_reference_that_the_log_has_too(
    caller: Caller, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.error = RuntimeError("boom")
    status, text = await caller.post(COMMAND)
    reference = text.removesuffix(".").split()[-1]
    assert status == 500
    assert "boom" not in text
    assert [record.levelno for record in caplog.records if reference in record.getMessage()] == [
        logging.ERROR
    ]


async def test_nothing_that_a_stranger_sends_is_logged(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await caller.post(b"text=8901234567890123456", {})
    await caller.post(b"text=%FF")
    assert caplog.records == []


async def test_health_and_nothing_else_is_served(caller: Caller) -> None:
    assert await caller.get("/healthz") == (200, "ok")
    assert (await caller.get("/"))[0] == 404
    assert (await caller.get("/slack/events"))[0] == 405


async def test_stopping_waits_for_the_answer_in_hand_and_takes_no_more(
    transport: HttpTransport, caller: Caller, receiver: Receiver
) -> None:
    receiver.door.clear()
    receiver.answer = Answer(200, "finished")
    asking = asyncio.create_task(caller.post(COMMAND))
    await receiver.entered.wait()
    stopping = asyncio.create_task(transport.stop())
    await asyncio.sleep(0)
    with pytest.raises(aiohttp.ClientConnectionError):
        await caller.post(COMMAND + b"&n=2")
    assert not stopping.done()
    receiver.door.set()
    assert await asking == (200, "finished")
    await stopping


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nX-Slack-Request-Timestamp: 1\r\n"
        b"X-Slack-Signature: v0=" + b"0" * 64 + b"\r\nContent-Length: 100\r\n\r\ntext=",
    ],
    ids=["silent", "half a head", "half a body"],
)
async def test_a_client_that_never_finishes_is_hung_up_on(clock: ManualClock, beginning: bytes) -> None:
    impatient = HttpTransport(
        Receiver(), signing_secret=SECRET, host="127.0.0.1", port=0, clock=clock, slow_client_seconds=0.05
    )
    await impatient.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
    writer.write(beginning)
    answer = await reader.read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    writer.close()
    await writer.wait_closed()
    await impatient.stop()


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"POST /slack/events HTTP/9\r\n\r\n"]
)
async def test_what_is_not_http_is_400(transport: HttpTransport, junk: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", transport.port)
    writer.write(junk + b"\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.0 400 ")
    writer.close()
    await writer.wait_closed()


def _bolt() -> AsyncApp:
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_user_id="UBOT")

    return AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)


async def test_bolt_hears_a_command_that_holds_the_word_payload(clock: ManualClock) -> None:
    app = _bolt()

    @app.command("/lock-thing")
    async def lock(ack: Any, command: dict[str, str]) -> None:
        await ack({"text": f"heard {command['text']}"})

    dispatch = BoltDispatch(app)
    payload = {"command": "/lock-thing", "text": "payload", "user_id": "U1", "team_id": "T1"}
    assert await dispatch(payload) == Answer(200, {"text": "heard payload"})


async def test_bolts_empty_ack_is_an_empty_answer_and_an_unknown_command_404() -> None:
    app = _bolt()

    @app.command("/lock-thing")
    async def lock(ack: Any) -> None:
        await ack()

    dispatch = BoltDispatch(app)
    assert await dispatch({"command": "/lock-thing", "user_id": "U1", "team_id": "T1"}) == Answer(200)
    unknown = await dispatch({"command": "/other", "user_id": "U1", "team_id": "T1"})
    assert unknown.status == 404


async def test_a_request_that_came_to_another_replica_gets_an_empty_200_and_is_not_dispatched(
    receiver: Receiver, clock: ManualClock
) -> None:
    replays = OnceHere(clock)  # stands for the rows that replicas share
    first, second = (
        HttpTransport(receiver, signing_secret=SECRET, host="127.0.0.1", port=0, clock=clock, replays=replays)
        for _ in range(2)
    )
    await first.start()
    await second.start()
    async with aiohttp.ClientSession() as session:
        callers = [Caller(session, transport.port, clock) for transport in (first, second)]
        headers = callers[0].headers(COMMAND)
        assert [await caller.post(COMMAND, headers) for caller in callers] == [(200, ""), (200, "")]
    await first.stop()
    await second.stop()
    assert len(receiver.payloads) == 1
