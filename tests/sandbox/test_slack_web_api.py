"""The local Slack's Web API says yes and no where Slack does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack

BUTTONS = [
    {
        "type": "actions",
        "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}],
    }
]
LONG_HEADER = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def slack(clock: ManualClock) -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(clock)
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
def client(slack: LocalSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


async def refusal(client: AsyncWebClient, method: str, **args: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method, json=args)
    answer: dict[str, Any] = refused.value.response.data
    return answer


async def raw(
    slack: LocalSlack, method: str, token: str | None = None, **options: Any
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        verb = options.pop("verb", "POST")
        async with session.request(verb, slack.api_url + method, **options) as response:
            return response.status, await response.json()


async def test_arguments_may_come_as_json_form_multipart_or_query(slack: LocalSlack) -> None:
    args = {"user": "U0ENG1"}
    parts = aiohttp.FormData(default_to_multipart=True)
    parts.add_field("user", "U0ENG1")
    for options in (
        {"json": args},
        {"data": args},
        {"data": parts},
        {"params": args},
        {"params": args, "verb": "GET"},
    ):
        status, answer = await raw(slack, "users.info", slack.bot_token, **options)
        assert (status, answer["user"]["name"]) == (200, "maria.santos")


async def test_tokens_are_told_apart_and_errors_are_http_200(slack: LocalSlack) -> None:
    assert (await raw(slack, "auth.test"))[1]["error"] == "not_authed"
    assert await raw(slack, "auth.test", "nonsense") == (200, {"ok": False, "error": "invalid_auth"})
    assert (await raw(slack, "auth.test", slack.app_token))[1]["error"] == "not_allowed_token_type"
    assert (await raw(slack, "apps.connections.open", slack.bot_token))[1][
        "error"
    ] == "not_allowed_token_type"
    assert (await raw(slack, "chat.shout", slack.bot_token))[1]["error"] == "unknown_method"
    assert (await raw(slack, "auth.test", data={"token": slack.bot_token}))[1]["user_id"] == slack.bot_user_id
    broken = {"data": "{", "headers": {"Content-Type": "application/json"}}
    assert (await raw(slack, "auth.test", slack.bot_token, **broken))[1]["error"] == "invalid_json"


@pytest.mark.parametrize(
    ("method", "args", "needed"),
    [
        ("chat.postMessage", {"channel": "C0FIELD", "text": "x"}, "chat:write"),
        ("users.info", {"user": "U0ENG1"}, "users:read"),
        ("usergroups.users.list", {"usergroup": "S0SUPPORT"}, "usergroups:read"),
        ("conversations.open", {"users": "U0ENG1"}, "im:write"),
        ("conversations.info", {"channel": "C0FIELD"}, "channels:read"),
        ("conversations.history", {"channel": "C0FIELD"}, "channels:history"),
    ],
)
async def test_a_scope_that_is_gone_is_named(
    slack: LocalSlack, client: AsyncWebClient, method: str, args: dict[str, str], needed: str
) -> None:
    slack.scopes.discard(needed)
    answer = await refusal(client, method, **args)
    assert (answer["error"], answer["needed"]) == ("missing_scope", needed)
    assert needed not in answer["provided"].split(",")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel": "C0FIELD"}, "no_text"),
        ({"channel": "C0FIELD", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C0FIELD", "blocks": "{}"}, "invalid_blocks_format"),
        ({"channel": "C0FIELD", "text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        ({"channel": "C0FIELD", "text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_format"),
        ({"channel": "C0WHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0PRIVATE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0NOBOT", "text": "x"}, "not_in_channel"),
        ({"channel": "C0ARCHIVED", "text": "x"}, "is_archived"),
        ({"channel": "U0WORKFLOW", "text": "x"}, "cannot_dm_bot"),
        ({"text": "x"}, "invalid_arguments"),
    ],
)
async def test_a_message_that_slack_would_refuse_is_refused(
    client: AsyncWebClient, args: dict[str, Any], error: str
) -> None:
    assert (await refusal(client, "chat.postMessage", **args))["error"] == error


async def test_bad_blocks_are_pointed_at(client: AsyncWebClient) -> None:
    answer = await refusal(client, "chat.postMessage", channel="C0FIELD", text="x", blocks=LONG_HEADER)
    assert answer["error"] == "invalid_blocks"
    assert "[json-pointer:/blocks/0/text" in answer["response_metadata"]["messages"][0]


async def test_text_alone_removes_the_blocks_and_keeps_the_metadata(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    metadata = {"event_type": "card", "event_payload": {"request": "r1"}}
    sent = await client.chat_postMessage(channel="C0FIELD", text="a", blocks=BUTTONS, metadata=metadata)
    assert sent["message"]["blocks"][0]["block_id"]
    await client.chat_update(channel="C0FIELD", ts=sent["ts"], text="b")
    read = await client.conversations_history(channel="C0FIELD", include_all_metadata=True)
    (message,) = read["messages"]
    assert (message["text"], message["metadata"]) == ("b", metadata)
    assert "blocks" not in message
    plain = await client.conversations_history(channel="C0FIELD")
    assert "metadata" not in plain["messages"][0]


async def test_only_own_messages_can_be_changed(slack: LocalSlack, client: AsyncWebClient) -> None:
    theirs = slack.person("U0ENG1").say("C0FIELD", "hello")
    args = {"channel": "C0FIELD", "ts": theirs.ts}
    assert (await refusal(client, "chat.update", **args, text="x"))["error"] == "cant_update_message"
    assert (await refusal(client, "chat.delete", **args))["error"] == "cant_delete_message"
    missing = await refusal(client, "chat.update", channel="C0FIELD", ts="1.2", text="x")
    assert missing["error"] == "message_not_found"


async def test_an_ephemeral_message_is_for_one_person_and_for_good(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    sent = await client.chat_postEphemeral(channel="C0APPROVALS", user="U0APP1", text="psst")
    assert [m.text for m in slack.person("U0APP1").messages("C0APPROVALS")] == ["psst"]
    assert slack.person("U0APP2").messages("C0APPROVALS") == []
    changed = await refusal(client, "chat.update", channel="C0APPROVALS", ts=sent["message_ts"], text="x")
    assert changed["error"] == "message_not_found"
    outside = await refusal(client, "chat.postEphemeral", channel="C0APPROVALS", user="U0ENG1", text="x")
    assert outside["error"] == "user_not_in_channel"


async def test_a_thread_is_read_by_replies_and_left_out_of_history(
    slack: LocalSlack, client: AsyncWebClient, clock: ManualClock
) -> None:
    parent = await client.chat_postMessage(channel="C0FIELD", text="parent")
    clock.advance(1)
    await client.chat_postMessage(channel="C0FIELD", text="reply", thread_ts=parent["ts"])
    history = await client.conversations_history(channel="C0FIELD")
    assert [(m["text"], m["reply_count"]) for m in history["messages"]] == [("parent", 1)]
    replies = await client.conversations_replies(channel="C0FIELD", ts=parent["ts"])
    assert [m["text"] for m in replies["messages"]] == ["parent", "reply"]
    link = await client.chat_getPermalink(channel="C0FIELD", message_ts=parent["ts"])
    assert link["permalink"].endswith("/C0FIELD/p" + parent["ts"].replace(".", ""))


async def test_one_message_a_second_in_a_channel(
    slack: LocalSlack, client: AsyncWebClient, clock: ManualClock
) -> None:
    await client.chat_postMessage(channel="C0FIELD", text="1")
    await client.chat_postMessage(channel="C0SUPPORT", text="other channel")
    with pytest.raises(SlackApiError) as limited:
        await client.chat_postMessage(channel="C0FIELD", text="2")
    assert limited.value.response.status_code == 429
    assert limited.value.response.headers["Retry-After"] == "1"
    clock.advance(1)
    await client.chat_postMessage(channel="C0FIELD", text="2")
    assert [m.text for m in slack.messages("C0FIELD")] == ["1", "2"]


async def test_a_tier_is_counted_over_a_minute(client: AsyncWebClient, clock: ManualClock) -> None:
    for _ in range(20):
        await client.usergroups_users_list(usergroup="S0APPROVERS")
        clock.advance(1)
    with pytest.raises(SlackApiError) as limited:
        await client.usergroups_users_list(usergroup="S0APPROVERS")
    assert limited.value.response.headers["Retry-After"] == "40"
    clock.advance(40)
    await client.usergroups_users_list(usergroup="S0APPROVERS")


async def test_limits_can_be_scripted(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.rate_limit("users.info", 30, times=1)
    with pytest.raises(SlackApiError) as limited:
        await client.users_info(user="U0ENG1")
    assert limited.value.response.headers["Retry-After"] == "30"
    await client.users_info(user="U0ENG1")


async def test_failures_can_be_scripted_and_an_answer_be_lost_after_it_took_effect(
    slack: LocalSlack, client: AsyncWebClient, clock: ManualClock
) -> None:
    slack.fail("chat.postMessage", error="internal_error")
    lost = await refusal(client, "chat.postMessage", channel="C0FIELD", text="never")
    assert lost["error"] == "internal_error"
    slack.fail("chat.postMessage", reset=True, after_applying=True)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0FIELD", text="twice?")
    assert [m.text for m in slack.messages("C0FIELD")] == ["twice?"]
    assert not slack.calls("chat.postMessage")[-1].ok
    slack.fail("*", status=503)
    status = await raw_status(slack, "auth.test")
    assert status == 503


async def raw_status(slack: LocalSlack, method: str) -> int:
    async with aiohttp.ClientSession() as session, session.post(slack.api_url + method) as response:
        return response.status


async def test_a_call_that_hangs_is_not_counted_as_being_handled(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    slack.fail("auth.test", timeout=True)
    hanging = asyncio.create_task(client.auth_test())
    await slack.until(lambda: slack.requests and not slack.in_flight)
    assert not hanging.done()
    hanging.cancel()
    await slack.wait()
    assert (await client.auth_test())["bot_id"] == slack.bot_id


async def test_people_are_told_apart(slack: LocalSlack, client: AsyncWebClient) -> None:
    other = (await client.users_info(user="U0OTHER"))["user"]
    assert (other["team_id"], other["is_stranger"]) == ("T0OTHER", True)
    assert (await client.users_info(user="U0GUEST"))["user"]["is_restricted"]
    assert (await client.users_info(user="U0WORKFLOW"))["user"]["is_bot"]
    assert (await refusal(client, "users.info", user="U0NOBODY"))["error"] == "user_not_found"
    await slack.set_group("S0APPROVERS", ["U0APP2"])
    assert (await client.usergroups_users_list(usergroup="S0APPROVERS"))["users"] == ["U0APP2"]
    assert len((await client.usergroups_list())["usergroups"]) == 3
    assert (await client.conversations_info(channel="C0SHARED"))["channel"]["is_ext_shared"]
    first = await client.conversations_members(channel="C0APPROVALS", limit=3)
    rest = await client.conversations_members(
        channel="C0APPROVALS", cursor=first["response_metadata"]["next_cursor"]
    )
    assert [*first["members"], *rest["members"]] == ["U0APP1", "U0APP2", "U0ADMIN", "U0BOT"]


async def test_a_direct_message_is_opened_and_reached_by_user_id(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    opened = (await client.conversations_open(users=["U0ENG2"]))["channel"]["id"]
    sent = await client.chat_postMessage(channel="U0ENG2", text="hello")
    assert sent["channel"] == opened
    assert [m.text for m in slack.person("U0ENG2").messages(opened)] == ["hello"]


async def test_a_response_url_lives_for_five_uses_and_thirty_minutes(
    slack: LocalSlack, clock: ManualClock
) -> None:
    url = slack.payloads.command("U0ENG1", "/imei")["response_url"]
    late = slack.payloads.command("U0ENG1", "/imei")["response_url"]
    async with aiohttp.ClientSession() as session:

        async def answer(to: str, **body: Any) -> tuple[int, str]:
            async with session.post(to, data=json.dumps(body)) as response:
                text = await response.text()
                return response.status, text if text == "ok" else json.loads(text)["error"]

        assert await answer(url, text="for you") == (200, "ok")
        assert await answer(url, text="for all", response_type="in_channel") == (200, "ok")
        assert await answer(url) == (400, "no_text")
        assert await answer(url, text="4") == (200, "ok")
        assert await answer(url, text="5") == (200, "ok")
        assert await answer(url, text="6") == (404, "used_url")
        clock.advance(30 * 60 + 1)
        assert await answer(late, text="late") == (404, "expired_url")
    assert [m.text for m in slack.messages("C0FIELD")] == ["for all"]
    assert [m.text for m in slack.ephemerals("U0ENG1")] == ["for you", "4", "5"]


async def test_files_go_up_and_come_down(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.scopes.add("files:write")
    await client.files_upload_v2(channel="C0FIELD", filename="audit.csv", content="a,b")
    (message,) = slack.messages("C0FIELD")
    found = (await client.files_info(file=message.files[0]["id"]))["file"]
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        async with session.get(found["url_private_download"], headers=headers) as response:
            assert await response.read() == b"a,b"
        async with session.get(found["url_private_download"]) as response:
            assert (response.status, response.content_type) == (200, "text/html")


async def test_answers_tell_the_time_of_the_one_clock_and_may_keep_the_scopes_to_themselves() -> None:
    clock = ManualClock()
    slack = LocalSlack(clock)
    await slack.start()
    try:
        async with aiohttp.ClientSession() as session:
            first = await session.post(slack.api_url + "auth.test")
            clock.advance(90)
            slack.hide_scopes()
            second = await session.post(slack.api_url + "auth.test")
        told = [parsedate_to_datetime(answer.headers["Date"]) for answer in (first, second)]
        assert (told[1] - told[0]).total_seconds() == 90
        assert told[1] == clock.now()
        assert ["X-OAuth-Scopes" in answer.headers for answer in (first, second)] == [True, False]
    finally:
        await slack.stop()
