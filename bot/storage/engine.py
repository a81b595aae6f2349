"""Opening the database, its two kinds of transaction, and the one place where its errors become ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import filelock
from sqlalchemy import Connection, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from bot.domain.errors import StoreUnavailable
from bot.storage.current import is_current
from bot.storage.trips import OneTripConnection

_WRITES = "imei_lock_writes"


class Engine:
    """An open database. Made by `open_engine`; end it with `close`."""

    def __init__(self, engine: AsyncEngine, lock: filelock.BaseFileLock | None) -> None:
        self.sqlalchemy = engine
        self._lock = lock
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot to read from; waits for no writer. Raises `StoreUnavailable`."""
        with _database_errors():
            async with self.sqlalchemy.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One write transaction, after those asked for before it. Raises `StoreUnavailable`.

        Commits at the end of the block, rolls back on any exception.
        """
        task = asyncio.current_task()
        if task is self._writer:
            raise RuntimeError("this task is inside a write transaction already: it would wait for itself")
        async with self._turn:
            self._writer = task
            try:
                with _database_errors():
                    async with self.sqlalchemy.connect() as connection:
                        await connection.execution_options(**{_WRITES: True})
                        async with connection.begin():
                            yield connection
            finally:
                self._writer = None

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
    """Open `sqlite:///path`; the file and its folder are made where they are missing.

    One process at a time: raises `StoreUnavailable` while another has it open. `read_only` takes no
    lock and changes nothing, so that an audit can be checked beside a running bot. `patience`: seconds
    to wait for a foreign program's lock on the file.
    """
    url = make_url(database_url)
    path = sqlite_file(url)
    lock = _make_ready(path, read_only=read_only)
    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True)
    _set_up_connections(engine, read_only=read_only, patience=patience)
    return Engine(engine, lock)


async def migrate(engine: Engine) -> None:
    """Bring the tables to what this version needs: all of it, or nothing. Raises `StoreUnavailable`."""
    async with engine.writing() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    if is_current(connection):
        return
    from alembic import command  # noqa: PLC0415  most starts have nothing to migrate: see `current`
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "bot.storage:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreUnavailable(f"the database can't be migrated: {error}") from error


def sqlite_file(url: URL) -> Path:
    """Where the file is. ValueError for an address that names none."""
    if url.get_backend_name() != "sqlite":
        raise ValueError("DATABASE_URL must start with sqlite:///: no other database is served")
    if not url.database or url.database == ":memory:":
        raise ValueError("DATABASE_URL must name a file: sqlite:///imei-lock.db, say")
    return Path(url.database).absolute()


def _make_ready(path: Path, *, read_only: bool) -> filelock.BaseFileLock | None:
    if read_only:
        if not path.is_file():
            raise StoreUnavailable(f"there is no database {path.name}")
        return None
    lock = filelock.FileLock(f"{path}.lock", thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        path.touch(mode=0o600)
    except filelock.Timeout as error:
        raise StoreUnavailable(f"another process has the database {path.name} open") from error
    except OSError as error:
        lock.release()
        raise StoreUnavailable(f"the database {path.name} can't be opened: {error.strerror}") from error
    return lock


def _set_up_connections(engine: AsyncEngine, *, read_only: bool, patience: float) -> None:
    pragmas = [f"busy_timeout = {round(patience * 1000)}", "foreign_keys = ON"]
    pragmas += ["query_only = ON"] if read_only else ["journal_mode = WAL", "synchronous = FULL"]

    def on_connect(connection: Any, _record: Any) -> None:
        try:
            connection.isolation_level = None  # BEGIN is ours to say: the driver knows no IMMEDIATE
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            connection.close()  # nobody else knows of it yet, and its thread would outlive us
            raise

    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        driver = cast("OneTripConnection", connection.connection.driver_connection)
        driver.begin("BEGIN IMMEDIATE" if writes else "BEGIN")

    def do_connect(dialect: Any, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
        return dialect.dbapi.connect(*arguments, **options, async_creator_fn=OneTripConnection)

    event.listen(engine.sync_engine, "do_connect", do_connect)
    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)


@contextmanager
def _database_errors() -> Iterator[None]:
    """A database that can't be read or written is `StoreUnavailable`; a broken rule of ours stays a bug."""
    try:
        yield
    except (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError):
        raise
    except exc.DBAPIError as error:
        raise StoreUnavailable(str(error.orig)) from error
    except exc.TimeoutError as error:
        raise StoreUnavailable("no connection to the database became free in time") from error
