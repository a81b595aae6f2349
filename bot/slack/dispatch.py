"""The one path that both transports share: a payload goes in, an answer comes out."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.services import traces
from bot.slack.shapes import understood

logger = logging.getLogger(__name__)


ACK_PATIENCE = 2.0
"""Real seconds that work waits for its ack to leave; then it goes on all the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack is told: an HTTP status, and a JSON object, a text or nothing.

    The transport sets `sent` once it has left: only then may work begin that changes the same modal.
    """

    status: int
    body: str | dict[str, Any] | None = None
    sent: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)


Payload = dict[str, Any]
Dispatch = Callable[[Payload], Awaitable[Answer]]


Acked = Callable[[str, int, float], None]
"""Hears of every ack: the kind of its payload, its status, and how many seconds it took to leave."""

KINDS = (
    "block_actions",
    "block_suggestion",
    "command",
    "event",
    "message_action",
    "shortcut",
    "view_closed",
    "view_submission",
    "other",
)
"""Of payloads; the last one: none of these."""


def deaf(*_: object) -> None:
    """Hears nothing."""


def kind_of(payload: Payload) -> str:
    """One of `KINDS`."""
    if "command" in payload:
        return "command"
    if "event" in payload:
        return "event"
    kind = payload.get("type")
    return kind if isinstance(kind, str) and kind in KINDS else "other"


class heard:  # noqa: N801  reads as what it does: with heard(payload, on_acked) as ack
    """One payload, from its arrival to its ack: whatever is logged meanwhile, and for it later, has an id.

    Whoever uses it sets `status`, once it is known.
    """

    __slots__ = ("_on_acked", "_payload", "_started", "_token", "status")

    def __init__(self, payload: Payload, on_acked: Acked) -> None:
        self._payload = payload
        self._on_acked = on_acked
        self.status = 500

    def __enter__(self) -> heard:
        self._started = time.perf_counter()
        self._token = traces.enter(f"{random.getrandbits(48):012x}")
        return self

    def __exit__(self, *_: object) -> None:
        kind, seconds = kind_of(self._payload), time.perf_counter() - self._started
        self._on_acked(kind, self.status, seconds)
        logger.debug("%s acked with %d in %.1f ms", kind, self.status, 1000 * seconds)
        traces.leave(self._token)


def log_unexpected(what: str, error: BaseException) -> str:
    """Log an error nobody expected, with its traceback, and return the reference id it can be found by."""
    reference = secrets.token_hex(4)
    named = {"reference": reference}
    logger.error("%s failed, reference %s", what, reference, exc_info=error, extra=named)
    return reference


_ack_sent: ContextVar[asyncio.Event | None] = ContextVar("ack_sent", default=None)


async def ack_sent() -> None:
    """Wait until the ack of the payload that this task was started for has left."""
    event = _ack_sent.get()
    if event is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), ACK_PATIENCE)


async def safely(dispatch: Dispatch, payload: Payload) -> Answer:
    """Dispatch; an error that got out is logged under a reference id and answered with 500."""
    try:
        return await dispatch(payload)
    except Exception as error:  # noqa: BLE001  the process's edge: logged with its traceback
        reference = log_unexpected("A request from Slack", error)
        return Answer(500, f"Something went wrong here; reference {reference}.")


class BoltDispatch:
    """Hands payloads to a Bolt app, always in the form of Socket Mode.

    Bolt's own HTTP parsing drops a command whose text contains the word "payload", and its signature check
    logs bodies; transports verify and parse before this point.
    """

    def __init__(self, app: AsyncApp) -> None:
        self._app = app

    async def __call__(self, payload: Payload) -> Answer:
        """What the app's listeners acknowledged with; 400 where no listener could make sense of it.

        Never raises: see `safely`.
        """
        whole = understood(payload)
        if whole is None:
            logger.warning("A payload of a shape that Slack's do not have was refused")
            return Answer(400)
        return await safely(self._listen, whole)

    async def _listen(self, payload: Payload) -> Answer:
        sent = asyncio.Event()
        _ack_sent.set(sent)
        request = AsyncBoltRequest(mode="socket_mode", body=payload)
        return replace(_answer(await self._app.async_dispatch(request)), sent=sent)


def _answer(response: BoltResponse) -> Answer:
    if not response.body:
        return Answer(response.status)
    if response.headers.get("content-type", [""])[0].startswith("application/json"):
        return Answer(response.status, json.loads(response.body))
    return Answer(response.status, response.body)
