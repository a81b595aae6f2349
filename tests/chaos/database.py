"""Reading the bot's database from beside it: only what is committed is seen."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any


class Reader:
    """Rows as they are right now; none while the database can't be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the query finds."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=1)
            return self._connection.execute(query, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def close(self) -> None:
        """Let the file go."""
        if self._connection is not None:
            self._connection.close()
