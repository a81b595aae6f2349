"""From a file, pasted lines, or rows of an earlier bulk to a request whose rows are to be checked.

The request is there at once, and shown to nobody before its last row is: what ends in between goes on after
a restart where the form that asked for it is kept, and is forgotten where it isn't.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.audit import AuditEntry
from bot.domain.changes import Bulk, Kind
from bot.domain.errors import NotAllowed, NotASheet, Overtaken, Refusal
from bot.domain.impact import Impact, Verdict
from bot.domain.planned import GENEROUS, Asked, plan_of, time_needed
from bot.domain.plans import Plan, SeenPlan
from bot.domain.requests import ChangeRequest, Event, Origin, Person, Status
from bot.services.authority import Authority
from bot.services.bulk_ports import BulkRows, Table
from bot.services.places import Places
from bot.services.ports import Clock, Dispatcher, Notifier, Store, Submission
from bot.services.table_reading import Chunk, read_table

PLAN_LASTS = timedelta(hours=24)
"""For checking the rows, besides the time that so many readings take."""
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants what planned. `request_id` is chosen ahead, so that trying again makes nothing new."""

    request_id: str
    person: Person
    origin: Origin
    name: str
    reason: str
    undoes: str = ""


class BulkIntake:
    """Makes the request, and puts the rows under it."""

    def __init__(
        self,
        *,
        store: Store,
        kept: BulkRows,
        authority: Authority,
        places: Places,
        clock: Clock,
        dispatcher: Dispatcher,
        notifier: Notifier,
        rate: float,
    ) -> None:
        self._store = store
        self._kept = kept
        self._authority = authority
        self._places = places
        self._clock = clock
        self._dispatcher = dispatcher
        self._notifier = notifier
        self._rate = rate

    async def plan_from_table(
        self, submission: Submission, name: str, open_table: Callable[[], Table]
    ) -> ChangeRequest:
        """What a form brought; the submission ends with it. Raises a `Refusal`, `NotASheet` among them.

        The request has the submission's id: a form that is taken up again after a restart goes on with it.
        """
        wanted = Wanted(
            submission.id,
            submission.person,
            submission.origin,
            name[:LONGEST_NAME],
            submission.fields.get("reason", ""),
        )
        try:
            notes: list[str] = []
            return await self._plan(wanted, read_table(open_table, notes), submission, notes)
        except Exception as error:
            await self.give_back(submission, error)
            raise

    async def plan_from_rows(
        self, wanted: Wanted, rows: AsyncIterator[Sequence[Asked]], submission: Submission | None = None
    ) -> ChangeRequest:
        """Rows that are known already, in pieces of some hundreds: the failed ones of another bulk, say.

        They are checked like those of a file. Raises `NotAllowed`; `NotASheet` where there are none. A form
        that asked for them ends with their request, which then has to have its id.
        """

        async def chunks() -> AsyncIterator[Chunk]:
            async for piece in rows:
                yield piece, {}

        return await self._plan(wanted, chunks(), submission)

    async def give_back(self, submission: Submission, error: Exception) -> None:
        """It goes back to the person, and what was read of it is forgotten.

        The policy's refusals have their audit entry already.
        """
        refused = isinstance(error, NotAllowed)
        async with self._store.transaction() as tx:
            await tx.end_submission(submission.id, "refused" if refused else "returned")
            await tx.discard_bulk(submission.id)
            if isinstance(error, Refusal) and not refused:
                entry = self._entry(submission.person, submission.origin, "refused")
                await tx.audit(replace(entry, reason=error.reason))

    async def let_go(self, submission: Submission) -> None:
        """It was not taken up in time: the person may send it anew, and what was read of it is forgotten."""
        async with self._store.transaction() as tx:
            await tx.end_submission(submission.id, "returned")
            await tx.discard_bulk(submission.id)

    async def forget_unread(self, after: timedelta = timedelta(0)) -> None:
        """At start-up: bulks whose rows stopped coming, and that no kept form goes on with.

        `after`: younger ones may be what another replica is reading in.
        """
        before = self._clock.now() - after
        kept = {submission.id for submission in await self._store.unfinished_submissions()}
        for request in await self._kept.unread_bulks():
            if request.id not in kept and request.created_at <= before:
                async with self._store.transaction() as tx:
                    await tx.discard_bulk(request.id)

    async def _plan(
        self,
        wanted: Wanted,
        chunks: AsyncIterator[Chunk],
        submission: Submission | None,
        notes: Sequence[str] = (),
    ) -> ChangeRequest:
        """`notes` are known once the last chunk was read."""
        await self._authority.to_ask(wanted.person, wanted.origin, Kind.BULK)
        known = await self._store.request(wanted.request_id)
        request = known or self._draft(wanted)
        if not known:
            async with self._store.transaction() as tx:
                await tx.add_request(request, [])
        try:
            await self._add(request, chunks)
            return await self._read_to_its_end(request, submission, tuple(notes))
        except Exception:
            async with self._store.transaction() as tx:
                await tx.discard_bulk(request.id)
            raise

    async def _add(self, request: ChangeRequest, chunks: AsyncIterator[Chunk]) -> None:
        position = 0
        async for rows, looks in chunks:
            new = [row.row(request.id, position + at) for at, row in enumerate(rows, 1)]
            position += len(new)
            async with self._store.transaction() as tx:
                await tx.add_rows(new)
                await tx.look_at_rows(request.id, looks)
        if not position:
            raise NotASheet("There are no rows in it. Write one SIM on each line.")

    async def _read_to_its_end(
        self, request: ChangeRequest, submission: Submission | None, notes: tuple[str, ...]
    ) -> ChangeRequest:
        counts = await self._kept.row_counts(request.id)
        places = await self._places.of_requester(request.requester, request.asked_in)
        now = self._clock.now()
        ready = request.after(
            Event.COUNT,
            seen=SeenPlan(replace(plan_of(request), rows=counts, notes=notes), now),
            expires_at=now + PLAN_LASTS + GENEROUS * time_needed(counts.total, self._rate),
            next_at=None,
        )
        async with self._store.transaction() as tx:
            ready = await tx.advance(request, ready)
            if submission and not await tx.end_submission(submission.id, "posted", request.id):
                raise Overtaken
            await tx.add_places(request, places)
            entry = self._entry(request.requester, request.asked_in, "ok")
            rows = {"bulk": ready.seen.target.title, "rows": str(counts.total)}
            await tx.audit(replace(entry, request_id=request.id, after=rows, reason=request.reason))
            await tx.tell(request.id, "card")
        self._notifier.wake()
        self._dispatcher.wake()
        return ready

    def _draft(self, wanted: Wanted) -> ChangeRequest:
        now = self._clock.now()
        return ChangeRequest(
            id=wanted.request_id,
            rev=1,
            status=Status.PREVIEWING,
            change=Bulk(wanted.name),
            requester=wanted.person,
            asked_in=wanted.origin,
            reason=wanted.reason,
            seen=SeenPlan(Plan(f"bulk:{wanted.request_id}", wanted.name), now),
            impact=Impact(Verdict.UNKNOWN, ()),
            fingerprint="",
            approvals_needed=1,
            created_at=now,
            expires_at=now + PLAN_LASTS,
            apply_within=timedelta(0),
            undoes=wanted.undoes,
            next_at=now + PLAN_LASTS,
        )

    def _entry(self, person: Person, origin: Origin, outcome: str) -> AuditEntry:
        return AuditEntry(self._clock.now(), "request.plan", outcome, person, origin)
