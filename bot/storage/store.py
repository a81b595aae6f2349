"""The truth in the database: how it is read, and how a write transaction is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.identifiers import Imei
from bot.domain.requests import UNDECIDED, ChangeRequest, ItemState, PersonDecision, Status
from bot.domain.undo import TOOK_BACK
from bot.services.ports import Submission, Tx
from bot.services.watching import OnCommit
from bot.storage.engine import Engine
from bot.storage.later_writes import written_since
from bot.storage.leases import living
from bot.storage.left_locked import left_locked
from bot.storage.rows import to_decision, to_item, to_request, to_submission
from bot.storage.tables import decisions, holds, items, requests, submissions
from bot.storage.transaction import SqlTx

_AT_WORK = (
    Status.PREVIEWING.value,
    Status.APPROVED.value,
    Status.APPLYING.value,
    Status.UNCONFIRMED.value,
)
_WORK = items.alias("work")


class SqlStore:
    """Implements `Store` of the ports. Reads see what is committed, also inside a transaction's block."""

    def __init__(self, engine: Engine, replica: str = "", *, on_commit: OnCommit | None = None) -> None:
        self._engine = engine
        self._replica = replica
        self._on_commit = on_commit

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Open a write transaction; commits at the end of the block, rolls back on any exception."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with self._engine.writing() as connection:
            tx = SqlTx(connection, self._replica)
            yield tx
            await tx.flush()
        if self._on_commit:
            self._on_commit(tx.done)

    async def request(self, request_id: str) -> ChangeRequest | None:
        """One request, with its decisions and item."""
        return _first(await self._requests(_one(), id=request_id))

    async def open_request(self, target_id: str) -> ChangeRequest | None:
        """The open request that holds this Thing or Things Group."""
        return _first(await self._requests(_holder(), target_id=target_id))

    async def locked_to(self, imei: Imei) -> tuple[str, ...]:
        """Names of Things that our own succeeded requests left locked to this device (latest per Thing).

        A Thing without a name is named by its ICCID.
        """
        async with self._engine.reading() as connection:
            return tuple(name for _, _, name in await left_locked(connection, [imei.device]))

    async def written_since(self, request_id: str, target_ids: Iterable[str]) -> dict[str, str]:
        """By target: the newest request that wrote to it after this one and was not taken back."""
        async with self._engine.reading() as connection:
            return await written_since(connection, request_id, target_ids)

    async def due(self, now: datetime, request_id: str = "") -> tuple[ChangeRequest, ...]:
        """Requests that the sweep must look at, oldest first: undecided and past `expires_at`; previewing,
        approved, applying or unconfirmed whose `next_at`, and whose only item's, is None or has come;
        paused whose `next_at` has come. `request_id`: of this one alone."""
        if request_id:
            return await self._requests(_one_due(), now=now, id=request_id)
        return await self._requests(_due(), now=now)

    async def submission(self, submission_id: str) -> Submission | None:
        """A form that was sent, whatever became of it."""
        query = select(submissions).where(submissions.c.id == submission_id)
        async with self._engine.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return to_submission(row) if row else None

    async def unfinished_submissions(self) -> tuple[Submission, ...]:
        """Those still "checking", oldest first."""
        query = select(submissions).where(submissions.c.state == "checking")
        async with self._engine.reading() as connection:
            rows = await connection.execute(query.order_by(submissions.c.at, submissions.c.id))
            return tuple(to_submission(row) for row in rows)

    async def claim_submissions(self) -> tuple[Submission, ...]:
        """Of those the ones that no living replica works on: from now on this one does."""
        abandoned = submissions.c.state == "checking"
        if self._replica:
            abandoned &= submissions.c.holder.not_in(living())
        mine = update(submissions).where(abandoned).values(holder=self._replica).returning(submissions)
        async with self._engine.writing() as connection:
            rows = (await connection.execute(mine)).all()
        return tuple(to_submission(row) for row in sorted(rows, key=lambda row: (row.at, row.id)))

    async def _requests(self, wanted: _Wanted, **values: Any) -> tuple[ChangeRequest, ...]:
        async with self._engine.reading() as connection:
            return await wanted.read(connection, values)


async def requests_where(
    connection: AsyncConnection, wanted: ColumnElement[bool]
) -> tuple[ChangeRequest, ...]:
    """Those requests with their decisions and items, oldest first."""
    return await _Wanted(wanted).read(connection, {})


class _Wanted:
    """The statements that read certain requests. What is asked often is built once: that costs more than to
    run it."""

    def __init__(self, wanted: ColumnElement[bool]) -> None:
        self._requests = _with_undone().where(wanted).order_by(requests.c.number)
        self._decisions = select(decisions).join(requests).where(wanted).order_by(decisions.c.id)
        self._items = select(items).join(requests).where(wanted, items.c.position == 0)

    async def read(self, connection: AsyncConnection, values: dict[str, Any]) -> tuple[ChangeRequest, ...]:
        """`values`: of the parameters in the condition."""
        rows = (await connection.execute(self._requests, values)).all()
        if not rows:
            return ()
        voted: dict[str, list[PersonDecision]] = {}
        for row in await connection.execute(self._decisions, values):
            voted.setdefault(row.request_id, []).append(to_decision(row))
        found = {row.request_id: to_item(row) for row in await connection.execute(self._items, values)}
        return tuple(to_request(row, tuple(voted.get(row.id, ())), found.get(row.id)) for row in rows)


@cache
def _one() -> _Wanted:
    return _Wanted(requests.c.id == bindparam("id"))


@cache
def _holder() -> _Wanted:
    holder = select(holds.c.request_id).where(holds.c.target_id == bindparam("target_id"))
    return _Wanted(requests.c.id == holder.scalar_subquery())


@cache
def _due() -> _Wanted:
    return _Wanted(_is_due())


@cache
def _one_due() -> _Wanted:
    return _Wanted(_is_due() & (requests.c.id == bindparam("id")))


def _is_due() -> ColumnElement[bool]:
    """As `SqlStore.due` says, at `now`."""
    now = bindparam("now", type_=requests.c.expires_at.type)
    undecided = requests.c.status.in_(sorted(status.value for status in UNDECIDED))
    resting = exists().where(
        _WORK.c.request_id == requests.c.id, _WORK.c.next_at > now, _WORK.c.position == 0
    )
    at_work = requests.c.status.in_(_AT_WORK) & ~resting.correlate(requests)
    rested = or_(requests.c.next_at.is_(None), requests.c.next_at <= now)
    paused_too_long = (requests.c.status == Status.PAUSED.value) & (requests.c.next_at <= now)
    return or_(undecided & (requests.c.expires_at <= now), at_work & rested, paused_too_long)


@cache
def _with_undone() -> Select[Any]:
    undone = _undone_by(Status).label("undone_by"), _undone_by({Status.SUCCEEDED}).label("undone_wholly_by")
    return select(requests, *undone)


def _undone_by(statuses: Iterable[Status]) -> ScalarSelect[str]:
    """The id of a request that took a request back, and ended so: one that found it so has not."""
    undo, ended = requests.alias("undo"), sorted(TOOK_BACK.intersection(statuses))
    of_it = (undo.c.undoes == requests.c.id) & undo.c.status.in_(ended)
    wrote = exists().where(items.c.request_id == undo.c.id, items.c.state == ItemState.DONE.value)
    return select(func.max(undo.c.id)).where(of_it, wrote).correlate(requests).scalar_subquery()


def _first(found: tuple[ChangeRequest, ...]) -> ChangeRequest | None:
    return found[0] if found else None
