"""How a person fills a form: what fits a field, what is missing before it can be sent."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.elements import STATE_KEYS, Slot, is_empty, options_of, slots, zone_of

REQUIRED = "Please complete this required field."
_MOST_CHARACTERS = 3000
_MOST_FILES = 10
_MOMENTS = range(1_000_000_000, 10_000_000_000)
_SHAPES = {
    "selected_date": r"\d{4}-\d\d-\d\d",
    "selected_time": r"([01]\d|2[0-3]):[0-5]\d",
    "selected_user": r"[UW][A-Z0-9]+",
    "selected_channel": r"[CG][A-Z0-9]+",
    "selected_conversation": r"[CDGUW][A-Z0-9]+",
}
"""What a picked value looks like: dates and times by the day and the clock, all else ids."""


class CannotDo(Exception):
    """Slack does not let a person do this; the message is what it tells them."""


class NeedsConfirm(CannotDo):
    """The button asks "sure?" first: `dialog` is the confirm object; pass `confirm=True` to say yes."""

    def __init__(self, dialog: JSON) -> None:
        super().__init__(f"asks first: {dialog['title']['text']}")
        self.dialog = dialog


def slot_in(blocks: list[JSON], block_id: str | None = None, action_id: str | None = None) -> Slot:
    """The one element of these ids. Raises `CannotDo` where there is none, or several."""
    found = [
        slot
        for slot in slots(blocks)
        if block_id in (None, slot.block_id) and action_id in (None, slot.action_id)
    ]
    if len(found) != 1:
        there = ", ".join(f"{slot.block_id}/{slot.action_id}" for slot in slots(blocks)) or "nothing to press"
        count = "nothing" if not found else "several"
        raise CannotDo(f"{count} at {block_id or '*'}/{action_id or '*'}; there is: {there}")
    return found[0]


def state_for(slot: Slot, value: Any) -> JSON:
    """The state entry of a field that was given this value: a text, an option's value, ids, or a list."""
    kind = slot.element["type"]
    if kind not in STATE_KEYS:
        raise CannotDo(f"a {kind} can't be filled")
    key = STATE_KEYS[kind]
    if key == "value":
        return {"type": kind, key: _typed(slot, value)}
    if key == "selected_option":
        return {"type": kind, key: None if value is None else _option(slot, value)}
    if key == "selected_options":
        return {"type": kind, key: [_option(slot, one) for one in value or []]}
    if value not in (None, []) and not _fits(kind, key, value):
        raise CannotDo(f"{value!r} can't stand in {slot.block_id}")
    return {"type": kind, key: value} | zone_of(slot.element)


def room_for_file(slot: Slot, present: list[JSON], name: str) -> list[JSON]:
    """The files that stay beside a new one. Raises `CannotDo` for a wrong kind, or one too many."""
    kinds = slot.element.get("filetypes") or []
    if kinds and name.rpartition(".")[2].lower() not in [kind.lower() for kind in kinds]:
        raise CannotDo(f"{name} can't be used here: only {', '.join(kinds)}.")
    most = int(slot.element.get("max_files", _MOST_FILES))
    if most == 1:
        return []
    if len(present) >= most:
        raise CannotDo(f"{name} is one too many: only {most} files can be uploaded here.")
    return present


def missing_fields(blocks: list[JSON], values: JSON) -> dict[str, str]:
    """Required fields that are still empty and texts that are too short, by block id."""
    errors: dict[str, str] = {}
    for slot in slots(blocks):
        state = values.get(slot.block_id, {}).get(slot.action_id)
        if state is None or not slot.is_input:
            continue
        if slot.required and is_empty(state):
            errors[slot.block_id] = REQUIRED
        least = slot.element.get("min_length", 0)
        if state.get("value") and len(state["value"]) < least:
            errors[slot.block_id] = f"Please enter at least {least} characters."
    return errors


def _fits(kind: str, key: str, value: Any) -> bool:
    """Whether a picker could have given this value."""
    if key == "files":
        return isinstance(value, list) and all(isinstance(file, dict) for file in value)
    if key == "selected_date_time":
        return type(value) is int and _MOMENTS.start <= value < _MOMENTS.stop
    if kind.startswith("multi_"):
        return isinstance(value, list) and all(_fits("", key.removesuffix("s"), one) for one in value)
    if not isinstance(value, str) or not re.fullmatch(_SHAPES.get(key, r"(?s).*"), value):
        return False
    return key != "selected_date" or _is_a_day(value)


def _is_a_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _typed(slot: Slot, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise CannotDo("only text can be typed")
    if len(value) > slot.element.get("max_length", _MOST_CHARACTERS):
        raise CannotDo(f"the field {slot.block_id} takes no more characters")
    return value


def _option(slot: Slot, value: Any) -> JSON:
    if isinstance(value, dict) and "external" in slot.element["type"]:
        return value
    for option in options_of(slot.element):
        if option["value"] == value:
            return dict(option)
    offered = ", ".join(repr(option["value"]) for option in options_of(slot.element))
    raise CannotDo(f"{value!r} is not offered in {slot.block_id}; there is: {offered}")
