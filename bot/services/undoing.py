"""Undo: a new request, under the rules of the change that it makes."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.changes import Bulk, Kind, SingleChange
from bot.domain.errors import NoSuchRequest, Refusal
from bot.domain.requests import ChangeRequest, Origin, Person
from bot.domain.undo import undo_of
from bot.services import traces
from bot.services.authority import Authority
from bot.services.bulk_undoing import BulkUndoing
from bot.services.in_vain import LONGEST_REQUEST_ID, InVain
from bot.services.ports import Clock, Store, Submission
from bot.services.submission import Submissions


@dataclass(frozen=True, slots=True)
class WayBack:
    """What an undo would do."""

    request: ChangeRequest
    """The request that would be undone."""
    change: SingleChange | None
    """What would put its Thing or group back; None for a bulk, whose rows are put back one by one."""
    rows: int = 1
    """How many would go back, where nobody has touched them since."""

    @property
    def kind(self) -> Kind:
        """What somebody has to be allowed to ask for."""
        return self.change.kind if self.change else Kind.BULK


class Undoing:
    """`may_open` for the form, `submit` for what was sent."""

    def __init__(
        self,
        *,
        store: Store,
        submissions: Submissions,
        bulks: BulkUndoing,
        authority: Authority,
        clock: Clock,
    ) -> None:
        self._store = store
        self._submissions = submissions
        self._bulks = bulks
        self._authority = authority
        self._in_vain = InVain(store, clock)

    async def may_open(self, person: Person, origin: Origin, request_id: str) -> WayBack:
        """The request and what would put it back. Raises a `Refusal`; each is an audit entry."""
        await self._authority.to_act(person, origin, "request.undo", request_id[:LONGEST_REQUEST_ID])
        async with self._in_vain.audited(person, origin, "request.undo", request_id):
            way = await self._way_back(request_id)
        await self._authority.to_open(person, origin, way.kind)
        return way

    async def submit(self, submission: Submission) -> ChangeRequest:
        """Ask for it as for any other change. Raises as `Submissions.submit`; the submission is ended."""
        request_id = submission.fields.get("undoes", "")
        try:
            async with self._in_vain.audited(
                submission.person, submission.origin, "request.undo", request_id
            ):
                request = await self._known(request_id)
                change = None if isinstance(request.change, Bulk) else undo_of(request)
        except Refusal:
            await self._submissions.give_back(submission)
            raise
        if change is None:
            return await self._bulks.submit(submission, request)
        return await self._submissions.submit(submission, change, undoes=request)

    async def _way_back(self, request_id: str) -> WayBack:
        request = await self._known(request_id)
        if isinstance(request.change, Bulk):
            return WayBack(request, None, await self._bulks.rows(request))
        return WayBack(request, undo_of(request))

    async def _known(self, request_id: str) -> ChangeRequest:
        request = await self._store.request(request_id)
        if request is None:
            raise NoSuchRequest(
                "I don't know this request: the card may be of another installation of the bot."
            )
        traces.about_request(request.id)
        return request
