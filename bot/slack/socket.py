"""Slack's requests over Socket Mode: the bot calls out, no public address is needed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from cachetools import TTLCache
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.services.ports import Clock
from bot.slack.background import Background
from bot.slack.dispatch import Answer, Dispatch, safely

logger = logging.getLogger(__name__)

PING_SECONDS = 2.0
"""A connection that fell silent is given up after a little more than this, and opened anew."""
_REMEMBERED = 10_000
_REMEMBER_SECONDS = 600.0

_FATAL = {
    "access_denied": "the app may not connect",
    "account_inactive": "the app was removed from the workspace",
    "forbidden_team": "the workspace may not use Socket Mode",
    "invalid_auth": "not a token that Slack knows; it must be the app-level one (xapp-…)",
    "missing_scope": "it lacks the scope connections:write",
    "no_permission": "it lacks a permission",
    "not_allowed_token_type": "it must be the app-level one (xapp-…) with connections:write",
    "not_authed": "none was sent",
    "team_access_not_granted": "the workspace gave no access",
    "team_disabled": "the workspace is disabled",
    "token_expired": "it has expired",
    "token_revoked": "it was revoked",
    "user_removed_from_team": "whoever owned it has left the workspace",
}
"""Answers of apps.connections.open that trying again can't mend."""


class TransportFailed(Exception):
    """Slack can't be reached this way, and trying again won't help. The message is for the operator."""


class SocketTransport:
    """Takes envelopes and answers them; an envelope delivered twice is dispatched once."""

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        app_token: str,
        api_url: str,
        clock: Clock,
        ping_seconds: float = PING_SECONDS,
        grace_seconds: float = 10.0,
    ) -> None:
        self._dispatch = dispatch
        self._app_token = app_token
        self._api_url = api_url
        self._ping_seconds = ping_seconds
        self._grace_seconds = grace_seconds
        self._in_hand = Background()
        self._answers: TTLCache[str, asyncio.Task[Answer]] = TTLCache(
            _REMEMBERED, _REMEMBER_SECONDS, timer=lambda: clock.now().timestamp()
        )
        self._client: _Client | None = None
        self._greeted: object = None
        self._settled = asyncio.Event()
        self._refused = asyncio.Event()
        self._refusal = ""
        self._stopping = False

    async def start(self) -> None:
        """Return when Slack said hello. While it can't be reached, keep trying.

        Raises `TransportFailed` where Slack refuses the token.
        """
        self._client = _Client(self._app_token, self._api_url, self._ping_seconds, self._refuse)
        self._client.message_listeners.append(self._greet)
        self._client.socket_mode_request_listeners.append(self._take)
        await self._client.connect()  # type: ignore[no-untyped-call]
        await self._settled.wait()
        if self._refused.is_set():
            await self._close()
            raise TransportFailed(self._refusal)

    async def failed(self) -> TransportFailed:
        """Wait until Slack refuses the token while running, however long; returns what to say."""
        await self._refused.wait()
        return TransportFailed(self._refusal)

    async def stop(self) -> None:
        """Take no more envelopes, wait for the answers in hand, then close."""
        self._stopping = True
        for name in await self._in_hand.drain(self._grace_seconds):
            logger.warning("%s was not answered before the end", name)
        await self._close()

    def last_pong_age(self) -> float | None:
        """Seconds since Slack last answered a ping; None where there is no connection that said hello."""
        client = self._client
        if client is None or client.closed or client.last_ping_pong_time is None:
            return None
        session = client.current_session
        if session is None or session.closed or session is not self._greeted:
            return None
        return max(0.0, time.time() - client.last_ping_pong_time)

    def _refuse(self, code: str) -> None:
        self._refusal = f"The app token was refused: {code} ({_FATAL[code]}). Check SLACK_APP_TOKEN."
        self._refused.set()
        self._settled.set()

    async def _greet(self, client: AsyncBaseSocketModeClient, message: dict[str, Any], _: str | None) -> None:
        if message.get("type") == "hello" and isinstance(client, SocketModeClient):
            self._greeted = client.current_session
            self._settled.set()

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        if not self._stopping:
            name = f"Envelope {request.envelope_id} ({request.type})"
            self._in_hand.start(self._answer(client, request, name), name=name)

    async def _answer(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest, name: str) -> None:
        answer = await self._dispatch_once(request)
        if answer.status != 200:
            self._answers.pop(request.envelope_id, None)
            logger.warning("%s was left unanswered: status %d", name, answer.status)
            return
        response = SocketModeResponse(request.envelope_id, payload=answer.body or None)
        try:
            await client.send_socket_mode_response(response)
        except (ConnectionError, aiohttp.ClientError):
            logger.warning("%s: the connection went before the answer; if it comes again, so will it", name)
        finally:
            answer.sent.set()

    async def _dispatch_once(self, request: SocketModeRequest) -> Answer:
        task = self._answers.get(request.envelope_id)
        if task is None:
            task = asyncio.create_task(safely(self._dispatch, request.payload))
            self._answers[request.envelope_id] = task
        return await task

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.end(self._grace_seconds)


class _Client(SocketModeClient):
    """The library's client, which alone would try a refused token, or a used address, for ever."""

    def __init__(
        self, app_token: str, api_url: str, ping_seconds: float, refused: Callable[[str], None]
    ) -> None:
        super().__init__(app_token, web_client=AsyncWebClient(base_url=api_url), ping_interval=ping_seconds)
        self._refused = refused
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._forget_address)
        trace.freeze()
        self.aiohttp_client_session.trace_configs.append(trace)

    async def _forget_address(self, *_: object) -> None:
        """An address is good for one connection: the try after this one asks for a fresh one."""
        self.wss_uri = None

    async def issue_new_wss_url(self) -> str:
        try:
            return await super().issue_new_wss_url()
        except SlackApiError as error:
            code = _code(error)
            if code in _FATAL:
                self.closed = True
                self._refused(code)
            raise

    async def end(self, within: float) -> None:
        """Close, with at most `within` seconds for Slack's farewell; returns when no task is left."""
        self.closed = True
        self.auto_reconnect_enabled = False
        try:
            async with asyncio.timeout(within):
                await self.disconnect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            logger.warning("Slack did not close the connection in time")
        tasks = (self.message_processor, self.current_session_monitor, self.message_receiver)
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.aiohttp_client_session.close()


def _code(error: SlackApiError) -> str:
    try:
        return str(error.response["error"])
    except (KeyError, TypeError, ValueError):
        return ""
