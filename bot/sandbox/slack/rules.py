"""Where the Block Kit rule table says no, and which answer that becomes."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.answers import JSON, ApiError, invalid_arguments
from bot.sandbox.slack.block_kit import VIEW_TOO_LARGE, Problem, check_message, check_view

MOST_POST_CHARACTERS = 40_000
MOST_UPDATE_CHARACTERS = 4_000


def refuse_bad_message(payload: JSON, *, most: int = MOST_POST_CHARACTERS) -> None:
    """Raises what Slack answers to a message it won't take."""
    text, blocks = payload.get("text"), payload.get("blocks")
    if blocks is not None and not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    if not text and not blocks and not payload.get("attachments"):
        raise ApiError("no_text")
    if isinstance(text, str) and len(text) > most:
        raise ApiError("msg_too_long")
    problems = check_message(
        {key: payload[key] for key in ("text", "blocks") if payload.get(key) is not None}
    )
    if problems:
        messages = [_worded(problem, "") for problem in problems]
        raise ApiError("invalid_blocks", errors=messages, response_metadata={"messages": messages})


def refuse_bad_view(view: Any, *, kinds: tuple[str, ...]) -> None:
    """Raises what Slack answers to a view it won't show."""
    if not isinstance(view, dict):
        raise invalid_arguments("must provide an object [json-pointer:/view]")
    if view.get("type") not in kinds:
        raise invalid_arguments(f"must be one of: {', '.join(kinds)} [json-pointer:/view/type]")
    problems = check_view(view)
    if any(problem.message == VIEW_TOO_LARGE for problem in problems):
        raise ApiError("view_too_large")
    if problems:
        messages = [_worded(problem, "/view") for problem in problems]
        raise ApiError("invalid_arguments", response_metadata={"messages": messages})


def _worded(problem: Problem, root: str) -> str:
    pointer = problem.pointer
    if root and not pointer.startswith(root):
        pointer = root + pointer
    return f"[ERROR] {problem.message} [json-pointer:{pointer}]"
