"""Pages of a listing: how far they reach, and which one is the last."""

from __future__ import annotations

from typing import TypeVar

from bot.domain.errors import Unreadable
from bot.services.ports import Page

T = TypeVar("T")


def listed(body: object, offset: int) -> list[object]:
    """The rows of an answer. Past the last row nothing may come instead of an empty list."""
    if body is None and offset > 0:
        return []
    if not isinstance(body, list):
        raise Unreadable("Monogoto's listing is not a list.")
    return body


def page(rows: tuple[T, ...], body: list[object]) -> Page[T]:
    """Only an empty page is the last: a short one may be all that the vendor gives at a time."""
    if body and not rows:
        raise Unreadable("Monogoto's listing holds no row that makes sense.")
    return Page(rows, len(body), is_last=not body)
