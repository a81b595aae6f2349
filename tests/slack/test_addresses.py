"""Addresses that come in a payload or an answer: only Slack's own are written to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bot.slack.api import SlackApi, SlackError

FOREIGN = [
    "http://hooks.slack.com/commands/1",
    "https://hooks.slack.com.example.com/commands/1",
    "https://example.com/hooks.slack.com",
    "https://slack.com@example.com/",
    "https://a:b@hooks.slack.com/",
    "https://hooks.slack.com:8443/commands/1",
    "https://hooks.slack.com\\@example.com/",
    "https://[::1",
    "https://evilslack.com/",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "",
]


@pytest.fixture
async def api() -> AsyncIterator[SlackApi]:
    async with aiohttp.ClientSession() as session:
        yield SlackApi(token="xoxb-1", base_url="https://slack.com/api/", session=session)


@pytest.mark.parametrize("url", FOREIGN)
async def test_no_answer_and_no_file_goes_to_an_address_that_is_not_slacks(api: SlackApi, url: str) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        raise AssertionError("was asked for")
        yield b""

    with pytest.raises(SlackError, match="not one of Slack's"):
        await api.url(url, {"text": "secret"})
    with pytest.raises(SlackError, match="not one of Slack's"):
        await api.upload(url, nothing(), 0)


@pytest.mark.parametrize(
    "url",
    ["https://hooks.slack.com/commands/1", "https://hooks.slack-gov.com/actions/1", "https://slack.com/x"],
)
def test_slacks_own_addresses_are_known(api: SlackApi, url: str) -> None:
    assert api._is_slacks(url)


async def test_an_answer_follows_no_redirect() -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPTemporaryRedirect("/stolen")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        api = SlackApi(token="xoxb-1", base_url=f"{base}/api/", session=session)
        with pytest.raises(SlackError, match="HTTP 307"):
            await api.url(f"{base}/hooks/1", {"text": "secret"})
    await runner.cleanup()
    assert asked == ["/hooks/1"]
