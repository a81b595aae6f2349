"""The way in and out of the local vendor: the log, the faults, and the check of the token."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from bot.sandbox.monogoto import answers
from bot.sandbox.monogoto.calls import Call, readable
from bot.sandbox.monogoto.faults import NEED_KEYS, Fault, Faults
from bot.sandbox.monogoto.incoming import FAULT
from bot.sandbox.monogoto.settings import Settings
from bot.sandbox.monogoto.tokens import Tokens
from bot.services.ports import Clock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Watcher = Callable[[Call, bytes], None]
"""Told of every call once it is over, with the answer's body; b"" where no answer was sent."""
Doorkeeper = Callable[[Call], None]
"""Told of every call as it arrives, before anything is done about it."""

_KEPT: Final = 20_000
_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body>nginx & friends</body></html>"
_WRITES: Final = frozenset({"PUT", "POST", "PATCH", "DELETE"})
_IN_HANDLER: Final = NEED_KEYS | {"does_not_stick", "seen_late", "cas_moves_first", "wrong_thing"}
_AFTER: Final = frozenset({"drop_after", "error_after", "truncated_json", "hang_after"})


class Delivery:
    """Every call but the control API's passes through here."""

    def __init__(self, clock: Clock, settings: Settings, tokens: Tokens, faults: Faults) -> None:
        self._clock = clock
        self._settings = settings
        self._tokens = tokens
        self._faults = faults
        self._stopping = asyncio.Event()
        self.calls: deque[Call] = deque(maxlen=_KEPT)
        self.watchers: list[Watcher] = []
        self.doorkeepers: list[Doorkeeper] = []
        self._landing: set[asyncio.Task[None]] = set()
        self.count = 0
        self.in_flight = 0

    def stop(self) -> None:
        """Let go of everything that hangs."""
        self._stopping.set()

    async def deliver(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Log the call, let happen what has to go wrong, and answer."""
        self.count += 1
        body = readable(await request.read(), request.path)
        call = Call(self.count, self._clock.now(), request.method, request.path, dict(request.query), body)
        self.calls.append(call)
        for doorkeeper in self.doorkeepers:
            doorkeeper(call)
        self.in_flight += 1
        try:
            fault = self._faults.pick(request.method, request.path)
            call.fault = fault.kind if fault else None
            response = await (
                self._faulty(fault, request, handler) if fault else self._admit(request, handler)
            )
        except web.HTTPException as plain:
            response = answers.text(plain.text or "", plain.status)
        finally:
            self.in_flight -= 1
        call.status = response.status if request.transport and not request.transport.is_closing() else None
        for watcher in self.watchers:
            watcher(call, _body_of(response) if call.status else b"")
        return response

    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/Auth":
            if not self._tokens.good(request.headers.get("Authorization")):
                return answers.text("Unauthorized", 401)
            if request.method in _WRITES and self._settings.profile == "monitor":
                return answers.text("Forbidden", 403)
        return await handler(request)

    async def _faulty(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        if fault.kind in _IN_HANDLER:
            request[FAULT] = fault
            return await self._admit(request, handler)
        if fault.kind == "latency":
            await self._wait(fault.seconds)
            return await self._admit(request, handler)
        if fault.kind in _AFTER:
            answered = await self._admit(request, handler)
            return await self._after(fault, request, answered)
        if fault.kind == "lands_late":
            landing = asyncio.ensure_future(self._land(fault.seconds, request, handler))
            self._landing.add(landing)
            landing.add_done_callback(self._landing.discard)
            return _cut_off(request)
        if fault.kind == "hang":
            await self._stopping.wait()
        if fault.kind in {"hang", "drop_before"}:
            return _cut_off(request)
        return _instead(fault)

    async def _land(self, seconds: float, request: web.Request, handler: Handler) -> None:
        """What was on its way for so long arrives, unless the server has stopped meanwhile."""
        await self._wait(seconds)
        if not self._stopping.is_set():
            await self._admit(request, handler)

    async def _after(
        self, fault: Fault, request: web.Request, answered: web.StreamResponse
    ) -> web.StreamResponse:
        if fault.kind == "error_after":
            return answers.json({"error": "Internal Server Error"}, 500)
        if fault.kind == "truncated_json" and isinstance(answered, web.Response):
            whole = answered.body if isinstance(answered.body, bytes) else b""
            return web.Response(
                body=whole[: len(whole) // 2], status=answered.status, content_type="application/json"
            )
        if fault.kind == "hang_after":
            await self._stopping.wait()
        return _cut_off(request)

    async def _wait(self, seconds: float) -> None:
        """On the clock, but not longer than the server runs."""
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _body_of(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else b""
    return body if isinstance(body, bytes) else b""


def _cut_off(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _instead(fault: Fault) -> web.Response:
    """An answer from something on the way; the call never reached the vendor's code."""
    if fault.kind == "rate_limited":
        headers = {"Retry-After": f"{fault.seconds:g}"}
        return web.json_response({"message": "Too Many Requests"}, status=429, headers=headers)
    if fault.kind == "unauthorized":
        return answers.text("Unauthorized", 401)
    if fault.kind == "refused":
        return answers.json({"message": "Invalid Input Data"}, fault.status or 400)
    if fault.kind in {"error_html", "html_200"}:
        status = (fault.status or 502) if fault.kind == "error_html" else 200
        return web.Response(text=_HTML, status=status, content_type="text/html")
    if fault.kind == "redirect":
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"})
    if fault.kind == "too_long":
        return answers.json(["x" * 1024] * 4096)
    return answers.json({"error": "Internal Server Error"}, fault.status or 500)
