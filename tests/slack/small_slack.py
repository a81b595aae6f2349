"""As much of Slack as Socket Mode needs, with connections that go wrong; and somebody who takes payloads."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.clock import ManualClock
from bot.slack.dispatch import Answer, Payload
from bot.slack.socket import SocketTransport

TOKEN = "xapp-1-A1-good"
PATIENCE = 20.0


class SmallSlack:
    """As much of Slack as Socket Mode needs: addresses for one use, hello, envelopes, answers."""

    def __init__(self) -> None:
        self.error = ""
        self.opened = 0
        self.bad_addresses = 0
        self.connections: list[web.WebSocketResponse] = []
        self.greets = True
        """Whether a new connection hears hello."""
        self.pongs = True
        """Whether pings are answered, on every connection."""
        self.answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tickets: set[str] = set()
        self._numbers = itertools.count()
        app = web.Application()
        app.router.add_post("/api/apps.connections.open", self._open)
        app.router.add_get("/link", self._link)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for connection in self.connections:
            await connection.close()
        await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/"

    async def _open(self, request: web.Request) -> web.Response:
        self.opened += 1
        if request.headers.get("Authorization") != f"Bearer {TOKEN}" and not self.error:
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if self.error:
            return web.json_response({"ok": False, "error": self.error})
        ticket = str(next(self._numbers))
        if self.bad_addresses:
            self.bad_addresses -= 1
        else:
            self._tickets.add(ticket)
        return web.json_response({"ok": True, "url": f"ws://127.0.0.1:{self._port}/link?ticket={ticket}"})

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query["ticket"]
        if ticket not in self._tickets:
            return web.Response(status=408)
        self._tickets.discard(ticket)
        connection = web.WebSocketResponse(autoping=False)
        await connection.prepare(request)
        if self.greets:
            await connection.send_json({"type": "hello", "num_connections": 1})
        self.connections.append(connection)
        async for message in connection:
            if message.type is WSMsgType.PING and self.pongs:
                await connection.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self.answers.put_nowait(json.loads(message.data))
        return connection

    async def send(
        self, envelope_id: str, payload: Payload, kind: str = "slash_commands", over: int = -1
    ) -> None:
        envelope = {"type": kind, "envelope_id": envelope_id, "payload": payload}
        await self.connections[over].send_json(envelope)

    async def answer(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self.answers.get()


class Receiver:
    """Remembers what was dispatched, and answers as it was told to."""

    def __init__(self) -> None:
        self.payloads: list[Payload] = []
        self.reply: Callable[[], Answer] = lambda: Answer(200)
        self.door = asyncio.Event()
        self.door.set()
        self.entered = asyncio.Event()

    async def __call__(self, payload: Payload) -> Answer:
        self.payloads.append(payload)
        self.entered.set()
        await self.door.wait()
        return self.reply()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  what is waited for lies in other people's code
            await asyncio.sleep(0)


def transport_to(slack: SmallSlack, receiver: Receiver, **other: Any) -> SocketTransport:
    settings: dict[str, Any] = {"app_token": TOKEN, "ping_seconds": 1.0, **other}
    return SocketTransport(receiver, api_url=slack.api_url, clock=ManualClock(), **settings)
