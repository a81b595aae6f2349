"""Everything that the bot sent on a stage, one of each shape: for `make gallery`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bot.sandbox.slack.page import FOLDER
from bot.sandbox.stage import Stage

JSON = dict[str, Any]
AUDIT_CHANNEL = "C0AUDIT"
TABLES = (("blocks.js", "const BLOCKS", "export function"), ("richtext.js", "const PARTS", "const WRAPS"))
"""Where the page's tables stand: the file, and between what."""
SEEN_OF_A_VIEW = ("type", "title", "submit", "close", "blocks")
VOLATILE = frozenset({"action_id", "block_id", "hash", "initial_option", "initial_value", "url", "value"})
"""What nobody sees, and what a person typed or chose."""
_SAME = (
    (re.compile(r"<!date\^[^>]*>"), "<date>"),
    (re.compile(r"<[@!#][^>]*>(?:, <[@!#][^>]*>)*"), "<@>"),
    (re.compile(r"<https?:[^|>]*\|([^>]*)>"), r"<link|\1>"),
    (re.compile(r"`[0-9A-Z]{10}`|request [0-9A-Z]{10}\b"), "`R`"),
    (re.compile(r"(?m)^(```)?(SIM|group|name|id)  +.*$"), r"\1\2"),
    (re.compile(r"(?s)“[^”]*”"), "“said”"),
    (re.compile(r"^`R` .* \((?:…\d+|group)\):"), "`R` name:"),
    (re.compile(r"^\W* \*(SIM|Group) .*\*$"), r"\1 name"),
    (re.compile(r"^\*[^*]+\*\n(8|group )"), r"*named* \1"),
    (re.compile(r"(?m)^(\W* \*(?:Open|Lock|Unlock)[^*]*\*).*$"), r"\1"),
    (re.compile(r"\b(for|about|as) \*[^*]+\*"), r"\1 *named*"),
    (re.compile(r"\brole \w+(?: or \w+)*"), "role"),
    (re.compile(r"^(?:Lock|Unlock) a (?:SIM|group)(?: to a \w+)?$"), "the form's name"),
    (re.compile(r"^(What was asked about|Use) .*$"), r"\1 name"),
    (re.compile(r"just now|\d+ (?:minute|hour|day)s? ago"), "ago"),
    (re.compile(r"\w+Id_[\w-]+|\b[0-9a-f]{8}-[0-9a-f-]{20,}"), "id"),
    (re.compile(r"\(reference `?\w+`?\)"), "(reference)"),
    (re.compile(r"\d[\d ,-]*"), "0"),
    (re.compile(r" {2,}"), " "),
)
"""What differs without making another sight."""


def sent_on(stage: Stage, name: str) -> Iterator[JSON]:
    """`{name, kind, view | blocks, errors}` of each call and each ack that put something before people."""
    for call in stage.slack.requests:
        content = _readable(call.args)
        if call.method.startswith("views.") and "view" in content:
            yield _view(name, content["view"])
        elif content.get("blocks") or content.get("text"):
            yield _message(name, call.method, content)
    for delivery in stage.slack.deliveries:
        body = delivery.body if isinstance(delivery.body, dict) else {}
        if "view" in body:
            yield _view(name, body["view"])
        elif body.get("response_action") == "errors":
            yield _view(name, delivery.payload["view"]) | {"errors": body["errors"]}


def _readable(args: JSON) -> JSON:
    """Arguments as JSON, whether they came as a form or as a body."""
    content = dict(args)
    for key in ("blocks", "view"):
        if isinstance(content.get(key), str):
            content[key] = json.loads(content[key])
    return content


def _view(name: str, view: JSON) -> JSON:
    kind = "form" if view.get("submit") else "notice"
    return {"name": name, "kind": view["type"] if view["type"] == "home" else kind, "view": view}


def _message(name: str, method: str, content: JSON) -> JSON:
    kind = "card"
    if method in ("chat.postEphemeral", "response_url"):
        kind = "whisper"
    elif content.get("thread_ts"):
        kind = "reply"
    elif content.get("channel") == AUDIT_CHANNEL:
        kind = "audit line"
    blocks = content.get("blocks") or [
        {"type": "section", "text": {"type": "mrkdwn", "text": content["text"]}}
    ]
    return {"name": name, "kind": kind, "blocks": blocks}


def shape(item: JSON) -> str:
    """Two things with the same shape look alike but for names, numbers and times."""
    view = item.get("view")
    content = {key: view.get(key) for key in SEEN_OF_A_VIEW} if view else item["blocks"]
    return json.dumps([item["kind"], _plain(content), _plain(item.get("errors"))], sort_keys=True)


def _plain(part: Any) -> Any:
    if isinstance(part, dict):
        return _plain_block(part)
    if isinstance(part, list):
        each = [_plain(value) for value in part]
        return [value for at, value in enumerate(each) if value not in each[:at]]  # a list's rows are alike
    if isinstance(part, str):
        for pattern, same in _SAME:
            part = pattern.sub(same, part)
    return part


def _plain_block(part: JSON) -> JSON:
    kept = {key: value for key, value in part.items() if key not in VOLATILE}
    if part.get("type") == "rich_text_section":  # a bold label, and the words of a person or a long name
        kept["elements"] = part["elements"][:1]
    if "confirm" in part and "title" in part:  # a dialog: "name: what happens"
        kept["text"] = part["text"]["text"].partition(": ")[2] or part["text"]
    return {key: _plain(value) for key, value in kept.items()}


def one_of_each(items: Iterable[JSON]) -> list[JSON]:
    """The first of each shape, in the order of kinds and sentences."""
    firsts: dict[str, JSON] = {}
    for item in items:
        firsts.setdefault(shape(item), item)
    return [firsts[key] for key in sorted(firsts)]


@cache
def drawable() -> frozenset[str]:
    """The types of blocks, elements and pieces of text that the page's tables draw; others are a red box."""
    found: set[str] = set()
    for name, first, end in TABLES:
        code = (FOLDER / name).read_text(encoding="utf-8")
        found |= set(re.findall(r"(?m)^  (\w+)[:,]", code[code.index(first) : code.index(end)]))
    return frozenset(found)


def red_boxes(stage: Stage) -> set[str]:
    """Types that the bot sent on this stage and the page can't draw."""
    sent = {
        kind for item in sent_on(stage, "") for kind in _types(item.get("blocks") or item["view"]["blocks"])
    }
    return sent - drawable()


def _types(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _types(each)
    elif isinstance(part, dict):
        if isinstance(part.get("type"), str):
            yield part["type"]
        yield from _types(list(part.values()))


def keep(stages: Iterable[Stage], test: str, folder: Path) -> None:
    """What one test made the bot send, as a file in the folder."""
    items = one_of_each(item for stage in stages for item in sent_on(stage, test))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '_', test)[:150]}.json").write_text(json.dumps(items))


def kept_in(folder: Path) -> list[JSON]:
    """What all tests kept there, one of each."""
    return one_of_each(
        item for path in sorted(folder.glob("*.json")) for item in json.loads(path.read_text())
    )
