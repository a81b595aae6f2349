"""What somebody with the database and a shell can do to it, past the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from sqlalchemy import make_url

from bot.storage.postgresql import WRITERS_TURN

_TRIGGERS = {
    "sqlite": ("audit_no_update", "audit_no_delete", "audit_no_replace"),
    "postgresql": ("audit_no_change ON audit",),
}
REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)


def _open(url: str) -> tuple[Any, bool]:
    """A connection past the program, and whether it is to a file."""
    address = make_url(url)
    is_file = address.get_backend_name() == "sqlite"
    return sqlite3.connect(str(address.database)) if is_file else psycopg.connect(url), is_file


@contextmanager
def writers_turn_taken(url: str) -> Iterator[None]:
    """Somebody else has it as long as the block lasts."""
    opened, is_file = _open(url)
    with closing(opened) as connection:
        connection.execute("BEGIN IMMEDIATE" if is_file else f"SELECT pg_advisory_xact_lock({WRITERS_TURN})")
        yield
        connection.rollback()


def by_hand(url: str, *statements: str, given: tuple[Any, ...] = ()) -> list[Any]:
    """Run them at the address of a database, and keep them; the rows of the last. `given`: for each `?`."""
    rows: list[Any] = []
    opened, is_file = _open(url)
    with closing(opened) as connection:
        for statement in statements:
            said = statement if is_file else statement.replace("?", "%s")
            cursor = connection.execute(said, given) if given else connection.execute(said)
            rows = cursor.fetchall() if cursor.description else []
        connection.commit()
    return rows


def past_the_triggers(url: str, *statements: str) -> None:
    """The same, once nothing guards the audit any more."""
    triggers = _TRIGGERS[make_url(url).get_backend_name()]
    by_hand(url, *(f"DROP TRIGGER {name}" for name in triggers), *statements)
