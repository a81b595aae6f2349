"""Opening the database, its two kinds of transaction, and the one place where its errors become ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import filelock
from sqlalchemy import exc
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from bot.domain.errors import StoreUnavailable
from bot.storage.current import is_current
from bot.storage.postgresql import Begin, is_postgresql, open_server
from bot.storage.sqlite import open_file
from bot.storage.transactions import OPTION, READS, READS_LONG, WRITES, WRITES_AT_ONCE, WRITES_LONG

_NOT_THERE = {"42P01", "42703", "42501", "3F000"}
"""PostgreSQL's words for tables and columns that are missing, or not ours to use: no bug of a statement."""


class Engine:
    """An open database. Made by `open_engine`; end it with `close`."""

    def __init__(
        self, engine: AsyncEngine, lock: filelock.BaseFileLock | None = None, begin: Begin | None = None
    ) -> None:
        self.sqlalchemy = engine
        self._lock = lock
        self._begin = begin
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None

    @asynccontextmanager
    async def reading(self, *, unhurried: bool = False) -> AsyncIterator[AsyncConnection]:
        """One snapshot to read from, for as long as it takes where `unhurried`; waits for no writer.

        Raises `StoreUnavailable`.
        """
        with _database_errors():
            async with self.sqlalchemy.connect() as connection:
                if self._begin:
                    await self._begin(connection, READS_LONG if unhurried else READS)
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def writing(self, *, unhurried: bool = False) -> AsyncIterator[AsyncConnection]:
        """One write transaction, after those asked for before it, here or in another process.

        Commits at the end of the block, rolls back on any exception. Raises `StoreUnavailable`.
        `unhurried`: for as long as it takes; nobody else writes meanwhile.
        """
        self._refuse_to_wait_for_itself()
        async with self._turn:
            self._writer = asyncio.current_task()
            try:
                async with self._write(WRITES_LONG if unhurried else WRITES) as connection:
                    yield connection
            finally:
                self._writer = None

    @asynccontextmanager
    async def writing_at_once(self) -> AsyncIterator[AsyncConnection]:
        """A write of one statement whose condition is in itself: right whoever writes beside it, so it takes
        no turn where the database lets many write. Raises `StoreUnavailable`."""
        if self._begin is None:
            async with self.writing() as connection:
                yield connection
        else:
            self._refuse_to_wait_for_itself()
            async with self._write(WRITES_AT_ONCE) as connection:
                yield connection

    @asynccontextmanager
    async def _write(self, kind: str) -> AsyncIterator[AsyncConnection]:
        with _database_errors():
            async with self.sqlalchemy.connect() as connection:
                if self._begin:
                    await self._begin(connection, kind)
                else:
                    await connection.execution_options(**{OPTION: kind})
                async with connection.begin():
                    yield connection

    def _refuse_to_wait_for_itself(self) -> None:
        if asyncio.current_task() is self._writer:
            raise RuntimeError("this task is inside a write transaction already: it would wait for itself")

    @property
    def is_shared(self) -> bool:
        """Whether other processes may write to it too."""
        return self._begin is not None

    @property
    def in_use(self) -> bool:
        """Whether somebody is reading or writing right now."""
        pool = self.sqlalchemy.sync_engine.pool
        return self._turn.locked() or (isinstance(pool, QueuePool) and pool.checkedout() > 0)

    async def close(self) -> None:
        """Close all connections and let another process have the file."""
        await self.sqlalchemy.dispose()
        if self._lock:
            self._lock.release()


def open_engine(database_url: str, *, read_only: bool = False, patience: float = 5.0) -> Engine:
    """Open `sqlite:///path`, whose file and folder are made where they are missing, or `postgresql://…`.

    Of a file, one process at a time: raises `StoreUnavailable` while another has it open. `read_only` takes
    no lock and changes nothing, so that an audit can be checked beside a running bot. `patience`: seconds
    to wait for a foreign program's lock on the file; of a server, for a connection, and some times as long
    for a turn and for an answer. A server is asked for nothing before the first transaction.
    """
    url = make_url(database_url)
    if is_postgresql(url):
        engine, begin = open_server(url, read_only=read_only, patience=patience)
        return Engine(engine, begin=begin)
    return Engine(*open_file(url, read_only=read_only, patience=patience))


async def migrate(engine: Engine) -> None:
    """Bring the tables to what this version needs: all of it, or nothing. Raises `StoreUnavailable`.

    Whoever comes second, of several that start at once, finds it done. Tables of a newer version are left
    as they are, where that one says that this one may work with them: both run side by side meanwhile.
    """
    async with engine.reading() as connection:
        if await connection.run_sync(is_current):
            return
    from alembic.util import CommandError  # noqa: PLC0415  most starts have nothing to migrate: see `current`

    from bot.storage import versions  # noqa: PLC0415

    try:
        async with engine.writing(unhurried=True) as connection:
            await connection.run_sync(versions.upgrade)
    except CommandError as error:
        raise StoreUnavailable(f"the database can't be migrated: {error}") from error
    except exc.DBAPIError as error:
        raise StoreUnavailable(f"the database can't be migrated: {error.orig}") from error


@contextmanager
def _database_errors() -> Iterator[None]:
    """A database that can't be read or written is `StoreUnavailable`; a broken rule of ours stays a bug."""
    try:
        yield
    except exc.ProgrammingError as error:
        at_connecting = error.statement is None  # an option of the address that the driver does not know, say
        if not at_connecting and getattr(error.orig, "sqlstate", None) not in _NOT_THERE:
            raise
        raise StoreUnavailable(str(error.orig).strip()) from error
    except (exc.IntegrityError, exc.DataError, exc.NotSupportedError):
        raise
    except exc.DBAPIError as error:
        raise StoreUnavailable(str(error.orig)) from error
    except exc.TimeoutError as error:
        raise StoreUnavailable("no connection to the database became free in time") from error
