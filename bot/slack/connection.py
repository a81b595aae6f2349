"""One connection of Socket Mode, from its address to its end; it never opens another.

The library's client closes its connection before it asks for the next one, repeats what it is told never to
repeat, and takes a connection without hello or pong for a good one: so web sockets are spoken here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import aiohttp

logger = logging.getLogger(__name__)

MISSED = 2
"""Pings in a row without a pong: then the connection is dead, whatever else comes over it."""

Envelope = dict[str, Any]


class End(StrEnum):
    """Why a connection is over, or soon will be."""

    REFRESH = "refresh"
    """Slack says that it will close it: it still works until then."""
    CLOSED = "closed"
    SILENT = "silent"
    """It looks open, but nothing comes: no pong for as long as `MISSED` pings."""


class Connection:
    """Takes envelopes, sends answers, and knows how long ago Slack last answered a ping."""

    def __init__(
        self,
        ws: aiohttp.ClientWebSocketResponse,
        take: Callable[[Connection, Envelope], None],
        *,
        ping_seconds: float,
    ) -> None:
        self._ws = ws
        self._take = take
        self._ping_seconds = ping_seconds
        self._loop = asyncio.get_running_loop()
        self._pong_at = self._loop.time()
        self._unanswered = 0
        self._end: asyncio.Future[End] = self._loop.create_future()
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._over = asyncio.Event()
        self._tasks = (asyncio.create_task(self._read()), asyncio.create_task(self._ping()))

    async def greeted(self, within: float) -> None:
        """Wait for Slack's hello. Raises `TimeoutError`, or `ConnectionError` where it ended before."""
        futures: set[asyncio.Future[Any]] = {self._greeted, self._end}
        await asyncio.wait(futures, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if self._greeted.done():
            return
        if self._end.done():
            raise ConnectionError(f"{self._end.result()} before hello")
        raise TimeoutError("no hello came")

    async def ends(self) -> End:
        """Wait until it is over, or Slack announces that it will be."""
        return await asyncio.shield(self._end)

    async def over(self) -> None:
        """Wait until nothing more can come."""
        await self._over.wait()

    @property
    def pong_age(self) -> float:
        """Seconds since Slack last answered a ping; since the beginning, where it never did."""
        return self._loop.time() - self._pong_at

    @property
    def is_open(self) -> bool:
        """Whether an answer could still leave."""
        return not self._over.is_set() and not self._ws.closed

    async def send(self, answer: Envelope) -> None:
        """Raises `ConnectionError` or `aiohttp.ClientError` where it is gone."""
        await self._ws.send_str(json.dumps(answer))

    async def close(self, within: float) -> None:
        """Say good-bye, with at most that long for Slack's; returns when no task is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(within):
                await self._ws.close()
        except (TimeoutError, ConnectionError, aiohttp.ClientError):
            logger.warning("Slack did not close the connection in time")
        self._is_over(End.CLOSED)

    async def _read(self) -> None:
        try:
            while (message := await self._ws.receive()).type not in _ENDED:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
                elif message.type is aiohttp.WSMsgType.PONG:
                    self._unanswered, self._pong_at = 0, self._loop.time()
                elif message.type is aiohttp.WSMsgType.PING:
                    await self._ws.pong(message.data)
        except (ConnectionError, aiohttp.ClientError) as error:
            logger.info("the connection to Slack broke (%s)", type(error).__name__)
        self._is_over(End.CLOSED)

    def _hear(self, text: str) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            return
        match message.get("type"):
            case "hello" if not self._greeted.done():
                self._pong_at = self._loop.time()
                self._greeted.set_result(None)
            case "disconnect" if not self._end.done():
                logger.info("Slack announces the end of this connection (%s)", message.get("reason"))
                self._end.set_result(End.REFRESH)
            case _ if message.get("envelope_id"):
                self._take(self, message)

    async def _ping(self) -> None:
        """By the number of pings unanswered, not by the time: a process that stood still may read first."""
        while self._unanswered < MISSED:
            self._unanswered += 1
            try:
                async with asyncio.timeout(self._ping_seconds):
                    await self._ws.ping()
            except (TimeoutError, ConnectionError, aiohttp.ClientError):
                pass  # counted as unanswered
            await asyncio.sleep(self._ping_seconds)
        self._is_over(End.SILENT)

    def _is_over(self, why: End) -> None:
        if not self._end.done():
            self._end.set_result(why)
        self._over.set()


_ENDED = (
    aiohttp.WSMsgType.CLOSE,
    aiohttp.WSMsgType.CLOSING,
    aiohttp.WSMsgType.CLOSED,
    aiohttp.WSMsgType.ERROR,
)
