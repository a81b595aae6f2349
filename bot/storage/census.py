"""How far the count of a group's Things has come, where each stands, and the sums."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.census import NAMED, TACS, Census, Standing, device_tac
from bot.domain.requests import OPEN
from bot.domain.things import ThingLock, ThingRow
from bot.services.census import JudgedThing
from bot.services.counting import Counting, Judge, Stage
from bot.services.inventory import Reading
from bot.services.ports import KnownThing
from bot.storage.columns import to_microseconds
from bot.storage.engine import Engine
from bot.storage.inventory import SqlInventory, StoredThing, known_thing, stored_things
from bot.storage.straight import in_pieces, insert_straight, newer_wins
from bot.storage.tables import UNSETTLED, census_rows, censuses, inventory, outbox, requests

_LISTED_AT_ONCE = 1000
_COPIED = ("name", "last_seen_imei", "imei_lock", "locked_imei")
"""Columns that a judged row has from the inventory's: what its standing rests on, and what people see."""


class SqlCensus:
    """Implements `Ledger` of `services.counting`, and `Judged` of `services.census`."""

    def __init__(self, engine: Engine, known: SqlInventory) -> None:
        self._engine = engine
        self._known = known

    async def reading(self) -> Reading:
        """How far the inventory's own reading is."""
        return await self._known.reading()

    async def counting(self, request_id: str, *, again: bool) -> Counting | None:
        """How far this count has come, None before it began."""
        query = select(censuses).where(_of(request_id, again=again))
        async with self._engine.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Counting(
            request_id=row.request_id,
            again=row.again,
            stage=Stage(row.stage),
            started_at=row.started_at,
            since=row.since,
            expected=row.expected,
            offset=row.next_offset,
            tail=row.tail,
            shifted=row.shifted,
            passes=row.passes,
            unreadable=row.unreadable,
            cursor=row.cursor,
            asked=row.asked,
            online=row.online,
            failing_since=row.failing_since,
            given_up=row.given_up,
            finished_at=row.finished_at,
        )

    async def begin(self, counting: Counting) -> Counting:
        """Anew: rows of an earlier count of this kind go, and of ended requests that have sent their file."""
        ended = requests.c.status.not_in([status.value for status in OPEN])
        sends_file = exists().where(
            outbox.c.request_id == requests.c.id, outbox.c.what == "file", outbox.c.state.in_(UNSETTLED)
        )
        over = select(requests.c.id).where(ended, ~sends_file)
        async with self._engine.writing() as connection:
            for table in (census_rows, censuses):
                mine = (table.c.request_id == counting.request_id) & (table.c.again == counting.again)
                await connection.execute(delete(table).where(or_(mine, table.c.request_id.in_(over))))
            expected = await connection.scalar(select(func.count()).select_from(inventory)) or 0
            begun = replace(counting, expected=expected)
            await connection.execute(insert(censuses).values(_values(begun)))
        return begun

    async def note(self, counting: Counting) -> None:
        """From now on it stands there."""
        async with self._engine.writing() as connection:
            await _note(connection, counting)

    async def keep(
        self, rows: Iterable[ThingRow], at: datetime, counting: Counting, judge: Judge | None = None
    ) -> None:
        """Rows of Things into the inventory, where they stand as they are stored, and how far that brings the
        count, together."""
        stored = await stored_things(rows, at)
        listed = await in_pieces(stored, partial(_as_listed, judge=judge, counting=counting)) if judge else []
        async with self._engine.writing() as connection:
            await self._known.put_things(connection, stored)
            await insert_straight(connection, _judging(), [row for row in listed if row is not None])
            await _note(connection, counting)

    async def forget(self, iccid: str) -> None:
        """The vendor knows no such Thing any more."""
        async with self._engine.writing() as connection:
            await connection.execute(delete(inventory).where(inventory.c.iccid == iccid))

    async def to_ask(self, group_id: str, counting: Counting, limit: int) -> tuple[ThingRow, ...]:
        """After the cursor: Things whose group nobody told since, or of the group and not listed since, or
        of the group with a lock of their own that nobody told since."""
        of_the_group = inventory.c.things_group_id == group_id
        lock_is_old = inventory.c.imei_lock.is_(True) & (inventory.c.lock_read_at < counting.since)
        in_doubt = of_the_group & or_(inventory.c.read_at < counting.since, lock_is_old)
        wanted = or_(_untold(counting), in_doubt) & (inventory.c.iccid > counting.cursor)
        return tuple(thing.row for thing in await self._things(wanted, limit))

    async def drop_outdated(self, group_id: str, counting: Counting) -> None:
        """Forget of those judged so far who is not of the group any more, or is known otherwise by now."""
        mine, known = census_rows.c, inventory.c
        same = (known[name].is_not_distinct_from(mine[name]) for name in _COPIED)
        holds = exists().where(
            known.iccid == mine.iccid, known.things_group_id == group_id, ~_untold(counting), *same
        )
        async with self._engine.writing() as connection:
            await connection.execute(delete(census_rows).where(_rows_of(counting), ~holds))

    async def members(self, group_id: str, counting: Counting, limit: int) -> tuple[KnownThing, ...]:
        """After the cursor, by ICCID: Things of the group that are not judged yet, without those whose group
        nobody told since."""
        of_the_group = (inventory.c.things_group_id == group_id) & (inventory.c.iccid > counting.cursor)
        rows = census_rows.c
        # The cursor once more, so that PostgreSQL doesn't gather all that were judged for each piece.
        judged = exists().where(
            _rows_of(counting), rows.iccid == inventory.c.iccid, rows.iccid > counting.cursor
        )
        return await self._things(of_the_group & ~_untold(counting) & ~judged, limit)

    async def judge(self, rows: Iterable[tuple[KnownThing, Standing]], counting: Counting) -> None:
        """Keep where each stands, and how far that brings the count, together."""
        stored = [_as_stored(thing, standing, counting) for thing, standing in rows]
        async with self._engine.writing() as connection:
            await insert_straight(connection, _judging(), stored)
            await _note(connection, counting)

    async def losing(self, counting: Counting, limit: int) -> tuple[str, ...]:
        """ICCIDs of those that lose service, after the cursor."""
        wanted = _losing(counting) & (census_rows.c.iccid > counting.cursor)
        query = select(census_rows.c.iccid).where(wanted).order_by(census_rows.c.iccid).limit(limit)
        async with self._engine.reading() as connection:
            return tuple((await connection.scalars(query)).all())

    async def how_many_lose(self, counting: Counting) -> int:
        """How many lose service."""
        query = select(func.count()).select_from(census_rows).where(_losing(counting))
        async with self._engine.reading() as connection:
            return await connection.scalar(query) or 0

    async def census(self, counting: Counting) -> Census:
        """The sums over what was judged."""
        async with self._engine.reading() as connection:
            return await _Sums(connection, counting).census()

    async def judged(self, request_id: str) -> AsyncIterator[JudgedThing]:
        """All Things of the count that the card shows, worst first: never more than a piece in memory."""
        for standing in Standing:
            after = ""
            while rows := await self._judged(request_id, standing, after):
                for row in rows:
                    yield row
                after = rows[-1].iccid

    async def _judged(self, request_id: str, standing: Standing, after: str) -> list[JudgedThing]:
        rows = census_rows.c
        wanted = and_(
            rows.request_id == request_id,
            rows.again.is_(False),
            rows.standing == standing.value,
            rows.iccid > after,
        )
        query = select(census_rows).where(wanted).order_by(rows.iccid).limit(_LISTED_AT_ONCE)
        async with self._engine.reading() as connection:
            found = (await connection.execute(query)).all()
        return [
            JudgedThing(
                iccid=row.iccid,
                name=row.name,
                last_seen_imei=row.last_seen_imei,
                own_lock=None if row.imei_lock is None else ThingLock(row.imei_lock, row.locked_imei or ""),
                standing=standing,
            )
            for row in found
        ]

    async def _things(self, wanted: ColumnElement[bool], limit: int) -> tuple[KnownThing, ...]:
        query = select(inventory).where(wanted).order_by(inventory.c.iccid).limit(limit)
        async with self._engine.reading() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(map(known_thing, rows))


class _Sums:
    """The figures of one count, in one snapshot."""

    def __init__(self, connection: AsyncConnection, counting: Counting) -> None:
        self._connection = connection
        self._counting = counting
        self._mine = _rows_of(counting)

    async def census(self) -> Census:
        counting, rows = self._counting, census_rows.c
        locked = func.count().filter(rows.imei_lock.is_(True))
        query = select(func.count(rows.imei_lock), locked, func.min(rows.read_at)).where(self._mine)
        own_locks_told, own_locks, oldest = (await self._connection.execute(query)).one()
        tacs = await self._by(rows.tac, rows.tac != "")
        standings = await self._by(rows.standing)
        return Census(
            standings={Standing(name): count for name, count in standings},
            counted_from=oldest or counting.started_at,
            counted_at=counting.finished_at or counting.started_at,
            untold=await self._untold() + counting.unreadable,
            given_up=counting.given_up,
            own_locks_told=own_locks_told,
            own_locks=own_locks,
            online=counting.online,
            tacs=tuple(tacs[:TACS]),
            other_tacs=len(tacs[TACS:]),
            in_other_tacs=sum(count for _, count in tacs[TACS:]),
            losing=await self._losing(),
        )

    async def _by(self, column: ColumnElement[str], *where: ColumnElement[bool]) -> list[tuple[str, int]]:
        how_many = func.count().label("how_many")
        query = select(column, how_many).where(self._mine, *where).group_by(column)
        found = await self._connection.execute(query.order_by(how_many.desc(), column))
        return [(name, count) for name, count in found]

    async def _untold(self) -> int:
        query = select(func.count()).select_from(inventory).where(_untold(self._counting))
        return await self._connection.scalar(query) or 0

    async def _losing(self) -> tuple[str, ...]:
        """A Thing without a name is named by its ICCID."""
        rows = census_rows.c
        query = select(rows.name, rows.iccid).where(_losing(self._counting)).order_by(rows.iccid)
        found = await self._connection.execute(query.limit(NAMED))
        return tuple(name or iccid for name, iccid in found)


def _of(request_id: str, *, again: bool) -> ColumnElement[bool]:
    return (censuses.c.request_id == request_id) & (censuses.c.again == again)


def _rows_of(counting: Counting) -> ColumnElement[bool]:
    return (census_rows.c.request_id == counting.request_id) & (census_rows.c.again == counting.again)


def _losing(counting: Counting) -> ColumnElement[bool]:
    return _rows_of(counting) & (census_rows.c.standing == Standing.LOSES.value)


def _untold(counting: Counting) -> ColumnElement[bool]:
    """Listed, and nobody told since in which group: the one that was told before may be left."""
    told_at = inventory.c.group_read_at
    return or_(told_at.is_(None), told_at < counting.since) & (inventory.c.read_at >= counting.since)


def _values(counting: Counting) -> dict[str, Any]:
    return {
        "request_id": counting.request_id,
        "again": counting.again,
        "stage": counting.stage.value,
        "started_at": counting.started_at,
        "since": counting.since,
        "expected": counting.expected,
        "next_offset": counting.offset,
        "tail": counting.tail,
        "shifted": counting.shifted,
        "passes": counting.passes,
        "unreadable": counting.unreadable,
        "cursor": counting.cursor,
        "asked": counting.asked,
        "online": counting.online,
        "failing_since": counting.failing_since,
        "given_up": counting.given_up,
        "finished_at": counting.finished_at,
    }


async def _note(connection: AsyncConnection, counting: Counting) -> None:
    now = {f"now_{name}": value for name, value in _values(counting).items()}
    await connection.execute(_NOTING, now)


def _noting() -> Update:
    """Built once: to build it costs more than to run it."""
    now = {column.name: bindparam(f"now_{column.name}", type_=column.type) for column in censuses.columns}
    keys = [censuses.c[column.name] == now.pop(column.name) for column in censuses.primary_key]
    return update(censuses).where(*keys).values(now)


_NOTING = _noting()


@cache
def _judging() -> Insert:
    """Who was judged by an older reading is judged anew."""
    return newer_wins(census_rows)


def _as_listed(stored: StoredThing, *, judge: Judge, counting: Counting) -> tuple[Any, ...] | None:
    """The columns of `census_rows` in the order of the table; None where there is nothing to judge."""
    iccid, thing_id, name, _, group_id, _, seen, _, at, locks, locked, _ = stored
    lock = None if locks is None else ThingLock(locks, locked)
    standing = judge(ThingRow(thing_id, iccid, name, seen, group_id, lock))
    if standing is None:
        return None
    tac = device_tac(seen)
    return counting.request_id, counting.again, iccid, name, seen, tac, locks, locked, standing.value, at


def _as_stored(thing: KnownThing, standing: Standing, counting: Counting) -> tuple[Any, ...]:
    """Its columns in the order of the table."""
    row, lock = thing.row, thing.row.own_lock
    return (
        counting.request_id,
        counting.again,
        row.iccid,
        row.name,
        row.last_seen_imei,
        device_tac(row.last_seen_imei),
        None if lock is None else lock.imei_lock,
        None if lock is None else lock.locked_imei,
        standing.value,
        to_microseconds(min(thing.read_at, thing.group_read_at or thing.read_at)),
    )
