"""What is counted in the database when somebody measures the bot."""

from __future__ import annotations

from sqlalchemy import func, select

from bot.services.watching import MOST_WAITING, Counts
from bot.storage.engine import Engine
from bot.storage.tables import UNSETTLED, audit_head, gate, outbox, requests

_FULL_SHARE = 1024


async def counts(engine: Engine) -> Counts:
    """One snapshot of it all. Raises `StoreUnavailable`."""
    by_state = select(requests.c.status, requests.c.kind, func.count()).group_by(
        requests.c.status, requests.c.kind
    )
    untold = select(outbox.c.id).where(outbox.c.state.in_(UNSETTLED)).order_by(outbox.c.id)
    async with engine.reading() as connection:
        found = {(row[0], row[1]): int(row[2]) for row in await connection.execute(by_state)}
        waiting = tuple((await connection.scalars(untold.limit(MOST_WAITING))).all())
        seq = await connection.scalar(select(audit_head.c.seq).where(audit_head.c.id == 1))
        share = await connection.scalar(select(gate.c.share).where(gate.c.id == 1))
    return Counts(found, waiting, int(seq or 0), float(share or _FULL_SHARE) / _FULL_SHARE)
