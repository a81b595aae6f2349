"""One PostgreSQL database that tests take turns at: emptied after each, since a new one costs far more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg import connect, sql

from bot.sandbox.postgres import Server

if TYPE_CHECKING:
    from psycopg import Connection

CATALOGUES = (
    *("pg_attrdef", "pg_attribute", "pg_constraint", "pg_db_role_setting", "pg_default_acl", "pg_extension"),
    *(
        "pg_index",
        "pg_inherits",
        "pg_namespace",
        "pg_policy",
        "pg_proc",
        "pg_rewrite",
        "pg_trigger",
        "pg_type",
    ),
)
"""Who changes what a database is made of leaves a newer or a missing row in one of these."""
MADE_OF = " UNION ALL ".join(
    f"SELECT '{name}', count(*)::text, max(xmin::text::bigint)::text FROM {name}" for name in CATALOGUES
)
RELATIONS = "SELECT oid, relname, relowner, relacl::text, reloptions::text FROM pg_class ORDER BY oid"
"""By themselves: emptying a table makes a new row of its own."""
ITSELF = "SELECT xmin::text FROM pg_database WHERE datname = current_database()"
TABLES = """SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)' AND pg_relation_size(c.oid) > 0"""
LET_GO = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}' AND pid <> 0"


class Turns:
    """Copies of `template`, as few as will do."""

    def __init__(self, server: Server, template: str, name: str) -> None:
        self._server, self._template, self._name = server, template, name
        self._made_of: list[tuple[Any, ...]] = []
        self._filled: list[tuple[sql.Identifier, bytes]] = []

    @contextmanager
    def turn(self) -> Iterator[str]:
        """The address of a database as the template is; it is nobody else's meanwhile."""
        if not self._made_of:
            self._make()
        try:
            yield self._server.url(self._name)
        finally:
            self._server.say(LET_GO.format(self._name))
            if not self._is_emptied():
                self.end()

    def end(self) -> None:
        """Gone; the next turn makes another."""
        self._made_of = []
        self._server.drop(self._name)

    def _make(self) -> None:
        with connect(self._server.make(self._name, self._template), autocommit=True) as connection:
            self._made_of = _made_of(connection)
            self._filled = [(table, _rows_of(connection, table)) for table in _tables(connection)]

    def _is_emptied(self) -> bool:
        """Back to what the template holds; False where a test has changed what it is made of."""
        with connect(self._server.url(self._name)) as connection:
            if _made_of(connection) != self._made_of:
                return False
            connection.execute("SET LOCAL session_replication_role = replica")  # no trigger guards the audit
            if tables := _tables(connection):
                emptied = sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables))
                connection.execute(emptied)
            for table, rows in self._filled:
                with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
                    copy.write(rows)
        return True


def _made_of(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    return [row for query in (MADE_OF, RELATIONS, ITSELF) for row in connection.execute(query)]


def _tables(connection: Connection[Any]) -> list[sql.Identifier]:
    return [sql.Identifier(*row) for row in connection.execute(TABLES)]


def _rows_of(connection: Connection[Any], table: sql.Identifier) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as copy:
        return b"".join(map(bytes, copy))
