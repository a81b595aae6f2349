"""What a form holds: block ids, the inputs in it, and the values Slack reports for them."""

from __future__ import annotations

import copy
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.answers import JSON

STATE_KEYS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "rich_text_input": "rich_text_value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "file_input": "files",
}
_LISTS = {"selected_options", "selected_users", "selected_conversations", "selected_channels", "files"}
_ALPHABET = string.ascii_letters + string.digits


def random_id(length: int = 5) -> str:
    """An id of the kind that Slack makes up for blocks without one."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Slot:
    """One interactive element and the block that it stands in."""

    block: JSON
    element: JSON

    @property
    def block_id(self) -> str:
        """The id its values are reported under."""
        return str(self.block["block_id"])

    @property
    def action_id(self) -> str:
        """The id of the element itself."""
        return str(self.element["action_id"])

    @property
    def is_input(self) -> bool:
        """Whether it stands in an input block: its value counts at submission, not at once."""
        return bool(self.block["type"] == "input")

    @property
    def required(self) -> bool:
        """Whether the form can't be submitted while it is empty."""
        return self.is_input and not self.block.get("optional", False)

    @property
    def dispatches(self) -> bool:
        """Whether a change is told to the app at once."""
        return not self.is_input or bool(self.block.get("dispatch_action", False))


def normalised(blocks: list[JSON]) -> list[JSON]:
    """The blocks as Slack stores them: ids filled in, text objects completed."""
    stored = copy.deepcopy(blocks)
    for block in stored:
        block.setdefault("block_id", random_id())
        for element in _elements(block):
            if element.get("type") in STATE_KEYS or element.get("type") == "button":
                element.setdefault("action_id", random_id())
    complete_texts(stored)
    return stored


def complete_texts(node: Any) -> None:
    """Add the defaults that Slack adds to text objects, wherever they stand."""
    if isinstance(node, list):
        for child in node:
            complete_texts(child)
    elif isinstance(node, dict):
        if node.get("type") == "plain_text" and isinstance(node.get("text"), str):
            node.setdefault("emoji", True)
        elif node.get("type") == "mrkdwn" and isinstance(node.get("text"), str):
            node.setdefault("verbatim", False)
        for child in node.values():
            complete_texts(child)


def slots(blocks: list[JSON]) -> Iterator[Slot]:
    """Every interactive element of these (stored) blocks."""
    for block in blocks:
        for element in _elements(block):
            if "action_id" in element:
                yield Slot(block, element)


def _elements(block: JSON) -> list[JSON]:
    if block.get("type") == "input":
        found = [block.get("element")]
    elif block.get("type") == "actions":
        found = block.get("elements") or []
    else:
        found = [block.get("accessory")]
    return [element for element in found if isinstance(element, dict)]


def initial_state(element: JSON) -> JSON:
    """The state entry of an element that nobody has touched."""
    kind = element["type"]
    key = STATE_KEYS[kind]
    given = element.get(
        key.replace("selected_", "initial_") if key.startswith("selected_") else "initial_value"
    )
    empty: Any = [] if key in _LISTS else None
    return {"type": kind, key: copy.deepcopy(given) if given is not None else empty} | zone_of(element)


def zone_of(element: JSON) -> JSON:
    """A time picker that names a zone tells it with the time."""
    return {"timezone": element["timezone"]} if "timezone" in element else {}


def is_empty(state: JSON) -> bool:
    """Whether a required field with this state would be refused."""
    return not state[STATE_KEYS[state["type"]]]


def options_of(element: JSON) -> list[JSON]:
    """All options that the element offers, those in groups too."""
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def carried_over(old: JSON, blocks: list[JSON]) -> JSON:
    """State after an update: same block_id and action_id keep theirs, whatever `initial_value` says now."""
    values: JSON = {}
    for slot in slots(blocks):
        kind = slot.element["type"]
        if kind not in STATE_KEYS or kind == "overflow":
            continue
        kept = old.get(slot.block_id, {}).get(slot.action_id)
        keeps = kept is not None and kept["type"] == kind and _still_offered(kept, slot.element)
        state = kept if keeps else initial_state(slot.element)
        values.setdefault(slot.block_id, {})[slot.action_id] = state
    return values


def _still_offered(state: JSON, element: JSON) -> bool:
    chosen = state.get("selected_option")
    if chosen is None or "external" in state["type"]:
        return True
    return any(option["value"] == chosen["value"] for option in options_of(element))
