"""The rows of bulks, read: pages of them, and what they are together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.changes import Kind
from bot.domain.identifiers import Imei
from bot.domain.plans import RowCounts, RowVerdict, SeenPlan
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.domain.rows import BulkRow
from bot.services.bulk_ports import PlanTotals, Repeated, Surroundings
from bot.storage.bulk_rows import decode_scope, to_bulk_row
from bot.storage.encoding import decode_impact
from bot.storage.engine import Engine
from bot.storage.left_locked import left_locked
from bot.storage.store import requests_where
from bot.storage.tables import holds, inventory, items, requests

NAMES_AT_MOST = 500
"""Things that a slice's devices were seen on: enough to say "elsewhere"."""


class SqlBulkRows:
    """Implements `BulkRows` of the ports."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def rows(
        self,
        request_id: str,
        *,
        after: int = 0,
        limit: int,
        verdict: RowVerdict | None = None,
        states: Sequence[ItemState] = (),
        due: datetime | None = None,
    ) -> tuple[BulkRow, ...]:
        """At most `limit` of them by position, those behind `after`; of one verdict, in some of the states.

        `due`: those that were never tried, then those whose `next_at` has come by then.
        """
        wanted: list[ColumnElement[bool]] = [items.c.request_id == request_id, items.c.position > after]
        if verdict is not None:
            wanted.append(items.c.verdict == verdict.value)
        if states:
            wanted.append(items.c.state.in_([state.value for state in states]))
        query = select(items).where(*wanted, items.c.position > 0).order_by(items.c.position)
        async with self._engine.reading() as connection:
            if due is None:
                return await _bulk_rows(connection, query.limit(limit))
            # Two queries, each in the order of the key: 100,000 rows aren't sorted for every slice.
            fresh = await _bulk_rows(connection, query.where(items.c.next_at.is_(None)).limit(limit))
            if len(fresh) == limit:
                return fresh
            again = query.where(items.c.next_at <= due).limit(limit - len(fresh))
            return fresh + await _bulk_rows(connection, again)

    async def rows_about(self, request_id: str, target_ids: Sequence[str]) -> tuple[BulkRow, ...]:
        """Its rows on these Things."""
        query = select(items).where(_rows_of(request_id), items.c.target_id.in_(target_ids))
        async with self._engine.reading() as connection:
            return tuple(to_bulk_row(row) for row in await connection.execute(query))

    async def unread_bulks(self) -> tuple[ChangeRequest, ...]:
        """Bulks whose rows are still coming, or never came to their end."""
        coming = (requests.c.status == Status.PREVIEWING) & (requests.c.kind == Kind.BULK)
        async with self._engine.reading() as connection:
            found = await requests_where(connection, coming)
        return tuple(r for r in found if isinstance(r.seen, SeenPlan) and not r.seen.plan.rows.total)

    async def row_counts(self, request_id: str) -> RowCounts:
        """How many rows there are, by verdict."""
        query = select(items.c.verdict, func.count()).where(_rows_of(request_id)).group_by(items.c.verdict)
        async with self._engine.reading() as connection:
            found = (await connection.execute(query)).all()
        return RowCounts(**{row.verdict: row[1] for row in found})

    async def next_row_at(self, request_id: str) -> datetime | None:
        """When the first of the unchecked rows is to be tried again; None where one never was tried."""
        unchecked = _rows_of(request_id) & (items.c.verdict == RowVerdict.UNCHECKED.value)
        query = select(items.c.next_at).where(unchecked)
        first = query.order_by(items.c.next_at.is_not(None), items.c.next_at).limit(1)
        async with self._engine.reading() as connection:
            moment: datetime | None = await connection.scalar(first)
        return moment

    async def totals(self, request_id: str) -> PlanTotals:
        """All that the plan says of its rows together, but for the digest."""
        ready = _rows_of(request_id) & (items.c.verdict == RowVerdict.READY.value)
        impacts = select(items.c.impact, func.count()).where(ready).group_by(items.c.impact)
        scopes = select(items.c.scope).where(ready).distinct().order_by(items.c.scope)
        counts = await self.row_counts(request_id)
        async with self._engine.reading() as connection:
            found = [(decode_impact(text), number) for text, number in await connection.execute(impacts)]
            named = tuple(decode_scope(text) for text in await connection.scalars(scopes))
        return PlanTotals(counts, tuple(found), named)

    async def repeats(self, request_id: str) -> tuple[Repeated, ...]:
        """Among the rows that are ready, or already so: which ask for the same Thing or device."""
        async with self._engine.reading() as connection:
            things = await _repeated(connection, request_id, items.c.target_id, "ICCID")
            devices = await _repeated(connection, request_id, items.c.device, "IMEI")
        return (*things, *devices)

    async def ready_prints(
        self, request_id: str, *, after: int = 0, limit: int
    ) -> tuple[tuple[int, str], ...]:
        """(position, fingerprint) of ready rows, by position."""
        ready = (items.c.verdict == RowVerdict.READY.value) & (items.c.position > after)
        query = select(items.c.position, items.c.fingerprint).where(_rows_of(request_id), ready)
        async with self._engine.reading() as connection:
            found = await connection.execute(query.order_by(items.c.position).limit(limit))
            return tuple((position, mark) for position, mark in found)

    async def surroundings(
        self, request_id: str, target_ids: Sequence[str], devices: Sequence[Imei]
    ) -> Surroundings:
        """Who else holds these Things and groups, and which Things these devices are known from."""
        wanted = [imei.device for imei in devices]
        held = holds.c.target_id.in_(target_ids) & (holds.c.request_id != request_id)
        seen = select(inventory.c.device, inventory.c.thing_id, inventory.c.name).where(
            inventory.c.device.in_(wanted)
        )
        async with self._engine.reading() as connection:
            found = await connection.execute(select(holds.c.target_id, holds.c.request_id).where(held))
            holders = {row.target_id: row.request_id for row in found}
            last_seen = _by_device((await connection.execute(seen.limit(NAMES_AT_MOST))).all())
            locked = _by_device(await left_locked(connection, wanted))
        return Surroundings(holders, last_seen, locked)


async def _bulk_rows(connection: AsyncConnection, query: Select[Any]) -> tuple[BulkRow, ...]:
    return tuple(to_bulk_row(row) for row in await connection.execute(query))


def _rows_of(request_id: str) -> ColumnElement[bool]:
    return (items.c.request_id == request_id) & (items.c.position > 0)


async def _repeated(
    connection: AsyncConnection, request_id: str, column: ColumnElement[str], what: str
) -> list[Repeated]:
    counts = items.c.verdict.in_([RowVerdict.READY.value, RowVerdict.ALREADY.value])
    mine = _rows_of(request_id) & counts & (column != "")
    twice = select(column).where(mine).group_by(column).having(func.count() > 1)
    query = select(column, items.c.position, items.c.line).where(mine, column.in_(twice))
    groups: dict[str, list[tuple[int, int]]] = {}
    for key, position, line in await connection.execute(query.order_by(items.c.position)):
        groups.setdefault(key, []).append((position, line))
    return [Repeated(what, tuple(rows)) for rows in groups.values()]


def _by_device(rows: Sequence[Any]) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for device, thing_id, name in rows:
        found.setdefault(device, []).append((thing_id, name))
    return {device: tuple(things) for device, things in found.items()}
