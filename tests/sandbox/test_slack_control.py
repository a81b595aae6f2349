"""The control API acts as people do, and only for whoever sits at this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack

CARD = [
    {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}],
    }
]


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(ManualClock())
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
async def session(slack: LocalSlack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.url) as session:
        yield session


async def post(session: aiohttp.ClientSession, name: str, **body: Any) -> dict[str, Any]:
    async with session.post(f"/control/{name}", json=body) as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def get(session: aiohttp.ClientSession, name: str, **query: str) -> dict[str, Any]:
    async with session.get(f"/control/{name}", params=query) as response:
        answer: dict[str, Any] = await response.json()
        return answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Content-Type": "text/plain"},
    ],
)
async def test_other_hosts_origins_and_forms_are_refused(
    session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    kind = {"Content-Type": "application/json"}
    async with session.post("/control/advance", data='{"seconds": 5}', headers=kind | headers) as response:
        assert response.status in (403, 415)
    assert (await get(session, "workspace"))["now"] == "2026-03-02T09:00:00+00:00"


async def test_a_person_acts_and_looks(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    failed = await post(session, "command", **{"as": "U0ENG1", "command": "/imei", "channel": "C0FIELD"})
    assert failed["result"]["code"] == "dispatch_failed"
    await AsyncWebClient(token=slack.bot_token, base_url=slack.api_url).chat_postMessage(
        channel="C0FIELD", text="card", blocks=CARD
    )
    seen = await get(session, "messages", **{"as": "U0ENG1", "channel": "C0FIELD"})
    (card,) = seen["messages"]
    target = {"as": "U0ENG1", "channel": "C0FIELD", "ts": card["ts"]}
    assert (await post(session, "click", **target, action_id="go"))["ok"]
    assert not (await post(session, "click", **target, action_id="stop"))["ok"]
    assert len((await get(session, "deliveries"))["deliveries"]) == 2
    assert (await get(session, "requests"))["requests"][0]["method"] == "chat.postMessage"
    assert (await get(session, "screen", **{"as": "U0ENG1"}))["modals"] == []


@pytest.mark.parametrize("text", [None, {}, ["a"], 7])
async def test_what_is_no_text_is_not_said(
    slack: LocalSlack, session: aiohttp.ClientSession, text: object
) -> None:
    said = await post(session, "say", **{"as": "U0ENG1", "channel": "C0FIELD", "text": text})
    assert said == {"ok": False, "error": "not understood: text must be a string"}
    assert slack.messages("C0FIELD") == []


async def test_an_endless_number_is_refused_in_a_sentence(session: aiohttp.ClientSession) -> None:
    assert "not understood" in (await post(session, "advance", seconds=float("inf")))["error"]
    wrong = {"method": "auth.test", "retry_after": float("inf")}
    assert "not understood" in (await post(session, "rate_limit", **wrong))["error"]


@pytest.mark.parametrize(
    "path", ["/api/auth.test", "/link/", "/hooks/commands/T/k", "/upload/v1/F1", "/files-pri/T-F/x"]
)
async def test_what_slack_serves_to_apps_is_for_no_browser_and_by_no_other_name(
    session: aiohttp.ClientSession, path: str
) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:x"},
        {"Origin": "null"},
        {"Origin": str(session._base_url).rstrip("/")},
    ):
        method = "GET" if path.startswith(("/link/", "/files-pri/")) else "POST"
        async with session.request(method, path, headers=headers) as response:
            assert response.status == 403, headers
    async with session.post("/api/auth.test") as response:
        assert response.status == 200


async def test_time_groups_scopes_and_failures_are_set(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    assert (await post(session, "advance", seconds=60))["now"] == "2026-03-02T09:01:00+00:00"
    assert (await post(session, "group", id="S0SUPPORT", users=["U0ENG1"]))["ok"]
    assert slack.workspace.groups["S0SUPPORT"].users == ["U0ENG1"]
    assert (await post(session, "scopes", scopes=["chat:write"]))["ok"]
    assert slack.scopes == {"chat:write"}
    assert (await post(session, "fail", method="auth.test", error="fatal_error"))["ok"]
    assert not (await post(session, "fail", method="auth.test"))["ok"]
