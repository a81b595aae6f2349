"""The driver that goes to the connection's thread once for each statement."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from bot.storage.engine import Engine
from bot.storage.tables import gate
from bot.storage.transactions import LATER
from bot.storage.trips import OneTripConnection
from tests.conftest import no_thread_left

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"


class Counting(OneTripConnection):
    """Notes how often the thread was asked for something."""

    trips = 0

    async def _execute(self, fn: object, *args: object, **kwargs: object) -> object:
        self.trips += 1
        return await super()._execute(fn, *args, **kwargs)


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Counting]:
    async with Counting(str(tmp_path / "here.db"), isolation_level=None) as connection:
        yield connection


async def test_a_statement_with_its_rows_is_one_trip(connection: Counting) -> None:
    cursor = await connection.cursor().__aenter__()
    await cursor.execute("SELECT ? UNION ALL SELECT 2", (1,))
    rows = await cursor.fetchall()
    await cursor.close()
    assert rows == [(1,), (2,)]
    assert cursor.description[0][0] == "?"
    assert connection.trips == 1


async def test_what_a_write_did_is_known_without_another_trip(connection: Counting) -> None:
    cursor = connection.cursor()
    await cursor.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    await cursor.execute("INSERT INTO t VALUES (7)")
    assert (cursor.lastrowid, cursor.rowcount, cursor.description) == (7, 1, None)
    await cursor.executemany("INSERT INTO t VALUES (?)", [(8,), (9,)])
    assert (cursor.rowcount, await cursor.fetchall()) == (2, ())
    assert connection.trips == 3


async def test_a_refused_statement_says_why_and_the_next_one_runs(connection: Counting) -> None:
    cursor = connection.cursor()
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await cursor.execute("SELECT * FROM nowhere")
    await cursor.execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]


async def test_rolling_back_where_nothing_is_open_is_no_trip(connection: Counting) -> None:
    await connection.cursor().execute("SELECT 1")
    await connection.rollback()
    assert connection.trips == 1
    await connection.cursor().execute("BEGIN")
    await connection.rollback()
    assert connection.trips == 3
    assert not connection.in_transaction


async def test_a_transaction_begins_with_its_first_statement(connection: Counting) -> None:
    connection.begin("BEGIN IMMEDIATE")
    assert not connection.in_transaction
    await connection.cursor().execute("SELECT 1")
    assert connection.in_transaction
    await connection.commit()
    assert not connection.in_transaction
    assert connection.trips == 2


async def test_a_transaction_without_a_statement_asks_for_nothing_and_leaves_nothing(
    connection: Counting,
) -> None:
    for end in (connection.commit, connection.rollback):
        connection.begin("BEGIN")
        await end()
        assert connection.trips == 0
    await connection.cursor().execute("SELECT 1")
    assert not connection.in_transaction


async def test_who_may_not_begin_does_nothing_at_all(connection: Counting, tmp_path: Path) -> None:
    await connection.cursor().execute("CREATE TABLE t (n INTEGER)")
    await connection.cursor().execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(tmp_path / "here.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        connection.begin("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await connection.cursor().execute("INSERT INTO t VALUES (1)")
        await connection.rollback()
        other.execute("ROLLBACK")
    cursor = connection.cursor()
    await cursor.execute("SELECT count(*) FROM t")
    assert await cursor.fetchall() == [(0,)]
    assert not connection.in_transaction


async def test_a_transaction_whose_beginning_was_cancelled_is_rolled_back(connection: Counting) -> None:
    slow = asyncio.create_task(connection.cursor().execute(SLOW))
    beginning = asyncio.create_task(connection.cursor().execute("BEGIN"))
    await asyncio.sleep(0)
    beginning.cancel()
    await asyncio.gather(beginning, return_exceptions=True)
    await connection.rollback()
    await slow
    await connection.cursor().execute("SELECT 1")
    assert not connection.in_transaction


async def test_the_engine_opens_such_connections(file_engine: Engine) -> None:
    async with file_engine.reading() as connection:
        assert await connection.scalar(select(gate.c.id)) == 1
        raw = await connection.get_raw_connection()
        assert isinstance(raw.driver_connection, OneTripConnection)
        assert await connection.scalar(text("PRAGMA query_only")) == 0


async def test_what_is_left_for_later_goes_along_with_the_next_statement_in_its_order(
    connection: Counting,
) -> None:
    cursor = connection.cursor()
    await cursor.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    connection.begin("BEGIN IMMEDIATE")
    connection.later(lambda here: here.execute("INSERT INTO t VALUES (1)"))
    connection.later(lambda here: here.execute("UPDATE t SET n = 2"))
    await cursor.execute("SELECT n FROM t")
    assert await cursor.fetchall() == [(2,)]
    assert connection.trips == 2


async def test_a_commit_writes_what_was_left_for_later_and_a_rollback_forgets_it(
    connection: Counting,
) -> None:
    cursor = connection.cursor()
    await cursor.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    for end, rows in ((connection.rollback, []), (connection.commit, [(1,)])):
        connection.begin("BEGIN IMMEDIATE")
        connection.later(lambda here: here.execute("INSERT INTO t VALUES (1)"))
        await end()
        assert not connection.in_transaction
        await cursor.execute("SELECT n FROM t")
        assert await cursor.fetchall() == rows


async def test_what_goes_wrong_later_is_raised_by_the_commit_and_nothing_is_kept(engine: Engine) -> None:
    async def write() -> None:
        async with engine.writing() as here:
            await here.execute(update(gate).values(share=7))
            await here.execute(insert(gate), _GATE, execution_options=LATER)

    with pytest.raises(IntegrityError):
        await write()
    async with engine.reading() as here:
        assert await here.scalar(select(gate.c.share)) == 1024


_GATE = {"id": 1, "next_at": 0, "share": 1, "paused_until": 0, "slowed_at": 0}


async def test_a_connection_whose_opening_was_given_up_is_closed(tmp_path: Path) -> None:
    opening = OneTripConnection(str(tmp_path / "here.db"), check_same_thread=False)
    task = asyncio.ensure_future(opening)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await no_thread_left()
    assert opening._opened
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opening._opened.execute("SELECT 1")
