"""Who may use the page and the control API: only the page itself, on this machine, by this address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.slack.answers import JSON

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FOR_THE_BOT = ("/api/", "/link/", "/hooks/", "/upload/", "/files-pri/")
"""What Slack serves to apps; everything else is for the person at this machine."""
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: whatever is not the bot's answers only its own page."""
    if request.path.startswith(FOR_THE_BOT):
        return await handler(request)
    return refusal(request) or await handler(request)


async def page_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What the application runs before each answer leaves: nothing from outside, nothing kept."""
    if not request.path.startswith(FOR_THE_BOT):
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)


def refusal(request: web.Request) -> web.Response | None:
    """For whoever came by another name, from another origin, or with a form of another page."""
    own = urlsplit(f"http://{request.host}")
    if own.hostname not in ("127.0.0.1", "localhost") or own.port != _port(request):
        return refused("wrong host", 403)
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return refused("wrong origin", 403)
    by_link = request.path == "/" and request.method == "GET"
    if not by_link and request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return refused("wrong site", 403)
    if request.method not in ("GET", "HEAD") and request.content_type != "application/json":
        return refused("JSON only", 415)
    return None


def refused(error: str, status: int = 400) -> web.Response:
    """The answer to what was not done: the sentence, as the page shows it."""
    answer: JSON = {"ok": False, "error": error}
    return web.json_response(answer, status=status)


def _port(request: web.Request) -> int | None:
    address = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return int(address[1]) if address else None
