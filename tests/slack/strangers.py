"""Raw bytes on a socket to the real HTTP entry, signed or not."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from bot.sandbox.clock import ManualClock
from bot.slack.dispatch import Answer, Payload
from bot.slack.http import HttpTransport, sign

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = b"application/x-www-form-urlencoded"
CLOSE = b"Connection: close\r\n"


@dataclass
class Door:
    """The entry, and what came through it."""

    clock: ManualClock = field(default_factory=ManualClock)
    payloads: list[Payload] = field(default_factory=list)
    port: int = 0
    said: bytes = b"done"

    async def __call__(self, payload: Payload) -> Answer:
        self.payloads.append(payload)
        return Answer(200, self.said.decode())

    def request(
        self,
        body: bytes = b"",
        extra: bytes = b"",
        *,
        start: bytes = b"POST /slack/events HTTP/1.1",
        kind: bytes = FORM,
        length: bool = True,
    ) -> bytes:
        """A request that Slack signed; `extra`: more header lines."""
        timestamp = str(int(self.clock.now().timestamp()))
        signature = sign(SECRET, timestamp, body)
        head = [
            start,
            b"Host: x",
            b"Content-Type: " + kind,
            b"X-Slack-Request-Timestamp: " + timestamp.encode(),
            b"X-Slack-Signature: " + signature.encode(),
        ]
        if length:
            head.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(head) + b"\r\n" + extra + b"\r\n" + body

    async def answers(self, raw: bytes, *, within: float = 10.0) -> list[int]:
        """The statuses of all answers, until the other side has hung up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        try:
            async with asyncio.timeout(within):
                return statuses(await _all(reader))
        finally:
            await hang_up(writer)


def command(text: str = "") -> bytes:
    return urlencode({"command": "/lock-thing", "text": text, "user_id": "U1"}).encode()


def statuses(raw: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/\d\.\d (\d{3}) ", raw)]


async def _all(reader: asyncio.StreamReader) -> bytes:
    """What came before the end; a reset is an end too."""
    kept = b""
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            kept += chunk
    return kept


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def deaf(port: int) -> socket.socket:
    """A connection with next to no room for what it is told."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.setblocking(False)
    with suppress(BlockingIOError):
        one.connect(("127.0.0.1", port))
    return one


@asynccontextmanager
async def opened(*, patience: float = 10.0) -> AsyncIterator[tuple[Door, HttpTransport]]:
    """The real transport on a port of its own."""
    door = Door()
    transport = HttpTransport(
        door,
        signing_secret=SECRET,
        host="127.0.0.1",
        port=0,
        clock=door.clock,
        slow_client_seconds=patience,
        grace_seconds=1.0,
    )
    await transport.start()
    door.port = transport.port
    try:
        yield door, transport
    finally:
        await transport.stop()
