"""What the page looks at: the workspace, a channel, a person's screen, the log, what Slack refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.filling import CannotDo
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.outcomes import Submission
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.reading import threads_of, unread_in
from bot.sandbox.slack.state import ApiRequest, Delivery, State, Uploaded
from bot.sandbox.slack.workspace import BOT_USER_ID, TEAM_ID, TEAM_NAME, Channel, User

NEWEST = 30
"""Refusals that are shown; the whole log is at `requests` and `deliveries`."""
SHOWN_METHODS = ("chat.", "views.", "files.", "response_url")
SHOWN_ERRORS = ("missing_scope", "invalid_auth", "not_authed", "unknown_method")
KINDS_OF_USER = (
    ("is_bot", "app"),
    ("is_admin", "admin"),
    ("is_restricted", "guest"),
    ("is_ultra_restricted", "guest"),
)


class Looks:
    """The reading half of the control API. Nothing here changes anything."""

    def __init__(self, state: State, person: Callable[[str, str | None], Person]) -> None:
        self._state = state
        self._person = person

    def table(self) -> dict[str, Callable[[web.Request], JSON]]:
        """Name under /control/ → what it answers."""
        return {
            "workspace": self._workspace,
            "messages": self._messages,
            "screen": self._screen,
            "requests": self._requests,
            "deliveries": self._deliveries,
            "trouble": self._trouble,
        }

    def file(self, request: web.Request) -> web.Response:
        """A file as a download, for whoever sees a message that it is in, or put it there."""
        person = self._person(request.query["as"], None)
        file = self._state.files.get(request.query["id"])
        if file is None or not file.complete or not self._shared_with(person, file):
            raise CannotDo("no such file is to be seen")
        name = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
        return web.Response(
            body=file.content, content_type="application/octet-stream", headers={"Content-Disposition": name}
        )

    def _shared_with(self, person: Person, file: Uploaded) -> bool:
        return file.user_id == person.id or any(
            shared["id"] == file.id
            for channel in self._channels(person)
            for message in person.messages(channel.id)
            for shared in message.files
        )

    def _workspace(self, _request: web.Request) -> JSON:
        space, listing = self._state.workspace, self._state.listing
        return {
            "name": TEAM_NAME,
            "now": self._state.clock.now().isoformat(),
            "clock_stands": isinstance(self._state.clock, ManualClock),
            "bot": BOT_USER_ID,
            "users": [user.payload() | {"roles": self._roles(user)} for user in space.users.values()],
            "groups": [group.payload(with_users=True) for group in space.groups.values()],
            "channels": [asdict(channel) for channel in space.channels.values()],
            "commands": [asdict(command) for command in listing.commands],
            "shortcuts": [asdict(shortcut) for shortcut in listing.shortcuts],
            "home_tab": listing.home_tab,
            "messages_tab_read_only": listing.messages_tab_read_only,
            "scopes": sorted(self._state.scopes),
            "in_flight": self._state.calls_in_flight + self._state.unacked,
        }

    def _roles(self, user: User) -> list[str]:
        """What somebody is here, in words: groups, and what `users.info` says of them."""
        groups = [group.name for group in self._state.workspace.groups.values() if user.id in group.users]
        kinds = [word for name, word in KINDS_OF_USER if getattr(user, name)]
        return [*groups, *kinds, *(["another company"] if user.team_id != TEAM_ID else [])]

    def _messages(self, request: web.Request) -> JSON:
        person = self._person(request.query["as"], None)
        seen = person.messages(request.query["channel"])
        found = threads_of(self._state.workspace, self._state.marks, person.id, seen)
        summaries = {thread.parent.ts: thread.summary() for thread in found}
        marks = self._state.marks
        return {
            "messages": [
                plain(message) | {"new": marks.is_new(person.id, message)} | summaries.get(message.ts, {})
                for message in seen
            ]
        }

    def _screen(self, request: web.Request) -> JSON:
        person = self._person(request.query["as"], request.query.get("window"))
        home = person.home
        return {
            "modals": [view.payload() for view in person.modals],
            "home": home.payload() if home else None,
            "channels": [asdict(channel) | self._news(person, channel) for channel in self._channels(person)],
        }

    def _channels(self, person: Person) -> list[Channel]:
        space = self._state.workspace
        return [channel for channel in space.channels.values() if space.visible_to(person.id, channel)]

    def _news(self, person: Person, channel: Channel) -> JSON:
        seen = self._state.messages.in_channel(channel.id, person.id)
        return unread_in(self._state.workspace, self._state.marks, person.id, channel, seen)

    def _requests(self, _request: web.Request) -> JSON:
        return {"requests": [asdict(call) | {"at": call.at.isoformat()} for call in self._state.requests]}

    def _deliveries(self, _request: web.Request) -> JSON:
        return {"deliveries": [plain(delivery) for delivery in self._state.deliveries]}

    def _trouble(self, _request: web.Request) -> JSON:
        """What Slack refused and what the app did not answer in time, newest last, each with a lasting id."""
        calls = [
            _refused_call(number, call)
            for number, call in enumerate(self._state.requests)
            if _worth_showing(call)
        ]
        failed = [
            _failed_delivery(number, delivery)
            for number, delivery in enumerate(self._state.deliveries)
            if delivery.code is not None
        ]
        return {"trouble": sorted([*calls, *failed], key=lambda one: one["at"])[-NEWEST:]}


def plain(value: Any) -> Any:
    """Deliveries, submissions and messages as JSON; everything else as it is."""
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


def _worth_showing(call: ApiRequest) -> bool:
    if call.ok or not call.answer:
        return False
    return call.method.startswith(SHOWN_METHODS) or call.answer.get("error") in SHOWN_ERRORS


def _refused_call(number: int, call: ApiRequest) -> JSON:
    told = call.answer.get("response_metadata", {}).get("messages", [])
    needed = [f"needed: {call.answer['needed']}"] if "needed" in call.answer else []
    return {
        "id": f"call-{number}",
        "at": call.at.isoformat(),
        "title": f"Slack refused {call.method}",
        "error": str(call.answer.get("error", call.status)),
        "details": [str(line) for line in (*told, *needed)],
    }


def _failed_delivery(number: int, delivery: Delivery) -> JSON:
    payload = delivery.payload
    what = payload.get("command") or payload.get("event", {}).get("type") or payload.get("type", "")
    return {
        "id": f"delivery-{number}",
        "at": delivery.at.isoformat(),
        "title": f"The app did not take {what}",
        "error": str(delivery.code),
        "details": [str(delivery.error)],
    }
