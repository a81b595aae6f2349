"""The control API: act as a person, look as a person, move the clock, over JSON under /control/.

The browser's page stands on these. `guard` sees to it that no other web page can reach them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.filling import CannotDo, NeedsConfirm
from bot.sandbox.slack.guard import Handler, refused
from bot.sandbox.slack.looks import Looks, plain
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.state import State
from bot.sandbox.slack.views import View

Act = Callable[[Person, JSON], Awaitable[Any]]
Seat = Callable[[str, str | None], Person]
"""A person at one of their windows."""


class Control:
    """Handlers of the control API."""

    def __init__(self, state: State, person: Seat) -> None:
        self._state = state
        self._person = person

    def routes(self) -> list[web.RouteDef]:
        """All paths."""
        looks = Looks(self._state, self._person)
        routes = [web.get(f"/control/{name}", self._look(look)) for name, look in looks.table().items()]
        routes.append(web.get("/control/file", _file(looks)))
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
                _text(a["command"]),
                _text(a.get("text", "")),
                channel=a["channel"],
                thread_ts=a.get("thread_ts"),
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
            "type": lambda p, a: p.type(self._view(p, a), a["block_id"], _text(a["text"])),
            "enter": lambda p, a: p.press_enter(self._view(p, a), a["block_id"]),
            "upload": lambda p, a: p.upload(
                self._view(p, a), a["block_id"], _text(a["name"]), _content(a), _text(a.get("mimetype", ""))
            ),
            "suggest": lambda p, a: p.suggest_groups(
                self._where(p, a), a["block_id"], _text(a["text"]), a.get("action_id")
            ),
            "submit": lambda p, a: p.submit(self._view(p, a), a.get("values")),
            "close": lambda p, a: p.close(self._view(p, a)),
            "open_home": lambda p, a: p.open_home(_text(a.get("tab", "home"))),
            "shortcut": lambda p, a: p.shortcut(a["callback_id"]),
            "message_shortcut": lambda p, a: p.message_shortcut(self._message(p, a), a["callback_id"]),
            "join": self._join,
            "read": self._read,
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
                result = await act(self._person(body["as"], body.get("window")), body)
            except NeedsConfirm as asks:
                return web.json_response({"ok": False, "error": str(asks), "confirm": asks.dialog})
            except (CannotDo, KeyError, TypeError, ValueError) as no:
                return _refusal(no)
            return web.json_response({"ok": True, "result": plain(result)})

        return handle

    async def _say(self, person: Person, args: JSON) -> Message:
        files = [(_text(file["name"]), _content(file)) for file in args.get("files", ())]
        return person.say(args["channel"], _text(args["text"]), args.get("thread_ts"), files)

    async def _join(self, person: Person, args: JSON) -> None:
        person.join(args["channel"])

    async def _read(self, person: Person, args: JSON) -> None:
        person.read(args["channel"], args["ts"], args.get("thread_ts") or "")

    def _where(self, person: Person, args: JSON) -> Message | View:
        if "view_id" in args:
            return self._view(person, args)
        return self._message(person, args)

    def _message(self, person: Person, args: JSON) -> Message:
        for message in person.messages(args["channel"]):
            if message.ts == args["ts"]:
                return message
        raise CannotDo("no such message is to be seen")

    def _view(self, person: Person, args: JSON) -> View:
        for view in (*person.modals, *([person.home] if person.home else [])):
            if view.id == args["view_id"]:
                return view
        raise CannotDo("no such view is open")

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
    except (CannotDo, KeyError, TypeError, ValueError, OverflowError) as no:
        return _refusal(no)


def _refusal(no: Exception) -> web.Response:
    text = str(no) if isinstance(no, CannotDo) else f"not understood: {no}"
    return refused(text)


def _text(value: Any) -> str:
    """What was typed. Anything else would stay and break every page that shows it."""
    if not isinstance(value, str):
        raise TypeError("text must be a string")
    return value


def _content(args: JSON) -> bytes:
    """The bytes of a file: as text, or in base64 for whatever isn't text."""
    if "content_base64" in args:
        return base64.b64decode(str(args["content_base64"]), validate=True)
    return str(args["content"]).encode()


def _file(looks: Looks) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return looks.file(request)
        except (CannotDo, KeyError) as no:
            return _refusal(no)

    return handle


async def _json(request: web.Request) -> JSON:
    try:
        body = json.loads(await request.text())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
