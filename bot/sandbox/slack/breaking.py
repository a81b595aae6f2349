"""How a scripted failure looks on the wire."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.state import ApiRequest, State


async def break_off(
    state: State, request: web.Request, call: ApiRequest, fault: Fault, end_early: Callable[[], None]
) -> web.StreamResponse:
    """Answer wrongly, late or never. A lost answer is logged with status 0 and no body."""
    if fault.error is not None:
        call.answer, call.status = {"ok": False, "error": fault.error}, 200
        return web.json_response(call.answer)
    if fault.retry_after is not None:
        call.answer, call.status = {"ok": False, "error": "ratelimited"}, 429
        headers = {"Retry-After": str(fault.retry_after)}
        return web.json_response(call.answer, status=429, headers=headers)
    call.answer, call.status = {}, fault.status or 0
    if fault.status is not None:
        return web.Response(status=fault.status, text="<html>Sorry!</html>", content_type="text/html")
    if fault.timeout:
        # Nobody works on a call that hangs: a test that waits for quiet must not wait for it.
        end_early()
        await state.closing.wait()
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
