"""Leases in rows, by the database's clock: replicas need not agree on the time.

What is written under a lease holds its row: it is committed before another replica takes it, or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import BigInteger, ColumnElement, cast, delete, extract, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.engine import Engine
from bot.storage.tables import leases

_SECOND = 1_000_000
_SURE = 0.8
"""Of its time a lease counts as surely ours: what has begun in it has the rest to leave."""
PRESENCE = "replica:"
"""A replica lives while it holds the lease of this name and its own."""


class SqlLease:
    """Implements `Lease`. PostgreSQL only: on SQLite there is one process."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        holder: str,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._monotonic = monotonic
        self._sure_until = float("-inf")

    async def take(self) -> bool:
        """Have it, or have it for longer; False where another replica has it."""
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415  no start on SQLite loads it

        asked_at = self._monotonic()
        until = now() + round(self._seconds * _SECOND)
        wanted = insert(leases).values(name=self._name, holder=self._holder, until=until)
        statement = wanted.on_conflict_do_update(
            index_elements=[leases.c.name],
            set_={"holder": self._holder, "until": until},
            where=or_(leases.c.holder == self._holder, leases.c.until <= now()),
        ).returning(leases.c.name)
        async with self._engine.writing_at_once() as connection:
            taken = (await connection.execute(statement)).one_or_none()
        self._sure_until = asked_at + self._seconds * _SURE if taken else float("-inf")
        return taken is not None

    async def give_back(self) -> None:
        """Another one may have it at once."""
        self._sure_until = float("-inf")
        async with self._engine.writing_at_once() as connection:
            await connection.execute(delete(leases).where(self._ours()))

    def is_held(self) -> bool:
        """Whether it surely is ours at this moment, by a clock that runs while the process is stopped."""
        return self._monotonic() < self._sure_until

    async def covers(self, connection: AsyncConnection) -> bool:
        """Whether what this transaction writes is written under the lease: nobody takes it meanwhile."""
        held = select(leases.c.name).where(self._ours()).with_for_update(read=True)
        return await connection.scalar(held) is not None

    def _ours(self) -> ColumnElement[bool]:
        return (leases.c.name == self._name) & (leases.c.holder == self._holder)


def now() -> ColumnElement[int]:
    """The database's clock, in microseconds."""
    return cast(extract("epoch", func.clock_timestamp()) * _SECOND, BigInteger)


def living() -> ColumnElement[str]:
    """A query for the names of replicas that were heard of lately."""
    alive = leases.c.name.startswith(PRESENCE) & (leases.c.until > now())
    return select(leases.c.holder).where(alive).scalar_subquery()
