"""chat.*: posting, changing and deleting messages."""

from __future__ import annotations

import json
from typing import Any

from bot.sandbox.slack import arguments
from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.methods import Method, joined_channel, method, seen_channel
from bot.sandbox.slack.rules import MOST_UPDATE_CHARACTERS, refuse_bad_message
from bot.sandbox.slack.state import State
from bot.sandbox.slack.workspace import BOT_USER_ID, TEAM_DOMAIN, Channel

MOST_METADATA_BYTES = 16_384


def post_message(state: State, args: JSON) -> JSON:
    """chat.postMessage; a user id as channel means the direct message with that person."""
    channel = _channel_for_posting(state, arguments.required(args, "channel"))
    text, blocks = _content(args)
    thread_ts = _thread(state, channel, args)
    metadata = _metadata(args)
    state.limits.check_channel(channel.id)
    message = state.messages.post(
        channel.id,
        BOT_USER_ID,
        text or "",
        blocks,
        thread_ts=thread_ts,
        broadcast=bool(thread_ts) and arguments.flag(args, "reply_broadcast"),
        metadata=metadata,
    )
    return {
        "ok": True,
        "channel": channel.id,
        "ts": message.ts,
        "message": message.payload(with_metadata=True),
    }


def post_ephemeral(state: State, args: JSON) -> JSON:
    """chat.postEphemeral: for one person who is in the channel; it can't be changed afterwards."""
    channel = _channel_for_posting(state, arguments.required(args, "channel"))
    user = arguments.required(args, "user")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    text, blocks = _content(args)
    thread_ts = _thread(state, channel, args)
    message = state.messages.post(
        channel.id, BOT_USER_ID, text or "", blocks, thread_ts=thread_ts, ephemeral_to=user
    )
    return {"ok": True, "message_ts": message.ts}


def update(state: State, args: JSON) -> JSON:
    """chat.update: own messages only; text without blocks removes the blocks."""
    message = _own_message(state, args, "cant_update_message")
    text, blocks = _content(args, most=MOST_UPDATE_CHARACTERS)
    metadata = _metadata(args)
    state.messages.edit(message, text, blocks)
    if metadata is not None:
        message.metadata = metadata or None
    return {
        "ok": True,
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message.payload(with_metadata=True),
    }


def delete(state: State, args: JSON) -> JSON:
    """chat.delete: own messages only."""
    message = _own_message(state, args, "cant_delete_message")
    message.deleted = True
    return {"ok": True, "channel": message.channel, "ts": message.ts}


def permalink(state: State, args: JSON) -> JSON:
    """chat.getPermalink."""
    channel = seen_channel(state, arguments.required(args, "channel"))
    message = state.messages.find(channel.id, arguments.required(args, "message_ts"))
    if message is None:
        raise ApiError("message_not_found")
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def _channel_for_posting(state: State, channel_id: str) -> Channel:
    user = state.workspace.users.get(channel_id)
    if user is not None:
        if user.is_bot:
            raise ApiError("cannot_dm_bot")
        return state.workspace.direct_message(user.id)
    channel = seen_channel(state, channel_id)
    if channel.is_archived:
        raise ApiError("is_archived")
    if "chat:write.public" in state.scopes and not channel.is_private:
        return channel
    return joined_channel(state, channel_id)


def _content(args: JSON, **limits: int) -> tuple[str | None, list[JSON] | None]:
    blocks: Any = arguments.structure(args, "blocks")
    text = None if args.get("text") is None else arguments.text(args, "text")
    refuse_bad_message({"text": text, "blocks": blocks}, **limits)
    return text, blocks


def _thread(state: State, channel: Channel, args: JSON) -> str | None:
    thread_ts = arguments.text(args, "thread_ts")
    if thread_ts and state.messages.find(channel.id, thread_ts) is None:
        raise ApiError("thread_not_found")
    return thread_ts or None


def _metadata(args: JSON) -> JSON | None:
    metadata = arguments.structure(args, "metadata")
    if metadata is None or metadata == {}:
        return None if metadata is None else {}
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise ApiError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > MOST_METADATA_BYTES:
        raise ApiError("metadata_too_large")
    return metadata


def _own_message(state: State, args: JSON, refusal: str) -> Message:
    channel = seen_channel(state, arguments.required(args, "channel"))
    message = state.messages.find(channel.id, arguments.required(args, "ts"))
    if message is None:
        raise ApiError("message_not_found")
    if not message.from_bot:
        raise ApiError(refusal)
    if channel.is_archived:
        raise ApiError("is_inactive")
    return message


METHODS: dict[str, Method] = {
    "chat.postMessage": method(post_message, "chat:write"),
    "chat.postEphemeral": method(post_ephemeral, "chat:write", tier=4),
    "chat.update": method(update, "chat:write", tier=3),
    "chat.delete": method(delete, "chat:write", tier=3),
    "chat.getPermalink": method(permalink),
}
