"""The rows of a bulk that failed, asked for once more: a new plan, under the rules of whoever asks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count

from bot.domain.changes import Bulk
from bot.domain.errors import NoSuchRequest, Unfit
from bot.domain.planned import Asked, plan_of
from bot.domain.requests import OPEN, ChangeRequest, Origin, Person
from bot.services import traces
from bot.services.authority import Authority
from bot.services.bulk_intake import BulkIntake, Wanted
from bot.services.bulk_results import BulkResults
from bot.services.in_vain import LONGEST_REQUEST_ID, InVain
from bot.services.ports import Clock, Store
from bot.services.table_reading import CHUNK

_ONCE_MORE = re.compile(r"^Once more, what failed of \S+: ")


class AskingAgain:
    """The new plan checks every row afresh; it holds nothing of the first one but what was asked."""

    def __init__(
        self,
        *,
        store: Store,
        results: BulkResults,
        intake: BulkIntake,
        clock: Clock,
        id_from: Callable[[str], str],
        authority: Authority,
    ) -> None:
        """`id_from` makes the same id from the same text: two presses mean one plan."""
        self._store = store
        self._results = results
        self._intake = intake
        self._clock = clock
        self._in_vain = InVain(store, clock)
        self._id_from = id_from
        self._authority = authority
        self._being_read: set[str] = set()
        """Plans whose rows are being copied just now."""

    async def ask_again(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """The new plan; while the person has an open one for these rows, that one.

        Raises `NotAllowed`, or `Unfit` while the first one is open, or where no row can be asked again.
        """
        await self._authority.to_act(person, origin, "request.plan", request_id[:LONGEST_REQUEST_ID])
        async with self._in_vain.audited(person, origin, "request.plan", request_id):
            return await self._ask_again(person, origin, request_id)

    async def _ask_again(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        first = await self._store.request(request_id)
        if first is None or not isinstance(first.change, Bulk):
            raise NoSuchRequest("I don't know this bulk: the card may be of another installation of the bot.")
        traces.about_request(first.id)
        if first.status in OPEN:
            raise Unfit("It has not ended yet: ask again when it has.")
        new_id, known = await self._next_of(person, first)
        if new_id in self._being_read:
            raise Unfit("Its rows are being asked again already: the card of that plan follows.")
        if known and plan_of(known).rows.total:
            return known
        self._being_read.add(new_id)
        try:
            return await self._plan(new_id, person, origin, first)
        finally:
            self._being_read.discard(new_id)

    async def _next_of(self, person: Person, first: ChangeRequest) -> tuple[str, ChangeRequest | None]:
        """The plan that this person's press means: the open one, or the id of the next."""
        for time in count(1):
            new_id = self._id_from(f"again {first.id} {person.team_id} {person.user_id} {time}")
            known = await self._store.request(new_id)
            if known is None or known.status in OPEN:
                return new_id, known
        raise AssertionError("numbers have an end")

    async def _plan(self, new_id: str, person: Person, origin: Origin, first: ChangeRequest) -> ChangeRequest:
        rows = self._failed(first.id)
        if (head := await anext(rows, None)) is None:
            raise Unfit("None of its rows failed in a way that can be asked again.")
        reason = f"Once more, what failed of {first.id}: {_ONCE_MORE.sub('', first.reason)}"
        name = first.seen.target.title
        wanted = Wanted(new_id, person, origin, name, reason, undoes=first.undoes)
        return await self._intake.plan_from_rows(wanted, _with(head, rows))

    async def _failed(self, bulk_id: str) -> AsyncIterator[Sequence[Asked]]:
        piece: list[Asked] = []
        async for row in self._results.failed(bulk_id):
            piece.append(Asked(row.line, row.typed, row.change))
            if len(piece) == CHUNK:
                yield piece
                piece = []
        if piece:
            yield piece


async def _with(
    head: Sequence[Asked], rest: AsyncIterator[Sequence[Asked]]
) -> AsyncIterator[Sequence[Asked]]:
    yield head
    async for piece in rest:
        yield piece
