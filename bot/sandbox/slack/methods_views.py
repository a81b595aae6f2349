"""views.*: opening, stacking and changing modals; publishing Homes; blocks.validate."""

from __future__ import annotations

from bot.sandbox.slack import arguments
from bot.sandbox.slack.answers import JSON, ApiError, missing
from bot.sandbox.slack.methods import Method, method, need_scope
from bot.sandbox.slack.rules import refuse_bad_message, refuse_bad_view
from bot.sandbox.slack.state import State
from bot.sandbox.slack.views import View


def open_view(state: State, args: JSON) -> JSON:
    """views.open. A view that Slack won't show does not use its trigger up."""
    content = _modal(state, args)
    trigger = state.tickets.exchange(_trigger_id(args))
    return _shown(state.views.open(trigger.user_id, content, trigger.window))


def push(state: State, args: JSON) -> JSON:
    """views.push: only with a trigger that came out of an open modal."""
    content = _modal(state, args)
    trigger = state.tickets.exchange(_trigger_id(args))
    if not trigger.in_modal:
        raise ApiError("not_found")
    return _shown(state.views.push(trigger.user_id, content, trigger.window))


def update(state: State, args: JSON) -> JSON:
    """views.update, by view_id or external_id, with an optional hash against races."""
    view_id, external_id = arguments.text(args, "view_id"), arguments.text(args, "external_id")
    if not view_id and not external_id:
        raise missing("view_id")
    view = state.views.find(view_id=view_id or None, external_id=external_id or None)
    if view is None:
        raise ApiError("not_found")
    content = arguments.structure(args, "view")
    refuse_bad_view(content, kinds=(view.content["type"],))
    _need_scope_of_files(state, content)
    return _shown(state.views.update(view, content, arguments.text(args, "hash")))


def publish(state: State, args: JSON) -> JSON:
    """views.publish: a person's Home, where the app has one."""
    if not state.listing.home_tab:
        raise ApiError("not_enabled")
    user_id = arguments.required(args, "user_id")
    if user_id not in state.workspace.users:
        raise ApiError("user_not_found")
    content = arguments.structure(args, "view")
    refuse_bad_view(content, kinds=("home",))
    return _shown(state.views.publish(user_id, content, arguments.text(args, "hash")))


def validate_blocks(_state: State, args: JSON) -> JSON:
    """blocks.validate: the rule table, without posting anything."""
    refuse_bad_message({"blocks": arguments.structure(args, "blocks")})
    return {"ok": True}


def _modal(state: State, args: JSON) -> JSON:
    content = arguments.structure(args, "view")
    refuse_bad_view(content, kinds=("modal",))
    _need_scope_of_files(state, content)
    modal: JSON = content
    return modal


def _need_scope_of_files(state: State, content: JSON) -> None:
    """Slack's words: to use a `file_input` an app must have files:read."""
    if any(block.get("element", {}).get("type") == "file_input" for block in content["blocks"]):
        need_scope(state, "files:read")


def _trigger_id(args: JSON) -> str:
    return arguments.text(args, "trigger_id") or arguments.required(args, "interactivity_pointer")


def _shown(view: View) -> JSON:
    return {"ok": True, "view": view.payload()}


METHODS: dict[str, Method] = {
    "views.open": method(open_view, tier=4),
    "views.push": method(push, tier=4),
    "views.update": method(update, tier=4),
    "views.publish": method(publish, tier=4),
    "blocks.validate": method(validate_blocks, tier=4),
}
