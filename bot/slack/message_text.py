"""All text that a person reads in a Slack message, in plain words: text, blocks, attachments. Never raises.

Names of files are left out: they are nobody's words on a SIM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

KEPT_AT_MOST = 20_000
"""Characters in all."""
DEEPEST = 12
"""Blocks inside of blocks: Slack nests no more than five."""
_ANGLED = re.compile(r"<([^<>\n]*)>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_INLINE = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote"})
_VERBATIM = frozenset({"plain_text", "raw_text", "markdown"})


def text_of(message: Mapping[str, Any]) -> str:
    """Part below part, in reading order; what stands in the text and in the blocks comes once."""
    kept: dict[str, str] = {}
    room = KEPT_AT_MOST
    for part in _parts(message):
        key = " ".join(part.split())
        if key and key not in kept:
            kept[key] = part[:room]
            room -= len(part)
        if room <= 0:
            break
    return "\n".join(kept.values())


def _parts(message: Mapping[str, Any]) -> Iterator[str]:
    yield unmarked(_str(message.get("text")))
    yield from _in_blocks(message.get("blocks"), DEEPEST)
    for attachment in _dicts(message.get("attachments")):
        yield from _in_attachment(attachment)


def _in_attachment(attachment: Mapping[str, Any]) -> Iterator[str]:
    for key in ("pretext", "title", "text"):
        yield unmarked(_str(attachment.get(key)))
    for field in _dicts(attachment.get("fields")):
        yield f"{unmarked(_str(field.get('title')))}: {unmarked(_str(field.get('value')))}"
    yield from _in_blocks(attachment.get("blocks"), DEEPEST)
    for shared in _dicts(attachment.get("message_blocks")):
        inner = shared.get("message")
        yield from _in_blocks(inner.get("blocks") if isinstance(inner, dict) else None, DEEPEST)
    yield unmarked(_str(attachment.get("fallback")))


def _in_blocks(node: object, depth: int) -> Iterator[str]:
    """Every text object and rich text below a node, whatever the block is called."""
    if depth == 0:
        return
    for block in _dicts(node if isinstance(node, list) else [node]):
        kind, text = _str(block.get("type")), block.get("text")
        if kind in _INLINE:
            yield "".join(_inline(element) for element in _dicts(block.get("elements")))
        elif kind == "table":
            yield "\n".join(_row(row, depth - 1) for row in _list(block.get("rows")))
        elif isinstance(text, str):
            yield text if kind in _VERBATIM else unmarked(text)
        else:
            for key in ("text", "fields", "elements"):
                yield from _in_blocks(block.get(key), depth - 1)


def _row(cells: object, depth: int) -> str:
    return " | ".join(" ".join(_in_blocks(cell, depth)) for cell in _list(cells))


def _inline(element: Mapping[str, Any]) -> str:
    """An element of rich text: its words are verbatim, and a link's address counts where no words hide it."""
    if element.get("type") == "link":
        return _link(_str(element.get("url")), _str(element.get("text")))
    return _str(element.get("text")) if element.get("type") == "text" else " "


def unmarked(text: str) -> str:
    """mrkdwn without Slack's angle brackets and entities: mentions go, links leave words and address."""
    plain = _ANGLED.sub(_angled, text)
    for entity, character in _ENTITIES:
        plain = plain.replace(entity, character)
    return plain


def _angled(match: re.Match[str]) -> str:
    target, _, words = match[1].partition("|")
    return " " if target[:1] in {"@", "#", "!"} else _link(target, words)


def _link(target: str, words: str) -> str:
    """The words where they hold the number, as a telephone link does; else with the address behind them."""
    if any(c.isdigit() for c in words):
        return words
    address = target.removeprefix("tel:")
    return f"{words} {address}".strip()


def _dicts(node: object) -> list[Mapping[str, Any]]:
    return [each for each in _list(node) if isinstance(each, dict)]


def _list(node: object) -> list[Any]:
    return node if isinstance(node, list) else []


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
