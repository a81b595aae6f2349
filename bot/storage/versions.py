"""The version of the tables: bringing it up to this program's, and living with one that is newer."""

from __future__ import annotations

import logging
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select, text

from bot.domain.errors import StoreUnavailable
from bot.storage.tables import compatibility

log = logging.getLogger(__name__)

_ROW = 1


def stands_at(connection: Connection) -> str | None:
    """The version of the tables, as Alembic names it; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The version that this program makes."""
    return _known()[0]


def is_older(version: str) -> bool:
    """Whether this program knows it, and can bring it up to its own."""
    return version in _known()[1:]


def may_go_on(connection: Connection) -> bool:
    """Whether tables of a version that this program doesn't know work with it all the same."""
    if not inspect(connection).has_table(compatibility.name):
        return False
    return connection.scalar(select(compatibility.c.oldest).where(compatibility.c.id == _ROW)) in _known()


def upgrade(connection: Connection) -> None:
    """In the open transaction; nothing where the tables are this program's already, or work with it.

    Raises `StoreUnavailable`.
    """
    stands = stands_at(connection)
    if stands == newest():
        return
    if stands is not None and not is_older(stands):
        if not may_go_on(connection):
            raise StoreUnavailable(
                f"the database is of a newer version, {stands}, which this program, {newest()}, can't work "
                "with: run the version of the bot that made it, or one that is newer"
            )
        log.warning("the database is of a newer version, %s, which works with this one, %s", stands, newest())
        return
    _demand_unicode(connection)
    config = _scripts()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.execute(delete(compatibility))
    connection.execute(insert(compatibility).values(id=_ROW, oldest=_oldest()))


def _demand_unicode(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        encoding = connection.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise StoreUnavailable(f"the database holds text as {encoding}: make it with ENCODING 'UTF8'")


@cache
def _known() -> tuple[str, ...]:
    """All versions, from the newest to the first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_scripts()).walk_revisions())


def _oldest() -> str:
    """What the newest step says of older programs."""
    step = ScriptDirectory.from_config(_scripts()).get_revision(newest())
    return str(step.module.oldest)


def _scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", "bot.storage:migrations")
    return config
