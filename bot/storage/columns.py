"""Column types that mean the same on SQLite and PostgreSQL.

Times are integers: microseconds since 1970 in UTC. They compare in SQL alike on both stores, lose
nothing, and know no zone. Spans are integers too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts up: SQLite counts only in a column declared INTEGER."""

_BY_BYTES = Text(collation="C")
"""On PostgreSQL text is ordered and compared byte for byte, as SQLite does it, and of any length."""

Form = Text().with_variant(_BY_BYTES, "postgresql")
"""Text of our own making, which every store can hold as it stands: JSON in ASCII, digests."""


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

    impl: type[String] = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """By bytes, where the database would have an order of its own."""
        return _BY_BYTES if dialect.name == "postgresql" else self.impl_instance

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        """To the column."""
        return None if value is None else plain(value)


class Word(PlainText):
    """A word that others gave, Slack's ids first of all. Its length is said, and not enforced."""

    impl = String
    cache_ok = True
