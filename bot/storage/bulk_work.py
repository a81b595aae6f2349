"""The rows of an approved bulk: what a write transaction does with them, and how they are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import Overtaken
from bot.domain.plans import SeenPlan
from bot.domain.requests import OPEN, ChangeRequest, Item, ItemState, Status
from bot.domain.rows import BulkRow
from bot.domain.tallies import Run, Tally
from bot.storage.bulk_rows import to_bulk_row
from bot.storage.engine import Engine
from bot.storage.rows import item_values
from bot.storage.tables import holds, items, requests, runs
from bot.storage.transactions import LATER

_IN_DOUBT = (ItemState.RUNNING.value, ItemState.SENT.value)
_OPEN_ENDED = (ItemState.QUEUED.value, *_IN_DOUBT, ItemState.UNCONFIRMED.value)
"""States after which something may still come."""
MOVE_ITEM = update(items).where(
    items.c.request_id == bindparam("of"),
    items.c.position == bindparam("at"),
    items.c.state == bindparam("was"),
    items.c.attempts == bindparam("tried"),
)
"""Built once: it is the statement that runs most, and to build it costs more than to run it."""
_RELEASE = delete(holds).where(holds.c.target_id == bindparam("thing"), holds.c.request_id == bindparam("of"))

_IS_APPLYING = select(
    exists().where(requests.c.id == bindparam("bulk"), requests.c.status == Status.APPLYING.value)
)


class RowSteps:
    """Implements `RowSteps` of the ports on an open write transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._moves_at_end: list[dict[str, Any]] = []
        self._released: list[dict[str, str]] = []
        self._applying: set[str] = set()

    async def take_rows(self, bulk: ChangeRequest, limit: int, now: datetime) -> tuple[BulkRow, ...]:
        """QUEUED rows that are due → RUNNING in the present run, never tried ones first; none unless the bulk
        is APPLYING, and was not steered since it was read."""
        as_read = (requests.c.id == bulk.id) & (requests.c.rev == bulk.rev)
        present = select(requests.c.status, runs.c.number).join(runs).where(as_read)
        now_is = (await self._connection.execute(present)).one_or_none()
        if now_is is None or now_is.status != Status.APPLYING.value:
            return ()
        queued = _of(bulk.id) & (items.c.state == ItemState.QUEUED.value)
        fresh = select(items).where(queued, items.c.next_at.is_(None)).order_by(items.c.position)
        found = (await self._connection.execute(fresh.limit(limit))).all()
        if not found:
            again = select(items).where(queued, items.c.next_at <= now).order_by(items.c.next_at)
            found = (await self._connection.execute(again.limit(limit))).all()
        taken = _of(bulk.id) & items.c.position.in_([row.position for row in found])
        await self._connection.execute(
            update(items).where(taken).values(state=ItemState.RUNNING.value, run=now_is.number)
        )
        rows = (to_bulk_row(row) for row in found)
        return tuple(row.taken_by(now_is.number) for row in rows)

    async def move_rows(
        self, bulk_id: str, states: Iterable[ItemState], to: ItemState, explanation: str = ""
    ) -> int:
        """All rows in one of the states, at once; how many. What ends for good lets go of its Thing."""
        there = _of(bulk_id) & items.c.state.in_([state.value for state in states])
        ends = to.value not in _OPEN_ENDED
        if ends:
            theirs = select(items.c.target_id).where(there)
            mine = (holds.c.request_id == bulk_id) & holds.c.target_id.in_(theirs)
            await self._connection.execute(delete(holds).where(mine))
        said = {"explanation": explanation, "next_at": None} if ends else {}
        moved = await self._connection.execute(update(items).where(there).values(state=to.value, **said))
        return moved.rowcount

    def move_row(self, old: Item, new: Item, lets_go: str = "") -> None:
        """As `put_item`, once a transaction and for many rows in one go: written right before the commit,
        which raises `Overtaken` where one has moved. `lets_go`: the Thing that is held no longer."""
        still = {"of": old.request_id, "at": old.position, "was": old.state.value, "tried": old.attempts}
        self._moves_at_end.append(item_values(new) | still)
        if lets_go:
            self._released.append({"of": old.request_id, "thing": lets_go})

    def demand_applying(self, bulk_id: str) -> None:
        """The commit raises `Overtaken` where that bulk is not APPLYING."""
        self._applying.add(bulk_id)

    async def only_read_on(self, bulk_id: str, now: datetime) -> None:
        """SENT rows that wait for another try → UNCONFIRMED, due at once."""
        waiting = _of(bulk_id) & (items.c.state == ItemState.SENT.value) & items.c.next_at.is_not(None)
        reading = update(items).where(waiting).values(state=ItemState.UNCONFIRMED.value, next_at=now)
        await self._connection.execute(reading)

    async def flush_rows(self) -> None:
        """Write what `move_row` gathered. Raises `Overtaken`."""
        for bulk_id in self._applying:
            if not await self._connection.scalar(_IS_APPLYING, {"bulk": bulk_id}):
                raise Overtaken(f"the bulk {bulk_id} is not being applied any more")
        if self._moves_at_end:
            moved = await self._connection.execute(MOVE_ITEM, self._moves_at_end)
            if moved.rowcount != len(self._moves_at_end):
                raise Overtaken("a row is no longer what it was")
        if self._released:
            await self._connection.execute(_RELEASE, self._released, execution_options=LATER)

    async def begin_run(self, bulk_id: str, run: Run) -> None:
        """From here on the brakes count anew."""
        await self._connection.execute(delete(runs).where(runs.c.request_id == bulk_id))
        values = {"request_id": bulk_id, "since": run.since, "number": run.number}
        await self._connection.execute(insert(runs).values(values))


class SqlBulkWork:
    """Implements `BulkWork` of the ports."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def tally(self, bulk: ChangeRequest) -> tuple[Tally, Run]:
        """Its rows counted by state, and the run that they are in (of one not begun: since its approval).

        TypeError for a request that is no bulk.
        """
        if not isinstance(bulk.seen, SeenPlan):
            raise TypeError(f"request {bulk.id} is no bulk")
        kinds = (items.c.state, items.c.run)
        counted = select(*kinds, func.count()).where(_of(bulk.id)).group_by(*kinds)
        given_up = _of(bulk.id) & (items.c.state == ItemState.UNCONFIRMED.value) & items.c.next_at.is_(None)
        async with self._engine.reading() as connection:
            rows = [(ItemState(state), run, n) for state, run, n in await connection.execute(counted)]
            unknown = await connection.scalar(select(func.count()).select_from(items).where(given_up))
            begun = (await connection.execute(select(runs).where(runs.c.request_id == bulk.id))).one_or_none()
        states: Counter[ItemState] = Counter()
        for state, _, number in rows:
            states[state] += number
        tally = Tally.of(bulk.seen.plan.rows.ready, states, unknown or 0)
        if begun is None:
            return tally, Run(bulk.approved_at or bulk.created_at)
        own = {state: number for state, run, number in rows if run == begun.number}
        return tally, Run.of(begun.since, begun.number, own)

    async def rows_in_doubt(self, bulk_id: str, now: datetime, limit: int) -> tuple[BulkRow, ...]:
        """RUNNING, SENT or UNCONFIRMED, and due: what an earlier slice or process left behind."""
        left = items.c.state.in_([*_IN_DOUBT, ItemState.UNCONFIRMED.value])
        given_up = items.c.next_at.is_(None) & (items.c.state == ItemState.UNCONFIRMED.value)
        due = or_(items.c.next_at.is_(None), items.c.next_at <= now)
        # Without an order: for one by position, SQLite would read all rows of the bulk instead of these few.
        query = select(items).where(_of(bulk_id), left, due, ~given_up).limit(limit)
        async with self._engine.reading() as connection:
            return tuple(to_bulk_row(row) for row in await connection.execute(query))

    async def next_row_at(self, bulk_id: str, states: Iterable[ItemState] = ()) -> datetime | None:
        """When the first of its unfinished rows is due, or of those in these states; None where one is due at
        once, or none is left."""
        named = [state.value for state in states]
        open_ended = _of(bulk_id) & items.c.state.in_(named or _OPEN_ENDED)
        unread = (items.c.state == ItemState.UNCONFIRMED.value) & items.c.next_at.is_(None)
        at_once = open_ended & items.c.next_at.is_(None) & ~unread
        async with self._engine.reading() as connection:
            if await connection.scalar(select(items.c.position).where(at_once).limit(1)) is not None:
                return None
            first: datetime | None = await connection.scalar(
                select(items.c.next_at).where(open_ended & ~unread).order_by(items.c.next_at).limit(1)
            )
        return first

    async def open_undo(self, bulk_id: str) -> str:
        """The id of a request that undoes this bulk and was sent on, but has not ended; "" where none is."""
        sent_on = requests.c.status.in_(sorted(OPEN - {Status.PREVIEWING}))
        query = select(requests.c.id).where(requests.c.undoes == bulk_id, sent_on).limit(1)
        async with self._engine.reading() as connection:
            return await connection.scalar(query) or ""

    async def rows_after(
        self, bulk_id: str, position: int, limit: int, states: Iterable[ItemState] = ()
    ) -> tuple[BulkRow, ...]:
        """Rows after that position, in the order of the file; of these states, else of any."""
        wanted = _of(bulk_id) & (items.c.position > position)
        if named := [state.value for state in states]:
            wanted &= items.c.state.in_(named)
        return await self._rows(wanted, limit)

    async def _rows(self, wanted: ColumnElement[bool], limit: int) -> tuple[BulkRow, ...]:
        query = select(items).where(wanted).order_by(items.c.position).limit(limit)
        async with self._engine.reading() as connection:
            return tuple(to_bulk_row(row) for row in await connection.execute(query))


def _of(bulk_id: str) -> ColumnElement[bool]:
    return (items.c.request_id == bulk_id) & (items.c.position > 0)
