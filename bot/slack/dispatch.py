"""The one path that both transports share: a payload goes in, an answer comes out."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slack is told: an HTTP status, and a JSON object, a text or nothing."""

    status: int
    body: str | dict[str, Any] | None = None


Payload = dict[str, Any]
Dispatch = Callable[[Payload], Awaitable[Answer]]


def log_unexpected(what: str, error: BaseException) -> str:
    """Log an error nobody expected, with its traceback, and return the reference id it can be found by."""
    reference = secrets.token_hex(4)
    logger.error("%s failed, reference %s", what, reference, exc_info=error)
    return reference


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
        """What the app's listeners acknowledged with. Never raises: see `safely`."""
        return await safely(self._listen, payload)

    async def _listen(self, payload: Payload) -> Answer:
        request = AsyncBoltRequest(mode="socket_mode", body=payload)
        return _answer(await self._app.async_dispatch(request))


def _answer(response: BoltResponse) -> Answer:
    if not response.body:
        return Answer(response.status)
    if response.headers.get("content-type", [""])[0].startswith("application/json"):
        return Answer(response.status, json.loads(response.body))
    return Answer(response.status, response.body)
