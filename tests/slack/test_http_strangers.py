"""What somebody on the network may do to the HTTP entry, byte by byte, and what comes of it."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable

import pytest

from bot.slack import connections
from bot.slack.connections import Connections
from bot.slack.http import LARGE_AT_ONCE, MAX_BODY, USUAL_BODY
from tests.slack.strangers import CLOSE, Door, command, deaf, hang_up, opened

PATIENCE = 0.2
"""Seconds that a slow client has here, instead of ten."""


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened() as (door, _):
        yield door


@pytest.fixture
async def impatient() -> AsyncIterator[Door]:
    async with opened(patience=PATIENCE) as (door, _):
        yield door


# --- what is taken ---------------------------------------------------------------------------------------


async def test_a_body_in_chunks_needs_no_length(door: Door) -> None:
    body = command("chunks")
    raw = door.request(body, b"Transfer-Encoding: chunked\r\n" + CLOSE, length=False)
    raw = raw.removesuffix(body) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert await door.answers(raw) == [200]
    assert [one["text"] for one in door.payloads] == ["chunks"]


async def test_http_1_0_is_answered_and_closed(door: Door) -> None:
    assert await door.answers(door.request(command(), start=b"POST /slack/events HTTP/1.0")) == [200]
    assert len(door.payloads) == 1


async def test_pipelined_requests_are_answered_in_their_order(door: Door) -> None:
    texts = [str(n) for n in range(40)]
    raw = b"".join(door.request(command(text)) for text in texts)
    assert await door.answers(raw + door.request(command("last"), CLOSE)) == [200] * 41
    assert [one["text"] for one in door.payloads] == [*texts, "last"]


# --- what is not -----------------------------------------------------------------------------------------

STARTS = {
    b"HEAD /slack/events HTTP/1.1": 405,
    b"OPTIONS /slack/events HTTP/1.1": 405,
    b"GET /slack/events HTTP/1.1": 405,
    b"PUT /slack/events HTTP/1.1": 405,
    b"TRACE /slack/events HTTP/1.1": 405,
    b"CONNECT /slack/events HTTP/1.1": 404,
    b"INVENT /slack/events HTTP/1.1": 400,
    b"post /slack/events HTTP/1.1": 400,
    b"POST / HTTP/1.1": 404,
    b"POST * HTTP/1.1": 400,
    b"POST  HTTP/1.1": 400,
    b"POST //slack/events HTTP/1.1": 404,
    b"POST /slack/events/ HTTP/1.1": 404,
    b"POST /slack%2fevents HTTP/1.1": 404,
    b"POST /healthz/../slack/events HTTP/1.1": 404,
    b"POST /healthz HTTP/1.1": 405,
    b"POST /\xff HTTP/1.1": 400,
    b"POST /%00 HTTP/1.1": 404,
    b"POST http://x:99999/slack/events HTTP/1.1": 400,
    b"POST http://[::1 HTTP/1.1": 400,
    b"POST /" + b"a" * 10_000 + b" HTTP/1.1": 400,
    b"POST /slack/events HTTP/0.9": 400,
    b"POST /slack/events HTTP/2.0": 400,
    b"PRI * HTTP/2.0": 400,
}


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start[:40].decode("latin-1"))
async def test_another_method_path_or_version_is_4xx_and_hung_up_on_even_when_signed(
    door: Door, start: bytes
) -> None:
    assert await door.answers(door.request(command(), start=start)) == [STARTS[start]]
    assert door.payloads == []


@pytest.mark.parametrize("expected", [b"a miracle", b"\x80\xff"])
async def test_an_expectation_that_nobody_knows_is_417_and_not_repeated(door: Door, expected: bytes) -> None:
    for start in (
        b"POST /slack/events HTTP/1.1",
        b"GET /slack/events HTTP/1.1",
        b"GET /healthz HTTP/1.1",
        b"GET /a HTTP/1.1",
        b"CONNECT x:1 HTTP/1.1",
        b"GET http://y/a HTTP/1.1",
    ):
        raw = door.request(command(), b"Expect: " + expected + b"\r\n" + CLOSE, start=start)
        assert await door.answers(raw) == [417], start
    assert await door.answers(door.request(command(), b"Expect: 100-Continue\r\n" + CLOSE)) == [100, 200]


HEADERS = {
    "two lengths": b"Content-Length: 3\r\n",
    "length and chunks": b"Transfer-Encoding: chunked\r\n",
    "two hosts": b"Host: y\r\n",
    "a name with a blank": b"X Y: 1\r\n",
    "a NUL": b"X: a\x00b\r\n",
    "a folded line": b"X: a\r\n b\r\n",
    "too many": b"".join(b"X-%d: 1\r\n" % n for n in range(1000)),
    "too long": b"X: " + b"a" * 100_000 + b"\r\n",
}


@pytest.mark.parametrize("name", HEADERS)
async def test_headers_that_two_servers_could_read_in_two_ways_are_400(door: Door, name: str) -> None:
    answers = await door.answers(door.request(command(), HEADERS[name] + CLOSE))
    assert set(answers) == {400}
    assert door.payloads == []


@pytest.mark.parametrize("length", [b"-1", b"+1", b"1_0", b"0x10", b"9" * 40, b"one"])
async def test_a_length_that_is_no_length_is_4xx(door: Door, length: bytes) -> None:
    raw = door.request(b"", b"Content-Length: " + length + b"\r\n", length=False) + command()
    assert all(400 <= status < 500 for status in await door.answers(raw))
    assert door.payloads == []


async def test_what_is_signed_is_what_was_sent_before_any_unpacking(door: Door) -> None:
    body = command("packed")
    packed = gzip.compress(body)
    over_plain = door.request(body, b"Content-Encoding: gzip\r\n" + CLOSE, length=False).removesuffix(body)
    over_plain = over_plain[:-2] + b"Content-Length: %d\r\n\r\n" % len(packed) + packed
    assert await door.answers(over_plain) == [401]
    assert await door.answers(door.request(packed, b"Content-Encoding: gzip\r\n" + CLOSE)) == [400]
    assert door.payloads == []


async def test_a_body_announced_too_long_is_refused_before_it_is_waited_for(impatient: Door) -> None:
    raw = impatient.request(b"", b"Content-Length: %d\r\n" % (MAX_BODY + 1), length=False)
    assert await impatient.answers(raw + b"text=") == [413]


async def test_a_body_in_chunks_has_the_same_cap(door: Door) -> None:
    raw = door.request(b"", b"Transfer-Encoding: chunked\r\n" + CLOSE, length=False)
    body = b"%x\r\n" % (MAX_BODY + 1) + b"a" * (MAX_BODY + 1) + b"\r\n0\r\n\r\n"
    assert await door.answers(raw + body) == [413]
    assert door.payloads == []


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"ffffffffffffffffffff\r\n", b"5\r\nhello!!"])
async def test_a_broken_chunk_is_400(door: Door, chunk: bytes) -> None:
    raw = door.request(b"", b"Transfer-Encoding: chunked\r\n" + CLOSE, length=False)
    assert await door.answers(raw + chunk) == [400]
    assert door.payloads == []


async def test_whoever_is_refused_keeps_no_connection(door: Door) -> None:
    unsigned = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    assert await door.answers(unsigned + door.request(command())) == [401]
    assert door.payloads == []


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01 8901234567890123456\r\n\r\n",
        b"POST /8901234567890123456\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 8901234567890123456x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8901234567890123456\r\n",
    ],
    ids=["no HTTP", "a path", "a length", "a chunk"],
)
async def test_nothing_that_a_stranger_sends_is_logged_or_sent_back(
    door: Door, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(raw)
    answer = await reader.read()
    await hang_up(writer)
    assert b"8901234" not in answer
    assert b"aiohttp" not in answer
    assert caplog.records == []


# --- who is slow -----------------------------------------------------------------------------------------


async def _drips(door: Door, beginning: bytes, drop: bytes) -> float:
    """Begin, then a little every 20 ms; how long until the other side had enough."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(beginning)
    ended = asyncio.ensure_future(reader.read())
    try:
        while not ended.done() and loop.time() < began + 20:
            writer.write(drop)
            await asyncio.wait({ended}, timeout=0.02)
    finally:
        await asyncio.gather(ended, return_exceptions=True)
        await hang_up(writer)
    return loop.time() - began


UNSIGNED = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"
SHAPED = (
    b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
    b"X-Slack-Request-Timestamp: 1\r\nX-Slack-Signature: v0=" + b"0" * 64 + b"\r\n\r\n"
)
DRIPS = {
    "headers": (b"POST /slack/events HTTP/1.1\r\nHost: x\r\n", b"X: 1\r\n"),
    "one header without end": (b"POST /slack/events HTTP/1.1\r\nX: ", b"1"),
    "a body with a signature's shape": (SHAPED, b"a"),
    "a body without any": (UNSIGNED, b"a"),
    "a body that nobody wants": (UNSIGNED.replace(b"/slack/events", b"/nowhere"), b"a"),
    "a chunk's endless remark": (
        SHAPED.replace(b"Content-Length: 9999", b"Transfer-Encoding: chunked") + b"5;",
        b"a",
    ),
    "a body for the health": (UNSIGNED.replace(b"POST /slack/events", b"GET /healthz"), b"a"),
    "the headers after an answer": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n",
        b"X: 1\r\n",
    ),
}


@pytest.mark.parametrize("name", DRIPS)
async def test_whoever_drips_is_hung_up_on_however_lively_they_seem(impatient: Door, name: str) -> None:
    """A body has its time, and what is left of it as much again: both far from the end of this test."""
    assert await _drips(impatient, *DRIPS[name]) < 15
    assert impatient.payloads == []


async def test_whoever_does_not_read_the_answers_is_dropped_with_them() -> None:
    async with opened(patience=PATIENCE) as (door, transport):
        door.said = b"a" * 500_000
        client = deaf(door.port)
        loop = asyncio.get_running_loop()
        try:
            raw = b"".join(door.request(command(str(n))) for n in range(20))
            await loop.sock_sendall(client, raw)
            await _until(lambda: len(door.payloads) > 0)
            await _until(lambda: len(transport._connections) == 0)
        finally:
            client.close()
        assert len(door.payloads) < 20


async def _until(condition: Callable[[], bool], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  nobody tells when the kernel has noticed
            await asyncio.sleep(0.01)


# --- how many --------------------------------------------------------------------------------------------


async def test_a_crowd_of_silent_strangers_does_not_keep_slack_out() -> None:
    async with opened() as (door, transport):
        transport._connections = Connections(patience=10, most=5)
        crowd = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(12)]
        await _until(lambda: len(transport._connections) == 5)
        assert await door.answers(door.request(command(), CLOSE)) == [200]
        for _, writer in crowd:
            await hang_up(writer)


async def test_of_those_who_make_room_none_has_sent_what_slack_signed() -> None:
    async with opened() as (door, transport):
        transport._connections = Connections(patience=10, most=3)
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(door.request(command("first")))
        assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
        crowd = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(9)]
        writer.write(door.request(command("second")))
        assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
        for _, other in [*crowd, (reader, writer)]:
            await hang_up(other)


@pytest.mark.parametrize("whole", [True, False], ids=["a body that breaks off", "headers that break off"])
async def test_a_connection_that_breaks_in_the_middle_is_not_logged(
    door: Door, whole: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(10):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(SHAPED + b"text=" if whole else SHAPED[:50])
        await writer.drain()
        await asyncio.sleep(0)
        writer.transport.abort()
    assert await door.answers(door.request(command(), CLOSE)) == [200]
    assert caplog.records == []


async def test_a_crowd_of_large_bodies_is_read_a_few_at_a_time_and_holds_up_no_small_one() -> None:
    large = b"text=" + b"a" * (4 * USUAL_BODY)
    async with opened(patience=PATIENCE * 5) as (door, transport):
        begun = door.request(large)[:-USUAL_BODY]
        crowd = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(2 * LARGE_AT_ONCE)]
        for _, writer in crowd:
            writer.write(begun)
        await _until(transport._large_bodies.locked)
        assert await door.answers(door.request(command("small"), CLOSE)) == [200]
        await asyncio.gather(*(reader.read() for reader, _ in crowd), return_exceptions=True)
        assert not transport._large_bodies.locked()
        assert await door.answers(door.request(large, CLOSE)) == [200]
        for _, writer in crowd:
            await hang_up(writer)


def test_a_process_has_files_left_beside_its_connections() -> None:
    assert connections.MOST <= 512  # of the 1,024 that a process usually has
