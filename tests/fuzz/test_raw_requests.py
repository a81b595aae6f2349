"""Any bytes on a socket to the real HTTP entry, signed or not: 2xx or 4xx, and a server that goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import MORE, Elsewhere
from tests.slack.strangers import CLOSE, Door, command, hang_up, opened, statuses

PATIENCE = 0.05
TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(str.encode)
VALUES = (
    "chunked gzip identity close keep-alive 100-continue websocket Upgrade 0 -1 application/json text/html"
)
ODD_VALUES = [*VALUES.encode().split(), b"5, 6", b"9" * 30, b"a" * 9000]
VALUE = st.binary(max_size=40) | st.sampled_from(ODD_VALUES)
NAMES = (
    "Content-Length Transfer-Encoding Content-Encoding Content-Type Connection Expect Upgrade Host Range "
    "X-Slack-Signature X-Slack-Request-Timestamp Sec-WebSocket-Key"
)
NAME = TOKEN | st.sampled_from(NAMES.encode().split())
HEADERS = st.lists(st.tuples(NAME, VALUE), max_size=6).map(
    lambda lines: b"".join(name + b": " + value + b"\r\n" for name, value in lines)
)
START = st.sampled_from(
    [b"POST /slack/events HTTP/1.1", b"GET /healthz HTTP/1.1", b"POST /slack/events HTTP/1.0"]
)
BODY = (
    st.binary(max_size=300)
    | st.just(command("x"))
    | st.just(b"payload=%7B%7D")
    | st.just(b"5\r\nhello\r\n0\r\n\r\n")
)
TAIL = st.binary(max_size=60)


@pytest.fixture(scope="module")
def door(elsewhere: Elsewhere) -> Iterator[Door]:
    stack = AsyncExitStack()

    async def open_it() -> Door:
        door, _ = await stack.enter_async_context(opened(patience=PATIENCE))
        return door

    yield elsewhere.run(open_it())
    elsewhere.run(stack.aclose())


async def answered(door: Door, raw: bytes, cuts: list[int]) -> list[int]:
    """The statuses of all that came back for bytes that arrive in pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            writer.write(raw[start:end])
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            return statuses(await reader.read())
    except ConnectionError:
        return []
    finally:
        await hang_up(writer)


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_whatever_is_sent_is_answered_with_2xx_or_4xx_or_not_at_all(
    door: Door, elsewhere: Elsewhere, signed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    door.payloads.clear()

    @settings(max_examples=60 * MORE, suppress_health_check=list(HealthCheck), database=None)
    @given(START, HEADERS, BODY, TAIL, st.data())
    def fuzz(start: bytes, headers: bytes, body: bytes, tail: bytes, data: st.DataObject) -> None:
        if signed:
            raw = door.request(body, headers, start=start, length=data.draw(st.booleans())) + tail
        else:
            raw = start + b"\r\nHost: x\r\n" + headers + b"\r\n" + body + tail
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(raw)))
            raw = raw[:at] + data.draw(TAIL) + raw[at:]
        cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=3)))
        for status in elsewhere.run(answered(door, raw, cuts)):
            assert status < 500
            assert status != 101
        assert caplog.records == []

    fuzz()
    assert elsewhere.run(door.answers(door.request(command("still here"), CLOSE))) == [200]
    if not signed:
        assert all(one.get("text") == "still here" for one in door.payloads)
