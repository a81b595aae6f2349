"""The page: what it is made of, who may reach it, and that it can draw whatever Slack takes."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack import block_kit_table as table
from bot.sandbox.slack.block_kit_elements import (
    BUTTONS,
    DATE_AND_TIME,
    FILE_INPUT,
    IMAGE,
    INPUTS,
    MULTI_SELECTS,
    PICKERS,
    SELECTS,
)
from bot.sandbox.slack.listing import Command, Listing, Shortcut

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "bot" / "sandbox" / "page"
SOURCES = sorted(path for path in PAGE.iterdir() if path.suffix in {".js", ".css", ".html"})
OWN = sorted(path for path in PAGE.glob("*.js") if path.stem not in {"monogoto", "guide"})


async def hello(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    more = [web.get("/control/monogoto/hello", hello), web.post("/control/monogoto/hello", hello)]
    slack = LocalSlack(ManualClock(), routes=more)
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
async def session(slack: LocalSlack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.url) as session:
        yield session


async def status(session: aiohttp.ClientSession, method: str, path: str, **more: Any) -> int:
    async with session.request(method, path, **more) as response:
        return response.status


async def test_the_page_and_all_that_it_loads_come_from_here_and_nothing_else_may(
    session: aiohttp.ClientSession,
) -> None:
    async with session.get("/") as response:
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        html = await response.text()
    loaded = re.findall(r'(?:src|href)="(/page/[^"]+)"', html)
    assert "/page/main.js" in loaded
    for path in loaded:
        if (PAGE / path.removeprefix("/page/")).exists():
            assert await status(session, "GET", path) == 200, path


def test_an_installed_package_has_the_page_too() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["bot.sandbox"]
    package = PAGE.parent
    assert {path for pattern in patterns for path in package.glob(pattern)} >= set(PAGE.iterdir())


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_a_module_imports_only_modules_that_are_there(path: Path) -> None:
    for name in re.findall(r'^import .*?from "(.+?)";', path.read_text(), re.MULTILINE | re.DOTALL):
        assert (PAGE / name).is_file(), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_text_of_anybody_can_become_markup_and_no_file_comes_from_outside(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
    )
    assert not re.search(r"""(?:src=|href=|url\(|@import|from)\s*["']?(?:https?:)?//""", text)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_a_module_of_the_page_is_short_and_says_what_it_is_for(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < 300
    assert lines[0].startswith("/** ")


@pytest.mark.parametrize(
    "path",
    ["/page/../slack/control.py", "/page/%2e%2e/server.py", "/page/..%2fslack%2fcontrol.py", "/page/x.py"],
)
async def test_only_the_pages_own_files_are_served(session: aiohttp.ClientSession, path: str) -> None:
    assert await status(session, "GET", path) == 404


@pytest.mark.parametrize(
    "path", ["/", "/page/main.js", "/control/workspace", "/control/feed", "/control/monogoto/hello"]
)
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
async def test_another_host_or_origin_gets_nothing(
    session: aiohttp.ClientSession, path: str, headers: dict[str, str]
) -> None:
    assert await status(session, "GET", path, headers=headers) == 403


async def test_another_site_can_open_the_page_and_reach_nothing_behind_it(
    session: aiohttp.ClientSession,
) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert await status(session, "GET", "/", headers=elsewhere) == 200
    assert await status(session, "GET", "/control/workspace", headers=elsewhere) == 403
    assert (
        await status(session, "GET", "/control/workspace", headers={"Sec-Fetch-Site": "same-origin"}) == 200
    )


async def test_added_routes_pass_the_same_guard(session: aiohttp.ClientSession) -> None:
    assert await status(session, "POST", "/control/monogoto/hello", json={}) == 200
    assert await status(session, "POST", "/control/monogoto/hello", data="a=b") == 415


async def heard(response: aiohttp.ClientResponse) -> dict[str, Any]:
    while True:
        line = (await response.content.readline()).decode()
        assert line, "the feed has ended"
        if line.startswith("data: "):
            event: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return event


async def test_the_feed_tells_of_every_kind_of_change(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    async with session.get("/control/feed?as=U0ENG1") as response:
        assert response.content_type == "text/event-stream"
        first = await heard(response)
        slack.person("U0ENG2").say("C0FIELD", "hello")
        said = await heard(response)
        assert said["what"] == "slack"
        assert said["seq"] > first["seq"]
        slack.feed.announce("monogoto")
        assert (await heard(response))["what"] == "monogoto"
        async with session.post("/api/auth.test") as call:
            assert call.status == 200
        assert (await heard(response))["what"] == "slack"


async def test_a_page_that_comes_hears_every_kind_and_which_round_it_is(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    slack.feed.begin(3, "monogoto")
    for _ in range(2):
        async with session.get("/control/feed?as=U0ENG1") as response:
            told = [await heard(response), await heard(response)]
        assert [event["what"] for event in told] == ["slack", "monogoto"]
        assert [event["round"] for event in told] == [3, 3]


async def test_the_feed_ends_when_slack_ends(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    async with session.get("/control/feed?as=U0ENG1") as response:
        await heard(response)
        await slack.stop()
        assert (await response.content.read()).strip() == b""


async def test_many_changes_in_one_breath_are_told_once(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    async with session.get("/control/feed?as=U0ENG1") as response:
        first = await heard(response)
        for _ in range(50):
            slack.feed.announce()
        assert (await heard(response))["seq"] == first["seq"] + 50
        slack.feed.announce("monogoto")
        assert (await heard(response))["what"] == "monogoto"


def test_the_manifest_says_what_the_workspace_lists() -> None:
    listing = Listing.from_manifest(yaml.safe_load((ROOT / "manifest.yml").read_text()))
    first = listing.commands[0]
    assert (first.command, first.usage_hint) == ("/lock-thing", "[ICCID] [IMEI]")
    assert all(command.description and command.usage_hint for command in listing.commands)
    assert listing.messages_tab_read_only


def test_a_manifest_lists_shortcuts_and_an_empty_one_lists_nothing() -> None:
    shortcut = {"name": "Lock", "type": "global", "callback_id": "lock", "description": "Lock a SIM"}
    listing = Listing.from_manifest(
        {"features": {"shortcuts": [shortcut], "app_home": {"home_tab_enabled": True}}}
    )
    assert listing.shortcuts == (Shortcut("lock", "Lock", "global", "Lock a SIM"),)
    assert listing.home_tab
    assert Listing.from_manifest({}) == Listing(home_tab=False)


async def test_the_workspace_gives_commands_with_their_hints_and_people_with_their_roles() -> None:
    slack = LocalSlack(ManualClock(), listing=Listing((Command("/imei", "All commands", "help"),)))
    await slack.start()
    try:
        async with aiohttp.ClientSession(slack.url) as session, session.get("/control/workspace") as response:
            space = await response.json()
    finally:
        await slack.stop()
    hints = {"command": "/imei", "description": "All commands", "usage_hint": "help"}
    assert space["commands"] == [hints | {"should_escape": False}]
    roles = {user["id"]: user["roles"] for user in space["users"]}
    assert roles["U0ENG1"] == ["Field engineers"]
    assert roles["U0ADMIN"] == ["admin"]
    assert roles["U0GUEST"] == ["guest"]
    assert roles["U0OTHER"] == ["another company"]


def keys_of(constant: str, module: str) -> set[str]:
    """The names in an object literal of a module."""
    body = (PAGE / module).read_text().split(f"const {constant} = {{", 1)[1].split("\n};", 1)[0]
    return set(re.findall(r"^ {2}(\w+)(?::|,$)", body, re.MULTILINE))


def test_the_page_draws_every_block_that_slack_takes() -> None:
    taken = {*table.COMMON_BLOCKS, *table.CARD, *table.ALERT, *table.MESSAGE_ONLY}
    assert keys_of("BLOCKS", "blocks.js") == taken


def test_the_page_draws_every_element_that_slack_takes() -> None:
    kinds = (
        BUTTONS,
        PICKERS,
        DATE_AND_TIME,
        SELECTS,
        MULTI_SELECTS,
        INPUTS,
        FILE_INPUT,
        IMAGE,
        table.CONTEXT_TEXT,
    )
    assert keys_of("ELEMENTS", "blocks.js") == {name for kind in kinds for name in kind}
