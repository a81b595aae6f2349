"""Requests of any state, page by page: by the key that counts up, whatever the clock did."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_, select, true

from bot.domain.identifiers import Iccid, Imei
from bot.domain.plans import RowVerdict
from bot.domain.requests import OPEN, ChangeRequest, Status
from bot.domain.rows import as_request
from bot.services.ports import FIRST, Cursor, Listed, Which
from bot.storage.bulk_rows import to_bulk_row
from bot.storage.engine import Engine
from bot.storage.left_locked import rows_left_locked, singles_left_locked
from bot.storage.store import requests_where
from bot.storage.tables import decisions, items, requests

_NUMBER = requests.c.number


class SqlArchive:
    """Implements `Archive` of the ports."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def page(self, which: Which, limit: int, cursor: Cursor = FIRST) -> Listed:
        """At most `limit` of them; where none is left there, the page beside it."""
        wanted = _condition(which)
        begin, order = _NUMBER > 0, _NUMBER.desc()
        if cursor.newer_than is not None:
            begin, order = cursor.newer_than < _NUMBER, _NUMBER.asc()
        elif cursor.older_than is not None:
            begin = cursor.older_than > _NUMBER
        async with self._engine.reading() as connection:
            found = await connection.scalars(
                select(_NUMBER).where(wanted, begin).order_by(order).limit(limit)
            )
            numbers = found.all()
            last, first = min(numbers, default=0), max(numbers, default=0)
            older = await connection.scalar(select(exists().where(wanted, last > _NUMBER)))
            newer = await connection.scalar(select(exists().where(wanted, first < _NUMBER)))
            listed = await requests_where(connection, _NUMBER.in_(numbers))
        if not numbers:
            nearest = _beside(cursor)
            return Listed(()) if nearest is None else await self.page(which, limit, nearest)
        return Listed(
            listed[::-1],
            newer=Cursor(newer_than=first) if newer else None,
            older=Cursor(older_than=last) if older else None,
        )

    async def left_locked_to(self, imei: Imei) -> tuple[ChangeRequest, ...]:
        """Our succeeded requests that left a Thing locked to this device, the latest of each Thing."""
        async with self._engine.reading() as connection:
            singles = await requests_where(connection, singles_left_locked([imei.device]))
            found = (await connection.execute(rows_left_locked([imei.device]))).all()
            rows = [to_bulk_row(row) for row in found]
            bulks = await requests_where(connection, requests.c.id.in_({row.item.request_id for row in rows}))
        by_id = {bulk.id: bulk for bulk in bulks}
        return (*singles, *(as_request(by_id[row.item.request_id], row) for row in rows))

    async def thing_id_of(self, iccid: Iccid) -> str | None:
        """The id under which requests were made on the Thing of this ICCID, None where none was."""
        async with self._engine.reading() as connection:
            for names in (requests.c.target_id, items.c.target_id):
                ends_so = or_(names == iccid.digits, names.endswith(f"_{iccid.digits}", autoescape=True))
                found: str | None = await connection.scalar(select(names).where(ends_so).limit(1))
                if found:
                    return found
        return None


def _beside(cursor: Cursor) -> Cursor | None:
    """Where requests may be when there are none at the cursor any more; None where there are none at all."""
    if cursor.older_than is not None:
        return Cursor(newer_than=cursor.older_than - 1)
    return FIRST if cursor.newer_than is not None else None


def _condition(which: Which) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if which.asked_by:
        conditions.append(requests.c.requester_user == which.asked_by)
    if which.person:
        voted = select(decisions.c.request_id).where(decisions.c.user_id == which.person)
        conditions.append(or_(requests.c.requester_user == which.person, requests.c.id.in_(voted)))
    if which.target:
        ready = items.c.verdict == RowVerdict.READY.value
        as_a_row = select(items.c.request_id).where(items.c.target_id == which.target, ready)
        conditions.append(or_(requests.c.target_id == which.target, requests.c.id.in_(as_a_row)))
    if which.pending:
        conditions.append(requests.c.status == Status.PENDING)
    if which.open:
        conditions.append(requests.c.status.in_(sorted(OPEN)))
    return and_(*conditions)
