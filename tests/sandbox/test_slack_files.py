"""Files as Slack has them: handed in by people, fetched and sent back by the bot, over both transports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import CannotDo, LocalSlack, Message, View
from bot.sandbox.slack.files import MOST_BYTES
from bot.sandbox.slack.listing import Listing
from tests.sandbox.bolt_app import over_http, over_sockets

PLAIN = {"type": "plain_text"}
CHANNEL = "C0FIELD"


def words(text: str) -> set[str]:
    return set(text.split())


FILE = words(
    "id created timestamp name title mimetype filetype pretty_type user user_team editable size mode "
    "is_external external_type is_public public_url_shared display_as_bot username url_private "
    "url_private_download permalink is_starred has_rich_preview file_access"
)


def form(**element: Any) -> dict[str, Any]:
    field = {"type": "file_input", "action_id": "f", "filetypes": ["csv"], "max_files": 1} | element
    block = {"type": "input", "block_id": "file", "label": PLAIN | {"text": "File"}, "element": field}
    title, submit = PLAIN | {"text": "Bulk"}, PLAIN | {"text": "Go"}
    return {"type": "modal", "callback_id": "bulk", "title": title, "submit": submit, "blocks": [block]}


def counting_lines(app: AsyncApp) -> None:
    """Takes a CSV in a form, fetches it, and posts its number of lines as a file in a thread."""

    @app.shortcut("bulk.open")
    async def opened(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form())

    @app.view("bulk")
    async def submitted(ack: Any, view: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        (file,) = view["state"]["values"]["file"]["f"]["files"]
        content = await fetched(file["url_private_download"], str(client.token))
        card = await client.chat_postMessage(channel=CHANNEL, text=f"Read {file['name']}")
        lines = len(content.splitlines())
        result = f"lines\n{lines}\n"
        await client.files_upload_v2(
            channel=CHANNEL, thread_ts=card["ts"], filename="result.csv", title="The result", content=result
        )


async def fetched(url: str, token: str) -> bytes:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": f"Bearer {token}"}, allow_redirects=False) as response,
    ):
        assert (response.status, response.content_type) == (200, "text/csv")
        return await response.read()


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(ManualClock())
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
def client(slack: LocalSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


async def opened(slack: LocalSlack, client: AsyncWebClient, **element: Any) -> View:
    trigger = slack.payloads.shortcut("U0ENG1", "any")["trigger_id"]
    await client.views_open(trigger_id=trigger, view=form(**element))
    view = slack.person("U0ENG1").modal
    assert view
    return view


async def announced(client: AsyncWebClient, length: int) -> dict[str, Any]:
    answer = await client.files_getUploadURLExternal(filename="r.csv", length=length)
    assert isinstance(answer.data, dict)
    return answer.data


async def sent(url: str, content: bytes) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, data=content) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("connect", [over_sockets, over_http])
async def test_a_csv_of_ten_megabytes_goes_to_the_bot_and_its_result_comes_into_the_thread(
    slack: LocalSlack, connect: Any
) -> None:
    close = await connect(slack, counting_lines)
    person = slack.person("U0ENG1")
    await person.shortcut("bulk.open")
    await slack.until(lambda: person.modal)
    assert person.modal
    content = (b"x" * 9 + b"\n") * (MOST_BYTES // 10)
    (file,) = await person.upload(person.modal, "file", "Müll & more.csv", content)
    assert (set(file), file["filetype"], file["mimetype"]) == (FILE, "csv", "text/csv")
    submitted = await person.submit(person.modal)
    assert submitted.ok
    await slack.until(lambda: len(slack.messages(CHANNEL)) == 2)
    card, result = slack.messages(CHANNEL)
    assert (result.thread_ts, result.files[0]["title"]) == (card.ts, "The result")
    await close()
    [uploaded] = [f for f in slack._state.files.values() if f.id == result.files[0]["id"]]
    assert uploaded.content == f"lines\n{MOST_BYTES // 10}\n".encode()


async def test_the_form_tells_of_its_files_by_type_and_list(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    view = await opened(slack, client)
    assert view.values["file"]["f"] == {"type": "file_input", "files": []}
    files = await slack.person("U0ENG1").upload(view, "file", "a.csv", b"1")
    assert view.values["file"]["f"] == {"type": "file_input", "files": files}


async def test_what_is_too_large_empty_of_another_kind_or_one_too_many_is_refused(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, max_files=2)
    person = slack.person("U0ENG1")
    with pytest.raises(CannotDo, match="too large: the limit is 10 MB"):
        await person.upload(view, "file", "a.csv", b"x" * (MOST_BYTES + 1))
    with pytest.raises(CannotDo, match="empty"):
        await person.upload(view, "file", "a.csv", b"")
    with pytest.raises(CannotDo, match="only csv"):
        await person.upload(view, "file", "a.exe", b"1")
    for name in ("a.csv", "b.CSV"):
        await person.upload(view, "file", name, b"1")
    with pytest.raises(CannotDo, match="only 2 files"):
        await person.upload(view, "file", "c.csv", b"1")


async def test_without_the_scope_there_is_no_form_for_files_and_no_download(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    view = await opened(slack, client)
    (file,) = await slack.person("U0ENG1").upload(view, "file", "a.csv", b"1")
    slack.scopes.remove("files:read")
    with pytest.raises(SlackApiError, match="missing_scope"):
        await opened(slack, client)
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(file["url_private_download"], headers=headers) as response:
            assert (response.status, response.content_type) == (200, "text/html")
        slack.scopes.add("files:read")
        async with session.get(
            file["url_private_download"], headers={"Authorization": "Bearer wrong"}
        ) as response:
            assert response.content_type == "text/html"
        gone = file["url_private_download"].replace(file["id"], "F0GONE")
        async with session.get(gone, headers=headers) as response:
            assert response.status == 404


async def test_the_scopes_are_those_of_the_manifest() -> None:
    listing = Listing.from_manifest({"oauth_config": {"scopes": {"bot": ["commands", "files:write"]}}})
    assert LocalSlack(ManualClock(), listing=listing).scopes == {"commands", "files:write"}
    assert "chat:write" in LocalSlack(ManualClock()).scopes


async def test_an_upload_has_as_many_bytes_as_were_announced(client: AsyncWebClient) -> None:
    place = await announced(client, 3)
    assert (await sent(place["upload_url"], b"1234"))[0] == 400
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": place["file_id"]}])
    assert await sent(place["upload_url"], b"123") == (200, "OK - 3")
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.files_getUploadURLExternal(filename="r.csv", length=0)


async def test_an_upload_that_cannot_be_shared_is_not_over(slack: LocalSlack, client: AsyncWebClient) -> None:
    place = await announced(client, 3)
    await sent(place["upload_url"], b"123")
    done = {"files": [{"id": place["file_id"], "title": "Result"}]}
    for where, error in (
        ({"channel_id": "C0NOBOT"}, "not_in_channel"),
        ({"channel_id": "C0ARCHIVED"}, "is_archived"),
        ({"channel_id": CHANNEL, "thread_ts": "1.000001"}, "thread_not_found"),
    ):
        with pytest.raises(SlackApiError, match=error):
            await client.files_completeUploadExternal(**done, **where)  # type: ignore[arg-type]
    await client.files_completeUploadExternal(**done, channel_id=CHANNEL)  # type: ignore[arg-type]
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(**done, channel_id=CHANNEL)  # type: ignore[arg-type]
    (message,) = slack.messages(CHANNEL)
    found = (await client.files_info(file=place["file_id"]))["file"]
    assert found["shares"]["public"][CHANNEL][0]["ts"] == message.ts


def test_a_person_attaches_files_to_a_message(slack: LocalSlack) -> None:
    said: Message = slack.person("U0ENG1").say(CHANNEL, "", files=[("a.csv", b"1"), ("b.txt", b"2")])
    assert [(file["name"], file["user"]) for file in said.files] == [("a.csv", "U0ENG1"), ("b.txt", "U0ENG1")]
    assert said.payload()["files"] == said.files
