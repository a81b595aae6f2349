"""Is the database at this version? Answered without Alembic, which takes long to load."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, column, inspect, select, table

_VERSION_TABLE = table("alembic_version", column("version_num"))
_NAMED = re.compile(r"v(\d{4})_\w+\.py")


def is_current(connection: Connection) -> bool:
    """False also where there is nothing yet, or what another program made: then Alembic is asked."""
    if not inspect(connection).has_table(_VERSION_TABLE.name):
        return False
    stands = connection.scalars(select(_VERSION_TABLE.c.version_num)).all()
    return list(stands) == [newest()]


@cache
def newest() -> str:
    """The last migration, by the number in its file's name; a test compares with what Alembic says."""
    names = (found.name for found in (files("bot.storage.migrations") / "versions").iterdir())
    return max(match[1] for name in names if (match := _NAMED.fullmatch(name)))
