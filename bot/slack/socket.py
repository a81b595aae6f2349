"""Slack's requests over Socket Mode: the bot calls out, no public address is needed.

One connection after the other; where Slack announces the end of one, the next is open before that.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
from cachetools import TTLCache
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.services.ports import Clock
from bot.slack.background import Background
from bot.slack.connection import Connection, End, Envelope
from bot.slack.dispatch import Acked, Answer, Dispatch, Payload, deaf, heard, safely

logger = logging.getLogger(__name__)

PING_SECONDS = 2.0
"""A connection that fell silent is given up after three of these, and opened anew."""
HELLO_SECONDS = 10.0
LINGER_SECONDS = 30.0
"""A connection that Slack will close is listened to for so long at most, beside the next one."""
LONGEST_PAUSE = 30.0
_SHORT_LIFE = 5.0
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


class _NotOpened(Exception):
    """This try was in vain. `pause`: what Slack asks us to wait, at least."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


class SocketTransport:
    """Takes envelopes and answers them; an envelope delivered twice is dispatched once.

    `on_connected` hears why each connection was opened: "start", or how the one before it ended.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        app_token: str,
        api_url: str,
        clock: Clock,
        ping_seconds: float = PING_SECONDS,
        hello_seconds: float = HELLO_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        grace_seconds: float = 10.0,
        on_connected: Callable[[str], None] = deaf,
        on_acked: Acked = deaf,
    ) -> None:
        self._dispatch = dispatch
        self._app_token = app_token
        self._web = AsyncWebClient(base_url=api_url)
        self._ping_seconds = ping_seconds
        self._hello_seconds = hello_seconds
        self._linger_seconds = linger_seconds
        self._grace_seconds = grace_seconds
        self._on_connected = on_connected
        self._on_acked = on_acked
        self._in_hand = Background()
        self._answers: TTLCache[str, asyncio.Task[Answer]] = TTLCache(
            _REMEMBERED, _REMEMBER_SECONDS, timer=lambda: clock.now().timestamp()
        )
        self._session: aiohttp.ClientSession | None = None
        self._current: Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._settled = asyncio.Event()
        self._refused = asyncio.Event()
        self._refusal = ""
        self._stopping = False

    async def start(self) -> None:
        """Return when Slack said hello. While it can't be reached, keep trying.

        Raises `TransportFailed` where Slack refuses the token.
        """
        self._session = aiohttp.ClientSession()
        self._keeper = asyncio.create_task(self._keep(), name="socket-keeper")
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
        current = self._current
        return None if current is None or not current.is_open else current.pong_age

    # --- one connection after the other ----------------------------------------------------------

    async def _keep(self) -> None:
        """Until Slack refuses the token, or the end."""
        why, vain = "start", 0
        while True:
            try:
                connection = await self._open()
            except _NotOpened as error:
                pause = max(error.pause, self._pause(vain))
                vain += 1
                logger.warning("Socket Mode: %s; the next try is in %.1f s", error, pause)
                await asyncio.sleep(pause)
                continue
            if connection is None:
                return
            self._follow(connection, why)
            opened = asyncio.get_running_loop().time()
            end = await connection.ends()
            why = end.value
            logger.info("Socket Mode: a new connection (%s)", why)
            if end is not End.REFRESH:
                self._leave(connection, linger=0.0)
            vain = 0 if asyncio.get_running_loop().time() - opened > _SHORT_LIFE else vain + 1
            if vain > 1:
                await asyncio.sleep(self._pause(vain))

    def _follow(self, connection: Connection, why: str) -> None:
        """From now on this is the one; the one before it is still listened to until it ends."""
        before, self._current = self._current, connection
        if before is not None:
            self._leave(before, linger=self._linger_seconds)
        self._on_connected(why)
        self._settled.set()

    def _leave(self, connection: Connection, *, linger: float) -> None:
        if connection is self._current:
            self._current = None
        self._aside(self._left(connection, linger))

    async def _left(self, connection: Connection, linger: float) -> None:
        try:
            async with asyncio.timeout(linger):
                await connection.over()
        except TimeoutError:
            pass  # Slack would have closed it by now
        finally:
            await connection.close(min(1.0, self._grace_seconds))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _pause(self, vain: int) -> float:
        pause = min(self._ping_seconds * 2 ** min(vain, 10), LONGEST_PAUSE)
        jitter = random.uniform(0.8, 1.2)  # noqa: S311  so that many bots don't come back as one
        return float(pause * jitter)

    async def _open(self) -> Connection | None:
        """One that said hello; None where Slack refuses the token. Raises `_NotOpened`."""
        url = await self._address()
        if url is None or self._session is None:
            return None
        try:
            async with asyncio.timeout(self._hello_seconds):
                ws = await self._session.ws_connect(url, autoping=False, proxy=self._web.proxy)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _NotOpened(f"Slack can't be connected to ({type(error).__name__})") from None
        connection = Connection(ws, self._take, ping_seconds=self._ping_seconds)
        try:
            await connection.greeted(self._hello_seconds)
        except BaseException as error:
            await connection.close(1.0)
            if isinstance(error, (TimeoutError, ConnectionError)):
                raise _NotOpened(f"a connection that is none ({error})") from None
            raise
        return connection

    async def _address(self) -> str | None:
        """An address is good for one connection."""
        try:
            async with asyncio.timeout(self._hello_seconds):
                return str((await self._web.apps_connections_open(app_token=self._app_token))["url"])
        except SlackApiError as error:
            code, wait = _code(error), _retry_after(error)
            if code in _FATAL:
                self._refuse(code)
                return None
            raise _NotOpened(f"Slack gives no address ({code or 'no error named'})", wait) from None
        except (aiohttp.ClientError, OSError, TimeoutError, SlackClientError) as error:
            raise _NotOpened(f"Slack can't be reached ({type(error).__name__})") from None
        except (AttributeError, KeyError, TypeError, ValueError):  # the SDK takes any JSON for an object
            raise _NotOpened("Slack's answer makes no sense") from None

    def _refuse(self, code: str) -> None:
        self._refusal = f"The app token was refused: {code} ({_FATAL[code]}). Check SLACK_APP_TOKEN."
        self._refused.set()
        self._settled.set()

    async def _close(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        current, self._current = self._current, None
        if current is not None:
            await current.close(self._grace_seconds)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # --- envelopes -------------------------------------------------------------------------------

    def _take(self, connection: Connection, envelope: Envelope) -> None:
        if not self._stopping:
            envelope_id, kind = str(envelope["envelope_id"]), envelope.get("type")
            name = f"Envelope {envelope_id} ({kind})"
            payload = envelope.get("payload")
            work = self._answer(connection, envelope_id, payload if isinstance(payload, dict) else {}, name)
            self._in_hand.start(work, name=name)

    async def _answer(self, connection: Connection, envelope_id: str, payload: Payload, name: str) -> None:
        with heard(payload, self._on_acked) as ack:
            answer = await self._dispatch_once(envelope_id, payload)
            ack.status = answer.status
            if answer.status != 200:
                self._answers.pop(envelope_id, None)
                logger.warning("%s was left unanswered: status %d", name, answer.status)
                return
            try:
                await self._send(connection, _response(envelope_id, answer))
            except (ConnectionError, aiohttp.ClientError):
                logger.warning(
                    "%s: the connection went before the answer; if it comes again, so will it", name
                )
            finally:
                answer.sent.set()

    async def _send(self, connection: Connection, response: Envelope) -> None:
        """Over the connection that it came by; where that is gone, over the one that took its place."""
        if not connection.is_open and self._current is not None:
            connection = self._current
        await connection.send(response)

    async def _dispatch_once(self, envelope_id: str, payload: Payload) -> Answer:
        task = self._answers.get(envelope_id)
        if task is None:
            task = asyncio.create_task(safely(self._dispatch, payload))
            self._answers[envelope_id] = task
        return await task


def _response(envelope_id: str, answer: Answer) -> Envelope:
    if not answer.body:
        return {"envelope_id": envelope_id}
    payload = answer.body if isinstance(answer.body, dict) else {"text": answer.body}
    return {"envelope_id": envelope_id, "payload": payload}


def _code(error: SlackApiError) -> str:
    try:
        return str(error.response["error"])
    except (KeyError, TypeError, ValueError):
        return ""


def _retry_after(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    told = {str(name).lower(): value for name, value in dict(headers).items()}.get("retry-after", "")
    try:
        return min(max(float(told), 0.0), 300.0)
    except (TypeError, ValueError):
        return 0.0
