"""Undo: a new request, under the rules of the change that it makes."""

from __future__ import annotations

from bot.domain.audit import AuditEntry
from bot.domain.changes import SingleChange
from bot.domain.errors import NoSuchRequest, NotAllowed, Refusal
from bot.domain.requests import ChangeRequest, Origin, Person
from bot.domain.undo import undo_of
from bot.services.authority import Authority
from bot.services.ports import Clock, Store, Submission
from bot.services.submission import Submissions

LONGEST_ID = 40
"""A forged button may carry anything for an id."""


class Undoing:
    """`may_open` for the form, `submit` for what was sent."""

    def __init__(self, *, store: Store, submissions: Submissions, authority: Authority, clock: Clock) -> None:
        self._store = store
        self._submissions = submissions
        self._authority = authority
        self._clock = clock

    async def may_open(
        self, person: Person, origin: Origin, request_id: str
    ) -> tuple[ChangeRequest, SingleChange]:
        """The request and what would put it back. Raises a `Refusal`; each is an audit entry."""
        try:
            request, change = await self._read(request_id)
        except Refusal as refusal:
            await self._record(person, origin, request_id, refusal)
            raise
        await self._authority.to_open(person, origin, change.kind)
        return request, change

    async def submit(self, submission: Submission) -> ChangeRequest:
        """Ask for it as for any other change. Raises as `Submissions.submit`; the submission is ended."""
        try:
            request, change = await self._read(submission.fields.get("undoes", ""))
        except Refusal:
            await self._submissions.give_back(submission)
            raise
        return await self._submissions.submit(submission, change, undoes=request)

    async def _read(self, request_id: str) -> tuple[ChangeRequest, SingleChange]:
        request = await self._store.request(request_id)
        if request is None:
            raise NoSuchRequest(
                "I don't know this request: the card may be of another installation of the bot."
            )
        return request, undo_of(request)

    async def _record(self, person: Person, origin: Origin, request_id: str, refusal: Refusal) -> None:
        if isinstance(refusal, NotAllowed):
            return
        entry = AuditEntry(
            at=self._clock.now(),
            event="request.undo",
            outcome="refused",
            person=person,
            origin=origin,
            request_id=request_id[:LONGEST_ID],
            reason=refusal.reason,
        )
        async with self._store.transaction() as tx:
            await tx.audit(entry)
