"""A table as a file in a card's thread, by Slack's three calls: announce, send the bytes, complete.

Only the last one shows anything to anybody, so its file id is kept before it leaves: a try whose answer was
lost completes the same file again, which Slack does once, and never uploads a second one blindly.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from typing import IO

from bot.domain.requests import ChangeRequest
from bot.services.documents import Documents, WriteDocument
from bot.services.ports import Message, Outbox
from bot.slack.api import SlackApi, SlackAway, SlackBusy, SlackError

COMPLETED = frozenset({"file_not_found", "file_already_shared", "already_completed"})
"""What Slack may say of a file that is no longer waiting to be completed."""
CHUNK = 1 << 16
COMMENT_LIMIT = 3500


class Files:
    """Shares what `Documents` hold; `write` makes a file of it."""

    def __init__(
        self, *, api: SlackApi, outbox: Outbox, documents: Mapping[str, Documents], write: WriteDocument
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._documents = documents
        self._write = write

    async def share(
        self, message: Message, request: ChangeRequest, channel: str, thread: str | None, comment: str
    ) -> bool:
        """Whether it is there now; False where there is nothing to share. Raises like `SlackApi.call`."""
        file_id = message.about.get("file_id", "")
        if file_id:
            there = await self._is_there(file_id, channel, thread)
            if there or await self._complete(file_id, channel, thread, comment) or there is None:
                return True
        file_id = await self._upload(message, request)
        if not file_id:
            return False
        await self._outbox.remember(message, {**message.about, "file_id": file_id})
        if not await self._complete(file_id, channel, thread, comment):
            raise SlackError("files.completeUploadExternal", "file_not_found")
        return True

    async def _upload(self, message: Message, request: ChangeRequest) -> str:
        """The id of a file that Slack holds and shows to nobody yet, "" where there is none to make."""
        source = self._documents.get(message.about.get("document", ""))
        document = await source.document(request) if source else None
        if document is None:
            return ""
        with await self._write(document) as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(0)
            place = await self._api.call(
                "files.getUploadURLExternal", query=True, filename=document.filename, length=length
            )
            await self._api.upload(str(place["upload_url"]), _pieces(file), length)
        return str(place["file_id"])

    async def _complete(self, file_id: str, channel: str, thread: str | None, comment: str) -> bool:
        """False where Slack knows no such file that waits."""
        try:
            await self._api.call(
                "files.completeUploadExternal",
                query=True,
                files=json.dumps([{"id": file_id}]),
                channel_id=channel,
                thread_ts=thread,
                initial_comment=comment[:COMMENT_LIMIT],
            )
        except (SlackBusy, SlackAway):
            raise
        except SlackError as error:
            if error.code in COMPLETED:
                return False
            raise
        return True

    async def _is_there(self, file_id: str, channel: str, thread: str | None) -> bool | None:
        """Whether the thread shows it; None where that can't be read (the scope is optional)."""
        method = "conversations.replies" if thread else "conversations.history"
        try:
            answer = await self._api.call(method, get=True, channel=channel, ts=thread, limit=100)
        except (SlackBusy, SlackAway):
            raise
        except SlackError:
            return None
        shown = (file for found in answer.get("messages", ()) for file in found.get("files") or ())
        return any(file.get("id") == file_id for file in shown)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece
