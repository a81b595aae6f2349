"""What `check` asks the database, beside a running bot: nothing is made, migrated or kept.

It takes no lock file, so that no bot that starts meanwhile is turned away. Whether it can be written is
tried by a write that is rolled back: a running bot waits for it as for a write of its own, for milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection, exc, inspect, select, text
from sqlalchemy.engine import make_url

from bot.domain.errors import StoreUnavailable
from bot.services.checked import Checked, failed, not_checked, ok, remark, warning
from bot.storage import versions
from bot.storage.engine import Engine, open_engine
from bot.storage.postgresql import is_postgresql
from bot.storage.sqlite import sqlite_file
from bot.storage.tables import audit, audit_head

READABLE, WRITABLE, VERSION, AUDIT = (
    "database",
    "database writable",
    "database version",
    "audit chain",
)
_PATH = "Set DATABASE_URL to a file that the bot's user may read and write."
_RESTORE = "Restore the database from a backup, or set DATABASE_URL to another file."
_OTHER = "Set DATABASE_URL to a file, or a database, of the bot's own."
_SERVER = "Set DATABASE_URL to a database of the bot's own on a PostgreSQL server that runs."
_RIGHTS = "Give the bot's user a database of its own, or the right to write and to create there."
_LOCK = "Take the file away, or give it to the bot's user: a file of the same name with .lock behind it."
_BUSY = "Another program holds the file: end it. Only the bot itself may write there."


async def database(url: str, *, patience: float = 5.0) -> list[Checked]:
    """One line each: reachable, writable, version, audit. `patience`: seconds for a foreign lock."""
    if is_a_server(url):
        return await _of_a_server(url, patience)
    path = sqlite_file(make_url(url))
    missing = await asyncio.to_thread(_missing, path)
    if missing:
        return missing
    try:
        engine = open_engine(url, read_only=True, patience=patience)
    except StoreUnavailable as error:
        return _unusable(str(error))
    try:
        version, audit_line = await _tables(engine)
        writable = await asyncio.to_thread(_writable, path, patience)
        return [ok(READABLE, path.name), writable, version, audit_line]
    except (StoreUnavailable, exc.SQLAlchemyError) as error:
        return _unusable(str(error).splitlines()[0])
    finally:
        await engine.close()


async def _of_a_server(url: str, patience: float) -> list[Checked]:
    """The same of PostgreSQL; the password is in none of it."""
    address = make_url(url)
    try:
        engine = open_engine(url, patience=patience)
    except StoreUnavailable as error:
        return _unusable(str(error), _SERVER)
    try:
        async with engine.reading() as connection:
            server = await connection.scalar(text("SHOW server_version"))
        where = f"{address.database} at {address.host or address.query.get('host')}"
        version, audit_line = await _tables(engine)
        found = ok(READABLE, f"{where}, PostgreSQL {server}")
        return [found, await _server_writable(engine), version, audit_line]
    except (StoreUnavailable, exc.SQLAlchemyError) as error:
        return _unusable(str(error).splitlines()[0], _SERVER)
    finally:
        await engine.close()


async def _tables(engine: Engine) -> tuple[Checked, Checked]:
    """Version and audit."""
    async with engine.reading() as connection:
        stands = await connection.run_sync(versions.stands_at)
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        may_go_on = await connection.run_sync(versions.may_go_on)
    version = _version(stands, foreign=bool(tables), may_go_on=may_go_on)
    return version, await _audit(engine, stands)


class _TakenBack(Exception):
    """Ends a transaction that was only tried."""


async def _server_writable(engine: Engine) -> Checked:
    """Takes nobody's turn, and nothing stays."""
    try:
        with suppress(_TakenBack):
            async with engine.writing_at_once() as connection:
                await connection.execute(text("CREATE TABLE imei_lock_check (x integer)"))
                raise _TakenBack
    except StoreUnavailable as error:
        return failed(WRITABLE, f"can't be written: {error}", _RIGHTS)
    return ok(WRITABLE, "a write was tried and taken back")


def is_a_server(url: str) -> bool:
    """Whether that is the address of a PostgreSQL server, and not of a file."""
    return is_postgresql(make_url(url))


def is_there(url: str) -> bool:
    """Whether there is a database at that address; made or not by us. A server is there, or says why not."""
    return is_a_server(url) or os.path.lexists(sqlite_file(make_url(url)))


def beside(url: str, name: str) -> Path:
    """A file of that name in the database's folder; in the working folder where there is none."""
    if is_a_server(url):
        return Path(name).absolute()
    there = sqlite_file(make_url(url)).with_name(name)
    return there if there.parent.is_dir() else Path(name).absolute()


def _missing(path: Path) -> list[Checked]:
    """Nothing where the file is there. Else the first start makes it: its folder must let it."""
    if os.path.lexists(path):
        return []
    folder = path.parent
    while not os.path.exists(folder):
        folder = folder.parent
    if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
        first = remark(READABLE, f"{path.name} is not there yet: the first start makes it")
    else:
        first = failed(READABLE, f"{path.name} is not there, and can't be made in its folder", _PATH)
    return [first, *(not_checked(name, "there is no database yet") for name in (WRITABLE, VERSION, AUDIT))]


def _unusable(why: str, fix: str = _RESTORE) -> list[Checked]:
    first = failed(READABLE, f"can't be read: {why}", fix)
    return [first, *(not_checked(name, "the database can't be read") for name in (WRITABLE, VERSION, AUDIT))]


def _version(stands: str | None, *, foreign: bool, may_go_on: bool) -> Checked:
    wanted = versions.newest()
    if stands == wanted:
        return ok(VERSION, stands)
    later = "The next start brings it to this version, and so does: python -m bot migrate"
    if stands is None and foreign:
        return failed(VERSION, "it holds the tables of another program", _OTHER)
    if stands is None:
        return remark(VERSION, "empty: the first start makes the tables", later)
    if versions.is_older(stands):
        return warning(VERSION, f"{stands}, this program's is {wanted}", later)
    if may_go_on:
        newer = "Newer programs run beside this one: bring it to their version soon."
        return remark(VERSION, f"{stands}, newer than this program's {wanted}, and works with it", newer)
    fix = "Run the version of the bot that made it, or one that is newer."
    return failed(VERSION, f"{stands}, which this program doesn't know", fix)


def _writable(path: Path, patience: float) -> Checked:
    """A write that is taken back; in a journal of either kind nothing of it stays."""
    lock = f"{path}.lock"
    if os.path.lexists(lock) and (os.path.isdir(lock) or not os.access(lock, os.R_OK | os.W_OK)):
        return failed(WRITABLE, f"{path.name}.lock can't be opened", _LOCK)
    try:
        address = f"{path.as_uri()}?mode=rw"
        with closing(
            sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute("CREATE TABLE imei_lock_check (x)")
            finally:
                connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        busy = "locked" in str(error)
        return failed(WRITABLE, f"can't be written: {error}", _BUSY if busy else _PATH)
    return ok(WRITABLE, "a write was tried and taken back")


async def _audit(engine: Engine, stands: str | None) -> Checked:
    if stands is None:
        return not_checked(AUDIT, "the database is empty")
    async with engine.reading() as connection:
        return await connection.run_sync(_head)


def _head(connection: Connection) -> Checked:
    """Whether the head names the last entry; `audit verify` reads the whole chain."""
    if not {audit.name, audit_head.name} <= set(inspect(connection).get_table_names()):
        return failed(AUDIT, "its tables are missing", _RESTORE)
    head = connection.execute(select(audit_head.c.seq, audit_head.c.digest)).first()
    last = connection.execute(
        select(audit.c.seq, audit.c.digest).order_by(audit.c.seq.desc()).limit(1)
    ).first()
    if head is None or (last is None) != (head.seq == 0) or (last is not None and tuple(last) != tuple(head)):
        fix = f"See what is wrong with: python -m bot audit verify. {_RESTORE}"
        return failed(AUDIT, "its head is not its last entry", fix)
    return ok(AUDIT, f"{head.seq} entries, head {head.seq}:{head.digest[:12]}…")
