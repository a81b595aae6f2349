"""The page at `/` and its files: plain modules and styles from `bot/sandbox/page`, served as they are."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent.parent / "page"
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def routes() -> list[web.RouteDef]:
    """`/`, and `/page/<name>` for everything that it loads."""
    return [web.get("/", _index), web.get("/page/{name}", _asset)]


async def _index(_request: web.Request) -> web.Response:
    return web.Response(body=(FOLDER / "index.html").read_bytes(), content_type="text/html", charset="utf-8")


async def _asset(request: web.Request) -> web.Response:
    """A file that stands in the folder itself; a name is looked up, never joined to a path."""
    name = request.match_info["name"]
    for path in FOLDER.iterdir():
        if path.name == name and path.suffix in KINDS:
            return web.Response(body=path.read_bytes(), content_type=KINDS[path.suffix], charset="utf-8")
    return web.Response(status=404)
