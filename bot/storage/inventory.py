"""Things and groups as listed some time ago: how they are kept, and how they are found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Row,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import StoreUnavailable
from bot.domain.identifiers import Imei, is_reported
from bot.domain.things import GroupRow, ThingLock, ThingRow, folded
from bot.services.inventory import Part, Reading
from bot.services.ports import Found, KnownThing, Stock
from bot.storage.columns import plain, to_microseconds
from bot.storage.engine import Engine
from bot.storage.matching import FOLDED_LIMIT, group_rank, names_group, wanted_of
from bot.storage.straight import in_pieces, insert_straight, newer_wins
from bot.storage.tables import inventory, inventory_reading, things_groups

_NAME_LIMIT = 500
_ID_LIMIT = 200
_ROW = inventory_reading.c.id == 1
_TOLD_APART = ("things_group_id", "group_read_at", "imei_lock", "locked_imei", "lock_read_at")
"""What not every row tells: a row without it leaves what was told before, with the time of that."""

StoredThing = tuple[Any, ...]
"""A row of `inventory`, its columns in the order of the table."""


class SqlInventory:
    """Implements `Inventory` of the ports, and the reader's `Ledger`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- to find ----------------------------------------------------------------------------------

    async def groups_matching(self, text: str, limit: int) -> tuple[GroupRow, ...]:
        """Groups by part of the name or of the id, best first; "" gives the first ones by name."""
        table = things_groups
        order = group_rank(text), table.c.folded, table.c.things_group_id
        query = select(table).where(names_group(text)).order_by(*order).limit(limit)
        async with self._engine.reading() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(GroupRow(row.things_group_id, row.name) for row in rows)

    async def count_groups(self, text: str) -> int:
        """How many `groups_matching` would give without a limit."""
        query = select(func.count()).select_from(things_groups).where(names_group(text))
        async with self._engine.reading() as connection:
            return await connection.scalar(query) or 0

    async def last_listed(self, key: str) -> tuple[str, datetime] | None:
        """Name and time of a Thing (by ICCID) or a group (by id), None where the inventory knows none."""
        async with self._engine.reading() as connection:
            for table, identity in (
                (inventory, inventory.c.iccid),
                (things_groups, things_groups.c.things_group_id),
            ):
                found = await connection.execute(select(table.c.name, table.c.read_at).where(identity == key))
                if row := found.one_or_none():
                    return row.name or key, row.read_at
        return None

    async def group_row(self, things_group_id: str) -> GroupRow | None:
        """One group, None where the inventory knows none of that id."""
        query = select(things_groups).where(things_groups.c.things_group_id == things_group_id)
        async with self._engine.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return GroupRow(row.things_group_id, row.name) if row else None

    async def things_matching(self, text: str, limit: int) -> Found[KnownThing]:
        """Things by part of the name, best first; "" matches none."""
        wanted = wanted_of(text)
        if not wanted:
            return Found((), 0)
        name = inventory.c.folded
        begins, holds = func.substr(name, 1, len(wanted)) == wanted, name.contains(wanted, autoescape=True)
        return await self._things([begins, and_(holds, ~begins)], limit)

    async def things_of_device(self, imei: Imei, limit: int) -> Found[KnownThing]:
        """Things last seen in this device (14 digits), by name."""
        return await self._things([inventory.c.device == imei.device], limit)

    async def things_in_group(self, things_group_id: str) -> int | None:
        """How many Things of that group it knows; None where some row's group was never told."""
        query = select(func.count()).where(inventory.c.things_group_id == things_group_id)
        untold = select(exists().where(inventory.c.things_group_id.is_(None)))
        async with self._engine.reading() as connection:
            if await connection.scalar(untold):
                return None
            return await connection.scalar(query) or 0

    async def stock(self) -> Stock:
        """How much it knows."""
        async with self._engine.reading() as connection:
            things = await connection.scalar(select(func.count()).select_from(inventory))
            groups = await connection.scalar(select(func.count()).select_from(things_groups))
            read_at = await connection.scalar(select(inventory_reading.c.finished_at).where(_ROW))
        return Stock(things or 0, groups or 0, read_at)

    async def _things(self, conditions: Sequence[ColumnElement[bool]], limit: int) -> Found[KnownThing]:
        """Things of the first condition, then of the next, each by name: the index brings them in order."""
        by_name = select(inventory.c.iccid).order_by(inventory.c.folded, inventory.c.iccid)
        best: list[str] = []
        async with self._engine.reading() as connection:
            for condition in conditions:
                if room := limit - len(best):
                    best += (await connection.scalars(by_name.where(condition).limit(room))).all()
            whole = select(inventory).where(inventory.c.iccid.in_(best))
            found = {row.iccid: known_thing(row) for row in await connection.execute(whole)}
            total = len(best)
            if total == limit:
                counted = select(func.count()).select_from(inventory).where(or_(*conditions))
                total = await connection.scalar(counted) or 0
        return Found(tuple(found[iccid] for iccid in best), total)

    # --- to keep ----------------------------------------------------------------------------------

    async def reading(self) -> Reading:
        """How far the last one came."""
        async with self._engine.reading() as connection:
            row = (await connection.execute(select(inventory_reading).where(_ROW))).one_or_none()
        if row is None:
            raise StoreUnavailable("the inventory's row is missing: restore the database from a backup")
        times = row.started_at, row.finished_at, row.complete_since
        return Reading(Part(row.part), row.next_offset, *times, row.doubts)

    async def note(self, reading: Reading) -> None:
        """From now on it stands there."""
        async with self._engine.writing() as connection:
            await _note(connection, reading)

    async def keep_things(
        self, rows: Iterable[ThingRow], at: datetime, reading: Reading | None = None
    ) -> None:
        """Rows as read at `at`, unless newer ones are known; with the reading that they bring on."""
        stored = await stored_things(rows, at)
        async with self._engine.writing() as connection:
            await self.put_things(connection, stored)
            if reading:
                await _note(connection, reading)

    async def put_things(self, connection: AsyncConnection, stored: Sequence[StoredThing]) -> None:
        """`keep_things` inside the caller's transaction."""
        await insert_straight(connection, _upserting(inventory), stored)

    async def keep_groups(
        self, rows: Iterable[GroupRow], at: datetime, reading: Reading | None = None
    ) -> None:
        """As `keep_things`. A name once known isn't lost to a row without one."""
        values = {
            row.things_group_id: _group_values(row, at)
            for row in rows
            if 0 < len(row.things_group_id) <= _ID_LIMIT
        }
        async with self._engine.writing() as connection:
            if values:
                await connection.execute(_upserting(things_groups), list(values.values()))
            if reading:
                await _note(connection, reading)

    async def nameless_group(self, before: datetime) -> str | None:
        """The id of a group that Things belong to and that was not read since `before`."""
        of_things = select(inventory.c.things_group_id.label("id")).distinct().subquery()
        known = exists().where(
            things_groups.c.things_group_id == of_things.c.id, things_groups.c.read_at >= before
        )
        query = select(of_things.c.id).where(of_things.c.id > "", ~known).limit(1)
        async with self._engine.reading() as connection:
            found: str | None = await connection.scalar(query)
        return found

    async def set_back(self, now: datetime) -> None:
        """What was read later than now, by a clock that was ahead, counts as read now."""
        async with self._engine.writing() as connection:
            of_things = inventory.c.read_at, inventory.c.group_read_at, inventory.c.lock_read_at
            for column in (*of_things, things_groups.c.read_at):
                await connection.execute(update(column.table).where(column > now).values({column.name: now}))

    async def drop_unseen(self, before: datetime, groups_before: datetime, most: int) -> int:
        """Forget Things not read since, and groups that are of no Thing either: so many, of `most`."""
        gone = select(inventory.c.iccid).where(inventory.c.read_at < before).limit(most)
        of_a_thing = exists().where(inventory.c.things_group_id == things_groups.c.things_group_id)
        empty = and_(things_groups.c.read_at < groups_before, ~of_a_thing)
        gone_groups = select(things_groups.c.things_group_id).where(empty).limit(most)
        async with self._engine.writing() as connection:
            things = await connection.execute(delete(inventory).where(inventory.c.iccid.in_(gone)))
            groups = await connection.execute(
                delete(things_groups).where(things_groups.c.things_group_id.in_(gone_groups))
            )
        return things.rowcount + groups.rowcount


@cache
def _upserting(table: Table) -> Insert:
    """What a row doesn't tell stays as it was told before."""

    def kept(new: Any) -> dict[str, ColumnElement[Any]]:
        if table is things_groups:
            return {
                name: case((new.name == "", table.c[name]), else_=new[name]) for name in ("name", "folded")
            }
        return {name: func.coalesce(new[name], table.c[name]) for name in _TOLD_APART}

    return newer_wins(table, kept)


async def stored_things(rows: Iterable[ThingRow], at: datetime) -> list[StoredThing]:
    """Rows as they are stored; of one ICCID the last, without those whose ICCID is too long or none."""
    moment = to_microseconds(at)
    by_iccid = {row.iccid: row for row in rows if 0 < len(row.iccid) <= _ID_LIMIT}
    return await in_pieces(by_iccid.values(), lambda row: _as_stored(row, moment))


def _as_stored(row: ThingRow, at: int) -> StoredThing:
    name = plain(row.name)[:_NAME_LIMIT]
    group_id = row.things_group_id
    if group_id is not None:
        group_id = plain(group_id) if len(group_id) <= _ID_LIMIT else None
    seen, lock = plain(row.last_seen_imei)[:_ID_LIMIT], row.own_lock
    return (
        plain(row.iccid),
        plain(row.thing_id),
        name,
        folded(name)[:FOLDED_LIMIT],
        group_id,
        None if group_id is None else at,
        seen,
        seen[:14] if is_reported(seen) else "",
        at,
        None if lock is None else lock.imei_lock,
        None if lock is None else plain(lock.locked_imei)[:_ID_LIMIT],
        None if lock is None else at,
    )


def _group_values(row: GroupRow, at: datetime) -> dict[str, Any]:
    name = plain(row.name)[:_NAME_LIMIT]
    folded_name = folded(name)[:FOLDED_LIMIT]
    return {"things_group_id": row.things_group_id, "name": name, "folded": folded_name, "read_at": at}


def known_thing(row: Row[Any]) -> KnownThing:
    """A Thing from its row of the inventory, all columns in the order of the table."""
    iccid, thing_id, name, _, group_id, group_read_at, seen, _, read_at, locks, locked, lock_read_at = row  # type: ignore[misc]  # a row of twelve columns
    lock = None if locks is None else ThingLock(locks, locked or "")
    return KnownThing(
        ThingRow(thing_id, iccid, name, seen, group_id, lock), read_at, group_read_at, lock_read_at
    )


async def _note(connection: AsyncConnection, reading: Reading) -> None:
    values = {
        "part": reading.part.value,
        "next_offset": reading.offset,
        "started_at": reading.started_at,
        "finished_at": reading.finished_at,
        "complete_since": reading.complete_since,
        "doubts": reading.doubts,
    }
    await connection.execute(update(inventory_reading).where(_ROW).values(values))
