"""Paths of the page that answer in JSON: what can't be done is said in a sentence, with status 400."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.sandbox.slack.guard import Handler, refused

JSON = dict[str, Any]


def looks(path: str, look: Callable[[web.Request], JSON]) -> web.RouteDef:
    """GET: what is there."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return _answered(lambda: look(request))

    return web.get(path, handle)


def acts(path: str, act: Callable[[JSON], JSON], changed: Callable[[], None]) -> web.RouteDef:
    """POST: do it, and say that something has changed."""
    return web.post(path, _acting(act, changed))


def _acting(act: Callable[[JSON], JSON], changed: Callable[[], None]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return refused("a JSON object is needed")
        answer = _answered(lambda: act(body))
        changed()
        return answer

    return handle


def _answered(work: Callable[[], JSON]) -> web.Response:
    try:
        return web.json_response({"ok": True, **work()})
    except KeyError as missing:
        return refused(f"missing or unknown: {missing}")
    except (TypeError, ValueError, OverflowError) as no:
        return refused(str(no))
