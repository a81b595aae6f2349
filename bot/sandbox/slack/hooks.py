"""What is not the Web API but is served to the bot: response_urls, uploads, downloads."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.breaking import break_off
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.rules import refuse_bad_message
from bot.sandbox.slack.state import ApiRequest, State
from bot.sandbox.slack.tickets import ResponseUrl
from bot.sandbox.slack.workspace import BOT_USER_ID

SIGN_IN_PAGE = (
    "<!DOCTYPE html><html><title>Sign in | Slack</title><body>Sign in to your workspace</body></html>"
)


class Hooks:
    """The handlers; `server` puts them on their paths."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """A response_url: the answer is the text `ok`, or an error with HTTP 404 or 400."""
        with self._state.handling_call() as end_early:
            call = ApiRequest("response_url", {}, self._state.clock.now())
            self._state.requests.append(call)
            fault = self._state.faults.take(call.method)
            if fault is not None and not fault.after_applying:
                return await break_off(self._state, request, call, fault, end_early)
            response = await self._respond(request, call)
            if fault is not None:
                return await break_off(self._state, request, call, fault, end_early)
            return response

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file, raw or in a form: as many as were announced, and once."""
        file = self._state.files.get(request.match_info["file"])
        if file is None or file.complete:
            return web.Response(status=404, text="file_not_found")
        content = await _bytes(request)
        if len(content) != file.length:
            return web.Response(status=400, text=f"{file.length} bytes were announced, not {len(content)}")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """url_private(_download). Without token or scope: a sign-in page and 200, as Slack does."""
        bearer = request.headers.get("Authorization", "")
        if bearer != f"Bearer {self._state.bot_token}" or "files:read" not in self._state.scopes:
            return web.Response(text=SIGN_IN_PAGE, content_type="text/html")
        file = self._state.files.get(request.match_info["file"])
        if file is None or not file.complete:
            return web.Response(status=404)
        name = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
        return web.Response(
            body=file.content, content_type=file.mimetype, headers={"Content-Disposition": name}
        )

    async def _respond(self, request: web.Request, call: ApiRequest) -> web.StreamResponse:
        try:
            call.args = await _read(request)
            url = self._state.tickets.use_url(request.match_info["key"])
            self._apply(url, call.args)
        except ApiError as refused:
            call.answer, call.status = refused.answer(), _status(refused.error)
            return web.json_response(call.answer, status=call.status)
        call.answer, call.status = {"ok": True}, 200
        return web.Response(text="ok")

    def _apply(self, url: ResponseUrl, body: JSON) -> None:
        original = self._original(url)
        if body.get("delete_original"):
            if original is not None:
                original.deleted = True
            return
        refuse_bad_message(body)
        text = str(body.get("text") or "")
        if body.get("replace_original") and original is not None:
            self._state.messages.edit(original, text, body.get("blocks"))
            return
        public = body.get("response_type") == "in_channel"
        self._state.messages.post(
            url.channel,
            BOT_USER_ID,
            text,
            body.get("blocks"),
            thread_ts=body.get("thread_ts") or url.thread_ts,
            ephemeral_to=None if public else url.user_id,
        )

    def _original(self, url: ResponseUrl) -> Message | None:
        for message in self._state.messages.in_channel(url.channel, url.user_id):
            if message.ts == url.message_ts and message.from_bot:
                return message
        return None


async def _bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    parts = [value for value in (await request.post()).values() if isinstance(value, web.FileField)]
    return parts[0].file.read() if parts else b""


async def _read(request: web.Request) -> JSON:
    if request.content_type == "application/x-www-form-urlencoded":
        fields = await request.post()
        raw: Any = fields.get("payload", "")
    else:
        raw = await request.text()
    try:
        body = json.loads(raw)
    except (TypeError, ValueError) as broken:
        raise ApiError("invalid_payload") from broken
    if not isinstance(body, dict):
        raise ApiError("invalid_payload")
    return body


def _status(error: str) -> int:
    return 404 if error in ("used_url", "expired_url", "invalid_url") else 400
