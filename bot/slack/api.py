"""Slack's Web API behind one call: errors by name, no blind repetition of anything that posts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import Overtaken

TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=120, connect=5)


class SlackError(Exception):
    """Slack answered no. `code` is its error word ("channel_not_found")."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"{method}: {code}")
        self.code = code


class SlackBusy(SlackError):
    """HTTP 429: nothing was done. `retry_after` in seconds."""

    def __init__(self, method: str, retry_after: float) -> None:
        super().__init__(method, "ratelimited")
        self.retry_after = retry_after


class SlackAway(SlackError):
    """No sensible answer. What was asked may or may not have been done."""


class SlackApi:
    """One session, one client; every call goes through `call`."""

    def __init__(self, *, token: str, base_url: str, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._token = token
        self.base_url = base_url
        self._client = AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])

    async def call(
        self, method: str, *, get: bool = False, query: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        """Call one Web API method. Raises `SlackBusy`, `SlackAway` or `SlackError`.

        `get` sends the arguments in the query, as Slack's read methods expect, `query` does so in a POST,
        as its calls of uploads expect; else they are JSON.
        """
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            if get:
                response = await self._client.api_call(method, http_verb="GET", params=_query(given))
            elif query:
                response = await self._client.api_call(method, params=_query(given))
            else:
                response = await self._client.api_call(method, json=given)
        except SlackApiError as error:
            raise _named(method, error) from None
        except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError) as error:
            raise SlackAway(method, type(error).__name__) from None
        except (AttributeError, TypeError) as error:  # the SDK takes any JSON for an object
            raise SlackAway(method, "an answer that is no object") from error
        data = response.data
        return data if isinstance(data, dict) else {}

    async def download(self, url: str, most: int) -> tuple[str, bytes | None]:
        """Content type and content of a file of Slack's; None where it is more than `most` bytes.

        The caller has made sure that the token may go there: no redirect is followed. Raises like `call`.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False, timeout=UPLOAD_TIMEOUT
            ) as answer:
                if answer.status == 429:
                    raise SlackBusy("download", _seconds(answer.headers.get("retry-after")))
                if answer.status >= 500:
                    raise SlackAway("download", f"HTTP {answer.status}")
                if answer.status != 200:
                    raise SlackError("download", f"HTTP {answer.status}")
                content = bytearray()
                async for piece in answer.content.iter_chunked(1 << 16):
                    content += piece
                    if len(content) > most:
                        return answer.content_type, None
                return answer.content_type, bytes(content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackAway("download", type(error).__name__) from None

    async def upload(self, url: str, pieces: AsyncIterator[bytes], length: int) -> None:
        """Send a file's bytes where Slack said. Nobody sees it before it is completed. Raises like `call`."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        try:
            async with self._session.post(
                url, data=pieces, headers=headers, allow_redirects=False, timeout=UPLOAD_TIMEOUT
            ) as answer:
                if answer.status == 429:
                    raise SlackBusy("upload", _seconds(answer.headers.get("retry-after")))
                if answer.status >= 500:
                    raise SlackAway("upload", f"HTTP {answer.status}")
                if answer.status != 200:
                    raise SlackError("upload", f"HTTP {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackAway("upload", type(error).__name__) from None

    async def url(self, response_url: str, message: dict[str, Any]) -> None:
        """Answer through a `response_url`. Raises like `call`."""
        try:
            async with self._session.post(response_url, json=message) as answer:
                if answer.status >= 500:
                    raise SlackAway("response_url", f"HTTP {answer.status}")
                if answer.status >= 400:
                    raise SlackError("response_url", f"HTTP {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackAway("response_url", type(error).__name__) from None


class LeasedApi(SlackApi):
    """For what only one replica may do: nothing leaves once its lease may be another one's.

    Asked right before each call, since a process may be stopped for any while between two lines.
    """

    def __init__(self, api: SlackApi, is_held: Callable[[], bool]) -> None:
        super().__init__(token=api._token, base_url=api.base_url, session=api._session)
        self._is_held = is_held

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """As the other's; raises `Overtaken` where nothing left."""
        if not self._is_held():
            raise Overtaken(f"{method} was not called: another replica may tell by now")
        return await super().call(method, **arguments)


def _query(arguments: dict[str, Any]) -> dict[str, Any]:
    return {key: int(value) if isinstance(value, bool) else value for key, value in arguments.items()}


def _named(method: str, error: SlackApiError) -> SlackError:
    response = error.response
    status = getattr(response, "status_code", 200)
    if status == 429:
        headers = {k.lower(): v for k, v in dict(getattr(response, "headers", {})).items()}
        return SlackBusy(method, _seconds(headers.get("retry-after")))
    data = getattr(response, "data", response)
    code = data.get("error") if isinstance(data, dict) else None
    if status >= 500 or not code:
        return SlackAway(method, f"HTTP {status}")
    if code in {"ratelimited", "rate_limited"}:
        return SlackBusy(method, 1.0)
    if code in {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}:
        return SlackAway(method, code)
    return SlackError(method, str(code))


def _seconds(header: object) -> float:
    try:
        return max(0.0, float(str(header)))
    except ValueError:
        return 1.0
