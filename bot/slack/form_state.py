"""What a form remembers between two payloads, and what a person typed into it. Never raises on a forgery."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.changes import Kind
from bot.domain.requests import Origin

KEPT_AT_MOST = 60
"""Characters of one id in `private_metadata`, which holds 3,000 in all."""
LONGEST_NAME = 200
"""Of a file."""
LONGEST_ID = 120
"""Of a Things Group."""


@dataclass(frozen=True, slots=True)
class Form:
    """One showing of a form: what it holds, and what it says besides. Travels in `private_metadata`."""

    kind: Kind
    channel: str
    nonce: str
    """Unique to one showing: a second press on the same showing makes nothing new."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """Initial values by block id; Slack looks at them only where `version` moved since the last showing."""
    version: int = 0
    """Part of the inputs' action_ids: moved when the bot sets values, so that Slack takes them."""
    last_seen: str = ""
    """IMEI last seen on the Thing of `looked_up`."""
    looked_up: str = ""
    """ICCID that `last_seen` belongs to."""
    looking_up: str = ""
    """ICCID or group id of the latest look-up: an earlier one that ends later shows nothing."""
    message_ts: str = ""
    """The message in `channel` that it was asked from, "" where none."""
    thread_ts: str = ""
    """Where that message is answered: the thread that it stands in, or begins."""

    @property
    def origin(self) -> Origin:
        """Where it was asked."""
        return Origin(self.channel, self.message_ts, self.thread_ts)

    def metadata(self) -> str:
        """What the next payload brings back. Holds no typed text: it stays in the fields."""
        kept = {
            "kind": self.kind.value,
            "channel": self.channel,
            "nonce": self.nonce,
            "version": self.version,
            "last_seen": self.last_seen[:KEPT_AT_MOST],
            "looked_up": self.looked_up,
            "looking_up": self.looking_up,
            "message_ts": self.message_ts,
            "thread_ts": self.thread_ts,
        }
        return json.dumps(kept, separators=(",", ":"))

    def showing(self, typed: Mapping[str, str], nonce: str) -> Form:
        """The same form shown anew with these values set by the bot."""
        return replace(self, typed=dict(typed), version=self.version + 1, nonce=nonce)


def read_metadata(view: Mapping[str, Any], kind: Kind) -> Form:
    """The Form behind a view, as far as its metadata can be read; never raises on a forged one."""
    kept = kept_in(view)
    version = kept.get("version")
    return Form(
        kind=kind,
        channel=id_of(kept, "channel"),
        nonce=text_of(kept, "nonce") or str(view.get("hash") or ""),
        version=version if isinstance(version, int) else 0,
        last_seen=text_of(kept, "last_seen"),
        looked_up=text_of(kept, "looked_up"),
        looking_up=id_of(kept, "looking_up"),
        message_ts=text_of(kept, "message_ts"),
        thread_ts=text_of(kept, "thread_ts"),
    )


def looking_up(view: Mapping[str, Any]) -> str:
    """The ICCID or group id of the latest look-up in a form."""
    return id_of(kept_in(view), "looking_up")


def asked_in(view: Mapping[str, Any]) -> str:
    """The channel that any of our modals belongs to, "" where its metadata names none."""
    return id_of(kept_in(view), "channel")


def kept_in(view: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        kept = json.loads(view.get("private_metadata") or "{}")
    except (ValueError, TypeError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def text_of(kept: Mapping[str, Any], key: str, most: int = KEPT_AT_MOST) -> str:
    value = kept.get(key)
    return value[:most] if isinstance(value, str) else ""


def id_of(kept: Mapping[str, Any], key: str) -> str:
    """An id or a ts, cut to the longest that any is."""
    return text_of(kept, key, LONGEST_ID)


def typed_in(view: Mapping[str, Any]) -> dict[str, str]:
    """What a person typed or chose, by block id, whatever the action ids are."""
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    found = {}
    for block_id, elements in (values if isinstance(values, dict) else {}).items():
        for element in elements.values() if isinstance(elements, dict) else ():
            found[str(block_id)] = _value(element)
            if name := _chosen_name(element):
                found[f"{block_id}.name"] = name
    return found


def _first_file(element: Mapping[str, Any]) -> Mapping[str, Any]:
    files = element.get("files")
    first = files[0] if isinstance(files, list) and files else None
    return first if isinstance(first, dict) else {}


def _chosen_name(element: Any) -> str:
    """What a file is called, or an option that isn't in the view, so that the form can be shown with it."""
    if not isinstance(element, dict):
        return ""
    if element.get("type") == "file_input":
        return text_of(_first_file(element), "name", LONGEST_NAME)
    if element.get("type") != "external_select":
        return ""
    option = element.get("selected_option")
    text = option.get("text") if isinstance(option, dict) else None
    name = text.get("text") if isinstance(text, dict) else None
    return name if isinstance(name, str) else ""


def _value(element: Any) -> str:
    if not isinstance(element, dict):
        return ""
    if element.get("type") == "file_input":
        return text_of(_first_file(element), "id")
    option = element.get("selected_option")
    value = option.get("value") if isinstance(option, dict) else element.get("value")
    return value if isinstance(value, str) else ""
