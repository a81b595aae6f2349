"""Everything from one database into another one: in one transaction, or not at all.

Rows go as they are stored, a batch at a time, in the order of their keys. Keys that count up go on counting
where they stood, so that no number is ever given twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    MetaData,
    Row,
    Table,
    bindparam,
    delete,
    exc,
    func,
    insert,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import StoreUnavailable
from bot.storage import audit, versions
from bot.storage.columns import Form, Moment, Number, PlainText, Span
from bot.storage.engine import Engine
from bot.storage.postgresql import others_at_it
from bot.storage.tables import METADATA, audit_head, compatibility, gate, inventory_reading

_BATCH = 1000
_MADE_WITH_A_ROW = {audit_head.name, gate.name, inventory_reading.name}
"""Tables that no database is without a row of."""

Tell = Callable[[str, int, int], None]
"""Table, rows copied so far, rows in all."""


class NotMoved(Exception):
    """Why nothing was moved."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One table, whole."""

    table: str
    rows: int


async def move(source: Engine, target: Engine, tell: Tell) -> tuple[Moved, ...]:
    """Copy all tables into an empty database, which gets its tables here where it has none.

    Nobody else writes to either of them meanwhile. Raises `NotMoved` and `StoreUnavailable`: then the target
    is what it was.
    """
    async with source.writing(unhurried=True) as turn, source.reading(unhurried=True) as there:
        await _demand_rest(turn, there)
        await _demand_this_version(there)
        async with target.writing(unhurried=True) as here:
            await _demand_rest(here)
            await here.run_sync(versions.upgrade)
            await _demand_empty(here)
            moved = [await _copied(table, there, here, tell) for table in _tables()]
            await _go_on_counting(there, here)
            await _compare(moved, there, here)
    return tuple(moved)


def _tables() -> list[Table]:
    """In the order in which they lean on one another, without types that do more than keep."""
    plain = MetaData()
    return [
        Table(table.name, plain, *(Column(c.name, _as_kept(c), primary_key=c.primary_key) for c in table.c))
        for table in METADATA.sorted_tables
        if table is not compatibility
    ]


def _as_kept(column: Column[Any]) -> Any:
    match column.type:
        case Moment() | Span():
            return BigInteger()
        case PlainText():
            return Form
        case kept:
            return kept


async def _demand_rest(*connections: AsyncConnection) -> None:
    """A bot that runs would go on with the old database, and both would be true."""
    if await others_at_it(connections):
        raise NotMoved("a bot is still connected to one of the two databases: end it first")


async def _demand_this_version(there: AsyncConnection) -> None:
    stands = await there.run_sync(versions.stands_at)
    if stands != versions.newest():
        raise NotMoved(
            f"the database stands at version {stands or 'none'}, this program's is {versions.newest()}: "
            "first bring it there with python -m bot migrate"
        )


async def _demand_empty(here: AsyncConnection) -> None:
    for table in _tables():
        if table.name not in _MADE_WITH_A_ROW and await _rows_in(table, here):
            raise NotMoved(f"the target holds {table.name} already: it must be an empty database")
    if await here.scalar(select(audit_head.c.seq)):
        raise NotMoved("the target holds an audit already: it must be an empty database")


async def _copied(table: Table, there: AsyncConnection, here: AsyncConnection, tell: Tell) -> Moved:
    if table.name in _MADE_WITH_A_ROW:
        await here.execute(delete(table))
    total, done = await _rows_in(table, there), 0
    try:
        async for rows in _batches(table, there):
            await here.execute(insert(table), [dict(row._mapping) for row in rows])
            done += len(rows)
            tell(table.name, done, total)
    except (exc.DataError, exc.IntegrityError) as error:
        raise NotMoved(f"{table.name}: {error.orig}") from error
    return Moved(table.name, done)


async def _batches(table: Table, there: AsyncConnection) -> AsyncIterator[Sequence[Row[Any]]]:
    """From each row's key on, so that a long table is never read twice."""
    keys = list(table.primary_key)
    first = select(table).order_by(*keys).limit(_BATCH)
    following = first.where(
        tuple_(*keys) > tuple_(*(bindparam(f"after_{k.name}", type_=k.type) for k in keys))
    )
    rows = (await there.execute(first)).all()
    while rows:
        yield rows
        last = {f"after_{key.name}": rows[-1]._mapping[key.name] for key in keys}
        rows = (await there.execute(following, last)).all() if len(rows) == _BATCH else []


async def _rows_in(table: Table, where: AsyncConnection) -> int:
    return await where.scalar(select(func.count()).select_from(table)) or 0


async def _compare(moved: Sequence[Moved], there: AsyncConnection, here: AsyncConnection) -> None:
    for table, each in zip(_tables(), moved, strict=True):
        counts = {each.rows, await _rows_in(table, there), await _rows_in(table, here)}
        if len(counts) > 1:
            raise NotMoved(f"{table.name}: the rows don't count the same on both sides")
    fault = await audit.fault_in(here)
    if fault:
        raise NotMoved(f"the audit log does not hold: {fault}. See: python -m bot audit verify")


# --- keys that count up --------------------------------------------------------------------------------


async def _go_on_counting(there: AsyncConnection, here: AsyncConnection) -> None:
    for table in METADATA.sorted_tables:
        for key in table.primary_key:
            if key.type is Number and key.autoincrement is True:
                await _count_on(here, table.name, key.name, await _counted(there, table.name, key.name))


async def _counted(there: AsyncConnection, table: str, key: str) -> int:
    """The highest number that was ever given, though its row be gone."""
    if there.dialect.name == "sqlite":
        stood = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return await there.scalar(stood, {"name": table}) or 0
    sequence = await there.scalar(_SEQUENCE, {"name": table, "key": key})
    stood = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608  its own
    return await there.scalar(stood) or 0


async def _count_on(here: AsyncConnection, table: str, key: str, number: int) -> None:
    if not number:
        return
    if here.dialect.name == "sqlite":
        await here.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        counted = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)")
        await here.execute(counted, {"name": table, "number": number})
        return
    sequence = await here.scalar(_SEQUENCE, {"name": table, "key": key})
    if sequence is None:
        raise StoreUnavailable(f"{table}.{key} does not count up")
    await here.execute(text("SELECT setval(:sequence, :number)"), {"sequence": sequence, "number": number})


_SEQUENCE = text("SELECT pg_get_serial_sequence(:name, :key)")
