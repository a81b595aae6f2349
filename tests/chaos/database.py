"""Reading the bot's database from beside it: only what is committed is seen."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Protocol

import psycopg


class Reader(Protocol):
    """Rows as they are right now; none while the database can't be read."""

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the query finds; its values stand as `?`."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class FileReader:
    """Of a file of SQLite's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """As `Reader`."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=1)
            return self._connection.execute(query, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def close(self) -> None:
        """As `Reader`."""
        if self._connection is not None:
            self._connection.close()


class ServerReader:
    """Of a PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """As `Reader`."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
            return self._connection.execute(query.replace("?", "%s").encode(), values).fetchall()
        except psycopg.Error:
            self.close()
            return []

    def close(self) -> None:
        """As `Reader`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
