"""Small pure builders of Block Kit, and the marks that Slack's text knows. Data is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

Block = dict[str, Any]
TEXT_LIMIT = 3000
REASON_LIMIT = 500
FIELD_LIMIT = 150
"""Characters that a field takes: a card, and a button that reopens the form, hold them uncut."""
PHONE_WIDTH = 44
"""Characters of one line of facts."""
WHOLE_VALUE_LIMIT = 300
NAMED_AT_MOST = 25
"""People and user groups in one list of mentions: a policy may name hundreds."""
_INERT = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: mark + "\N{WORD JOINER}" for mark in "*_~`"}
_ALIGNED = re.compile(r" *[0-9][0-9,]*")
_NEVER_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Control characters, halves of characters, and marks that turn the text around them."""


def escape(text: str, limit: int = 300) -> str:
    """What a person or the vendor typed, harmless in mrkdwn: no mention, link or formatting comes out of it.

    At most `limit` characters as Slack counts them, after escaping; no entity is cut in two.
    """
    flat = _flat(text)[: limit + 1]  # no character takes less room escaped than plain
    pieces = [_INERT.get(character, character) for character in flat]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    kept, room = [], limit - 1
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def clip(text: str, limit: int) -> str:
    """Plain text on one line, cut to `limit` characters."""
    flat = _flat(text)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _flat(text: str) -> str:
    """On one line, without what prints nothing or turns the words around it (a name must not reach out)."""
    return _NEVER_SHOWN.sub("", " ".join(text.split()))


def bounded(text: str) -> str:
    """The last guard of a block's limits: a cut end is better than a card that Slack refuses."""
    return (text or "…") if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def mention(principal_id: str) -> str:
    """Names a user group (S…) or a person (U…) by id, so that Slack shows the name."""
    return f"<!subteam^{principal_id}>" if principal_id.startswith("S") else f"<@{principal_id}>"


def mentions(ids: Iterable[str]) -> str:
    """Several, separated by commas."""
    named = [mention(i) for i in ids]
    more = f" and {len(named) - NAMED_AT_MOST} more" if len(named) > NAMED_AT_MOST else ""
    return ", ".join(named[:NAMED_AT_MOST]) + more


def moment(at: datetime) -> str:
    """A time in the reader's own zone, with UTC for clients that can't."""
    fallback = at.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago, in one rough unit; every last-seen value carries it."""
    if at is None:
        return "at an unknown time"
    seconds = int((now - at).total_seconds())
    if seconds < 60:
        return "just now"
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"


def section(text: str, *, block_id: str | None = None) -> Block:
    """A paragraph of mrkdwn made of our own words, marks and escaped data. Nothing in it is auto-linked."""
    block: Block = {"type": "section", "text": {"type": "mrkdwn", "text": bounded(text), "verbatim": True}}
    return block | ({"block_id": block_id} if block_id else {})


def context(text: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": bounded(text), "verbatim": True}]}


def facts(rows: Iterable[tuple[str, str]]) -> Block:
    """Aligned label and value, in monospace; values are plain text, so markup in them is inert.

    No line is wider than a phone; a value that had to be clipped for that stands above, whole. A number
    keeps the blanks in front that align it with others.
    """
    listed = list(rows)
    width = max(len(label) for label, _ in listed)
    room = PHONE_WIDTH - width - 2
    lines = "\n".join(f"{label.ljust(width)}  {_placed(value, room)}" for label, value in listed)
    table = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": lines}]}
    return {"type": "rich_text", "elements": [*_whole(listed, room), table]}


def _placed(value: str, room: int) -> str:
    return value if _ALIGNED.fullmatch(value) and len(value) <= room else clip(value, room)


def _whole(rows: Iterable[tuple[str, str]], room: int) -> list[Block]:
    """One paragraph of the values that are longer than `room`."""
    clipped = [(label, value) for label, value in rows if len(_flat(value)) > room]
    elements: list[Block] = []
    for label, value in clipped:
        elements.append({"type": "text", "text": f"{label}: ", "style": {"bold": True}})
        elements.append({"type": "text", "text": clip(value, WHOLE_VALUE_LIMIT) + "\n"})
    return [{"type": "rich_text_section", "elements": elements}] if elements else []


def quote(label: str, text: str) -> Block:
    """What a person typed, with a label, as plain text."""
    return {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "text", "text": f"{label}: ", "style": {"bold": True}},
                    {"type": "text", "text": clip(text, REASON_LIMIT) or "(nothing readable)"},
                ],
            }
        ],
    }


def plain(text: str, limit: int) -> Block:
    """A plain_text object."""
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}


def button(
    text: str, action_id: str, value: str, *, style: str | None = None, sure: Block | None = None
) -> Block:
    """A button that carries an opaque value."""
    made: Block = {"type": "button", "text": plain(text, 75), "action_id": action_id, "value": value}
    if style:
        made["style"] = style
    if sure:
        made["confirm"] = sure
    return made


def sure(title: str, text: str, yes: str) -> Block:
    """A confirm dialog."""
    return {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain("Go back", 30),
    }


def actions(*buttons: Block, block_id: str | None = None) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(buttons)} | ({"block_id": block_id} if block_id else {})


def choice(action_id: str, placeholder: str, options: Iterable[tuple[str, str, str]]) -> Block:
    """A list to choose one from, at most 100: (what it is called, small print, what it stands for)."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, 150),
        "options": [
            {"text": plain(text, 75), "value": value} | ({"description": plain(why, 75)} if why else {})
            for text, why, value in options
        ],
    }


def text_input(
    block_id: str,
    label: str,
    action_id: str,
    *,
    initial: str = "",
    placeholder: str = "",
    hint: str = "",
    multiline: bool = False,
    most: int = TEXT_LIMIT,
) -> Block:
    """A labelled text field."""
    element: Block = {"type": "plain_text_input", "action_id": action_id}
    element |= {"multiline": multiline, "max_length": most}
    if placeholder:
        element["placeholder"] = plain(placeholder, 150)
    if initial:
        element["initial_value"] = initial[:most]
    block: Block = {"type": "input", "block_id": block_id, "label": plain(label, 2000), "element": element}
    return block | ({"hint": plain(hint, 2000)} if hint else {})
