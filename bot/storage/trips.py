"""SQLite's driver with one trip to the connection's thread for a statement, where it else makes four.

SQLAlchemy asks the driver for a cursor, lets it run, fetches all rows and closes it: a trip each, and the
work waits meanwhile. Here the first three are one, and the fourth has nothing left to do. A transaction
begins on the trip of its first statement: until then there is nothing for it to see or to hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiosqlite

_CHUNK = 64
"""Rows at a time of a driver's own cursor, which nobody here asks for."""


class OneTripConnection(aiosqlite.Connection):
    """A connection as SQLAlchemy's adapter wants it. Awaiting it opens it, in a thread of its own."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(partial(sqlite3.connect, path, **options), _CHUNK)
        self._thread.daemon = True  # a connection that was given up keeps no process from ending
        self._at_rest = True
        self._beginning = ""

    def begin(self, beginning: str) -> None:
        """Say BEGIN, or BEGIN IMMEDIATE, ahead of the next statement."""
        self._beginning = beginning

    def cursor(self) -> OneTripCursor:  # type: ignore[override]  # the adapter needs no more than this
        """Ready at once: nothing is asked of the database yet."""
        return OneTripCursor(self)

    async def commit(self) -> None:
        """What was begun; no trip where no statement followed."""
        if not self._beginning:
            await super().commit()
        self._beginning = ""

    async def rollback(self) -> None:
        """No trip where nothing is open: SQLAlchemy rolls back whatever it puts back into its pool."""
        self._beginning = ""
        if self.in_transaction or not self._at_rest:
            await super().rollback()

    async def run(self, statement: Callable[[sqlite3.Cursor], object]) -> _Result:
        """Everything about one statement, in the connection's thread."""
        self._at_rest = False  # and it stays so where this is cancelled: the thread goes on all the same
        beginning, self._beginning = self._beginning, ""
        result: _Result = await self._execute(  # type: ignore[no-untyped-call]
            _result_of, self._conn, beginning, statement
        )
        self._at_rest = True
        return result


@dataclass(frozen=True, slots=True)
class _Result:
    """What a statement left behind, its cursor being closed."""

    rows: Sequence[Any] = ()
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class OneTripCursor:
    """One statement at a time; its rows are here as soon as it has run."""

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self._result = _Result()
        self.arraysize = 1

    async def __aenter__(self) -> OneTripCursor:
        return self

    async def execute(self, operation: str, parameters: Any = ()) -> None:
        """Run it, and fetch all its rows."""
        self._result = await self._connection.run(lambda cursor: cursor.execute(operation, parameters))

    async def executemany(self, operation: str, parameters: Any) -> None:
        """Run it once for each set of parameters."""
        self._result = await self._connection.run(lambda cursor: cursor.executemany(operation, parameters))

    async def fetchall(self) -> Sequence[Any]:
        """The rows of the last statement."""
        return self._result.rows

    async def close(self) -> None:
        """Closed it is already."""

    @property
    def description(self) -> Any:
        """As of DB-API: None where the statement gives no rows."""
        return self._result.description

    @property
    def rowcount(self) -> int:
        """As of DB-API."""
        return self._result.rowcount

    @property
    def lastrowid(self) -> int | None:
        """As of DB-API."""
        return self._result.lastrowid


def _result_of(
    connection: sqlite3.Connection, beginning: str, statement: Callable[[sqlite3.Cursor], object]
) -> _Result:
    with closing(connection.cursor()) as cursor:
        if beginning:
            cursor.execute(beginning)
        statement(cursor)
        rows = cursor.fetchall() if cursor.description else ()
        return _Result(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
