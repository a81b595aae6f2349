"""Where the bot's token may go for a file, and where it may not."""

from __future__ import annotations

import aiohttp
import pytest

from bot.domain.errors import Unfit
from bot.domain.requests import Person
from bot.slack.api import SlackApi
from bot.slack.downloads import Downloads

SLACK = "https://slack.com/api/"
ANN = Person("U0ANN", "T0TEAM")


class Answering(SlackApi):
    """Slack's answer about a file is given; what would be downloaded is noted."""

    def __init__(self, file: dict[str, object], session: aiohttp.ClientSession, base_url: str) -> None:
        super().__init__(token="xoxb-decoy", base_url=base_url, session=session)
        self._file = file
        self.fetched: list[str] = []

    async def call(self, method: str, **_: object) -> dict[str, object]:
        assert method == "files.info"
        return {"ok": True, "file": self._file}

    async def download(self, url: str, most: int) -> tuple[str, bytes | None]:
        assert most == 10_000_000
        self.fetched.append(url)
        return "text/csv", b"ICCID,IMEI"


async def fetched(url: str, base_url: str = SLACK, **file: object) -> list[str]:
    async with aiohttp.ClientSession() as session:
        api = Answering({"user": "U0ANN", "url_private_download": url, **file}, session, base_url)
        try:
            assert await Downloads(api).fetch("F1", ANN) == b"ICCID,IMEI"
        except Unfit:
            assert api.fetched == []
        return api.fetched


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        ("https://files.slack.com/files-pri/T0-F1/download/a.csv", SLACK),
        ("https://files.slack-gov.com/files-pri/T0-F1/download/a.csv", "https://slack-gov.com/api/"),
        ("http://127.0.0.1:4000/files-pri/T0-F1/download/a.csv", "http://127.0.0.1:4000/api/"),
    ],
)
async def test_a_file_of_slacks_own_is_fetched(url: str, base_url: str) -> None:
    assert await fetched(url, base_url) == [url]


@pytest.mark.parametrize(
    "url",
    [
        "http://files.slack.com/files-pri/T0-F1/download/a.csv",
        "https://files.slack.com.evil.example/a.csv",
        "https://evilslack.com/a.csv",
        "https://files.slack.com:8443/a.csv",
        "https://files.slack.com@evil.example/a.csv",
        "http://127.0.0.1:4000/a.csv",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
async def test_the_token_goes_nowhere_else(url: str) -> None:
    assert await fetched(url) == []


@pytest.mark.parametrize(
    "file", [{"user": "U0BOB"}, {"is_external": True}, {"mode": "external"}, {"size": 10_000_001}]
)
async def test_a_file_of_others_kept_elsewhere_or_too_large_is_not_fetched(file: dict[str, object]) -> None:
    assert await fetched("https://files.slack.com/files-pri/T0-F1/download/a.csv", **file) == []
