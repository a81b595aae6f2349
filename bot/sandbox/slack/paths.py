"""Which path of the local Slack leads to what: the bot's side, the page, the control API."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from bot.sandbox.dates import dated
from bot.sandbox.slack import page
from bot.sandbox.slack.control import Control, Seat
from bot.sandbox.slack.guard import guard, page_headers
from bot.sandbox.slack.hooks import Hooks
from bot.sandbox.slack.sockets import SocketHub
from bot.sandbox.slack.state import State
from bot.sandbox.slack.web_api import WebApi

MOST_BYTES = 20 * 1024 * 1024


def application(state: State, hub: SocketHub, person: Seat, more: Iterable[web.RouteDef]) -> web.Application:
    """All paths; those in `more` are the page's too, and pass its guard."""
    app = web.Application(client_max_size=MOST_BYTES, middlewares=[guard])
    app.on_response_prepare.extend([dated(state.clock), page_headers])
    api, hooks = WebApi(state, hub), Hooks(state)
    app.router.add_route("*", "/api/{method}", api.handle)
    app.router.add_get("/link/", hub.handle)
    app.router.add_post("/hooks/{kind}/{team}/{key}", hooks.respond)
    app.router.add_post("/upload/v1/{file}", hooks.upload)
    app.router.add_get("/files-pri/{team}-{file}/{name}", hooks.download)
    app.router.add_get("/files-pri/{team}-{file}/download/{name}", hooks.download)
    app.router.add_get("/control/feed", state.feed.handle)
    app.router.add_routes([*page.routes(), *Control(state, person).routes(), *more])
    return app
