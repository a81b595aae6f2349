"""Files: what Slack tells of one, what it takes from a person, and the messages that it is shared in."""

from __future__ import annotations

from typing import Final

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.filling import CannotDo
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.state import State, Uploaded
from bot.sandbox.slack.workspace import BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, unix

MOST_BYTES: Final = 10 * 1024 * 1024
"""What a `file_input` takes of one file. Real messages take more; here nobody needs it."""
KINDS: Final = {
    "csv": ("text/csv", "CSV"),
    "txt": ("text/plain", "Plain Text"),
    "json": ("application/json", "JSON"),
    "pdf": ("application/pdf", "PDF"),
    "png": ("image/png", "PNG"),
    "jpg": ("image/jpeg", "JPEG"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel Spreadsheet"),
    "zip": ("application/zip", "Zip"),
}
"""File type → what Slack takes it for, by the name alone."""
NamedBytes = tuple[str, bytes]
_UNKNOWN: Final = ("application/octet-stream", "Binary")


def kind_of(name: str) -> str:
    """The `filetype` of a name: its ending in small letters, `binary` where it has none."""
    _, dot, ending = name.rpartition(".")
    return {"jpeg": "jpg", "text": "txt"}.get(ending.lower(), ending.lower()) if dot and ending else "binary"


def begin(state: State, user_id: str, name: str, title: str = "") -> Uploaded:
    """An id for a file whose bytes are still to come."""
    file = Uploaded(
        state.new_id("F"),
        name,
        KINDS.get(kind_of(name), _UNKNOWN)[0],
        user_id,
        title or name,
        state.clock.now(),
    )
    state.files[file.id] = file
    return file


def put(state: State, user_id: str, name: str, content: bytes, mimetype: str = "") -> Uploaded:
    """A file as a person hands it in. Raises `CannotDo` for one that is too large, or is nothing."""
    if len(content) > MOST_BYTES:
        raise CannotDo(f"{name} is too large: the limit is {MOST_BYTES // 1024 // 1024} MB.")
    if not content:
        raise CannotDo(f"{name} is empty.")
    file = begin(state, user_id, name)
    file.mimetype = mimetype or file.mimetype
    file.content, file.complete = content, True
    return file


def file_payload(state: State, file: Uploaded, *, with_shares: bool = False) -> JSON:
    """The file object; the download address works with the bot token only."""
    address = f"{state.root_url}/files-pri/{TEAM_ID}-{file.id}"
    kind, moment = kind_of(file.name), unix(file.made)
    shape: JSON = {
        "id": file.id,
        "created": moment,
        "timestamp": moment,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": kind,
        "pretty_type": KINDS.get(kind, ("", kind.upper()))[1],
        "user": file.user_id,
        "user_team": TEAM_ID,
        "editable": False,
        "size": len(file.content),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": any(_is_public(state, message) for message in file.shared_in),
        "public_url_shared": False,
        "display_as_bot": file.user_id == BOT_USER_ID,
        "username": "",
        "url_private": f"{address}/{_in_address(file.name)}",
        "url_private_download": f"{address}/download/{_in_address(file.name)}",
        "permalink": f"https://{TEAM_DOMAIN}.slack.com/files/{file.user_id}/{file.id}/{_in_address(file.name)}",
        "is_starred": False,
        "has_rich_preview": False,
        "file_access": "visible",
    }
    return shape | _shares(state, file) if with_shares else shape


def attach(state: State, files: list[Uploaded], message: Message) -> None:
    """Share these files with a message."""
    for file in files:
        file.shared_in.append(message)
    message.files = [file_payload(state, file) for file in files]


def _shares(state: State, file: Uploaded) -> JSON:
    """Where it can be seen; only so does an uploader learn the `ts` of the message."""
    places: JSON = {"public": {}, "private": {}}
    for message in file.shared_in:
        channel = state.workspace.channels[message.channel]
        thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
        seen = {"ts": message.ts, "channel_name": channel.label(), "team_id": TEAM_ID} | thread
        kind = "public" if _is_public(state, message) else "private"
        places[kind].setdefault(channel.id, []).append(seen)
    return {
        "channels": list(places["public"]),
        "groups": [key for key in places["private"] if key.startswith("C")],
        "ims": [key for key in places["private"] if key.startswith("D")],
        "shares": {kind: found for kind, found in places.items() if found},
    }


def _is_public(state: State, message: Message) -> bool:
    channel = state.workspace.channels[message.channel]
    return not channel.is_private and channel.im_with is None


def _in_address(name: str) -> str:
    """What Slack makes of a name in an address: small letters, digits, dots, dashes and underscores."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name.lower()) or "file"
