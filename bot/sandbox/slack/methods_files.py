"""files.*: what the bot may learn of a file, and the two calls of an upload."""

from __future__ import annotations

from bot.sandbox.slack import arguments
from bot.sandbox.slack.answers import JSON, ApiError, invalid_arguments
from bot.sandbox.slack.files import attach, begin, file_payload
from bot.sandbox.slack.methods import Method, joined_channel, method
from bot.sandbox.slack.state import State, Uploaded
from bot.sandbox.slack.workspace import BOT_USER_ID

MOST_ANNOUNCED = 1024**3


def info(state: State, args: JSON) -> JSON:
    """files.info; with the messages that the file is shared in."""
    file = state.files.get(arguments.required(args, "file"))
    if file is None or not file.complete:
        raise ApiError("file_not_found")
    return {"ok": True, "file": file_payload(state, file, with_shares=True), "comments": []}


def upload_url(state: State, args: JSON) -> JSON:
    """files.getUploadURLExternal: where to send the bytes, of which there will be exactly `length`."""
    name = arguments.required(args, "filename")
    length = arguments.required(args, "length")
    if not (length.isascii() and length.isdigit() and 0 < int(length) <= MOST_ANNOUNCED):
        raise invalid_arguments(f"must be between 1 and {MOST_ANNOUNCED} [json-pointer:/length]")
    file = begin(state, BOT_USER_ID, name)
    file.length = int(length)
    return {"ok": True, "upload_url": f"{state.root_url}/upload/v1/{file.id}", "file_id": file.id}


def complete_upload(state: State, args: JSON) -> JSON:
    """files.completeUploadExternal: share the uploaded files in a channel, or keep them private.

    A file whose bytes never came, or that was completed before, is not found. Where the message can't be
    posted nothing is completed, so that the same call may be made again.
    """
    entries = arguments.structure(args, "files")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ApiError("invalid_arguments")
    if not entries:
        raise ApiError("no_file_data")
    files = [_uploaded(state, str(entry.get("id"))) for entry in entries]
    place = _place(state, args)
    for file, entry in zip(files, entries, strict=True):
        file.complete = True
        file.title = str(entry.get("title") or file.title)
    if place is not None:
        channel_id, thread_ts = place
        comment = arguments.text(args, "initial_comment")
        attach(state, files, state.messages.post(channel_id, BOT_USER_ID, comment, thread_ts=thread_ts))
    return {"ok": True, "files": [file_payload(state, file) for file in files]}


def _uploaded(state: State, file_id: str) -> Uploaded:
    file = state.files.get(file_id)
    if file is None or file.complete or not file.content:
        raise ApiError("file_not_found")
    return file


def _place(state: State, args: JSON) -> tuple[str, str | None] | None:
    """The channel and thread to share in; None: the file stays private."""
    channel_id = arguments.text(args, "channel_id") or arguments.text(args, "channels")
    if not channel_id:
        return None
    channel = joined_channel(state, channel_id)
    if channel.is_archived:
        raise ApiError("is_archived")
    thread_ts = arguments.text(args, "thread_ts") or None
    if thread_ts and state.messages.find(channel.id, thread_ts) is None:
        raise ApiError("thread_not_found")
    return channel.id, thread_ts


METHODS: dict[str, Method] = {
    "files.info": method(info, "files:read", tier=4),
    "files.getUploadURLExternal": method(upload_url, "files:write", tier=4),
    "files.completeUploadExternal": method(complete_upload, "files:write", tier=4),
}
