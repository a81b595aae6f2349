"""Modals and Homes: the stack of three, ids and hashes, and what people typed into them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.elements import carried_over, complete_texts, normalised, random_id
from bot.sandbox.slack.workspace import APP_ID, BOT_ID, TEAM_ID

STACK_LIMIT = 3


@dataclass(slots=True, eq=False)
class View:
    """One view, live: an update shows in every reference to it."""

    id: str
    user_id: str
    content: JSON
    root_view_id: str
    previous_view_id: str | None
    hash: str
    window: str = ""
    """The one window that shows it; "" for all of the person's."""
    values: JSON = field(default_factory=dict)
    is_open: bool = True

    @property
    def blocks(self) -> list[JSON]:
        """The blocks as stored, ids filled in."""
        blocks: list[JSON] = self.content["blocks"]
        return blocks

    @property
    def callback_id(self) -> str:
        """What the bot named it."""
        return str(self.content.get("callback_id", ""))

    @property
    def title(self) -> str:
        """The title, "" for a Home."""
        return str((self.content.get("title") or {}).get("text", ""))

    @property
    def private_metadata(self) -> str:
        """What the bot hid in it."""
        return str(self.content.get("private_metadata", ""))

    def payload(self) -> JSON:
        """The view object of answers and payloads."""
        content = copy.deepcopy(self.content)
        return {
            "id": self.id,
            "team_id": TEAM_ID,
            "type": content["type"],
            "blocks": content["blocks"],
            "private_metadata": content.get("private_metadata", ""),
            "callback_id": content.get("callback_id", ""),
            "state": {"values": copy.deepcopy(self.values)},
            "hash": self.hash,
            "title": content.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
            "clear_on_close": bool(content.get("clear_on_close", False)),
            "notify_on_close": bool(content.get("notify_on_close", False)),
            "close": content.get("close"),
            "submit": content.get("submit"),
            "previous_view_id": self.previous_view_id,
            "root_view_id": self.root_view_id,
            "app_id": APP_ID,
            "external_id": content.get("external_id") or "",
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }


class ViewBook:
    """Every person's modal stack in each of their windows, and their Home."""

    def __init__(self) -> None:
        self.stacks: dict[tuple[str, str], list[View]] = {}
        self.homes: dict[str, View] = {}
        self._stamp = 0

    def stack(self, user_id: str, window: str = "") -> list[View]:
        """The open modals of a person in a window, top last."""
        return self.stacks.setdefault((user_id, window), [])

    def seen_by(self, user_id: str, window: str | None = None) -> list[View]:
        """What a person sees in a window, top last; without one, in all of them."""
        if window:
            return [*self.stack(user_id), *self.stack(user_id, window)]
        return [view for (owner, _), stack in self.stacks.items() if owner == user_id for view in stack]

    def is_on_top(self, view: View) -> bool:
        """Whether nothing lies on it."""
        return self.stack(view.user_id, view.window)[-1:] == [view]

    def open(self, user_id: str, content: JSON, window: str = "") -> View:
        """A new root modal; a stack that was open there gives way to it, as nobody can see two."""
        view = self._make(user_id, content, None, window)
        self.clear(user_id, window)
        self.stack(user_id, window).append(view)
        return view

    def push(self, user_id: str, content: JSON, window: str = "") -> View:
        """A modal on top of the open one."""
        stack = self.stack(user_id, window)
        if not stack:
            raise ApiError("not_found")
        if len(stack) >= STACK_LIMIT:
            raise ApiError("push_limit_reached")
        view = self._make(user_id, content, stack[-1], window)
        stack.append(view)
        return view

    def update(self, view: View, content: JSON, seen_hash: str | None = None) -> View:
        """New content in the same view; refused where `seen_hash` is not the newest."""
        if seen_hash and seen_hash != view.hash:
            raise ApiError("hash_conflict")
        self._refuse_taken_external_id(content, but=view)
        view.content = _stored(content)
        view.values = carried_over(view.values, view.blocks)
        view.hash = self._new_hash()
        return view

    def publish(self, user_id: str, content: JSON, seen_hash: str | None = None) -> View:
        """The person's Home, made or replaced."""
        home = self.homes.get(user_id)
        if home is not None:
            return self.update(home, content, seen_hash)
        self.homes[user_id] = self._make(user_id, content, None)
        return self.homes[user_id]

    def find(self, *, view_id: str | None = None, external_id: str | None = None) -> View | None:
        """A view that is open right now, or a Home."""
        for view in [*(v for stack in self.stacks.values() for v in stack), *self.homes.values()]:
            if view_id and view.id == view_id:
                return view
            if external_id and view.content.get("external_id") == external_id:
                return view
        return None

    def close(self, view: View) -> None:
        """Take one view, and what lies on it, off the stack."""
        stack = self.stack(view.user_id, view.window)
        if view in stack:
            for gone in stack[stack.index(view) :]:
                gone.is_open = False
            del stack[stack.index(view) :]

    def clear(self, user_id: str, window: str = "") -> None:
        """Close all modals of a person in a window."""
        for view in self.stack(user_id, window):
            view.is_open = False
        self.stacks[user_id, window] = []

    def _make(self, user_id: str, content: JSON, below: View | None, window: str = "") -> View:
        self._refuse_taken_external_id(content)
        view_id = "V0" + random_id(9).upper()
        root, previous = (below.root_view_id, below.id) if below else (view_id, None)
        view = View(view_id, user_id, _stored(content), root, previous, self._new_hash(), window)
        view.values = carried_over({}, view.blocks)
        return view

    def _new_hash(self) -> str:
        self._stamp += 1
        return f"{1760000000 + self._stamp}.{random_id(8)}"

    def _refuse_taken_external_id(self, content: JSON, but: View | None = None) -> None:
        external_id: Any = content.get("external_id")
        if external_id and self.find(external_id=external_id) not in (None, but):
            raise ApiError("duplicate_external_id")


def _stored(content: JSON) -> JSON:
    stored = copy.deepcopy(content)
    stored["blocks"] = normalised(stored.get("blocks") or [])
    complete_texts({key: stored.get(key) for key in ("title", "submit", "close")})
    return stored
