"""What the page can ask for: what is new to somebody, files, what Slack refused, and joining a channel."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import CannotDo, LocalSlack
from bot.sandbox.slack.listing import Command, Listing

PLAIN = {"type": "plain_text"}


def form(**element: Any) -> dict[str, Any]:
    field = {"type": "file_input", "action_id": "f"} | element
    block = {"type": "input", "block_id": "file", "label": PLAIN | {"text": "File"}, "element": field}
    title, submit = PLAIN | {"text": "Bulk"}, PLAIN | {"text": "Go"}
    return {"type": "modal", "title": title, "submit": submit, "blocks": [block]}


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


@pytest.fixture
def client(slack: LocalSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


async def get(session: aiohttp.ClientSession, what: str, **query: str) -> dict[str, Any]:
    async with session.get(f"/control/{what}", params=query) as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def post(session: aiohttp.ClientSession, act: str, **body: Any) -> dict[str, Any]:
    async with session.post(f"/control/{act}", json=body) as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def news(session: aiohttp.ClientSession, user: str, channel: str = "C0FIELD") -> tuple[int, int, int]:
    """Unread messages, mentions, and unread replies of a channel, for somebody."""
    screen = await get(session, "screen", **{"as": user})
    (found,) = [each for each in screen["channels"] if each["id"] == channel]
    return found["unread"], found["mentions"], found["unread_replies"]


async def test_a_message_is_new_to_others_until_they_read_it(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    said = slack.person("U0ENG1").say("C0FIELD", "for <@U0APP1> and <!subteam^S0SUPPORT>")
    assert await news(session, "U0ENG1") == (0, 0, 0)
    assert await news(session, "U0ENG2") == (1, 0, 0)
    assert await news(session, "U0APP1") == (1, 1, 0)
    assert await news(session, "U0SUP1") == (1, 1, 0)
    await post(session, "read", **{"as": "U0APP1"}, channel="C0FIELD", ts=said.ts)
    assert await news(session, "U0APP1") == (0, 0, 0)
    await post(session, "read", **{"as": "U0APP1"}, channel="C0FIELD", ts="0")
    assert await news(session, "U0APP1") == (0, 0, 0)


async def test_replies_are_new_to_those_who_follow_the_thread(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    parent = slack.person("U0ENG1").say("C0FIELD", "a question")
    reply = slack.person("U0ENG2").say("C0FIELD", "an answer", parent.ts)
    assert (await news(session, "U0ENG1"))[2] == 1
    assert (await news(session, "U0ENG2"))[2] == 0
    assert (await news(session, "U0PLAIN"))[2] == 0
    seen = (await get(session, "messages", **{"as": "U0ENG1", "channel": "C0FIELD"}))["messages"]
    assert (seen[0]["reply_count"], seen[0]["unread_replies"]) == (1, 1)
    await post(session, "read", **{"as": "U0ENG1"}, channel="C0FIELD", ts=reply.ts, thread_ts=parent.ts)
    assert (await news(session, "U0ENG1"))[2] == 0


async def test_a_direct_message_counts_as_a_mention(
    client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    await client.chat_postMessage(channel="U0APP1", text="a request waits")
    assert await news(session, "U0APP1", "D0APP1") == (1, 1, 0)


async def test_a_channel_that_one_has_not_joined_has_no_news_until_one_joins(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    slack.person("U0ADMIN").say("C0AUDIT", "entry")
    assert await news(session, "U0ENG1", "C0AUDIT") == (0, 0, 0)
    assert (await post(session, "join", **{"as": "U0ENG1"}, channel="C0AUDIT"))["ok"]
    assert await news(session, "U0ENG1", "C0AUDIT") == (1, 0, 0)
    assert not (await post(session, "join", **{"as": "U0ENG2"}, channel="C0PRIVATE"))["ok"]


async def test_a_posted_file_is_downloaded_by_who_sees_it_and_nobody_else(
    slack: LocalSlack, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    slack.scopes.add("files:write")
    await client.files_upload_v2(channel="C0AUDIT", filename="audit ü.csv", content="a,b\n")
    (message,) = slack.messages("C0AUDIT")
    query = {"id": message.files[0]["id"]}
    async with session.get("/control/file", params=query | {"as": "U0ADMIN"}) as response:
        assert await response.text() == "a,b\n"
        assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''audit%20%C3%BC.csv"
    async with session.get("/control/file", params=query | {"as": "U0GUEST"}) as response:
        assert response.status == 400


async def test_a_file_of_any_bytes_goes_into_a_form(
    slack: LocalSlack, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    await open_form(slack, client, form(max_files=2))
    view = slack.person("U0ENG1").modal
    assert view is not None
    where = {"as": "U0ENG1", "view_id": view.id, "block_id": "file"}
    content = base64.b64encode(b"\xff\x00").decode()
    for name in ("one.csv", "two.csv"):
        files = (await post(session, "upload", **where, name=name, content_base64=content))["result"]
    assert [file["name"] for file in files] == ["one.csv", "two.csv"]
    assert files[0]["size"] == 2
    assert "only 2 files" in (await post(session, "upload", **where, name="x.csv", content="x"))["error"]
    assert not (await post(session, "upload", **where, name="x.csv", content_base64="%"))["ok"]


async def test_a_form_that_takes_one_file_keeps_the_last_and_refuses_other_kinds(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    await open_form(slack, client, form(max_files=1, filetypes=["csv"]))
    person = slack.person("U0ENG1")
    assert person.modal is not None
    await person.upload(person.modal, "file", "one.csv", b"1")
    assert [f["name"] for f in await person.upload(person.modal, "file", "two.CSV", b"2")] == ["two.CSV"]
    with pytest.raises(CannotDo, match="only csv"):
        await person.upload(person.modal, "file", "virus.exe", b"3")


async def open_form(slack: LocalSlack, client: AsyncWebClient, view: dict[str, Any]) -> None:
    trigger = slack.payloads.shortcut("U0ENG1", "any")["trigger_id"]
    await client.views_open(trigger_id=trigger, view=view)


async def test_what_slack_refuses_is_told_with_its_code_and_pointers(
    slack: LocalSlack, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    assert (await get(session, "trouble"))["trouble"] == []
    with pytest.raises(SlackApiError):
        await open_form(slack, client, form() | {"title": PLAIN | {"text": "x" * 25}})
    with pytest.raises(SlackApiError):
        await client.conversations_info(channel="C0NOWHERE")
    (told,) = (await get(session, "trouble"))["trouble"]
    assert (told["title"], told["error"]) == ("Slack refused views.open", "invalid_arguments")
    assert told["details"] == ["[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"]


async def test_an_app_that_does_not_answer_is_told_in_slacks_words(session: aiohttp.ClientSession) -> None:
    await post(session, "command", **{"as": "U0ENG1"}, command="/imei", channel="C0FIELD")
    (told,) = (await get(session, "trouble"))["trouble"]
    assert (told["title"], told["error"]) == ("The app did not take /imei", "dispatch_failed")
    assert told["details"] == ['/imei failed with the error "dispatch_failed"']


async def test_nobody_writes_to_an_app_that_turned_that_off() -> None:
    slack = LocalSlack(ManualClock(), listing=Listing((Command("/imei"),), messages_tab_read_only=True))
    slack.workspace.direct_message("U0ENG1")
    with pytest.raises(CannotDo, match="turned off"):
        slack.person("U0ENG1").say("D0ENG1", "hello?")
    assert slack.person("U0ENG1").say("C0FIELD", "hello").text == "hello"


async def test_a_message_shortcut_goes_to_the_app_with_its_message(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    said = slack.person("U0ENG1").say("C0FIELD", "89…")
    where = {"as": "U0ENG2", "channel": "C0FIELD", "ts": said.ts}
    assert (await post(session, "message_shortcut", **where, callback_id="lock"))["ok"]
    assert slack.deliveries[-1].payload["message"]["text"] == "89…"
    assert not (await post(session, "message_shortcut", **where | {"ts": "1"}, callback_id="lock"))["ok"]
