"""Can records and audit be written? Tried by a write that is taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreUnavailable
from bot.services.watching import Part
from bot.storage.audit import append
from bot.storage.engine import Engine
from bot.storage.tables import gate

DATABASE, AUDIT = "database", "audit"


class _TakenBack(Exception):
    """Ends the transaction, so that nothing of it stays."""


async def try_writing(engine: Engine, now: datetime) -> tuple[Part, Part]:
    """The database, and the audit in it: a real write of either, in one transaction that is rolled back.

    It waits its turn like any other write. Never raises for what it finds.
    """
    database = audit = ""
    try:
        async with engine.writing() as connection:
            await connection.execute(gate.update().where(gate.c.id == 1).values(next_at=gate.c.next_at))
            try:
                await append(connection, AuditEntry(at=now, event="trial", outcome="taken back"))
            except (StoreUnavailable, SQLAlchemyError) as error:
                audit = _why(error)
            raise _TakenBack
    except _TakenBack:
        pass
    except (StoreUnavailable, SQLAlchemyError) as error:
        database = _why(error)
        audit = "the database can't be written"
    return Part(DATABASE, not database, database), Part(AUDIT, not audit, audit)


def _why(error: Exception) -> str:
    """One line without values: what a statement held is none of the reader's business."""
    return str(getattr(error, "orig", error)).splitlines()[0] if str(error) else type(error).__name__
