"""files.*: what the bot may learn of a file, and the two calls of an upload."""

from __future__ import annotations

from bot.sandbox.slack import arguments
from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.methods import Method, joined_channel, method
from bot.sandbox.slack.state import State, Uploaded
from bot.sandbox.slack.workspace import BOT_USER_ID, TEAM_ID, unix


def file_payload(state: State, file: Uploaded) -> JSON:
    """The file object; the download address works with the bot token only."""
    address = f"{state.root_url}/files-pri/{TEAM_ID}-{file.id}/{file.name}"
    moment = unix(state.clock.now())
    return {
        "id": file.id,
        "created": moment,
        "timestamp": moment,
        "name": file.name,
        "title": file.name,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2],
        "user": file.user_id,
        "user_team": TEAM_ID,
        "editable": False,
        "size": len(file.content),
        "mode": "hosted",
        "is_external": False,
        "is_public": False,
        "url_private": address,
        "url_private_download": address.replace(file.id + "/", file.id + "/download/"),
        "file_access": "visible",
    }


def info(state: State, args: JSON) -> JSON:
    """files.info."""
    file = state.files.get(arguments.required(args, "file"))
    if file is None or not file.complete:
        raise ApiError("file_not_found")
    return {"ok": True, "file": file_payload(state, file), "comments": []}


def upload_url(state: State, args: JSON) -> JSON:
    """files.getUploadURLExternal: where to send the bytes."""
    name = arguments.required(args, "filename")
    arguments.required(args, "length")
    file = Uploaded(state.new_id("F"), name, "application/octet-stream", BOT_USER_ID)
    state.files[file.id] = file
    return {"ok": True, "upload_url": f"{state.root_url}/upload/v1/{file.id}", "file_id": file.id}


def complete_upload(state: State, args: JSON) -> JSON:
    """files.completeUploadExternal: share the uploaded files in a channel, or keep them private."""
    entries = arguments.structure(args, "files")
    if not isinstance(entries, list) or not entries:
        raise ApiError("no_file_data" if entries == [] else "invalid_arguments")
    files = [state.files.get(str(entry.get("id"))) for entry in entries]
    found = [file for file in files if file is not None]
    if len(found) != len(files):
        raise ApiError("file_not_found")
    for file in found:
        file.complete = True
    shapes = [file_payload(state, file) for file in found]
    _share(state, args, shapes)
    return {"ok": True, "files": shapes}


def _share(state: State, args: JSON, shapes: list[JSON]) -> None:
    channel_id = arguments.text(args, "channel_id")
    if not channel_id:
        return
    channel = joined_channel(state, channel_id)
    comment = arguments.text(args, "initial_comment")
    thread_ts = arguments.text(args, "thread_ts") or None
    message = state.messages.post(channel.id, BOT_USER_ID, comment, thread_ts=thread_ts)
    message.files = shapes


METHODS: dict[str, Method] = {
    "files.info": method(info, "files:read", tier=4),
    "files.getUploadURLExternal": method(upload_url, "files:write", tier=4),
    "files.completeUploadExternal": method(complete_upload, "files:write", tier=4),
}
