"""What was begun by any replica, in rows: whoever inserts the row is the first."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from bot.domain.errors import StoreUnavailable
from bot.storage.engine import Engine
from bot.storage.leases import living, now
from bot.storage.tables import begun

log = logging.getLogger(__name__)

_SECOND = 1_000_000
KEPT_SECONDS = 1800
PATIENCE_SECONDS = 1.0
"""Slack waits three seconds for an ack: a database that hangs must not take them all."""


class SqlOnce:
    """Implements `Once`. PostgreSQL only: on SQLite one process remembers for itself.

    `for_good`: also where the replica that began it is no more. Else what it may not have done is begun anew.
    """

    def __init__(self, engine: Engine, replica: str, *, for_good: bool = False) -> None:
        self._engine = engine
        self._replica = replica
        self._for_good = for_good
        self._asking: set[asyncio.Task[bool]] = set()

    async def begin(self, what: str) -> bool:
        """False where it was begun before. While the database is away, or hangs: True, what follows needs it
        too, or has no need of it."""
        asking = asyncio.create_task(self._is_first(what), name="begun before?")
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        if not (await asyncio.wait({asking}, timeout=PATIENCE_SECONDS))[0]:
            log.warning("whether this was begun before was not told in time")
            return True
        return asking.result()

    async def _is_first(self, what: str) -> bool:
        wanted = insert(begun).values(what=what, holder=self._replica, at=now())
        if self._for_good:
            statement = wanted.on_conflict_do_nothing()
        else:
            statement = wanted.on_conflict_do_update(
                index_elements=[begun.c.what],
                set_={"holder": self._replica, "at": now()},
                where=begun.c.holder.not_in(living()),
            )
        try:
            async with self._engine.writing_at_once() as connection:
                row = (await connection.execute(statement.returning(begun.c.what))).one_or_none()
        except StoreUnavailable as error:
            log.warning("whether this was begun before could not be told: %s", error)
            return True
        return row is not None

    async def forget(self, what: str) -> None:
        """It came to nothing: it may be begun again at once."""
        try:
            async with self._engine.writing_at_once() as connection:
                await connection.execute(delete(begun).where(begun.c.what == what))
        except StoreUnavailable as error:
            log.warning("what came to nothing could not be forgotten: %s", error)

    async def drop_old(self) -> None:
        """What nobody can repeat any more. Raises `StoreUnavailable`."""
        async with self._engine.writing_at_once() as connection:
            await connection.execute(delete(begun).where(begun.c.at < now() - KEPT_SECONDS * _SECOND))
