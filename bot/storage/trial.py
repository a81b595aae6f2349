"""Can records and audit be written? Tried by a write that is taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreUnavailable
from bot.services.watching import Part
from bot.storage.audit import append
from bot.storage.engine import Engine
from bot.storage.tables import gate

DATABASE, AUDIT = "database", "audit"
NEITHER = "the database can't be written"


class _TakenBack(Exception):
    """Ends the transaction, so that nothing of it stays."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


async def try_writing(engine: Engine, now: datetime) -> tuple[Part, Part]:
    """The database, and the audit in it: a real write of either, in one transaction that is rolled back.

    It waits its turn like any other write. Never raises for what it finds.
    """
    try:
        async with engine.writing() as connection:
            await connection.execute(update(gate).where(gate.c.id == 1).values(next_at=gate.c.next_at))
            raise _TakenBack(await _fault_of_audit(connection, now))  # noqa: TRY301  so nothing stays
    except _TakenBack as tried:
        return Part(DATABASE, is_good=True), Part(AUDIT, not tried.fault, tried.fault)
    except (StoreUnavailable, SQLAlchemyError) as error:
        return Part(DATABASE, is_good=False, says=_why(error)), Part(AUDIT, is_good=False, says=NEITHER)


async def _fault_of_audit(connection: AsyncConnection, now: datetime) -> str:
    try:
        await append(connection, AuditEntry(at=now, event="trial", outcome="taken back"))
    except (StoreUnavailable, SQLAlchemyError) as error:
        return _why(error)
    return ""


def _why(error: Exception) -> str:
    """One line without values: what a statement held is none of the reader's business."""
    return str(getattr(error, "orig", error)).splitlines()[0] if str(error) else type(error).__name__
