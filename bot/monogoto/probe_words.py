"""The questions, and how answers are told: statuses, short texts, names of keys; no value of a record."""

from __future__ import annotations

import json
from typing import Final

from bot.domain.errors import Unreadable
from bot.monogoto import models
from bot.monogoto.failures import Answer
from bot.monogoto.snippets import listed, sparing

WATCHED_SECONDS: Final = 10.0
SHOWN_WITHIN: Final = 20.0

QUESTIONS: Final = {
    "token_lifetime": "How long does a log-in last?",
    "list_rows": "What do rows of GET /things carry?",
    "groups_list": "Is there a list of groups, GET /thingsgroups?",
    "group_read": "Can a group be read by the path that writes it?",
    "unknown_iccid": "How is an unknown ICCID answered?",
    "cas_by_itself": f"Does cas move by itself within {WATCHED_SECONDS:.0f} s?",
    "write_answer": "How is a good write answered?",
    "read_back": "When does a reading show what was written?",
    "other_keys": "Do only the keys that were sent change?",
    "stale_cas": "How is a stale cas answered, and is anything written?",
    "id_with_a_leading_blank": "Does a write take the ThingId with a leading blank?",
    "id_as_a_path": "Does a write take the ThingId as a path?",
    "cleared_value": "How does a reading show an IMEI that was cleared?",
    "left_behind": "What else of the SIM's record is not as before?",
}

_TOLD_UNDER: Final = frozenset({"message", "error"})
"""Keys under which a text for people stands, in whatever case."""
_MANY_NAMES: Final = 40


def said(answer: Answer) -> str:
    """Status and what may be shown of the body."""
    return f"{answer.status}, {shown(answer.body)}"


def shown(raw: bytes) -> str:
    """Of JSON the names of its keys and what is meant for people; of a text its beginning, without numbers.

    A record holds PIN, PUK and phone number, and may come in any shape, also cut off.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        if raw.lstrip()[:1] in {b"{", b"["}:
            return f"unreadable JSON, {len(raw)} bytes"
        return sparing(raw) or "nothing"
    if isinstance(body, list):
        return f"a list, rows with {names_of(body[0])}" if body else "a list, empty"
    if isinstance(body, dict):
        return f"an object with {names_of(body) or 'nothing'}{_told(body)}"
    if isinstance(body, str):
        return sparing(body.encode("utf-8", "replace"))
    return "null" if body is None else "a number, true or false"


def _told(record: dict[str, object]) -> str:
    texts = [text for key, text in record.items() if key.lower() in _TOLD_UNDER and isinstance(text, str)]
    return f": {listed(texts)}" if texts else ""


def names_of(record: object) -> str:
    """The keys of a record."""
    names = sorted(str(name) for name in record) if isinstance(record, dict) else []
    first = listed(names[:_MANY_NAMES])
    return f"{first} and {len(names) - _MANY_NAMES} more" if len(names) > _MANY_NAMES else first


def rows(answer: Answer) -> str:
    """Which of the keys that matter the rows of a listing carry."""
    try:
        body = answer.json()
    except Unreadable:
        return said(answer)
    if not (answer.is_good and isinstance(body, list) and body and isinstance(body[0], dict)):
        return said(answer)
    has = [key for key in models.OPEN_ROW_KEYS if key in body[0]]
    lacks = [key for key in models.OPEN_ROW_KEYS if key not in body[0]]
    return f"{', '.join(has) or 'none'} of what matters; not {', '.join(lacks) or 'nothing'}"


def others(changed: set[str], restless: set[str]) -> str:
    """The keys that changed beside those that were sent, apart from those that move by themselves."""
    by_themselves = changed & restless
    also = listed(sorted(changed - restless))
    said = f"these changed too: {also}" if also else "no other key changed"
    if by_themselves:
        said += f" (beside {listed(sorted(by_themselves))}, which moves by itself)"
    return said
