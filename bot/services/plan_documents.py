"""The plan of a bulk as a table, one verdict a row: a file that can be mended and sent back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import PurePath

from bot.domain.changes import Kind, RestoreThing, doubts
from bot.domain.impact import Finding, Verdict
from bot.domain.planned import plan_of
from bot.domain.plans import RowVerdict
from bot.domain.requests import ChangeRequest
from bot.domain.rows import BulkRow
from bot.services.bulk_ports import BulkRows
from bot.services.documents import Document
from bot.services.outcomes import lock_text

AT_ONCE = 500
WORDS = {
    RowVerdict.UNCHECKED: "not checked",
    RowVerdict.READY: "ready",
    RowVerdict.ALREADY: "already so",
    RowVerdict.LOOK: "needs a look",
    RowVerdict.REFUSED: "refused",
}
_LOCKS = {
    Verdict.KEEPS: "The device in use keeps service.",
    Verdict.LOSES: "The device in use loses service.",
    Verdict.UNKNOWN: "Unknown whether the device in use keeps service.",
}
_UNLOCKS = {
    Verdict.KEEPS: "No protection is lost.",
    Verdict.LOSES: "The SIM loses its protection.",
    Verdict.UNKNOWN: "Unknown whether protection is lost.",
}
_FINDINGS = {
    Finding.NEVER_SEEN: "Never seen in any device.",
    Finding.ZEROS: "The carrier reports no IMEI (zeros).",
    Finding.SEEN_ELSEWHERE: "This IMEI was last seen on another SIM: {elsewhere}.",
    Finding.LOCKED_ELSEWHERE: "Another SIM is locked to this IMEI: {locked}.",
    Finding.GROUP_CONTRADICTS: "Its group is locked to another range.",
    Finding.GROUP_ALSO_LOCKS: "Its group's own lock stays in force.",
    Finding.GROUP_UNREADABLE: "Its group could not be read.",
    Finding.NOT_ACTIVE: "The SIM is not active.",
    Finding.ONLINE_NOW: "It is online right now.",
}

Cells = Callable[[BulkRow, str, str], Sequence[str]]
"""(row, verdict, why) → the row's cells."""


class PlanDocuments:
    """Implements `Documents`. `cells` and `header` are how tables are written here."""

    def __init__(self, kept: BulkRows, cells: Cells, header: tuple[str, ...]) -> None:
        self._kept = kept
        self._cells = cells
        self._header = header

    async def document(self, request: ChangeRequest) -> Document:
        """Every row of the plan as it stands now."""
        stem = PurePath(plan_of(request).name).stem or "plan"
        name = f"{stem}-plan-{request.id}.csv"
        return Document(name, "The plan, row by row", self._header, self._rows(request.id))

    async def _rows(self, request_id: str) -> AsyncIterator[Sequence[str]]:
        after = 0
        while rows := await self._kept.rows(request_id, after=after, limit=AT_ONCE):
            for row in rows:
                yield self._cells(row, WORDS[row.verdict], why(row))
            after = rows[-1].item.position


def why(row: BulkRow) -> str:
    """What the plan says of a row: what is wrong with it, or whom it hurts."""
    if row.item.explanation or row.impact is None or row.change is None or row.seen is None:
        return row.item.explanation
    if row.verdict is not RowVerdict.READY:
        return ""
    verdicts = _LOCKS if row.change.kind is Kind.LOCK_THING else _UNLOCKS
    names = {
        "elsewhere": ", ".join((row.seen.elsewhere or ())[:3]),
        "locked": ", ".join(row.seen.locked_elsewhere[:3]),
    }
    found = [_FINDINGS[f].format(**names) for f in row.impact.findings if f in _FINDINGS]
    odd = doubts(row.change, row.seen.thing.last_seen_imei)
    return " ".join([*_back(row), verdicts[row.impact.verdict], *found, *odd])


def _back(row: BulkRow) -> list[str]:
    """Of a row that undoes another one: from what to what."""
    if not isinstance(row.change, RestoreThing) or row.seen is None:
        return []
    return [f"Goes back from: {lock_text(row.seen.thing.lock)}, to: {lock_text(row.change.lock)}."]
