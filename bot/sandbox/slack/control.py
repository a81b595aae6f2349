"""The control API: act as a person, look as a person, move the clock, over JSON under /control/.

The browser's page stands on these. `guard` sees to it that no other web page can reach them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.filling import CannotDo, NeedsConfirm
from bot.sandbox.slack.guard import Handler, refused
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.outcomes import Submission
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.state import Delivery, State
from bot.sandbox.slack.views import View

Act = Callable[[Person, JSON], Awaitable[Any]]


class Control:
    """Handlers of the control API."""

    def __init__(self, state: State, person: Callable[[str], Person]) -> None:
        self._state = state
        self._person = person

    def routes(self) -> list[web.RouteDef]:
        """All paths."""
        looks: dict[str, Callable[[web.Request], JSON]] = {
            "workspace": self._workspace,
            "messages": self._messages,
            "screen": self._screen,
            "requests": self._requests,
            "deliveries": self._deliveries,
        }
        routes = [web.get(f"/control/{name}", self._look(look)) for name, look in looks.items()]
        routes += [web.post(f"/control/{name}", self._act(act)) for name, act in self._acts().items()]
        routes += [
            web.post(f"/control/{name}", self._set(change))
            for name, change in {
                "advance": self._advance,
                "group": self._group,
                "scopes": self._scopes,
                "fail": self._fail,
                "rate_limit": self._rate_limit,
            }.items()
        ]
        return routes

    def _acts(self) -> dict[str, Act]:
        return {
            "command": lambda p, a: p.command(
                a["command"], a.get("text", ""), channel=a["channel"], thread_ts=a.get("thread_ts")
            ),
            "say": self._say,
            "click": lambda p, a: p.click(
                self._where(p, a), a["action_id"], a.get("block_id"), confirm=a.get("confirm") is True
            ),
            "choose": lambda p, a: p.choose(
                self._where(p, a),
                a["block_id"],
                a["value"],
                a.get("action_id"),
                confirm=a.get("confirm") is True,
            ),
            "type": lambda p, a: p.type(self._view(p, a), a["block_id"], a["text"]),
            "upload": lambda p, a: p.upload(
                self._view(p, a), a["block_id"], a["name"], str(a["content"]).encode()
            ),
            "suggest": lambda p, a: p.suggest(self._view(p, a), a["block_id"], a["text"]),
            "submit": lambda p, a: p.submit(self._view(p, a), a.get("values")),
            "close": lambda p, a: p.close(self._view(p, a)),
            "open_home": lambda p, _a: p.open_home(),
            "shortcut": lambda p, a: p.shortcut(a["callback_id"]),
        }

    def _look(self, look: Callable[[web.Request], JSON]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return _answered(lambda: look(request))

        return handle

    def _set(self, change: Callable[[JSON], JSON]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await _json(request)
            try:
                return _answered(lambda: change(body))
            finally:
                self._state.touch()

        return handle

    def _act(self, act: Act) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await _json(request)
            try:
                result = await act(self._person(body["as"]), body)
            except NeedsConfirm as asks:
                return web.json_response({"ok": False, "error": str(asks), "confirm": asks.dialog})
            except (CannotDo, KeyError, TypeError) as no:
                return _refusal(no)
            return web.json_response({"ok": True, "result": _plain(result)})

        return handle

    async def _say(self, person: Person, args: JSON) -> Message:
        return person.say(args["channel"], args["text"], args.get("thread_ts"))

    def _where(self, person: Person, args: JSON) -> Message | View:
        if "view_id" in args:
            return self._view(person, args)
        for message in person.messages(args["channel"]):
            if message.ts == args["ts"]:
                return message
        raise CannotDo("no such message is to be seen")

    def _view(self, person: Person, args: JSON) -> View:
        for view in (*person.modals, *([person.home] if person.home else [])):
            if view.id == args["view_id"]:
                return view
        raise CannotDo("no such view is open")

    def _workspace(self, _request: web.Request) -> JSON:
        space = self._state.workspace
        return {
            "now": self._state.clock.now().isoformat(),
            "users": [user.payload() for user in space.users.values()],
            "groups": [group.payload(with_users=True) for group in space.groups.values()],
            "channels": [asdict(channel) for channel in space.channels.values()],
            "commands": self._state.commands,
            "scopes": sorted(self._state.scopes),
            "in_flight": self._state.calls_in_flight + self._state.unacked,
        }

    def _messages(self, request: web.Request) -> JSON:
        person = self._person(request.query["as"])
        return {"messages": [_plain(message) for message in person.messages(request.query["channel"])]}

    def _screen(self, request: web.Request) -> JSON:
        person = self._person(request.query["as"])
        home = person.home
        return {
            "modals": [view.payload() for view in person.modals],
            "home": home.payload() if home else None,
            "channels": [
                asdict(channel)
                for channel in self._state.workspace.channels.values()
                if self._state.workspace.visible_to(person.id, channel)
            ],
        }

    def _requests(self, _request: web.Request) -> JSON:
        return {"requests": [asdict(call) | {"at": call.at.isoformat()} for call in self._state.requests]}

    def _deliveries(self, _request: web.Request) -> JSON:
        return {"deliveries": [_plain(delivery) for delivery in self._state.deliveries]}

    def _advance(self, args: JSON) -> JSON:
        if not isinstance(self._state.clock, ManualClock):
            raise CannotDo("this clock runs by itself")
        self._state.clock.advance(float(args["seconds"]))
        return {"now": self._state.clock.now().isoformat()}

    def _group(self, args: JSON) -> JSON:
        self._state.workspace.groups[args["id"]].users[:] = list(args["users"])
        return {}

    def _scopes(self, args: JSON) -> JSON:
        self._state.scopes.clear()
        self._state.scopes.update(args["scopes"])
        return {}

    def _fail(self, args: JSON) -> JSON:
        self._state.faults.plan(Fault(**args))
        return {}

    def _rate_limit(self, args: JSON) -> JSON:
        self._state.limits.script(args["method"], int(args["retry_after"]), int(args.get("times", 1)))
        return {}


def _answered(work: Callable[[], JSON]) -> web.Response:
    try:
        return web.json_response({"ok": True, **work()})
    except (CannotDo, KeyError, TypeError, ValueError) as no:
        return _refusal(no)


def _refusal(no: Exception) -> web.Response:
    text = str(no) if isinstance(no, CannotDo) else f"not understood: {no}"
    return refused(text)


async def _json(request: web.Request) -> JSON:
    try:
        body = json.loads(await request.text())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Delivery):
        shape = {
            name: getattr(value, name) for name in ("kind", "payload", "acked", "seconds", "code", "error")
        }
        return shape | {"at": value.at.isoformat(), "body": value.body}
    if isinstance(value, Submission):
        return {"ok": value.ok, "errors": value.errors, "action": value.action, "error": value.error}
    if isinstance(value, Message):
        return value.payload() | {"channel": value.channel, "ephemeral": value.ephemeral_to is not None}
    return value
