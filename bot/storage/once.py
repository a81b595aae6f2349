"""What was begun by any replica, in rows: whoever inserts the row is the first."""

from __future__ import annotations

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


class SqlOnce:
    """Implements `Once`. PostgreSQL only: on SQLite one process remembers for itself.

    `for_good`: also where the replica that began it is no more. Else what it may not have done is begun anew.
    """

    def __init__(self, engine: Engine, replica: str, *, for_good: bool = False) -> None:
        self._engine = engine
        self._replica = replica
        self._for_good = for_good

    async def begin(self, what: str) -> bool:
        """False where it was begun before. While the database is away: True, what follows needs it too."""
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
