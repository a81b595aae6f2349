"""One write transaction of the store: what is done in it happens together, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Insert, Update, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.audit import AuditEntry
from bot.domain.changes import Kind
from bot.domain.errors import AlreadyOpen, Overtaken
from bot.domain.requests import OPEN, ChangeRequest, Item, PersonDecision, Vote
from bot.services.ports import PlaceKind, Submission
from bot.storage.audit import Appending
from bot.storage.bulk_transaction import BulkTx
from bot.storage.bulk_work import MOVE_ITEM, RowSteps
from bot.storage.outbox import drop_waiting, queue_message, waiting_card
from bot.storage.rows import decision_values, item_values, request_values, submission_values
from bot.storage.tables import DRAWN_KINDS, decisions, holds, items, requests, submissions
from bot.storage.tables import places as place_rows

_SUBMISSION_ENDS = frozenset({"posted", "returned", "refused"})


class SqlTx(RowSteps, BulkTx):
    """Implements `Tx` of the ports on an open write transaction."""

    def __init__(self, connection: AsyncConnection, replica: str = "") -> None:
        super().__init__(connection)
        self._replica = replica
        self._audit = Appending(connection)

    async def flush(self) -> None:
        """Write what is written together: right before the commit."""
        await self.flush_rows()
        await self._audit.flush()

    async def add_submission(self, submission: Submission) -> bool:
        """Keep it; False where its key is known already. What the same modal sent before is over with it."""
        standing = {"state": "checking", "request_id": "", "holder": self._replica}
        values = submission_values(submission) | standing
        try:
            await self._guarded(insert(submissions).values(values))
        except IntegrityError:
            if await self._any(submissions.c.key == submission.key):
                return False
            raise
        same_modal = (submissions.c.view_id == submission.view_id) & (submissions.c.key != submission.key)
        over = update(submissions).where(same_modal & (submissions.c.state == "checking"))
        await self._connection.execute(over.values(state="returned"))
        return True

    async def end_submission(self, submission_id: str, state: str, request_id: str = "") -> bool:
        """From "checking" to "posted", "returned" or "refused", once; False where it has ended already."""
        if state not in _SUBMISSION_ENDS:
            raise ValueError(f"a submission can't end as {state!r}")
        still = (submissions.c.id == submission_id) & (submissions.c.state == "checking")
        return await self._moves(update(submissions).where(still).values(state=state, request_id=request_id))

    async def add_request(self, request: ChangeRequest, places: Iterable[tuple[PlaceKind, str]]) -> None:
        """Insert it with its places. Raises `AlreadyOpen` where an open request holds the Thing.

        Its decisions and its item are kept by `decide` and `put_item` alone.
        """
        await self._insert_held(request)
        await self.add_places(request, places)

    async def add_places(self, request: ChangeRequest, places: Iterable[tuple[PlaceKind, str]]) -> None:
        """More places for a request that has some already."""
        for kind, channel in dict.fromkeys(places):
            thread = "" if kind is PlaceKind.AUDIT else request.asked_in.thread_in(channel)
            place = {"request_id": request.id, "kind": kind.value, "channel": channel, "thread_ts": thread}
            await self._connection.execute(insert(place_rows).values(place | {"ts": "", "drawn_rev": 0}))

    async def advance(self, old: ChangeRequest, new: ChangeRequest) -> ChangeRequest:
        """Move the row from `old` to `new` where it still is `old` (id, status, rev).

        Returns `new` with its rev. Raises `Overtaken`. Its decisions and its item are kept by `decide`
        and `put_item` alone.
        """
        if old.id != new.id:
            raise ValueError("a request can't become another one")
        moved = replace(new, rev=old.rev + 1)
        still = (requests.c.id == old.id) & (requests.c.status == old.status) & (requests.c.rev == old.rev)
        statement = update(requests).where(still).values(request_values(moved))
        if not await self._moves(statement):
            raise Overtaken(f"request {old.id} is no longer {old.status}, rev {old.rev}")
        mine = holds.c.request_id == old.id
        if moved.status not in OPEN:
            await self._connection.execute(delete(holds).where(mine))
        elif old.seen.target.target_id != (target_id := moved.seen.target.target_id):
            await self._holding(target_id, moved.id, update(holds).where(mine).values(target_id=target_id))
        return moved

    async def decide(self, request_id: str, decision: PersonDecision) -> None:
        """Add a decision. Raises `Overtaken` where this person's vote of that kind counts already."""
        try:
            await self._guarded(insert(decisions).values(decision_values(request_id, decision)))
        except IntegrityError:
            voted = (decisions.c.request_id == request_id) & (decisions.c.vote == decision.vote)
            by = decisions.c.user_id == decision.person.user_id
            team = decisions.c.team_id == decision.person.team_id
            if await self._any(voted & by & team & decisions.c.counts):
                raise Overtaken(f"this person has {decision.vote} request {request_id} already") from None
            raise

    async def void_approvals(self, request_id: str) -> None:
        """Earlier approvals no longer count: what they approved is no longer what is shown."""
        approvals = (decisions.c.request_id == request_id) & (decisions.c.vote == Vote.APPROVED)
        await self._connection.execute(update(decisions).where(approvals).values(counts=False))

    async def put_item(self, old: Item | None, new: Item) -> Item:
        """Insert, or move the row where it still is `old` (state, attempts). Raises `Overtaken`."""
        if old is None:
            return await self._first_item(new)
        if (old.request_id, old.position) != (new.request_id, new.position):
            raise ValueError("an item can't move to another request")
        still = {"of": old.request_id, "at": old.position, "was": old.state.value, "tried": old.attempts}
        moved = await self._connection.execute(MOVE_ITEM, item_values(new) | still)
        if not moved.rowcount:
            raise Overtaken(f"the item of request {old.request_id} is no longer {old.state}")
        return new

    async def audit(self, entry: AuditEntry) -> int:
        """Append to the chain; returns its seq."""
        return await self._audit.append(entry)

    async def tell(
        self,
        request_id: str,
        what: str,
        about: Mapping[str, str] | None = None,
        *,
        to: PlaceKind | None = None,
    ) -> None:
        """Queue a message for each place of the request: "card" for CARD and TWIN (once while one waits),
        any other for every place. `to`: for its places of this kind alone."""
        here = select(place_rows.c.id).where(place_rows.c.request_id == request_id)
        if to is not None:
            here = here.where(place_rows.c.kind == to.value)
        if what == "card":
            here = here.where(place_rows.c.kind.in_(DRAWN_KINDS), ~waiting_card())
        for place_id in (await self._connection.scalars(here.order_by(place_rows.c.id))).all():
            await queue_message(self._connection, request_id, place_id, what, about or {})

    async def unsay(self, request_id: str, what: str) -> None:
        """Drop the messages of that kind that still wait: what they would tell is no longer so."""
        await drop_waiting(self._connection, request_id, what)

    async def _first_item(self, new: Item) -> Item:
        try:
            await self._guarded(insert(items).values(item_values(new)))
        except IntegrityError:
            if await self._any((items.c.request_id == new.request_id) & (items.c.position == new.position)):
                raise Overtaken(f"request {new.request_id} has an item already") from None
            raise
        return new

    async def _insert_held(self, request: ChangeRequest) -> None:
        """The request, and that its target is its own now. `AlreadyOpen` where another one has that."""
        row = insert(requests).values(request_values(request))
        if request.change.kind is Kind.BULK:
            await self._connection.execute(row)
            return
        target_id = request.seen.target.target_id
        hold = insert(holds).values(target_id=target_id, request_id=request.id)
        await self._holding(target_id, request.id, row, hold)

    async def _holding(self, target_id: str, request_id: str, *statements: Insert | Update) -> None:
        """Run them, all or none. `AlreadyOpen` where another request has the target."""
        savepoint = await self._connection.begin_nested()
        try:
            for statement in statements:
                await self._connection.execute(statement)
        except IntegrityError:
            await savepoint.rollback()
            held = (holds.c.target_id == target_id) & (holds.c.request_id != request_id)
            holder = await self._connection.scalar(select(holds.c.request_id).where(held))
            if holder is None:
                raise
            raise AlreadyOpen(holder) from None
        await savepoint.commit()

    async def _guarded(self, statement: Insert | Update) -> bool:
        """Run it so that a refusal by the database leaves the transaction usable, on every store."""
        savepoint = await self._connection.begin_nested()
        try:
            written = await self._moves(statement)
        except IntegrityError:
            await savepoint.rollback()
            raise
        await savepoint.commit()
        return written

    async def _moves(self, statement: Insert | Update) -> bool:
        return (await self._connection.execute(statement)).rowcount > 0

    async def _any(self, condition: ColumnElement[bool]) -> bool:
        found: Any = await self._connection.scalar(select(literal(1)).where(condition).limit(1))
        return found is not None
