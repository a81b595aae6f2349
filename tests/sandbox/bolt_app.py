"""A small app made with Bolt that talks to a local Slack over either transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import LocalSlack

Listeners = Callable[[AsyncApp], None]
Close = Callable[[], Awaitable[None]]


def bolt_app(slack: LocalSlack, listeners: Listeners) -> AsyncApp:
    """The app, with what `listeners` adds to it."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    app = AsyncApp(client=client, request_verification_enabled=False, signing_secret=slack.signing_secret)
    listeners(app)
    return app


async def over_sockets(slack: LocalSlack, listeners: Listeners) -> Close:
    """Connect it by Socket Mode; what ends it."""
    handler = AsyncSocketModeHandler(bolt_app(slack, listeners), slack.app_token)
    await handler.connect_async()
    await slack.connected()
    return handler.close_async


async def over_http(slack: LocalSlack, listeners: Listeners) -> Close:
    """Let Slack deliver to it; what ends it."""
    runner = web.AppRunner(bolt_app(slack, listeners).web_app("/slack/events"))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    return runner.cleanup
