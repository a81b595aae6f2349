"""A readable transcript: what people do and read in Slack, and beside it the calls that Monogoto gets."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.views import View

WIDTH = 78
MARGIN = " " * 4


class Transcript:
    """Prints as it goes; `vendor` prints the calls that came in since the last time."""

    def __init__(self, slack: LocalSlack, monogoto: LocalMonogoto, write: Callable[[str], None]) -> None:
        self._names = {user.id: user.real_name for user in slack.workspace.users.values()}
        self._names |= {group.id: f"@{group.handle}" for group in slack.workspace.groups.values()}
        self._monogoto = monogoto
        self._write = write
        self._seen = 0

    def scene(self, number: int, title: str) -> None:
        """The headline of a scene."""
        self._write(f"\n{number}. {title}\n{'─' * (len(title) + 3)}")

    def does(self, user_id: str, what: str) -> None:
        """What a person does."""
        self._write(f"{MARGIN}{self._names[user_id]}: {what}")

    def happens(self, what: str) -> None:
        """What happens outside Slack."""
        self._write(f"{MARGIN}({what})")

    def reads(self, user_id: str, where: Message | View) -> None:
        """What a person sees: a message, or a modal."""
        if isinstance(where, View):
            title, blocks = f"modal “{where.title}”", where.blocks
        else:
            title, blocks = "message", where.blocks
        self._write(f"{MARGIN}{self._names[user_id]} reads the {title}:")
        for line in render(blocks, self._names).splitlines():
            self._write(f"{MARGIN}  ┃ {line}".rstrip())

    def vendor(self) -> None:
        """The calls that Monogoto got meanwhile, as they came over HTTP."""
        calls = [call for call in self._monogoto.calls if call.number > self._seen]
        for call in calls:
            self._seen = call.number
            query = "&".join(f"{key}={value}" for key, value in call.query.items())
            what = f"{call.method} {call.path}{f'?{query}' if query else ''}"
            fault = f"  [{call.fault}]" if call.fault else ""
            status = call.status or "no answer"
            self._write(f"{MARGIN}{'':>24}→ Monogoto  {what}  {status}{fault}")
            if call.method == "PUT":
                self._write(f"{MARGIN}{'':>36}{json.dumps(call.body)}")

    def checked(self, what: str, *, held: bool) -> None:
        """An outcome that was expected, and whether it came."""
        self._write(f"{MARGIN}{'✔' if held else '✘ NOT SO:'} {what}")


def render(blocks: Any, names: Mapping[str, str]) -> str:
    """Blocks as text, mentions and times as a reader sees them."""
    lines: list[str] = []
    for block in blocks:
        lines += _lines(block, names)
    return "\n".join(lines)


def _lines(block: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    match block["type"]:
        case "section":
            return _wrapped(block["text"]["text"], names)
        case "context":
            return _wrapped(" ".join(e["text"] for e in block["elements"]), names)
        case "rich_text":
            return _rich(block, names)
        case "actions":
            return ["  ".join(f"[{element['text']['text']}]" for element in block["elements"])]
        case "input":
            return [f"{block['label']['text']}: {_field(block['element'])}"]
        case other:
            return [f"({other})"]


def _rich(block: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for element in block["elements"]:
        text = "".join(part.get("text", "") for part in element["elements"])
        if element["type"] == "rich_text_preformatted":
            lines += text.splitlines()
        else:
            lines += _wrapped(text, names)
    return lines


def _field(element: Mapping[str, Any]) -> str:
    if element["type"] == "radio_buttons":
        chosen = element.get("initial_option", {}).get("value")
        options = element["options"]
        return "  ".join(f"({'•' if o['value'] == chosen else ' '}) {o['text']['text']}" for o in options)
    if element["type"] == "external_select":
        option = element.get("initial_option")
        return f"[{option['text']['text'] if option else ''} ▾]"
    return f"[{element.get('initial_value', '')}]"


def _wrapped(text: str, names: Mapping[str, str]) -> list[str]:
    plain = re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", text)
    plain = re.sub(r"<(?:@|!subteam\^)([A-Z0-9]+)>", lambda m: names.get(m[1], m[1]), plain)
    plain = re.sub(r"<(?:[^|>]*)\|([^>]*)>", r"\1", plain)
    plain = (
        plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\N{WORD JOINER}", "")
    )
    lines: list[str] = []
    for line in plain.splitlines():
        lines += textwrap.wrap(line, WIDTH, break_on_hyphens=False) or [""]
    return lines
