"""Looked at before any listener hears a payload: is each part that anybody reads what Slack says it is?

Listeners, and Bolt before them, take the types of Slack's payloads for granted. A signed payload that has
others is somebody's attempt, or Slack's mistake: either way it is answered with 400 and nothing comes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Shape = Any
"""`str`; a dict of shapes by key, `...` for every key; a list of one shape; a tuple: any of them.

A part that is missing or null has every shape, but `Needed`.
"""


@dataclass(frozen=True, slots=True)
class Needed:
    """A part that has to be there."""

    shape: Shape


_NAMED = (str, {"id": str, "team_id": str, "enterprise_id": str})
"""A person, team or channel: by id, or described."""
_INSTALLED = {"enterprise_id": str, "team_id": str, "user_id": str, "enterprise": _NAMED, "team": _NAMED}
_TEXT = (str, {"text": str})
_ELEMENT = {"action_id": str, "type": str}
_CHOSEN = {"value": str, "text": _TEXT}
_ACTION = {
    "action_id": Needed(str),
    "type": Needed(str),
    "block_id": str,
    "value": str,
    "selected_option": _CHOSEN,
}
_BLOCK = {"type": str, "block_id": str, "element": _ELEMENT, "elements": [{}], "text": _TEXT, "label": _TEXT}
_TYPED = _ELEMENT | {"selected_option": _CHOSEN, "files": [{"id": str, "name": str}]}
_VIEW = {
    "id": str,
    "type": str,
    "team_id": str,
    "app_installed_team_id": str,
    "callback_id": str,
    "private_metadata": str,
    "hash": str,
    "title": _TEXT,
    "blocks": [_BLOCK],
    "state": {"values": {...: {...: _TYPED}}},
}
_MESSAGE = {"type": str, "ts": str, "thread_ts": str, "user": _NAMED, "text": str, "bot_id": str}
_WHO = {"user": _NAMED, "team": _NAMED, "channel": _NAMED, "enterprise": _NAMED, "user_team": str}
_EVENT = _WHO | {
    "type": str,
    "subtype": str,
    "item": {"channel": str, "ts": str},
    "message": _MESSAGE | _WHO,
    "previous_message": _MESSAGE | _WHO,
    "assistant_thread": {"channel_id": str, "thread_ts": str, "user_id": str},
    "view": _VIEW,
    "ts": str,
    "thread_ts": str,
    "subteam_id": str,
    "function": {"callback_id": str},
    "inputs": {},
}
# Of a message only what Bolt reads: `message_text` takes whatever else it is, and finds no number in it.
PAYLOAD = _INSTALLED | {
    "type": str,
    "command": str,
    "text": str,
    "token": str,
    "channel_id": str,
    "channel": _NAMED,
    "user": _NAMED,
    "callback_id": str,
    "trigger_id": str,
    "response_url": str,
    "response_urls": [{"response_url": str, "channel_id": str}],
    "action_id": str,
    "block_id": str,
    "value": str,
    "message_ts": str,
    "action_ts": str,
    "message": ({"user": _NAMED, "bot_id": str}, str, list, int, float),
    "container": {"type": str, "channel_id": str, "message_ts": str, "view_id": str, "thread_ts": str},
    "view": _VIEW,
    "actions": [_ACTION],
    "event": _EVENT,
    "event_id": str,
    "authorizations": [_INSTALLED],
    "function_data": {"execution_id": str, "function": {"callback_id": str}, "inputs": {}},
    "bot_access_token": str,
    "interactivity": {},
    "previous_message": _MESSAGE,
}


def understood(payload: object) -> dict[str, Any] | None:
    """The payload, if it has the types that Slack's have; None else.

    Half a character, as a cut-off emoji leaves it, can neither be kept nor sent on: a ? stands for it.
    """
    try:
        whole = _whole(payload)
    except (ValueError, TypeError, RecursionError):
        return None
    return whole if isinstance(whole, dict) and fits(whole, PAYLOAD) else None


def _whole(payload: object) -> object:
    text = json.dumps(payload, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.loads(text.encode("utf-8", "replace"))
    return payload


def fits(value: object, shape: Shape) -> bool:
    """Whether a value has a shape: what the shape doesn't speak of may be anything."""
    if isinstance(shape, Needed):
        return value is not None and fits(value, shape.shape)
    if value is None:
        return True
    match shape:
        case tuple():
            return any(fits(value, one) for one in shape)
        case list():
            return isinstance(value, list) and all(fits(one, shape[0]) for one in value)
        case dict():
            return isinstance(value, dict) and _each_fits(value, shape)
    return isinstance(value, shape)


def _each_fits(value: Mapping[str, object], shape: Mapping[Any, Shape]) -> bool:
    if ... in shape:
        return all(fits(inner, shape[...]) for inner in value.values())
    return all(fits(value.get(key), inner) for key, inner in shape.items())
