"""A bulk's rows against the platform, a slice of time at once: what is ready, and what has to be looked at.

All state is in the rows: a process that ends amid a slice repeats some readings, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.changes import LockThing, RestoreThing, ThingChange
from bot.domain.errors import (
    DirectoryUnavailable,
    Overtaken,
)
from bot.domain.impact import SeenThing
from bot.domain.planned import Digest, decided, frozen, impact_of, is_already, plan_of
from bot.domain.plans import RowVerdict, SeenPlan
from bot.domain.policy import Actor
from bot.domain.requests import ChangeRequest, Event
from bot.domain.rows import BulkRow
from bot.domain.things import ThingLock
from bot.domain.undo import left_by_row
from bot.services.authority import Authority
from bot.services.bulk_ports import BulkRows, Surroundings
from bot.services.ports import Clock, Notifier, Store
from bot.services.preview import Previews
from bot.services.row_checks import is_held, repeat_reasons, undo_verdict, with_surroundings
from bot.services.row_reading import Read, RowReader, Slice

SLICE_ROWS = 200
SLICE_SECONDS = 2.0
TELL_EVERY = timedelta(seconds=3)
"""Slack takes a few updates of a card a minute; people need no more."""
TRIES = 8
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
PLAN_WAITS = timedelta(hours=12)
"""For the requester to send it on, once all rows are checked."""
PLAN_HOLDS = timedelta(hours=36)
"""From its last check on. It expires then at the latest, sent on or not: nobody approves an old plan."""
PRINTS_AT_ONCE = 5000
AWAY = "Monogoto does not answer just now. The rows that were not checked yet wait; I go on trying."
UNREAD = "Could not be read: Monogoto did not answer for this SIM ({tries} tries). Ask for it again."
SLACK_AWAY = "Slack does not say just now what you may ask for. I go on trying."


class Planning:
    """Implements `LongWork` for bulks that are previewed."""

    def __init__(
        self,
        *,
        store: Store,
        kept: BulkRows,
        reader: RowReader,
        previews: Previews,
        authority: Authority,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._store = store
        self._kept = kept
        self._reader = reader
        self._previews = previews
        self._authority = authority
        self._notifier = notifier
        self._clock = clock
        self._told_at: dict[str, datetime] = {}

    async def step(self, request: ChangeRequest) -> bool:
        """Check rows for a second or two. Whether there is more to do at once."""
        if not isinstance(request.seen, SeenPlan) or request.seen.plan.digest:
            return False  # all rows are checked: only its requester can bring it on
        if not request.seen.plan.rows.total:
            return False  # its file is being read
        now = self._clock.now()
        unchecked = RowVerdict.UNCHECKED
        rows = await self._kept.rows(request.id, limit=SLICE_ROWS, verdict=unchecked, due=now)
        try:
            if rows:
                return await self._check(request, rows)
            waits_until = await self._kept.next_row_at(request.id)
            if waits_until:
                await self._rest(request, waits_until, request.note)
            else:
                await self._finish(request)
        except Overtaken:
            pass  # it was cancelled, or sent on, meanwhile
        return False

    # --- one slice ---------------------------------------------------------------------------------

    async def _check(self, request: ChangeRequest, rows: tuple[BulkRow, ...]) -> bool:
        try:
            actor = await self._authority.asker(request.requester)
        except DirectoryUnavailable:
            await self._rest(request, self._in(FIRST_PAUSE_SECONDS * 4), SLACK_AWAY)
            return False
        found = await self._reader.read(rows, self._in(SLICE_SECONDS))
        judged = await self._judged(request, actor, found.things)
        await self._keep(request, [*found.done, *judged, *map(self._put_off, found.failed)], found)
        return not found.is_away

    def _put_off(self, row: BulkRow) -> BulkRow:
        """It is tried again after a pause that grows; at last a person is told the truth."""
        tries = row.item.attempts + 1
        if tries >= TRIES:
            return decided(row, RowVerdict.LOOK, UNREAD.format(tries=tries))
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (tries - 1), LONGEST_PAUSE_SECONDS)
        return replace(row, item=replace(row.item, attempts=tries, next_at=self._in(pause)))

    # --- what is said of a row ---------------------------------------------------------------------

    async def _judged(self, request: ChangeRequest, actor: Actor, read: Sequence[Read]) -> list[BulkRow]:
        asks = [frozen(row, seen.thing) for row, seen in read]
        imeis = [change.imei for change in asks if isinstance(change, LockThing)]
        ids = {seen.thing.thing_id for _, seen in read}
        ids |= {seen.things_group_id for _, seen in read if seen.things_group_id}
        around = await self._kept.surroundings(request.id, sorted(ids), imeis)
        if request.undoes:
            around = replace(around, left=await self._left(request.undoes, sorted(ids)))
        return [
            self._judge(actor, row, change, seen, around)
            for (row, seen), change in zip(read, asks, strict=True)
        ]

    async def _left(self, bulk_id: str, thing_ids: Sequence[str]) -> dict[str, ThingLock]:
        """What a bulk that is to be undone has written to these Things."""
        rows = await self._kept.rows_about(bulk_id, thing_ids)
        left = {row.seen.thing.thing_id: left_by_row(row) for row in rows if row.seen}
        return {thing_id: lock for thing_id, lock in left.items() if lock is not None}

    def _judge(
        self, actor: Actor, row: BulkRow, change: ThingChange | str, seen: SeenThing, around: Surroundings
    ) -> BulkRow:
        if isinstance(change, str):
            return decided(row, RowVerdict.LOOK, change)
        allowed = self._authority.may_request(actor, [(change.kind, seen.things_group_id)])
        if not allowed.allowed:
            return decided(row, RowVerdict.REFUSED, allowed.reason)
        whole = with_surroundings(seen, change, around)
        preview = self._previews.judge(change, whole)
        planned = replace(
            row, change=change, seen=whole, impact=preview.impact, fingerprint=preview.fingerprint
        )
        if isinstance(change, RestoreThing):
            verdict, reason = undo_verdict(change, seen.thing, around)
            if verdict is not RowVerdict.READY:
                return decided(planned, verdict, reason)
        if is_already(change, seen.thing):
            return decided(planned, RowVerdict.ALREADY, "")
        if why := is_held(seen.thing, around):
            return decided(planned, RowVerdict.LOOK, why)
        return decided(planned, RowVerdict.READY)

    # --- how far it has come -----------------------------------------------------------------------

    async def _keep(self, request: ChangeRequest, checked: Sequence[BulkRow], found: Slice) -> None:
        read = _read_now(request, self._clock.now()) if found.things or found.done else request
        async with self._store.transaction() as tx:
            await tx.put_rows(checked)
            request = await tx.advance(request, read)
        if found.is_away:
            await self._rest(request, self._in(self._pause(request)), AWAY)
            return
        due = self._told_at.get(request.id, request.created_at) + TELL_EVERY
        if request.note or self._clock.now() >= due:
            await self._progress(request)

    async def _progress(self, request: ChangeRequest) -> None:
        self._told_at[request.id] = self._clock.now()
        seen = await self._seen(request)
        async with self._store.transaction() as tx:
            await tx.advance(request, request.after(Event.COUNT, seen=seen, note="", next_at=None))
            await tx.tell(request.id, "card")
        self._notifier.wake()

    async def _rest(self, request: ChangeRequest, until: datetime, note: str) -> None:
        seen = await self._seen(request)
        async with self._store.transaction() as tx:
            await tx.advance(request, request.after(Event.COUNT, seen=seen, note=note, next_at=until))
            if note != request.note or seen != request.seen:
                await tx.tell(request.id, "card")
        self._notifier.wake()

    async def _seen(self, request: ChangeRequest) -> SeenPlan:
        counts = await self._kept.row_counts(request.id)
        return SeenPlan(replace(plan_of(request), rows=counts), request.seen.read_at)

    async def _finish(self, request: ChangeRequest) -> None:
        """All rows are checked: what they are together, and the person decides."""
        self._told_at.pop(request.id, None)
        if not request.undoes:  # an undo's rows put back what was there, be it one IMEI on two SIMs
            reasons = repeat_reasons(await self._kept.repeats(request.id))
            async with self._store.transaction() as tx:
                await tx.look_at_rows(request.id, reasons)
        planned = await self.planned(request)
        until = min(self._clock.now() + PLAN_WAITS, request.seen.read_at + PLAN_HOLDS)
        shown = request.after(
            Event.COUNT, seen=planned.seen, impact=planned.impact, note="", next_at=until, expires_at=until
        )
        async with self._store.transaction() as tx:
            await tx.advance(request, shown)
            await tx.tell(request.id, "card")
            await tx.tell(request.id, "file", {"document": "plan", "says": "planned"})
        self._notifier.wake()

    async def planned(self, request: ChangeRequest) -> ChangeRequest:
        """The request with what its rows are together by now: counts, digest, scopes and impact.

        Nothing is read from the platform, so `read_at` stays.
        """
        totals = await self._kept.totals(request.id)
        digest = await self._digest(request.id)
        plan = replace(plan_of(request), rows=totals.rows, digest=digest, scopes=totals.scopes)
        return replace(request, seen=SeenPlan(plan, request.seen.read_at), impact=impact_of(totals.impacts))

    async def _digest(self, request_id: str) -> str:
        digest, after = Digest(), 0
        while prints := await self._kept.ready_prints(request_id, after=after, limit=PRINTS_AT_ONCE):
            for position, mark in prints:
                digest.add(position, mark)
            after = prints[-1][0]
        return digest.text()

    def _pause(self, request: ChangeRequest) -> float:
        """As long as the vendor has been away by now: each pause is about twice the one before."""
        if request.note != AWAY:
            return FIRST_PAUSE_SECONDS
        away = (self._clock.now() - request.seen.read_at).total_seconds()
        return min(max(away, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)

    def _in(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)


def _read_now(request: ChangeRequest, now: datetime) -> ChangeRequest:
    return request.after(Event.COUNT, seen=SeenPlan(plan_of(request), now))
