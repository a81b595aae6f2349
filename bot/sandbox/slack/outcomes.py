"""What an ack does to the workspace: a command's reply, a form that closes, changes or shows errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.block_kit import Problem, check_options
from bot.sandbox.slack.elements import slots
from bot.sandbox.slack.rules import refuse_bad_message, refuse_bad_view
from bot.sandbox.slack.state import Delivery, State
from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import BOT_USER_ID

BROKEN_ANSWER = "We had some trouble connecting. Try again?"


@dataclass(slots=True)
class Submission:
    """What pressing Submit led to. `action` is close, errors, update, push or clear; None if it failed."""

    errors: dict[str, str] = field(default_factory=dict)
    action: str | None = None
    delivery: Delivery | None = None
    """None where Slack itself refused, a required field being empty."""
    error: str | None = None

    @property
    def ok(self) -> bool:
        """The form was taken: no errors beside fields, no failure."""
        return self.action not in (None, "errors")


def settle(state: State, delivery: Delivery) -> None:
    """Apply an ack, by the kind of payload that it answers."""
    if delivery.payload.get("type") == "view_submission":
        delivery.outcome = _settle_submission(state, delivery)
    elif delivery.payload.get("type") == "block_suggestion" and delivery.acked:
        _check_suggestions(delivery)
    elif delivery.kind == "slash_commands" and delivery.acked and delivery.body:
        _post_reply(state, delivery.payload, delivery.body)


def _check_suggestions(delivery: Delivery) -> None:
    """Slack lists nothing of an answer that breaks the rules for options."""
    body = delivery.body
    problems = check_options(body) if isinstance(body, dict) else [Problem("", "must provide an object")]
    if problems:
        delivery.code = "invalid_response"
        delivery.error = f"{problems[0].message} [json-pointer:{problems[0].pointer}]"
        delivery.body = {"options": []}


def _settle_submission(state: State, delivery: Delivery) -> Submission:
    result = Submission(delivery=delivery, error=delivery.error)
    if not delivery.acked:
        return result
    view = state.views.find(view_id=delivery.payload["view"]["id"])
    try:
        _answer_form(state, view, delivery.body or {}, result)
    except ApiError as refused:
        delivery.code = refused.error
        delivery.error = result.error = f"{BROKEN_ANSWER} ({refused.error})"
    return result


def _answer_form(state: State, view: View | None, body: Any, result: Submission) -> None:
    if not isinstance(body, dict):
        raise ApiError("invalid_response")
    action = body.get("response_action", "close")
    if action == "errors":
        result.errors = _checked_errors(view, body.get("errors"))
    elif view is None:
        # The form is gone already (closed, or a copy of the same press was answered): nothing to change.
        pass
    elif action == "close" and set(body) <= {"response_action"}:
        state.views.close(view)
    elif action == "clear":
        state.views.clear(view.user_id, view.window)
    elif action in ("update", "push"):
        _show(state, view, action, body.get("view"))
    else:
        raise ApiError("invalid_response")
    result.action = action


def _show(state: State, view: View, action: str, content: Any) -> None:
    refuse_bad_view(content, kinds=("modal",))
    if action == "update":
        state.views.update(view, content)
    else:
        state.views.push(view.user_id, content, view.window)


def _checked_errors(view: View | None, errors: Any) -> dict[str, str]:
    if not isinstance(errors, dict) or not errors:
        raise ApiError("invalid_response")
    if view is not None:
        inputs = {slot.block_id for slot in slots(view.blocks) if slot.is_input}
        if not set(errors) <= inputs:
            raise ApiError("errors_for_unknown_block")
    return {str(block_id): str(text) for block_id, text in errors.items()}


def _post_reply(state: State, payload: JSON, body: Any) -> None:
    reply: JSON = body if isinstance(body, dict) else {"text": str(body)}
    if not reply.get("text") and not reply.get("blocks"):
        return
    try:
        refuse_bad_message(reply)
    except ApiError:
        # Slack drops a reply it can't show; the command itself counts as answered.
        return
    public = reply.get("response_type") == "in_channel"
    state.messages.post(
        payload["channel_id"],
        BOT_USER_ID,
        str(reply.get("text", "")),
        reply.get("blocks"),
        ephemeral_to=None if public else payload["user_id"],
    )
