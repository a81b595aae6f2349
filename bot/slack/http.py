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
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from cachetools import TTLCache

from bot.services.ports import Clock
from bot.services.replica_ports import Once
from bot.slack.dispatch import Answer, Dispatch, Payload, safely
from bot.slack.socket import TransportFailed

WINDOW_SECONDS = 300
MAX_BODY = 1024 * 1024
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
    ) -> None:
        self._dispatch = dispatch
        self._signing_secret = signing_secret
        self._address = (host, port)
        self._clock = clock
        self._replays = replays
        self._slow_client_seconds = slow_client_seconds
        self._grace_seconds = grace_seconds
        # A timestamp may lie as far in the future as in the past: it must be remembered for both halves.
        self._seen: TTLCache[str, bool] = TTLCache(_REMEMBERED, 2 * WINDOW_SECONDS + 1, timer=self._seconds)
        self._silent: set[web.RequestHandler] = set()
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
        app.router.add_post("/slack/events", self._receive)
        app.router.add_get("/healthz", self._alive)
        runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=self._slow_client_seconds,
            lingering_time=self._slow_client_seconds,
            shutdown_timeout=self._grace_seconds,
        )
        await runner.setup()
        self._runner = runner
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: self._limited(runner), *self._address
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

    def _limited(self, runner: web.AppRunner) -> asyncio.Protocol:
        """aiohttp waits for ever for a first request's headers; this connection gets its time and no more."""
        assert runner.server is not None  # noqa: S101  set up, else nothing would be accepted
        connection = runner.server()
        self._silent.add(connection)
        asyncio.get_running_loop().call_later(self._slow_client_seconds, self._drop_if_silent, connection)
        return connection

    def _drop_if_silent(self, connection: web.RequestHandler) -> None:
        if connection in self._silent:
            self._silent.discard(connection)
            connection.force_close()

    @web.middleware
    async def _heard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self._silent.discard(request.protocol)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _receive(self, request: web.Request) -> web.Response:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (_TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
            return web.Response(status=401)
        body = await self._read(request)
        if not self._is_from_slack(timestamp, signature, body):
            return web.Response(status=401)
        if signature in self._seen:
            return web.Response()
        self._seen[signature] = True
        if self._replays and not await self._replays.begin(f"signature:{signature}"):
            return web.Response()
        return await self._respond(request, body)

    async def _read(self, request: web.Request) -> bytes:
        """The whole body, or the fitting 4xx."""
        try:
            async with asyncio.timeout(self._slow_client_seconds):
                return await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, ValueError):
            raise web.HTTPBadRequest from None

    def _is_from_slack(self, timestamp: str, signature: str, body: bytes) -> bool:
        expected = sign(self._signing_secret, timestamp, body)
        fresh = abs(self._seconds() - int(timestamp)) <= WINDOW_SECONDS
        return hmac.compare_digest(expected, signature) and fresh

    async def _respond(self, request: web.Request, body: bytes) -> web.Response:
        try:
            payload = parse(request.content_type, body)
        except Malformed:
            return web.Response(status=400)
        if payload.get("type") == "url_verification":
            return web.json_response({"challenge": str(payload.get("challenge", ""))})
        answer = await safely(self._dispatch, payload)
        response = _response(answer)
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:
            answer.sent.set()
        return response

    def _seconds(self) -> float:
        return self._clock.now().timestamp()


def _response(answer: Answer) -> web.Response:
    if isinstance(answer.body, dict):
        return web.json_response(answer.body, status=answer.status)
    return web.Response(text=answer.body or "", status=answer.status)
