"""Socket Mode: single-use tickets, hello, envelopes to one connection in turn, acks, disconnects."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import WSMessage, WSMsgType, web

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.elements import random_id
from bot.sandbox.slack.state import State
from bot.sandbox.slack.workspace import APP_ID

MOST_CONNECTIONS = 10
TICKET_LIFE = timedelta(seconds=30)
TAKES_RESPONSES = {"slash_commands", "view_submission", "block_suggestion"}


@dataclass(slots=True, eq=False)
class Socket:
    """One connection. Stalled: it looks open, but nothing goes in or out."""

    ws: web.WebSocketResponse
    request: web.Request
    number: int
    stalled: bool = False
    pings_seen: int = 0


class NoConnection(Exception):
    """No socket is open: Slack can't deliver."""


class SocketHub:
    """All connections of the app."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tickets: dict[str, datetime] = {}
        self._waiting: dict[str, list[asyncio.Future[object]]] = {}
        self._turn = 0
        self._opened = 0
        self._changed = asyncio.Event()
        self.sockets: list[Socket] = []
        self.sent: list[tuple[str, int]] = []
        """What each envelope was (a command, a view's or an action's id), and to which connection it went."""

    def ticket_url(self) -> str:
        """A web socket address that lets one connection in, once."""
        ticket = str(uuid.uuid4())
        self._tickets[ticket] = self._state.clock.now()
        root = self._state.root_url.replace("http://", "ws://", 1)
        return f"{root}/link/?ticket={ticket}&app_id={APP_ID}"

    async def connected(self, count: int = 1) -> None:
        """Wait until at least that many connections are open."""
        while len(self.sockets) < count:
            self._changed.clear()
            await self._changed.wait()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The server's end of one connection."""
        made = self._tickets.pop(request.query.get("ticket", ""), None)
        if made is None or self._state.clock.now() - made > TICKET_LIFE:
            return web.Response(status=403, text="invalid_ticket")
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        if len(self.sockets) >= MOST_CONNECTIONS:
            await ws.send_json(self._goodbye("too_many_websockets"))
            await ws.close()
            return ws
        self._opened += 1
        socket = Socket(ws, request, self._opened)
        self.sockets.append(socket)
        try:
            await ws.send_json(self._hello(socket))
            self._changed.set()
            await self._read(socket)
        finally:
            self.sockets.remove(socket)
        return ws

    async def send(
        self, kind: str, payload: JSON, *, attempt: int = 0, envelope_id: str | None = None
    ) -> object:
        """Give a payload to one connection and wait for its ack; returns what came with the ack.

        Raises `NoConnection`. Never returns where no ack comes: the 3 s are the caller's.
        """
        open_sockets = [socket for socket in self.sockets if not socket.ws.closed]
        if not open_sockets:
            raise NoConnection
        socket = open_sockets[self._turn % len(open_sockets)]
        self._turn += 1
        envelope = envelope_for(kind, payload, attempt, envelope_id or str(uuid.uuid4()))
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(envelope["envelope_id"], [])
        waiting.append(future)
        try:
            self.sent.append((_what(payload), socket.number))
            if not socket.stalled:
                await socket.ws.send_json(envelope)
            return await future
        except ConnectionError as lost:
            raise NoConnection from lost
        finally:
            if future in waiting:
                waiting.remove(future)

    async def disconnect(self, reason: str = "warning") -> None:
        """Say good-bye to every connection: `warning` leaves it open, anything else closes it."""
        for socket in list(self.sockets):
            await socket.ws.send_json(self._goodbye(reason))
            if reason != "warning":
                await socket.ws.close()

    def drop(self) -> int:
        """Break every connection without a word; returns how many there were."""
        dropped = list(self.sockets)
        for socket in dropped:
            if socket.request.transport is not None:
                socket.request.transport.abort()
        return len(dropped)

    def stall(self) -> int:
        """Every connection now open stays open and goes silent."""
        for socket in self.sockets:
            socket.stalled = True
        return len(self.sockets)

    async def ping(self) -> None:
        """Send a ping frame on every live connection."""
        for socket in self.sockets:
            if not socket.stalled:
                await socket.ws.ping(b"ping")

    async def close(self) -> None:
        """End everything, at shutdown."""
        for socket in list(self.sockets):
            await socket.ws.close()

    async def _read(self, socket: Socket) -> None:
        async for message in socket.ws:
            if socket.stalled:
                continue
            if message.type == WSMsgType.PING:
                socket.pings_seen += 1
                await socket.ws.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                self._take_ack(message)

    def _take_ack(self, message: WSMessage) -> None:
        try:
            ack = json.loads(message.data)
        except ValueError:
            return
        if not isinstance(ack, dict):
            return
        for future in self._waiting.get(str(ack.get("envelope_id")), []):
            if not future.done():
                future.set_result(ack.get("payload"))
                return

    def _hello(self, socket: Socket) -> JSON:
        return {
            "type": "hello",
            "num_connections": len(self.sockets),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {
                "host": f"applink-{socket.number}",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
        }

    def _goodbye(self, reason: str) -> JSON:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": f"applink-{random_id()}"}}


def _what(payload: JSON) -> str:
    actions = payload.get("actions") or [{}]
    names = (payload.get("command"), actions[0].get("action_id"), payload.get("callback_id"))
    view = payload.get("view") or {}
    event = payload.get("event") or {}
    return str(next(filter(None, (*names, view.get("callback_id"), event.get("type"))), ""))


def envelope_for(kind: str, payload: JSON, attempt: int, envelope_id: str) -> JSON:
    """The frame around a payload."""
    takes = kind in TAKES_RESPONSES or payload.get("type") in TAKES_RESPONSES
    envelope: JSON = {
        "envelope_id": envelope_id,
        "payload": payload,
        "type": kind,
        "accepts_response_payload": takes,
    }
    if kind == "events_api":
        envelope |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
    return envelope
