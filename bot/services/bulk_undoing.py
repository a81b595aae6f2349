"""Undo of a bulk: a bulk of its own, whose rows put back what those that changed their SIM had found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bot.domain.errors import AlreadyOpen, Unfit
from bot.domain.planned import Asked
from bot.domain.requests import OPEN, ChangeRequest
from bot.domain.undo import bulk_can_be_undone, undo_of_row
from bot.services.applying_ports import BulkWork
from bot.services.bulk_intake import LONGEST_NAME, BulkIntake, Wanted
from bot.services.bulk_results import BulkResults
from bot.services.ports import Submission
from bot.services.table_reading import CHUNK

WORD = "undo"
"""Stands where a file has the IMEI."""


class BulkUndoing:
    """Its rows are checked like those of a file: ready is what Monogoto still shows as it was left."""

    def __init__(self, *, work: BulkWork, results: BulkResults, intake: BulkIntake) -> None:
        self._work = work
        self._results = results
        self._intake = intake

    async def rows(self, bulk: ChangeRequest) -> int:
        """How many rows would go back, if nobody has touched them since.

        Raises `Unfit` where none can, and `AlreadyOpen` while another undo of it was sent on.
        """
        changed = (await self._work.tally(bulk))[0].done
        if bulk.status in OPEN:
            raise Unfit("It has not ended yet: what it changes can be undone when it has.")
        if not changed:
            raise Unfit(f"Bulk {bulk.id} has changed nothing that could be undone.")
        if not bulk_can_be_undone(bulk, changed):
            raise Unfit(f"Bulk {bulk.id} was undone already, by request {bulk.undone_by}.")
        if other := await self._work.open_undo(bulk.id):
            raise AlreadyOpen(other)
        return changed

    async def submit(self, submission: Submission, bulk: ChangeRequest) -> ChangeRequest:
        """The plan of it, to be checked. Raises as `rows`, and `NotAllowed`; the submission is ended.

        It has the submission's id: a form that is taken up again after a restart goes on with it.
        """
        name = f"Undo of {bulk.seen.target.title}"[:LONGEST_NAME]
        reason = submission.fields.get("reason", "")
        wanted = Wanted(submission.id, submission.person, submission.origin, name, reason, bulk.id)
        try:
            await self.rows(bulk)
            return await self._intake.plan_from_rows(wanted, self._back(bulk.id), submission)
        except Exception as error:
            await self._intake.give_back(submission, error)
            raise

    async def _back(self, bulk_id: str) -> AsyncIterator[Sequence[Asked]]:
        piece: list[Asked] = []
        async for row in self._results.changed(bulk_id):
            change = undo_of_row(row)
            piece.append(Asked(row.line, (change.iccid.digits, WORD), change))
            if len(piece) == CHUNK:
                yield piece
                piece = []
        if piece:
            yield piece
