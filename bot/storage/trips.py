"""SQLite's driver with one trip to the connection's thread for a statement, where it else makes four.

SQLAlchemy asks the driver for a cursor, lets it run, fetches all rows and closes it: a trip each, and the
work waits meanwhile. Here the first three are one, and the fourth has nothing left to do. A transaction
begins on the trip of its first statement: until then there is nothing for it to see or to hold. A statement
that nobody waits to hear of goes along with the next one, or with the commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import aiosqlite

T = TypeVar("T")
Statement = Callable[[sqlite3.Cursor], object]

_CHUNK = 64
"""Rows at a time of a driver's own cursor, which nobody here asks for."""


class OneTripConnection(aiosqlite.Connection):
    """A connection as SQLAlchemy's adapter wants it. Awaiting it opens it, in a thread of its own."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(partial(self._open, path, **options), _CHUNK)
        self._opened: sqlite3.Connection | None = None
        self._thread.daemon = True  # a connection that was given up keeps no process from ending
        self._at_rest = True
        self._beginning = ""
        self._later: list[Statement] = []

    def _open(self, path: str, **options: Any) -> sqlite3.Connection:
        self._opened = sqlite3.connect(path, **options)
        return self._opened

    def stop(self) -> asyncio.Future[Any] | None:
        """As the driver's own, which leaves it open where the opening itself was given up."""
        self._tx.put_nowait((None, self._close_opened))
        return super().stop()

    def _close_opened(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def begin(self, beginning: str) -> None:
        """Say BEGIN, or BEGIN IMMEDIATE, ahead of the next statement."""
        self._beginning = beginning

    def later(self, statement: Statement) -> None:
        """Run it on the next trip, ahead of what that is for; the commit makes one at the latest.

        What goes wrong with it is raised there.
        """
        self._later.append(statement)

    def cursor(self) -> OneTripCursor:  # type: ignore[override]  # the adapter needs no more than this
        """Ready at once: nothing is asked of the database yet."""
        return OneTripCursor(self)

    async def commit(self) -> None:
        """What was begun; no trip where no statement followed."""
        if self._later:
            await self._trip(sqlite3.Connection.commit)
        elif not self._beginning:
            await super().commit()
        self._beginning = ""

    async def rollback(self) -> None:
        """No trip where nothing is open: SQLAlchemy rolls back whatever it puts back into its pool."""
        self._beginning = ""
        self._later.clear()
        if self.in_transaction or not self._at_rest:
            await super().rollback()

    async def run(self, statement: Statement) -> _Result:
        """Everything about one statement, in the connection's thread."""
        return await self._trip(partial(_result_of, statement))

    async def _trip(self, last: Callable[[sqlite3.Connection], T]) -> T:
        self._at_rest = False  # and it stays so where this is cancelled: the thread goes on all the same
        beginning, self._beginning = self._beginning, ""
        first, self._later = self._later, []
        came: T = await self._execute(  # type: ignore[no-untyped-call]
            _in_order, self._conn, beginning, first, last
        )
        self._at_rest = True
        return came


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


def _in_order(
    connection: sqlite3.Connection,
    beginning: str,
    first: Sequence[Statement],
    last: Callable[[sqlite3.Connection], T],
) -> T:
    with closing(connection.cursor()) as cursor:
        if beginning:
            cursor.execute(beginning)
        for statement in first:
            statement(cursor)
    return last(connection)


def _result_of(statement: Statement, connection: sqlite3.Connection) -> _Result:
    with closing(connection.cursor()) as cursor:
        statement(cursor)
        rows = cursor.fetchall() if cursor.description else ()
        return _Result(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
