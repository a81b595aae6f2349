"""Looks through all Things and groups as a person does: by part of a name, a number or a group."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.sandbox.monogoto.groups import GroupRecord
from bot.sandbox.monogoto.records import ThingRecord
from bot.sandbox.monogoto.world import World

_A_NUMBER: Final = re.compile(r"[\d\s./–-]*\d[\d\s./–-]*")
"""Digits, grouped for the eye or not: looked for without what groups them."""

_ACCENTS: Final = re.compile("[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, and how many there are in all."""

    total: int
    rows: list[dict[str, Any]]


class Finder:
    """Every word must be found, in any case, with its accents or without. Only what changed is read anew."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._texts: dict[str, tuple[int, str]] = {}

    def things(self, text: str, page: slice, *, group_id: str = "") -> Found:
        """By name, ICCID, last-seen or locked IMEI, or group; the odd Things first, as seeded."""
        hits = list(self._things(_words(text), group_id))
        return Found(len(hits), [self._thing_row(record) for record in hits[page]])

    def groups(self, text: str, page: slice) -> Found:
        """By name, id or TAC."""
        words = _words(text)
        hits = [g for g in self._world.groups.values() if all(w in _group_text(g) for w in words)]
        sizes = self._sizes() if hits else {}
        return Found(len(hits), [_group_row(group, sizes.get(group.group_id, 0)) for group in hits[page]])

    def _things(self, words: list[str], group_id: str) -> Iterator[ThingRecord]:
        names = {key: _group_text(group) for key, group in self._world.groups.items()}
        for record in self._world.things.values():
            if group_id and record.group_id != group_id:
                continue
            text = self._text(record)
            for word in words:
                if word not in text and word not in names.get(record.group_id, ""):
                    break
            else:
                yield record

    def _text(self, record: ThingRecord) -> str:
        kept = self._texts.get(record.iccid)
        if kept is not None and kept[0] == record.cas:
            return kept[1]
        parts = (record.name, record.iccid, record.imei, record.master_imei)
        text = _folded("\n".join(part for part in parts if isinstance(part, str)))
        self._texts[record.iccid] = (record.cas, text)
        return text

    def _thing_row(self, record: ThingRecord) -> dict[str, Any]:
        group = self._world.groups.get(record.group_id)
        return {
            "iccid": record.iccid,
            "name": record.name,
            "state": record.state,
            "online": record.online,
            "imei": record.imei if isinstance(record.imei, str) else "",
            "locked": record.lock is True,
            "locked_imei": record.master_imei or "",
            "group": group.name if group else "",
            "group_locked": group is not None and group.lock is True,
        }

    def _sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for record in self._world.things.values():
            sizes[record.group_id] = sizes.get(record.group_id, 0) + 1
        return sizes


def _words(text: str) -> list[str]:
    if _A_NUMBER.fullmatch(text):
        return [re.sub(r"\D", "", text)]
    return _folded(text).split()


def _folded(text: str) -> str:
    """Without capitals and accents, as the page's own lists compare: "izmir" means İzmir."""
    if text.isascii():
        return text.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFD", text)).lower()


def _group_text(group: GroupRecord) -> str:
    tac = group.prefix if isinstance(group.prefix, str) else ""
    return _folded(f"{group.name}\n{group.group_id}\n{tac}")


def _group_row(group: GroupRecord, things: int) -> dict[str, Any]:
    return {
        "id": group.group_id,
        "name": group.name,
        "locked": group.lock is True,
        "tac": group.prefix if isinstance(group.prefix, str) else "",
        "things": things,
    }
