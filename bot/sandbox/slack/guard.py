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
    """Middleware: what is the bot's answers no browser, and everything else only its own page."""
    if request.path.startswith(FOR_THE_BOT):
        return _wrong_host(request) or _from_a_page(request) or await handler(request)
    return refusal(request) or await handler(request)


async def page_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What the application runs before each answer leaves: nothing from outside, nothing kept."""
    if not request.path.startswith(FOR_THE_BOT):
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)


def refusal(request: web.Request) -> web.Response | None:
    """For whoever came by another name, from another origin, or with a form of another page."""
    if wrong := _wrong_host(request):
        return wrong
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return refused("wrong origin", 403)
    by_link = request.path == "/" and request.method == "GET"
    if not by_link and request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return refused("wrong site", 403)
    if request.method not in ("GET", "HEAD") and request.content_type != "application/json":
        return refused("JSON only", 415)
    return None


def _wrong_host(request: web.Request) -> web.Response | None:
    """A name of somebody else's may be made to lead here; an address with our port can't."""
    try:
        own = urlsplit(f"http://{request.host}")
        ours = own.hostname in ("127.0.0.1", "localhost") and own.port == _port(request)
    except ValueError:
        ours = False
    return None if ours else refused("wrong host", 403)


def _from_a_page(request: web.Request) -> web.Response | None:
    """Only browsers name an origin; no app does, and no page has any business on an app's paths."""
    return refused("not for pages", 403) if "Origin" in request.headers else None


def refused(error: str, status: int = 400) -> web.Response:
    """The answer to what was not done: the sentence, as the page shows it."""
    answer: JSON = {"ok": False, "error": error}
    return web.json_response(answer, status=status)


def _port(request: web.Request) -> int | None:
    address = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return int(address[1]) if address else None
