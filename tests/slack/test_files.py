"""Files in a thread: one, whatever Slack answers; the rows come as they are asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import aiohttp
import pytest

from bot.domain.requests import ChangeRequest
from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack
from bot.services.documents import Document
from bot.services.ports import Message, MessageState
from bot.sheets.spooling import spool
from bot.slack.api import SlackApi, SlackAway, SlackError
from bot.slack.files import Files
from tests.storage.samples import request

ROWS = 3000


class Table:
    """A document source that counts how often it is asked."""

    def __init__(self, rows: int = ROWS) -> None:
        self.rows, self.asked = rows, 0

    async def document(self, request: ChangeRequest) -> Document | None:
        self.asked += 1
        return Document("list.csv", "The list", ("ICCID", "Name"), self._rows())

    async def _rows(self) -> AsyncIterator[Sequence[str]]:
        for number in range(self.rows):
            yield ("8944-4765", f"=Pump {number}")


class Kept:
    """The part of an outbox that files need."""

    def __init__(self) -> None:
        self.message = Message(1, "R1", 1, "file", {"document": "list", "says": "counted"})

    async def remember(self, message: Message, about: Mapping[str, str]) -> None:
        self.message = Message(1, "R1", 1, "file", dict(about), MessageState.SENDING, 1)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"files need no {name}")


class Ground:
    def __init__(self, slack: LocalSlack, session: aiohttp.ClientSession) -> None:
        self.slack, self.table, self.kept = slack, Table(), Kept()
        api = SlackApi(token=slack.bot_token, base_url=slack.api_url, session=session)
        self.api = api
        documents = {"list": self.table}
        self.files = Files(api=api, outbox=self.kept, documents=documents, write=spool)  # type: ignore[arg-type]
        self.thread = ""

    async def share(self) -> bool:
        return await self.files.share(self.kept.message, request(), "C0FIELD", self.thread, "Counted.")

    def shared(self) -> list[dict[str, Any]]:
        return [file for message in self.slack.messages("C0FIELD") for file in message.files]


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    slack = LocalSlack(ManualClock())
    await slack.start()
    async with aiohttp.ClientSession() as session:
        made = Ground(slack, session)
        posted = await made.api.call("chat.postMessage", channel="C0FIELD", text="The card")
        made.thread = posted["ts"]
        yield made
    await slack.stop()


async def test_a_table_arrives_as_csv_in_the_thread_with_its_sentence(ground: Ground) -> None:
    assert await ground.share()
    [file] = ground.shared()
    [message] = [m for m in ground.slack.messages("C0FIELD") if m.files]
    assert (message.thread_ts, message.text) == (ground.thread, "Counted.")
    content = ground.slack._state.files[file["id"]].content
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[:2] == [["ICCID", "Name"], ["8944-4765", "'=Pump 0"]]
    assert len(rows) == ROWS + 1


@pytest.mark.parametrize("can_look", [True, False])
async def test_a_completion_whose_answer_was_lost_shares_no_second_file(
    ground: Ground, can_look: bool
) -> None:
    ground.slack.fail("files.completeUploadExternal", reset=True, after_applying=True)
    with pytest.raises(SlackAway):
        await ground.share()
    if not can_look:
        ground.slack.fail("conversations.replies", error="missing_scope")
        ground.slack.fail("files.completeUploadExternal", error="file_not_found")
    assert await ground.share()
    assert len(ground.shared()) == 1
    assert ground.table.asked == 1


async def test_a_completion_that_never_arrived_is_made_good_with_the_same_file(ground: Ground) -> None:
    ground.slack.fail("files.completeUploadExternal", reset=True)
    with pytest.raises(SlackAway):
        await ground.share()
    assert ground.shared() == []
    assert await ground.share()
    assert len(ground.shared()) == 1
    assert ground.table.asked == 1


async def test_a_refused_file_is_an_error_by_its_name(ground: Ground) -> None:
    ground.slack.fail("files.getUploadURLExternal", error="missing_scope")
    with pytest.raises(SlackError, match="missing_scope"):
        await ground.share()
