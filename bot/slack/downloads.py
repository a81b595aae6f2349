"""Files between people and the bot: fetched from Slack and nowhere else, held in memory, and never kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from bot.domain.errors import Unfit
from bot.domain.requests import Person
from bot.slack.api import SlackApi, SlackAway, SlackBusy, SlackError

MOST_BYTES = 10 * 1000 * 1000
"""Slack's own limit for a file in a form."""
TOO_LARGE = "The file is larger than 10 MB. Split it, and send the parts one after the other."
NOT_READ = "Slack did not hand the file over ({code}). Nothing was read: try again in a minute."
NO_SCOPE = "The bot may not read files here: the scope files:read is missing. Paste the lines instead."
NOT_YOURS = "That file is not one that you uploaded with this form. Choose it again."
ELSEWHERE = "That file is not kept by Slack itself. Upload it from your computer."
SIGN_IN = "Slack answered with a web page instead of the file. Nothing was read: tell whoever runs the bot."


class Downloads:
    """By a file's id: what is downloaded is chosen by Slack's answer about it, never by a payload."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    async def fetch(self, file_id: str, person: Person) -> bytes:
        """The file's content, 10 MB at most. Raises `Unfit`, with the sentence for its sender."""
        try:
            file = await self._info(file_id)
            _check(file, person)
            return await self._content(str(file.get("url_private_download") or ""))
        except (SlackBusy, SlackAway) as away:
            raise Unfit(NOT_READ.format(code=away.code), "file") from None
        except SlackError as error:
            if error.code == "missing_scope":
                raise Unfit(NO_SCOPE, "file") from None
            raise Unfit(NOT_READ.format(code=error.code), "file") from None

    async def hand_out(self, channel: str, name: str, data: bytes, comment: str) -> None:
        """A small file into a channel or direct message. Raises `SlackError`s."""

        async def pieces() -> AsyncIterator[bytes]:
            yield data

        place = await self._api.call(
            "files.getUploadURLExternal", query=True, filename=name, length=len(data)
        )
        await self._api.upload(str(place["upload_url"]), pieces(), len(data))
        files = json.dumps([{"id": place["file_id"]}])
        await self._api.call(
            "files.completeUploadExternal",
            query=True,
            files=files,
            channel_id=channel,
            initial_comment=comment,
        )

    async def _info(self, file_id: str) -> dict[str, Any]:
        answer = await self._api.call("files.info", get=True, file=file_id)
        file = answer.get("file")
        return file if isinstance(file, dict) else {}

    async def _content(self, url: str) -> bytes:
        if not self._is_slacks(url):
            raise Unfit(ELSEWHERE, "file")
        kind, content = await self._api.download(url, MOST_BYTES)
        if content is None:
            raise Unfit(TOO_LARGE, "file")
        if kind.partition(";")[0].strip().lower() == "text/html":
            raise Unfit(SIGN_IN, "file")
        return content

    def _is_slacks(self, url: str) -> bool:
        """Whether the bot's token may go there: Slack's own hosts by https, or the configured one."""
        try:
            there, ours = urlsplit(url), urlsplit(self._api.base_url)
            if (there.scheme, there.netloc) == (ours.scheme, ours.netloc):
                return True
            host = there.hostname or ""
            return there.scheme == "https" and there.port is None and host.endswith(_suffixes(ours.hostname))
        except ValueError:
            return False


def _suffixes(api_host: str | None) -> tuple[str, ...]:
    """Where files of this Slack are: slack.com has them on files.slack.com, its government twin likewise."""
    host = f".{api_host}"
    return tuple(known for known in (".slack.com", ".slack-gov.com") if host.endswith(known))


def _check(file: dict[str, Any], person: Person) -> None:
    if file.get("user") != person.user_id:
        raise Unfit(NOT_YOURS, "file")
    if file.get("is_external") or file.get("mode") == "external":
        raise Unfit(ELSEWHERE, "file")
    size = file.get("size")
    if isinstance(size, int) and size > MOST_BYTES:
        raise Unfit(TOO_LARGE, "file")
