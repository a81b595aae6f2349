"""Very many rows of one statement, straight to the driver: SQLAlchemy would turn each value singly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Insert, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

A = TypeVar("A")
B = TypeVar("B")

_TURNED_AT_ONCE = 50
_PARAMETERS = 999
"""In one statement: as many as every SQLite takes."""


async def in_pieces(rows: Iterable[A], turned: Callable[[A], B]) -> list[B]:
    """Each row turned into another, a little at a time: what comes meanwhile doesn't wait for all of it."""
    result = []
    for number, row in enumerate(rows, 1):
        result.append(turned(row))
        if number % _TURNED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return result


async def insert_straight(
    connection: AsyncConnection, statement: Insert, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Run a statement that gives every column of its table a value, and nothing else, once for each row.

    `rows` hold the values in the order of the columns as they are stored: moments as microseconds, text
    `plain`. The same statement object each time: it is compiled once.
    """
    if not rows:
        return
    names = tuple(column.name for column in statement.table.columns)
    text = _compiled(statement, names, connection.dialect)
    if not connection.dialect.positional:
        await connection.exec_driver_sql(text, [dict(zip(names, row, strict=True)) for row in rows])
        return
    together = _PARAMETERS // len(names)
    whole = len(rows) - len(rows) % together
    if whole:
        pieces = (rows[start : start + together] for start in range(0, whole, together))
        flat = [tuple(chain.from_iterable(piece)) for piece in pieces]
        await connection.exec_driver_sql(_of_many(text, len(names), together), flat)
    if rest := rows[whole:]:
        await connection.exec_driver_sql(text, list(rest))


def newer_wins(table: Table, values: Callable[[Any], dict[str, ColumnElement[Any]]] = lambda _: {}) -> Insert:
    """An insert by which a row takes the place of one that was not read later.

    `values`, of the new row: columns that do not simply become what it says. To build it costs more than to
    run it: keep it.
    """
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  no start on SQLite loads it

    insert = postgresql.insert(table)  # SQLite says it in the same words
    new = insert.excluded
    plain = {column.name: new[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_=plain | values(new),
        where=new.read_at >= table.c.read_at,
    )


@lru_cache(maxsize=8)
def _compiled(statement: Insert, names: tuple[str, ...], dialect: Dialect) -> str:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if tuple(compiled.params) != names:
        raise ValueError(f"this statement takes more than the columns of {statement.table}")
    return str(compiled)


@lru_cache(maxsize=8)
def _of_many(text: str, columns: int, rows: int) -> str:
    """The same for so many rows: after each run SQLite's driver waits for its turn among the threads."""
    one = f"({', '.join('?' * columns)})"
    if text.count(f"VALUES {one}") != 1:
        raise ValueError(f"this statement can't be widened: {text}")
    return text.replace(one, ", ".join([one] * rows), 1)
