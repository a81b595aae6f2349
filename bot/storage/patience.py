"""PostgreSQL's driver with an end to all waiting, and errors that repeat no values.

A server that is gone without a word (its machine lost, its process stopped) sends no error: whoever waits
for its answer has to know how long. Imported only where a PostgreSQL address is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import errors

_Answer = TypeVar("_Answer")
_OF_DATA = "22"
"""Class of errors whose message repeats what was sent."""


class PatientConnection(psycopg.AsyncConnection[Any]):
    """A connection that is given up, closed, once an answer takes longer than `patience` seconds."""

    patience: float | None = None
    """None: as long as it takes."""

    async def wait(
        self,
        gen: Generator[Any, Any, _Answer],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109  the driver's signature
    ) -> _Answer:
        """As the driver's, but bounded. Raises `psycopg.OperationalError`."""
        try:
            return await super().wait(gen, interval, timeout or self.patience)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError("the database did not answer in time") from None
        except asyncio.CancelledError:
            raise
        except psycopg.Error as error:
            error.args = (_without_values(error),)
            raise


def _without_values(error: psycopg.Error) -> str:
    """Its first line: the lines after it show rows and statements."""
    if (error.sqlstate or "").startswith(_OF_DATA):
        return f"the database can't hold this value ({type(error).__name__})"
    return error.diag.message_primary or str(error).partition("\n")[0]
