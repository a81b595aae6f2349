"""The version after this one, as far as an older replica can tell: one more column, more keys in its JSON."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from bot.storage import current, encoding, versions

REVISION = "9999"


def play() -> None:
    """From now on this process is of the next version; its `migrate` only adds."""
    dump = encoding._dump

    def with_more(form: dict[str, Any]) -> str:
        return dump({**form, "of_the_next_version": {"anything": [1, 2]}})

    def upgrade(connection: Connection) -> None:
        if versions.stands_at(connection) != REVISION:
            connection.execute(text("ALTER TABLE requests ADD COLUMN mood text NOT NULL DEFAULT 'calm'"))
            connection.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": REVISION})

    encoding._dump = with_more
    current.newest = versions.newest = lambda: REVISION
    versions.upgrade = upgrade
