"""conversations.*: opening direct messages, who is in a channel, what was said there."""

from __future__ import annotations

from bot.sandbox.slack import arguments
from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.methods import Method, joined_channel, method, need_scope_for, seen_channel
from bot.sandbox.slack.state import State
from bot.sandbox.slack.workspace import BOT_USER_ID


def open_conversation(state: State, args: JSON) -> JSON:
    """conversations.open: the direct message with one person."""
    users = arguments.id_list(args, "users")
    if not users:
        raise ApiError("users_list_not_supplied")
    if len(users) > 1:
        raise ApiError("not_enough_users")
    user = state.workspace.users.get(users[0])
    if user is None:
        raise ApiError("user_not_found")
    if user.is_bot:
        raise ApiError("cannot_dm_bot")
    if user.deleted:
        raise ApiError("user_disabled")
    return {"ok": True, "channel": {"id": state.workspace.direct_message(user.id).id}}


def info(state: State, args: JSON) -> JSON:
    """conversations.info."""
    channel = seen_channel(state, arguments.required(args, "channel"))
    need_scope_for(state, channel, "read")
    shape = channel.payload(BOT_USER_ID)
    if arguments.flag(args, "include_num_members"):
        shape["num_members"] = len(channel.members)
    return {"ok": True, "channel": shape}


def members(state: State, args: JSON) -> JSON:
    """conversations.members, in pages."""
    channel = seen_channel(state, arguments.required(args, "channel"))
    need_scope_for(state, channel, "read")
    found, cursor = arguments.page(list(channel.members), args)
    return {"ok": True, "members": found, "response_metadata": {"next_cursor": cursor}}


def history(state: State, args: JSON) -> JSON:
    """conversations.history: newest first, replies left out."""
    channel = joined_channel(state, arguments.required(args, "channel"))
    need_scope_for(state, channel, "history")
    shown = [m for m in state.messages.in_channel(channel.id) if m.ephemeral_to is None]
    top = [m for m in shown if m.thread_ts in (None, m.ts) or m.broadcast]
    return _said(state, args, list(reversed(_between(top, args))))


def replies(state: State, args: JSON) -> JSON:
    """conversations.replies: the parent, then its replies, oldest first."""
    channel = joined_channel(state, arguments.required(args, "channel"))
    need_scope_for(state, channel, "history")
    parent_ts = arguments.required(args, "ts")
    if state.messages.find(channel.id, parent_ts) is None:
        raise ApiError("thread_not_found")
    thread = state.messages.thread(channel.id, parent_ts)
    parent = [m for m in thread if m.ts == parent_ts]
    return _said(state, args, parent + _between([m for m in thread if m.ts != parent_ts], args))


def _between(messages: list[Message], args: JSON) -> list[Message]:
    oldest, latest = _moment(args, "oldest", 0.0), _moment(args, "latest", float("inf"))
    if arguments.flag(args, "inclusive"):
        return [m for m in messages if oldest <= float(m.ts) <= latest]
    return [m for m in messages if oldest < float(m.ts) < latest]


def _moment(args: JSON, name: str, default: float) -> float:
    value = arguments.text(args, name)
    try:
        return float(value) if value else default
    except ValueError as wrong:
        raise ApiError(f"invalid_ts_{name}") from wrong


def _said(state: State, args: JSON, messages: list[Message]) -> JSON:
    shown, cursor = arguments.page(messages, args, most=999)
    with_metadata = arguments.flag(args, "include_all_metadata")
    bodies = [m.payload(with_metadata=with_metadata) | state.messages.thread_summary(m) for m in shown]
    answer: JSON = {"ok": True, "messages": bodies, "has_more": bool(cursor), "pin_count": 0}
    if cursor:
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


METHODS: dict[str, Method] = {
    "conversations.open": method(open_conversation, "im:write", tier=3),
    "conversations.info": method(info, tier=3),
    "conversations.members": method(members, tier=4),
    "conversations.history": method(history, tier=3),
    "conversations.replies": method(replies, tier=3),
}
