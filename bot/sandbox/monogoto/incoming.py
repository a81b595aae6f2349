"""What a call brings along: its page, its body, and the fault that its handler has to act out."""

from __future__ import annotations

import json as jsonlib
from typing import Any, Final

from aiohttp import web

from bot.sandbox.monogoto.faults import Fault, FaultKind

FAULT: Final = web.RequestKey("fault", Fault)
"""A fault that the handler itself has to act out."""
MOST_ROWS: Final = 50

_PAGE: Final = (("limit", str(MOST_ROWS)), ("offset", "0"))


async def json_object(request: web.Request) -> dict[str, Any] | None:
    """The body where it is a JSON object, else None."""
    try:
        body = await request.json()
    except (jsonlib.JSONDecodeError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) else None


def page_asked(request: web.Request) -> slice | str:
    """The rows asked for by `limit` (at most 50) and `offset`, or the text of a refusal."""
    try:
        limit, offset = (int(request.query.get(key, default)) for key, default in _PAGE)
    except ValueError:
        return "Invalid Input Data"
    if not 0 < limit <= MOST_ROWS or offset < 0:
        return f"limit must be at most {MOST_ROWS}"
    return slice(offset, offset + limit)


def acts_out(request: web.Request, kind: FaultKind) -> bool:
    """Whether that is what has to go wrong with this call."""
    fault = request.get(FAULT)
    return fault is not None and fault.kind == kind


def edits(request: web.Request, kind: FaultKind) -> dict[str, Any]:
    """The keys that a fault of that kind changes; none where it isn't due."""
    fault = request.get(FAULT)
    return fault.keys if fault is not None and fault.kind == kind else {}
