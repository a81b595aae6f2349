"""The rows of a bulk that failed, asked for once more: a new plan, under the rules of whoever asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from bot.domain.changes import Bulk
from bot.domain.errors import NoSuchRequest, Unfit
from bot.domain.planned import Asked
from bot.domain.requests import OPEN, ChangeRequest, Origin, Person
from bot.services.bulk_intake import CHUNK, BulkIntake, Wanted
from bot.services.bulk_results import BulkResults
from bot.services.ports import Store


class AskingAgain:
    """The new plan checks every row afresh; it holds nothing of the first one but what was asked."""

    def __init__(
        self, *, store: Store, results: BulkResults, intake: BulkIntake, new_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._results = results
        self._intake = intake
        self._new_id = new_id

    async def ask_again(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """Raises `NotAllowed`, or `Unfit` while the first one is open, or where no row can be asked again."""
        first = await self._store.request(request_id)
        if first is None or not isinstance(first.change, Bulk):
            raise NoSuchRequest("I don't know this bulk: the card may be of another installation of the bot.")
        if first.status in OPEN:
            raise Unfit("It has not ended yet: ask again when it has.")
        rows = self._failed(first.id)
        if (head := await anext(rows, None)) is None:
            raise Unfit("None of its rows failed in a way that can be asked again.")
        reason = f"Once more, what failed of {first.id}: {first.reason}"
        wanted = Wanted(self._new_id(), person, origin, first.change.name, reason, first.undoes)
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
