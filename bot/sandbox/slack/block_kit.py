"""Does Slack take this message, this view? The tables' rules, and those that span blocks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.slack import block_kit_table as table
from bot.sandbox.slack.block_kit_elements import SUGGESTIONS
from bot.sandbox.slack.shapes import Problem

__all__ = ["VIEW_TOO_LARGE", "Problem", "check_message", "check_options", "check_view"]

VIEW_TOO_LARGE = f"must be less than {table.BYTES_IN_A_VIEW + 1} bytes"


def check_message(payload: Mapping[str, Any]) -> list[Problem]:
    """What chat.postMessage, chat.update and chat.postEphemeral refuse; pointers start at the payload.

    Looks at `text`, `blocks`, `metadata` and `attachments` (not offered here: any is refused); everything
    else is for the method to judge. `blocks` must have been parsed.
    """
    problems = [
        problem
        for name, rule in table.MESSAGE.items()
        if payload.get(name) is not None
        for problem in rule.check(payload[name], f"/{name}")
    ]
    if not payload.get("text") and not payload.get("blocks"):
        problems.append(Problem("/text", "no_text"))
    if not problems:
        problems = [*_across(payload.get("blocks") or []), *_across_message(payload.get("blocks") or [])]
    return problems


def check_view(view: Mapping[str, Any]) -> list[Problem]:
    """What views.open, push, update and publish refuse; pointers start at the view.

    A view of too many bytes has the one problem `VIEW_TOO_LARGE`, which Slack answers by a name of its own.
    """
    if len(json.dumps(view, ensure_ascii=False).encode(errors="replace")) > table.BYTES_IN_A_VIEW:
        return [Problem("", VIEW_TOO_LARGE)]
    problems = list(table.VIEWS.check(view, ""))
    if not problems:
        problems = [*_across(view["blocks"]), *_across_view(view)]
    return problems


def check_options(answer: Mapping[str, Any]) -> list[Problem]:
    """What Slack won't list of an answer to block_suggestion: no options are no mistake, bad ones are."""
    return list(SUGGESTIONS.check(answer, ""))


def _across(blocks: list[dict[str, Any]]) -> Iterator[Problem]:
    """Ids are unique: a block's among its siblings, an action's within its block; one element has focus."""
    seen: set[str] = set()
    focused = 0
    for index, block in enumerate(blocks):
        block_id = block.get("block_id", "")
        if block_id and block_id in seen:
            yield Problem(f"/blocks/{index}/block_id", f'`block_id` "{block_id}" already exists')
        seen.add(block_id)
        yield from _repeated_actions(block, index)
        focused += sum(element.get("focus_on_load", False) for element in _elements(block))
    if focused > 1:
        yield Problem("/blocks", "only one element may have `focus_on_load`")


def _repeated_actions(block: dict[str, Any], index: int) -> Iterator[Problem]:
    actions = Counter(element["action_id"] for element in _elements(block) if element.get("action_id"))
    for action_id, times in actions.items():
        if times > 1:
            yield Problem(f"/blocks/{index}", f'`action_id` "{action_id}" already exists in this block')


def _elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive elements of a block, wherever it keeps them."""
    single = [block[name] for name in ("accessory", "element") if name in block]
    return [*single, *block.get("elements", ()), *block.get("actions", ())]


def _across_message(blocks: list[dict[str, Any]]) -> Iterator[Problem]:
    if sum(block["type"] == "table" for block in blocks) > 1:
        yield Problem("/blocks", "only one table allowed")
    if (
        sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
        > table.MARKDOWN_IN_A_MESSAGE
    ):
        yield Problem(
            "/blocks", f"must be less than {table.MARKDOWN_IN_A_MESSAGE + 1} characters of markdown"
        )
    elif sum(map(_written, blocks)) > table.CHARACTERS_IN_A_MESSAGE:
        yield Problem("/blocks", f"must be less than {table.CHARACTERS_IN_A_MESSAGE + 1} characters in all")


def _written(part: object) -> int:
    """How many characters a person would read in this part of a message."""
    if isinstance(part, list):
        return sum(map(_written, part))
    if not isinstance(part, dict):
        return 0
    return sum(len(v) if k == "text" and isinstance(v, str) else _written(v) for k, v in part.items())


def _across_view(view: Mapping[str, Any]) -> Iterator[Problem]:
    has_input = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and has_input and "submit" not in view:
        yield Problem("", "must define `submit` to use an `input` block in modals")
