"""What a write transaction does to the rows of bulks: whole sets at once, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.plans import RowVerdict, SeenPlan
from bot.domain.requests import ItemState, Status
from bot.domain.rows import BulkRow
from bot.storage.bulk_rows import bulk_row_values
from bot.storage.encoding import decode_seen
from bot.storage.tables import holds, items, requests

_READY = items.c.verdict == RowVerdict.READY.value
_HELD_ELSEWHERE = "Another request on this SIM is still open: "


class BulkTx:
    """Implements `RowsTx` of the ports on an open write transaction."""

    _connection: AsyncConnection

    async def add_rows(self, rows: Sequence[BulkRow]) -> None:
        """Insert them; those that are there already stay as they are."""
        if not rows:
            return
        there = set(await self._connection.scalars(_positions(rows)))
        new = [bulk_row_values(row) for row in rows if row.item.position not in there]
        if new:
            await self._connection.execute(insert(items), new)

    async def put_rows(self, rows: Sequence[BulkRow]) -> None:
        """What planning has found out about rows that nobody has approved: all of their columns."""
        if not rows:
            return
        values = [bulk_row_values(row) for row in rows]
        still = (
            (items.c.request_id == bindparam("of"))
            & (items.c.position == bindparam("at"))
            & (items.c.state == ItemState.PLANNED.value)
        )
        keyed = [row | {"of": row["request_id"], "at": row["position"]} for row in values]
        await self._connection.execute(update(items).where(still), keyed)

    async def look_at_rows(self, request_id: str, reasons: Mapping[int, str]) -> None:
        """These positions need a look, for these reasons, where they are ready or unchecked."""
        if not reasons:
            return
        where = (
            (items.c.request_id == request_id)
            & (items.c.position == bindparam("at"))
            & or_(_READY, items.c.verdict == RowVerdict.UNCHECKED.value)  # no IN in an executemany
        )
        look = {"verdict": RowVerdict.LOOK.value, "explanation": bindparam("why")}
        given = [{"at": position, "why": why} for position, why in reasons.items()]
        await self._connection.execute(update(items).where(where).values(look), given)

    async def hold_ready_rows(self, request_id: str) -> int:
        """Every ready row's Thing is the request's own from now on, and 0; or none is.

        Where other open requests hold some of them, those rows need a look by now: how many.
        """
        theirs = (holds.c.target_id == items.c.target_id) & (holds.c.request_id != request_id)
        holder = select(holds.c.request_id).where(theirs).scalar_subquery()
        why = literal(_HELD_ELSEWHERE) + holder
        taken = items.c.target_id.in_(select(holds.c.target_id).where(holds.c.request_id != request_id))
        if conflicts := await self._look(request_id, taken, why):
            return conflicts
        await self._connection.execute(delete(holds).where(holds.c.request_id == request_id))
        mine = select(items.c.target_id, literal(request_id)).where(items.c.request_id == request_id, _READY)
        await self._connection.execute(insert(holds).from_select(["target_id", "request_id"], mine))
        return 0

    async def queue_ready_rows(self, request_id: str) -> None:
        """Approved: ready rows are QUEUED, all others SKIPPED."""
        planned = (items.c.request_id == request_id) & (items.c.state == ItemState.PLANNED.value)
        for which, state in ((_READY, ItemState.QUEUED), (~_READY, ItemState.SKIPPED)):
            moved = update(items).where(planned, which).values(state=state.value)
            await self._connection.execute(moved)

    async def discard_bulk(self, request_id: str) -> None:
        """A bulk that was never read to its end, and shown to nobody, is forgotten with its rows.

        Any other request stays as it is.
        """
        unread = (requests.c.id == request_id) & (requests.c.status == Status.PREVIEWING.value)
        stored = await self._connection.scalar(select(requests.c.seen).where(unread))
        seen = decode_seen(stored) if stored else None
        if not isinstance(seen, SeenPlan) or seen.plan.rows.total:
            return
        await self._connection.execute(delete(items).where(items.c.request_id == request_id))
        await self._connection.execute(delete(requests).where(requests.c.id == request_id))

    async def _look(self, request_id: str, which: ColumnElement[bool], why: ColumnElement[str]) -> int:
        values: dict[str, Any] = {"verdict": RowVerdict.LOOK.value, "explanation": why}
        ready = (items.c.request_id == request_id) & _READY
        return (await self._connection.execute(update(items).where(ready, which).values(values))).rowcount


def _positions(rows: Sequence[BulkRow]) -> Any:
    first, last = rows[0].item.position, rows[-1].item.position
    return select(items.c.position).where(
        items.c.request_id == rows[0].item.request_id, items.c.position.between(first, last)
    )
