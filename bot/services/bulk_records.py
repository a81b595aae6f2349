"""What happens to a bulk as a whole, in rows: each time with its audit entry, its card and its reply."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

from bot.domain.audit import AuditEntry
from bot.domain.planned import plan_of
from bot.domain.requests import THE_BOT, ChangeRequest, Event, ItemState, Origin, Person, Status
from bot.domain.rows import BulkRow
from bot.domain.tallies import Run, Tally
from bot.domain.undo import TOOK_BACK
from bot.services.applying_ports import BulkWork
from bot.services.ports import Clock, Store, Tx

UNSENT = (ItemState.QUEUED, ItemState.RUNNING)
"""Rows of which nothing has left."""
LEFT_OUT = "The SIM was not changed. The rest of the bulk was cancelled before its turn came."


class BulkRecords:
    """Each raises `Overtaken` where the bulk has moved since it was read."""

    def __init__(self, *, store: Store, work: BulkWork, clock: Clock) -> None:
        self._store = store
        self._work = work
        self._clock = clock

    async def row_at(self, bulk_id: str, position: int) -> BulkRow | None:
        """One row as it stands now."""
        found = await self._work.rows_after(bulk_id, position - 1, 1)
        return found[0] if found and found[0].item.position == position else None

    async def begin(self, bulk: ChangeRequest) -> ChangeRequest:
        """APPROVED → APPLYING: the first run."""
        async with self._store.transaction() as tx:
            begun = await tx.advance(bulk, bulk.after(Event.APPLY, next_at=None))
            await tx.begin_run(bulk.id, Run(self._clock.now()))
            await tx.tell(bulk.id, "card")
        return begun

    async def show(self, bulk: ChangeRequest) -> None:
        """The card shows how far it has come."""
        async with self._store.transaction() as tx:
            await tx.tell(bulk.id, "card")

    async def pause(
        self, bulk: ChangeRequest, why: str, person: Person = THE_BOT, origin: Origin | None = None
    ) -> ChangeRequest:
        """Nothing more is sent from this commit on: rows that were taken go back into the queue.

        What was sent before comes to its own end: it is looked at again at once, by the next process too.
        """
        paused = bulk.after(Event.PAUSE, note=why, next_at=self._clock.now())
        async with self._store.transaction() as tx:
            moved = await tx.advance(bulk, paused)
            await tx.move_rows(bulk.id, [ItemState.RUNNING], ItemState.QUEUED)
            await _record(tx, self._entry(bulk, "pause", person, origin, why))
            told = {"by": person.user_id, "reason": why}
            if person == THE_BOT:  # whoever has to look into it needs the rows; who pressed Pause doesn't
                await tx.tell(bulk.id, "file", told | {"document": "results", "says": "paused"})
            else:
                await tx.tell(bulk.id, "paused", told)
        return moved

    async def resume(self, bulk: ChangeRequest, person: Person, origin: Origin) -> ChangeRequest:
        """A new run: its canary goes first again, and its error budget counts from here."""
        _, run = await self._work.tally(bulk)
        async with self._store.transaction() as tx:
            moved = await tx.advance(bulk, bulk.after(Event.RESUME, note="", next_at=None))
            await tx.begin_run(bulk.id, Run(self._clock.now(), run.number + 1))
            await _record(tx, self._entry(bulk, "resume", person, origin))
            await tx.tell(bulk.id, "resumed", {"by": person.user_id})
        return moved

    async def cancel_rest(self, bulk: ChangeRequest, person: Person, origin: Origin) -> ChangeRequest:
        """What has not left never will; what has left is read to its end, and then the bulk ends. What surely
        had no effect is not tried again, but for a row that is in work just now."""
        async with self._store.transaction() as tx:
            moved = await tx.advance(bulk, _ending(bulk))
            left_out = await tx.move_rows(bulk.id, UNSENT, ItemState.SKIPPED, LEFT_OUT)
            await tx.only_read_on(bulk.id, self._clock.now())
            reason = f"{left_out} rows left out"
            await _record(tx, self._entry(bulk, "cancel_rest", person, origin, reason))
            await tx.tell(bulk.id, "rest_cancelled", {"by": person.user_id, "rows": str(left_out)})
        return moved

    async def outdate_rest(self, bulk: ChangeRequest, why: str) -> ChangeRequest:
        """What has not left may no longer: every such row ends with that reason."""
        async with self._store.transaction() as tx:
            moved = await tx.advance(bulk, _ending(bulk))
            rows = await tx.move_rows(bulk.id, UNSENT, ItemState.OUTDATED, why)
            await _record(tx, self._entry(bulk, "outdate_rest", reason=f"{rows} rows: {why}"))
        return moved

    async def rest(self, bulk: ChangeRequest, until: datetime | None, note: str) -> ChangeRequest:
        """Nothing to do before that moment. A new note is told."""
        async with self._store.transaction() as tx:
            moved = await tx.advance(bulk, replace(bulk, next_at=until, note=note))
            if note and not bulk.note:
                await _record(tx, self._entry(bulk, "delay", reason=note))
                before = bulk.apply_before
                told = {"explanation": note, "until": str(int(before.timestamp())) if before else ""}
                await tx.tell(bulk.id, "delayed", told)
            elif note != bulk.note:
                await tx.tell(bulk.id, "card")
        return moved

    async def end(self, bulk: ChangeRequest, event: Event, tally: Tally) -> ChangeRequest:
        """The end, or the doubt, with its counts."""
        counts = {name: str(number) for name, number in asdict(tally).items() if number}
        ended = bulk.after(event, note="", next_at=None)
        entry = replace(self._entry(bulk, "end"), outcome=ended.status.value, after=counts)
        async with self._store.transaction() as tx:
            moved = await tx.advance(bulk, ended)
            await tx.audit(entry)
            await tx.tell(bulk.id, "card")
            told = {"document": "results", "says": "bulk_outcome", "status": ended.status.value}
            await tx.tell(bulk.id, "file", told | counts)
            if ended.undoes and ended.status in TOOK_BACK:
                await tx.tell(ended.undoes, "card")
                await tx.tell(ended.undoes, "undone", _taken_back(ended, tally))
        return moved

    def _entry(
        self,
        bulk: ChangeRequest,
        verb: str,
        person: Person = THE_BOT,
        origin: Origin | None = None,
        reason: str = "",
    ) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            event=f"bulk.{verb}",
            outcome="ok",
            person=person,
            origin=origin or Origin(),
            request_id=bulk.id,
            reason=reason,
            fingerprint=bulk.fingerprint,
        )


def _ending(bulk: ChangeRequest) -> ChangeRequest:
    """Under way once more, though nothing new will be sent: what was sent has to come to its end."""
    going = replace(bulk, note="", next_at=None)
    return going.after(Event.RESUME) if bulk.status is Status.PAUSED else going


def _taken_back(undo: ChangeRequest, tally: Tally) -> dict[str, str]:
    """For the thread of the bulk that was undone: of how many rows it is over. Those that were left out
    since they were as before already are as before too."""
    rows = plan_of(undo).rows
    back = tally.well + rows.already
    return {"by": undo.requester.user_id, "id": undo.id, "back": str(back), "rows": str(rows.total)}


async def _record(tx: Tx, entry: AuditEntry) -> None:
    await tx.audit(entry)
    await tx.tell(entry.request_id, "card")
