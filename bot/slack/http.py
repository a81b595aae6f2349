"""Slack's requests over HTTP: verified over the raw bytes, parsed, then dispatched like any other.

Order matters: shape of the signature, size, signature, window, replay; only then is a byte of the body
looked at. Nothing that a stranger sends is answered with 5xx or logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import HttpVersion10, HttpVersion11, web
from cachetools import TTLCache

from bot.services.ports import Clock
from bot.services.replica_ports import Once
from bot.slack.connections import SERVER, Connection, Connections
from bot.slack.dispatch import Acked, Answer, Dispatch, Payload, deaf, heard, safely
from bot.slack.socket import TransportFailed

WINDOW_SECONDS = 300
MAX_BODY = 1024 * 1024
USUAL_BODY = 64 * 1024
LARGE_AT_ONCE = 16
"""Bodies of more than the usual size, while they come in: what a crowd of strangers may make us hold."""
MAX_FIELDS = 200
_REMEMBERED = 50_000

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Malformed(ValueError):
    """A signed body that is neither a form nor JSON as Slack sends them."""


def sign(signing_secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature of these bytes at this time."""
    signed = b"v0:" + timestamp.encode("ascii") + b":" + body
    return "v0=" + hmac.new(signing_secret.encode(), signed, hashlib.sha256).hexdigest()


def parse(content_type: str, body: bytes) -> Payload:
    """A form (slash command), a form's `payload` (interaction) or JSON (event) as a dict, or `Malformed`."""
    try:
        text = body.decode("utf-8")
        if content_type == "application/json":
            return _object(text)
        fields = dict(
            parse_qsl(
                text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS
            )
        )
    except ValueError as wrong:
        raise Malformed(str(wrong)) from wrong
    if not fields:
        raise Malformed("empty")
    # A command's own text may hold the word "payload": only the field of that name makes an interaction.
    if "payload" in fields and "command" not in fields:
        return _object(fields["payload"])
    return dict(fields)


def _object(text: str) -> Payload:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise Malformed("not JSON") from wrong
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


class HttpTransport:
    """Serves `POST /slack/events` for everything that Slack sends, and `GET /healthz`.

    The same signed request is dispatched once: its repeat within the window gets an empty 200. `replays`
    knows those that came to other replicas.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        signing_secret: str,
        host: str,
        port: int,
        clock: Clock,
        replays: Once | None = None,
        slow_client_seconds: float = 10.0,
        grace_seconds: float = 10.0,
        on_acked: Acked = deaf,
    ) -> None:
        self._dispatch = dispatch
        self._on_acked = on_acked
        self._signing_secret = signing_secret
        self._address = (host, port)
        self._clock = clock
        self._replays = replays
        self._slow_client_seconds = slow_client_seconds
        self._grace_seconds = grace_seconds
        # A timestamp may lie as far in the future as in the past: it must be remembered for both halves.
        self._seen: TTLCache[str, bool] = TTLCache(_REMEMBERED, 2 * WINDOW_SECONDS + 1, timer=self._seconds)
        self._large_bodies = asyncio.Semaphore(LARGE_AT_ONCE)
        self._connections = Connections(patience=slow_client_seconds)
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port listened on: the system's choice where 0 was asked for. Only while started."""
        if self._server is None:
            raise RuntimeError("not started")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen; returns once requests are taken. Raises `TransportFailed` where it can't."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[self._heard])
        app.on_response_prepare.append(_say_little)
        app.router.add_post("/slack/events", self._receive, expect_handler=_expect)
        app.router.add_get("/healthz", self._alive, expect_handler=_expect)
        runner = web.AppRunner(app, shutdown_timeout=self._grace_seconds)
        await runner.setup()
        self._runner = runner
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: self._accepted(runner), *self._address
            )
        except OSError as error:
            host, port = self._address
            why = error.strerror or type(error).__name__
            raise TransportFailed(f"HOST, PORT: can't listen on {host}:{port} ({why}).") from None

    async def stop(self) -> None:
        """Take no more requests, wait for the answers in hand, close."""
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._server = self._runner = None

    def _accepted(self, runner: web.AppRunner) -> asyncio.Protocol:
        assert runner.server is not None  # noqa: S101  set up, else nothing would be accepted
        return self._connections.accept(runner.server)

    @web.middleware
    async def _heard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Whoever is refused is hung up on: only what Slack signed keeps a connection."""
        if isinstance(request.protocol, Connection):
            request.protocol.heard()
        if request.version not in (HttpVersion10, HttpVersion11):
            raise _refused(web.HTTPBadRequest())
        try:
            answer: web.StreamResponse = await handler(request)
        except web.HTTPException as refused:
            raise _refused(refused) from None
        return answer

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _receive(self, request: web.Request) -> web.Response:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (_TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
            raise web.HTTPUnauthorized
        body = await self._read(request)
        if not self._is_from_slack(timestamp, signature, body):
            raise web.HTTPUnauthorized
        if isinstance(request.protocol, Connection):
            self._connections.trust(request.protocol)
        if signature in self._seen:
            return web.Response()
        self._seen[signature] = True
        if self._replays and not await self._replays.begin(f"signature:{signature}"):
            return web.Response()
        return await self._respond(request, body)

    async def _read(self, request: web.Request) -> bytes:
        """The whole body, or the fitting 4xx."""
        announced = request.content_length or 0
        if announced > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY, announced)
        try:
            async with asyncio.timeout(self._slow_client_seconds):
                return await self._whole(request)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, ValueError, ConnectionError, RuntimeError):
            # aiohttp says RuntimeError where the other side was gone before anybody looked.
            raise web.HTTPBadRequest from None

    async def _whole(self, request: web.Request) -> bytes:
        """Nobody has signed anything yet: only a few may hold more than what Slack usually sends."""
        body = bytearray()
        async with AsyncExitStack() as held:
            async for piece in request.content.iter_any():
                is_large = len(body) > USUAL_BODY
                body += piece
                if len(body) > MAX_BODY:
                    raise web.HTTPRequestEntityTooLarge(MAX_BODY, len(body))
                if len(body) > USUAL_BODY and not is_large:
                    await held.enter_async_context(self._large_bodies)
        return bytes(body)

    def _is_from_slack(self, timestamp: str, signature: str, body: bytes) -> bool:
        expected = sign(self._signing_secret, timestamp, body)
        fresh = abs(self._seconds() - int(timestamp)) <= WINDOW_SECONDS
        return hmac.compare_digest(expected, signature) and fresh

    async def _respond(self, request: web.Request, body: bytes) -> web.Response:
        try:
            payload = parse(request.content_type, body)
        except Malformed:
            raise web.HTTPBadRequest from None
        if payload.get("type") == "url_verification":
            return web.json_response({"challenge": str(payload.get("challenge", ""))})
        with heard(payload, self._on_acked) as ack:
            answer = await safely(self._dispatch, payload)
            ack.status, response = answer.status, _response(answer)
            try:
                await response.prepare(request)
                await response.write_eof()
            finally:
                answer.sent.set()
        return response

    def _seconds(self) -> float:
        return self._clock.now().timestamp()


def _refused(refused: web.HTTPException) -> web.HTTPException:
    refused.force_close()
    return refused


async def _expect(request: web.Request) -> None:
    """aiohttp's own answer repeats what was expected, which may be no text at all."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise _refused(web.HTTPExpectationFailed())
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # as aiohttp's own: nothing of the answer has been sent


async def _say_little(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = SERVER


def _response(answer: Answer) -> web.Response:
    if isinstance(answer.body, dict):
        return web.json_response(answer.body, status=answer.status)
    return web.Response(text=answer.body or "", status=answer.status)
