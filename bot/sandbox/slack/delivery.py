"""How a payload gets to the bot, over HTTP or a socket, within three seconds of the one clock."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.disturbance import Disturbance, Way
from bot.sandbox.slack.outcomes import settle
from bot.sandbox.slack.sockets import NoConnection, SocketHub
from bot.sandbox.slack.state import Delivery, State
from bot.sandbox.slack.workspace import unix

ACK_SECONDS = 3.0
EVENT_RETRIES = (0.0, 60.0, 300.0)
STALE_SECONDS = 6 * 60
TROUBLE_WITH_FORM = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status and a body, or Slack's word for why nothing did."""

    status: int | None = None
    body: Any = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Tampering:
    """What is wrong with the request on purpose (HTTP only)."""

    bad_signature: bool = False
    stale: bool = False


HONEST = Tampering()


class Courier:
    """Delivers payloads, keeps their log, applies what the ack says."""

    def __init__(self, state: State, hub: SocketHub) -> None:
        self._state = state
        self._hub = hub
        self._session: aiohttp.ClientSession | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.http_url: str | None = None
        self.disturbance: Disturbance | None = None

    async def deliver(
        self,
        payload: JSON,
        kind: str,
        *,
        delay: float = 0,
        duplicate: bool = False,
        tampering: Tampering = HONEST,
        retry: bool = True,
    ) -> Delivery:
        """Send a payload and wait for its ack or the end of the 3 s.

        A duplicate carries the same bytes, signature and envelope id, at the same time; the first
        delivery is returned, both are in the log. Events that fail are repeated as Slack does.
        """
        if self.http_url is None and tampering != HONEST:
            raise ValueError("Socket Mode has no signatures")
        way = self.disturbance.way() if self.disturbance else Way()
        if delay or way.delay:
            await self._state.clock.sleep(delay + way.delay)
        envelope_id = str(uuid.uuid4())
        if way.copy_after is not None:
            self._spawn(self._copy(way.copy_after, payload, kind, envelope_id, tampering))
        copies = [self._attempt(payload, kind, envelope_id, tampering) for _ in range(2 if duplicate else 1)]
        first = (await asyncio.gather(*copies))[0]
        if kind == "events_api" and not first.acked and retry:
            self._spawn(self._repeat_event(payload))
        return first

    async def close(self) -> None:
        """Drop what is still to be repeated, and the connection pool."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _attempt(
        self, payload: JSON, kind: str, envelope_id: str, tampering: Tampering, attempt: int = 0
    ) -> Delivery:
        now = self._state.clock.now()
        delivery = Delivery(kind, payload, now, attempt=attempt)
        alarm = asyncio.ensure_future(self._state.clock.sleep(ACK_SECONDS))
        # The 3 s run before anybody can see the payload in flight: whoever then moves the clock moves them.
        await asyncio.sleep(0)
        self._state.deliveries.append(delivery)
        with self._state.awaiting_ack():
            if self.http_url is not None:
                carrying = self._by_http(self.http_url, payload, kind, tampering, attempt)
            else:
                carrying = self._by_socket(payload, kind, envelope_id, attempt)
            answer = await _before(alarm, carrying)
            delivery.seconds = (self._state.clock.now() - now).total_seconds()
            _note(delivery, answer)
            settle(self._state, delivery)
        return delivery

    async def _by_socket(self, payload: JSON, kind: str, envelope_id: str, attempt: int) -> Answer:
        try:
            body = await self._hub.send(kind, payload, attempt=attempt, envelope_id=envelope_id)
        except NoConnection:
            return Answer(code="dispatch_failed")
        return Answer(status=200, body=body)

    async def _by_http(
        self, url: str, payload: JSON, kind: str, tampering: Tampering, attempt: int
    ) -> Answer:
        content_type, body = encoded(payload, kind)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= self.signature_headers(body, tampering)
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return Answer(response.status, _body(await response.text(), response.content_type))
        except TimeoutError:
            return Answer(code="operation_timeout")
        except aiohttp.ClientError:
            return Answer(code="dispatch_failed")

    def signature_headers(self, body: bytes, tampering: Tampering = HONEST) -> dict[str, str]:
        """Timestamp and signature over exactly these bytes."""
        age = STALE_SECONDS if tampering.stale else 0
        timestamp = str(unix(self._state.clock.now()) - age)
        secret = self._state.signing_secret + ("x" if tampering.bad_signature else "")
        base = b"v0:" + timestamp.encode() + b":" + body
        digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}

    async def _copy(
        self, after: float, payload: JSON, kind: str, envelope_id: str, tampering: Tampering
    ) -> None:
        await self._state.clock.sleep(after)
        await self._attempt(payload, kind, envelope_id, tampering)

    async def _repeat_event(self, payload: JSON) -> None:
        for attempt, pause in enumerate(EVENT_RETRIES, start=1):
            await self._state.clock.sleep(pause)
            delivery = await self._attempt(payload, "events_api", str(uuid.uuid4()), HONEST, attempt)
            if delivery.acked:
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _before(alarm: asyncio.Future[None], carrying: Coroutine[Any, Any, Answer]) -> Answer:
    carry = asyncio.ensure_future(carrying)
    try:
        both: set[asyncio.Future[Any]] = {carry, alarm}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return carry.result() if carry.done() else Answer(code="operation_timeout")
    finally:
        carry.cancel()
        alarm.cancel()
        await asyncio.gather(carry, alarm, return_exceptions=True)


def kind_of(payload: JSON) -> str:
    """The kind of envelope that a payload travels in."""
    if "command" in payload:
        return "slash_commands"
    return "events_api" if payload.get("type") == "event_callback" else "interactive"


def encoded(payload: JSON, kind: str) -> tuple[str, bytes]:
    """Content type and bytes of a payload over HTTP."""
    if kind == "events_api":
        return "application/json", json.dumps(payload, ensure_ascii=False).encode()
    fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload, ensure_ascii=False)}
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


def _body(text: str, content_type: str) -> Any:
    if not text:
        return None
    if content_type == "application/json":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _note(delivery: Delivery, answer: Answer) -> None:
    delivery.status, delivery.body = answer.status, answer.body
    delivery.code = answer.code or _code_of(answer.status)
    delivery.acked = delivery.code is None
    if delivery.code is not None:
        delivery.error = _shown(delivery.payload, delivery.code)


def _code_of(status: int | None) -> str | None:
    if status is None or 200 <= status < 300:
        return None
    return "http_service_error" if status >= 500 else "http_client_error"


def _shown(payload: JSON, code: str) -> str:
    if "command" in payload:
        return f'{payload["command"]} failed with the error "{code}"'
    if payload.get("type") == "view_submission":
        return f"{TROUBLE_WITH_FORM} ({code})"
    if code == "operation_timeout":
        return "Operation timed out. Apps need to respond within 3 seconds. (operation_timeout)"
    return f"This app responded with an error. ({code})"
