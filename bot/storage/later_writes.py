"""Which requests have written to a target after another one: singles, and the rows of bulks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.later_writes import LaterWrite, still_standing
from bot.domain.requests import ItemState
from bot.storage.tables import items, requests


async def written_since(
    connection: AsyncConnection, request_id: str, target_ids: Iterable[str]
) -> dict[str, str]:
    """By target: the newest request that wrote to it after this one and was not taken back.

    Targets that no request has written to are left out. After: approved after it, since each holds its
    target from before its approval to its end; a bulk's number tells only when its file was read.
    """
    ids = list(target_ids)
    this = (
        await connection.execute(
            select(requests.c.approved_at, requests.c.number).where(requests.c.id == request_id)
        )
    ).one_or_none()
    if this is None or this.approved_at is None or not ids:
        return {}
    after = or_(
        requests.c.approved_at > this.approved_at,
        and_(requests.c.approved_at == this.approved_at, requests.c.number > this.number),
    )
    found: list[tuple[Any, int, str, LaterWrite]] = []
    for query in (_singles(ids, after), _rows(ids, after)):
        for row in await connection.execute(query):
            write = LaterWrite(row.id, row.undoes)
            found.append((row.approved_at, row.number, row.target, write))
    by_target: dict[str, list[LaterWrite]] = {}
    for _, _, target, write in sorted(found, key=lambda each: each[:2]):
        by_target.setdefault(target, []).append(write)
    standing = {target: still_standing(later) for target, later in by_target.items()}
    return {target: by for target, by in standing.items() if by}


def _singles(ids: list[str], after: ColumnElement[bool]) -> Select[Any]:
    of_a_single = requests.c.target_id.in_(ids) & (items.c.position == 0)
    return _written(requests.c.target_id).where(of_a_single, after)


def _rows(ids: list[str], after: ColumnElement[bool]) -> Select[Any]:
    of_a_bulk = items.c.target_id.in_(ids) & (items.c.position > 0)
    return _written(items.c.target_id).where(of_a_bulk, after)


def _written(target: ColumnElement[str]) -> Select[Any]:
    """Requests that have changed a target: nothing else counts, an end that found it so least of all."""
    columns = requests.c.id, requests.c.undoes, requests.c.approved_at, requests.c.number
    done = items.c.state == ItemState.DONE.value
    return select(target.label("target"), *columns).join_from(items, requests).where(done)
