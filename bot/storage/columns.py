"""Column types that mean the same on SQLite and PostgreSQL.

Times are integers: microseconds since 1970 in UTC. They compare in SQL alike on both stores, lose
nothing, and know no zone. Spans are integers too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts up: SQLite counts only in a column declared INTEGER."""


def to_microseconds(moment: datetime) -> int:
    """An aware moment as stored. ValueError for a naive one: it could be any hour."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone can't be stored")
    return (moment - EPOCH) // _MICROSECOND


def from_microseconds(stored: int) -> datetime:
    """A stored moment, in UTC."""
    return EPOCH + stored * _MICROSECOND


def plain(text: str) -> str:
    """Text that every store can hold: NUL and broken surrogates become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970 in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        """To the column."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """From the column."""
        return None if value is None else from_microseconds(value)


class Span(TypeDecorator[timedelta]):
    """A timedelta, kept as microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        """To the column."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> timedelta | None:  # noqa: ARG002  SQLAlchemy's signature
        """From the column."""
        return None if value is None else value * _MICROSECOND


class PlainText(TypeDecorator[str]):
    """Text that came from people or the vendor, made storable."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        """To the column."""
        return None if value is None else plain(value)
