"""Slack's requests over Socket Mode: the bot calls out, no public address is needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiohttp
from cachetools import TTLCache

from bot.services.ports import Clock
from bot.slack.background import Background
from bot.slack.connection import Connection, Envelope
from bot.slack.dispatch import Acked, Answer, Dispatch, Payload, deaf, heard, safely
from bot.slack.keeper import HELLO_SECONDS, LINGER_SECONDS, Keeper

logger = logging.getLogger(__name__)

PING_SECONDS = 2.0
"""A connection that fell silent is given up after two of these, and opened anew."""
_REMEMBERED = 10_000
_REMEMBER_SECONDS = 600.0


class TransportFailed(Exception):
    """Slack can't be reached this way, and trying again won't help. The message is for the operator."""


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
        self._grace_seconds = grace_seconds
        self._on_acked = on_acked
        self._in_hand = Background()
        self._answers: TTLCache[str, asyncio.Task[Answer]] = TTLCache(
            _REMEMBERED, _REMEMBER_SECONDS, timer=lambda: clock.now().timestamp()
        )
        self._keeper = Keeper(
            self._take,
            app_token=app_token,
            api_url=api_url,
            ping_seconds=ping_seconds,
            hello_seconds=hello_seconds,
            linger_seconds=linger_seconds,
            on_connected=on_connected,
        )
        self._stopping = False

    async def start(self) -> None:
        """Return when Slack said hello. While it can't be reached, keep trying.

        Raises `TransportFailed` where Slack refuses the token.
        """
        self._keeper.start()
        await self._keeper.settled.wait()
        if self._keeper.refused.is_set():
            await self._keeper.stop(self._grace_seconds)
            raise TransportFailed(self._keeper.refusal)

    async def failed(self) -> TransportFailed:
        """Wait until Slack refuses the token while running, however long; returns what to say."""
        await self._keeper.refused.wait()
        return TransportFailed(self._keeper.refusal)

    async def stop(self) -> None:
        """Take no more envelopes, wait for the answers in hand, then close."""
        self._stopping = True
        for name in await self._in_hand.drain(self._grace_seconds):
            logger.warning("%s was not answered before the end", name)
        await self._keeper.stop(self._grace_seconds)

    def last_pong_age(self) -> float | None:
        """Seconds since Slack last answered a ping; None where there is no connection that said hello."""
        current = self._keeper.current
        return None if current is None or not current.is_open else current.pong_age

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
        if not connection.is_open and self._keeper.current is not None:
            connection = self._keeper.current
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
