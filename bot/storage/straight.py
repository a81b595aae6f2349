"""Very many rows of one statement, straight to the driver: SQLAlchemy would turn each value singly."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection


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
    given = rows if connection.dialect.positional else [dict(zip(names, row, strict=True)) for row in rows]
    await connection.exec_driver_sql(text, given)


@lru_cache(maxsize=8)
def _compiled(statement: Insert, names: tuple[str, ...], dialect: Dialect) -> str:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if tuple(compiled.params) != names:
        raise ValueError(f"this statement takes more than the columns of {statement.table}")
    return str(compiled)
