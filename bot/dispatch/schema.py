"""procrastinate's tables, in a PostgreSQL schema of their own: made and upgraded together with ours."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.schema import SchemaManager
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bot.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

SCHEMA = "procrastinate"
_TURN = 0x696D6569
"""Of an advisory lock: replicas that start together bring the tables up to date one after the other."""
_PATIENCE = 5
"""Seconds, of whoever only looks."""
_IS_THERE = """SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = 'imei_lock_migrations'"""
"""Also where the user has no right to look into the schema."""
_KNOWN = sql.SQL("SELECT name FROM {}.imei_lock_migrations").format(sql.Identifier(SCHEMA))
_IDLE = "-c idle_in_transaction_session_timeout=10s"
"""A process that is stopped, or cut off, inside a transaction must not keep others waiting."""


def connector(database_url: str) -> PsycopgConnector:
    """Not opened. A few connections, which find back by themselves after the database was away."""
    return PsycopgConnector(
        conninfo=database_url,
        kwargs={"options": options(database_url)},
        min_size=1,
        max_size=6,
        timeout=5.0,
        reconnect_timeout=2.0,
    )


def options(database_url: str) -> str:
    """What the address says itself, and that names are looked for in procrastinate's schema."""
    own = conninfo_to_dict(database_url).get("options")
    return " ".join(filter(None, (str(own or ""), _IDLE, f"-c search_path={SCHEMA}")))


async def migrate(database_url: str) -> None:
    """Bring procrastinate's tables to what the installed library needs. Raises `StoreUnavailable`.

    Which of its migrations have been applied is kept beside them. Those that replicas of the version before
    could not live with (`_post_` in their names, says the library) wait until the upgrade after this one.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            database_url, options=options(database_url)
        ) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])
            await _bring_up(connection)
    except psycopg.Error as error:
        raise StoreUnavailable(f"procrastinate's tables can't be migrated: {error}") from error


async def missing(database_url: str) -> list[str] | None:
    """The migrations that the next start will apply, in their order; None: there are no tables yet.

    Changes nothing, and waits for nobody for long. Raises `StoreUnavailable`.
    """
    hurried = f"{options(database_url)} -c statement_timeout={_PATIENCE * 1000}"
    try:
        async with await psycopg.AsyncConnection.connect(
            database_url, options=hurried, connect_timeout=_PATIENCE
        ) as connection:
            if not await (await connection.execute(_IS_THERE, [SCHEMA])).fetchone():
                return None
            rows = await connection.execute(_KNOWN)
            known = {str(name) for (name,) in await rows.fetchall()}
    except psycopg.Error as error:
        raise StoreUnavailable(f"procrastinate's tables can't be read: {error}") from error
    return [name for name in sorted(_migrations()) if name not in known and "_post_" not in name]


async def _bring_up(connection: psycopg.AsyncConnection) -> None:
    await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS imei_lock_migrations (name text PRIMARY KEY, applied boolean NOT NULL)"
    )
    rows = await connection.execute("SELECT name, applied FROM imei_lock_migrations")
    known = {str(name): bool(applied) for name, applied in await rows.fetchall()}
    files = _migrations()
    new = sorted(files.keys() - known)
    if not known:
        await connection.execute(SchemaManager.get_schema())
    elif new:
        await _apply(connection, files, [name for name in sorted(known) if not known[name]])
        await _apply(connection, files, [name for name in new if "_post_" not in name])
    for name in new:
        applied = not known or "_post_" not in name
        await connection.execute("INSERT INTO imei_lock_migrations VALUES (%s, %s)", [name, applied])


async def _apply(connection: psycopg.AsyncConnection, files: dict[str, Path], names: list[str]) -> None:
    for name in names:
        log.info("procrastinate's tables: applying %s", name)
        await connection.execute(files[name].read_bytes())
        await connection.execute("UPDATE imei_lock_migrations SET applied = true WHERE name = %s", [name])


def _migrations() -> dict[str, Path]:
    """By name, which is their order."""
    return {path.name: path for path in Path(SchemaManager.get_migrations_path()).glob("*.sql")}
