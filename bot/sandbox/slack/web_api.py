"""The Web API over HTTP: token, limits, scopes, scripted failures, then the method's own work."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.slack import (
    methods_chat,
    methods_conversations,
    methods_files,
    methods_people,
    methods_views,
)
from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.arguments import read_arguments
from bot.sandbox.slack.breaking import break_off
from bot.sandbox.slack.limits import CONNECTIONS_A_MINUTE, RateLimited
from bot.sandbox.slack.methods import Method, need_scope
from bot.sandbox.slack.sockets import SocketHub
from bot.sandbox.slack.state import ApiRequest, State


class WebApi:
    """Answers `/api/<method>`."""

    def __init__(self, state: State, hub: SocketHub) -> None:
        self._state = state
        self._methods: dict[str, Method] = {
            **methods_chat.METHODS,
            **methods_views.METHODS,
            **methods_people.METHODS,
            **methods_conversations.METHODS,
            **methods_files.METHODS,
            "apps.connections.open": Method(
                lambda _state, _args: {"ok": True, "url": hub.ticket_url()},
                calls_a_minute=CONNECTIONS_A_MINUTE,
                app_token=True,
            ),
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call: logged as it comes in, answered once."""
        with self._state.handling_call() as end_early:
            call = ApiRequest(request.match_info["method"], {}, self._state.clock.now())
            self._state.requests.append(call)
            try:
                call.args = await read_arguments(request)
            except ApiError as broken:
                return self._reply(call, broken.answer())
            fault = self._state.faults.take(call.method)
            if fault is not None and not fault.after_applying:
                return await break_off(self._state, request, call, fault, end_early)
            response = self._answer(request, call)
            if fault is not None:
                return await break_off(self._state, request, call, fault, end_early)
            return response

    def _answer(self, request: web.Request, call: ApiRequest) -> web.StreamResponse:
        token = _token(request, call.args)
        try:
            return self._reply(call, self._run(call, token))
        except ApiError as refused:
            return self._reply(call, refused.answer())
        except RateLimited as limited:
            headers = {"Retry-After": str(limited.retry_after)}
            return self._reply(call, {"ok": False, "error": "ratelimited"}, 429, headers)

    def _run(self, call: ApiRequest, token: str) -> JSON:
        method = self._methods.get(call.method)
        if method is None:
            raise ApiError("unknown_method", req_method=call.method)
        self._check_token(method, token)
        self._state.limits.check_method(call.method, method.calls_a_minute)
        need_scope(self._state, *method.scopes)
        return method.work(self._state, call.args)

    def _check_token(self, method: Method, token: str) -> None:
        if not token:
            raise ApiError("not_authed")
        if token not in (self._state.bot_token, self._state.app_token):
            raise ApiError("invalid_auth")
        if (token == self._state.app_token) != method.app_token:
            raise ApiError("not_allowed_token_type")

    def _reply(
        self, call: ApiRequest, answer: JSON, status: int = 200, headers: dict[str, str] | None = None
    ) -> web.Response:
        call.answer, call.status = answer, status
        told = self._state.tells_scopes
        scopes = {"X-OAuth-Scopes": ",".join(sorted(self._state.scopes))} if told else {}
        return web.json_response(answer, status=status, headers=scopes | (headers or {}))


def _token(request: web.Request, args: JSON) -> str:
    given = str(args.pop("token", ""))
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else given
