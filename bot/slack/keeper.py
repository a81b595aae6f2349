"""One connection of Socket Mode after the other; where an end is announced, the next is open before it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.connection import Connection, End, Envelope

logger = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
LINGER_SECONDS = 30.0
"""A connection that Slack will close is listened to for so long at most, beside the next one."""
LONGEST_PAUSE = 30.0
_SHORT_LIFE = 5.0

FATAL = {
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


class _NotOpened(Exception):
    """This try was in vain. `pause`: what Slack asks us to wait, at least."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


class Keeper:
    """Has one good connection, from `start` until Slack refuses the token or `stop`.

    `take` gets every envelope; `on_connected` hears why each connection was opened: "start", or how the one
    before it ended.
    """

    def __init__(
        self,
        take: Callable[[Connection, Envelope], None],
        *,
        app_token: str,
        api_url: str,
        ping_seconds: float,
        hello_seconds: float,
        linger_seconds: float,
        on_connected: Callable[[str], None],
    ) -> None:
        self._take = take
        self._app_token = app_token
        self._web = AsyncWebClient(base_url=api_url)
        self._ping_seconds = ping_seconds
        self._hello_seconds = hello_seconds
        self._linger_seconds = linger_seconds
        self._on_connected = on_connected
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self.current: Connection | None = None
        """The one to answer over, where the one that asked is gone."""
        self.settled = asyncio.Event()
        """There has been a connection, or never will be."""
        self.refused = asyncio.Event()
        self.refusal = ""

    def start(self) -> None:
        """Begin; `settled` tells when it came to something."""
        self._session = aiohttp.ClientSession()
        self._task = asyncio.create_task(self._keep(), name="socket-keeper")

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
        before, self.current = self.current, connection
        if before is not None:
            self._leave(before, linger=self._linger_seconds)
        self._on_connected(why)
        self.settled.set()

    def _leave(self, connection: Connection, *, linger: float) -> None:
        if connection is self.current:
            self.current = None
        self._aside(self._left(connection, linger))

    async def _left(self, connection: Connection, linger: float) -> None:
        try:
            async with asyncio.timeout(linger):
                await connection.over()
        except TimeoutError:
            pass  # Slack would have closed it by now
        finally:
            await connection.close(1.0)

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
            if code in FATAL:
                self._refuse(code)
                return None
            raise _NotOpened(f"Slack gives no address ({code or 'no error named'})", wait) from None
        except (aiohttp.ClientError, OSError, TimeoutError, SlackClientError) as error:
            raise _NotOpened(f"Slack can't be reached ({type(error).__name__})") from None
        except (AttributeError, KeyError, TypeError, ValueError):  # the SDK takes any JSON for an object
            raise _NotOpened("Slack's answer makes no sense") from None

    def _refuse(self, code: str) -> None:
        self.refusal = f"The app token was refused: {code} ({FATAL[code]}). Check SLACK_APP_TOKEN."
        self.refused.set()
        self.settled.set()

    async def stop(self, within: float) -> None:
        """Close all; at most that long for Slack's good-bye."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        current, self.current = self.current, None
        if current is not None:
            await current.close(within)
        session, self._session = self._session, None
        if session is not None:
            await session.close()


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
