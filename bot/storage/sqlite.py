"""SQLite: one file, one process at a time, and how each of its connections is set up."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import filelock
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.domain.errors import StoreUnavailable
from bot.storage.transactions import READS, READS_LONG, kind_of
from bot.storage.trips import OneTripConnection


def open_file(
    url: URL, *, read_only: bool, patience: float
) -> tuple[AsyncEngine, filelock.BaseFileLock | None]:
    """The file, made with its folder where it is missing, and the lock that keeps others out.

    Raises `StoreUnavailable`. `read_only` takes no lock. `patience`: seconds for a foreign program's lock.
    """
    path = sqlite_file(url)
    lock = _make_ready(path, read_only=read_only)
    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True)
    _set_up_connections(engine, read_only=read_only, patience=patience)
    return engine, lock


def sqlite_file(url: URL) -> Path:
    """Where the file is. ValueError for an address that names none."""
    if url.get_backend_name() != "sqlite":
        raise ValueError("DATABASE_URL must start with sqlite:///: this is no file")
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
        driver = cast("OneTripConnection", connection.connection.driver_connection)
        driver.begin("BEGIN" if kind_of(connection) in {READS, READS_LONG} else "BEGIN IMMEDIATE")

    def do_connect(dialect: Any, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
        return dialect.dbapi.connect(*arguments, **options, async_creator_fn=OneTripConnection)

    event.listen(engine.sync_engine, "do_connect", do_connect)
    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
