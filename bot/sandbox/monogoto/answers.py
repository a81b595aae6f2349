"""The vendor's answers, in all the shapes that its documents leave open."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.sandbox.monogoto.settings import StaleCas, UnknownId


def text(body: str, status: int = 200) -> web.Response:
    """Plain text, as most of the vendor's confirmations are."""
    return web.Response(text=body, status=status)


def json(body: Any, status: int = 200) -> web.Response:
    """JSON."""
    return web.json_response(body, status=status)


def unknown_id(mode: UnknownId, wanted: str) -> web.Response:
    """For an id that nobody holds."""
    match mode:
        case "404_text":
            return text("Thing not found", 404)
        case "404_json":
            return json({"statusCode": 404, "message": f"{wanted} does not exist"}, 404)
        case "200_null":
            return json(None)
        case "200_empty":
            return json({})
        case "400":
            return text(f"Unknown thing {wanted}", 400)
        case "500":
            return json({"error": "CouchbaseError: The key does not exist on the server"}, 500)


def stale_cas(mode: StaleCas) -> web.Response:
    """For a write whose `cas` is not the present one."""
    if mode == "200":
        return text("Thing undefined not saved: cas mismatch.")
    if mode == "400":
        return json({"message": "Invalid Input Data"}, 400)
    if mode == "500":
        return json({"error": "key already exists, or cas mismatch"}, 500)
    return text("The Thing has been changed meanwhile", int(mode))
