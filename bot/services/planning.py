"""A bulk's rows against the platform, a slice of time at once: what is ready, and what has to be looked at.

All state is in the rows: a process that ends amid a slice repeats some readings, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.changes import LockThing, ThingChange
from bot.domain.errors import (
    DirectoryUnavailable,
    Overtaken,
    PlatformError,
    Proposed,
    StoreUnavailable,
    ThingNotFound,
    Unfit,
)
from bot.domain.identifiers import Iccid
from bot.domain.impact import SeenThing
from bot.domain.planned import Digest, decided, frozen, iccid_of, impact_of, is_already, plan_of
from bot.domain.plans import RowVerdict, SeenPlan
from bot.domain.policy import Actor
from bot.domain.requests import ChangeRequest, Event
from bot.domain.rows import BulkRow
from bot.domain.things import Thing, ThingsGroup
from bot.services.authority import Authority
from bot.services.bulk_ports import BulkRows, Repeated, Surroundings
from bot.services.ports import Clock, Notifier, Platform, Store
from bot.services.preview import Previews

CONCURRENCY = 4
SLICE_ROWS = 200
SLICE_SECONDS = 2.0
TELL_EVERY = timedelta(seconds=3)
"""Slack takes a few updates of a card a minute; people need no more."""
TRIES = 8
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
PLAN_WAITS = timedelta(hours=12)
"""For the requester to send it on, once all rows are checked."""
PRINTS_AT_ONCE = 5000
AWAY = "Monogoto does not answer just now. The rows that were not checked yet wait; I go on trying."
UNREAD = "Could not be read: Monogoto did not answer for this SIM ({tries} tries). Ask for it again."
SLACK_AWAY = "Slack does not say just now what you may ask for. I go on trying."


@dataclass(slots=True)
class _Slice:
    """What is known for the time of one slice."""

    request: ChangeRequest
    until: datetime
    actor: Actor
    groups: dict[str, asyncio.Task[ThingsGroup | None]] = field(default_factory=dict)
    things: list[tuple[BulkRow, Thing, ThingsGroup | None, bool]] = field(default_factory=list)
    done: list[BulkRow] = field(default_factory=list)
    failed: list[BulkRow] = field(default_factory=list)

    @property
    def is_fruitless(self) -> bool:
        """Whether the vendor answered nothing at all."""
        return bool(self.failed) and not self.things and not self.done


class Planning:
    """Implements `LongWork` for bulks that are previewed. `platform` waits its turn behind what is urgent."""

    def __init__(
        self,
        *,
        store: Store,
        kept: BulkRows,
        platform: Platform,
        previews: Previews,
        authority: Authority,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._store = store
        self._kept = kept
        self._platform = platform
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
        slice_ = _Slice(request, self._in(SLICE_SECONDS), actor)
        waiting = iter(rows)
        await asyncio.gather(*(self._read_rows(slice_, waiting) for _ in range(CONCURRENCY)))
        checked = [*slice_.done, *await self._judged(slice_), *map(self._put_off, slice_.failed)]
        await self._keep(request, checked, away=slice_)
        return not slice_.is_fruitless

    async def _read_rows(self, slice_: _Slice, waiting: Iterable[BulkRow]) -> None:
        for row in waiting:
            await self._read_row(slice_, row)
            if self._clock.now() >= slice_.until or slice_.is_fruitless:
                return

    async def _read_row(self, slice_: _Slice, row: BulkRow) -> None:
        try:
            thing = await self._previews.find(iccid_of(row), patient=True)
            group, readable = await self._group(slice_, thing)
        except Proposed as other:
            grouped = Iccid(other.value).grouped
            why = f"ICCID: {other.reason} If that is the SIM, write {grouped}."
            slice_.done.append(decided(row, RowVerdict.LOOK, why))
        except Unfit as unfit:
            slice_.done.append(decided(row, RowVerdict.REFUSED, f"ICCID: {unfit.reason}"))
        except StoreUnavailable:
            raise
        except PlatformError:
            slice_.failed.append(row)
        else:
            slice_.things.append((row, thing, group, readable))

    async def _group(self, slice_: _Slice, thing: Thing) -> tuple[ThingsGroup | None, bool]:
        """Read once in a slice, however many Things are in it; (None, False) where Monogoto holds none."""
        group_id = thing.things_group_id
        if group_id is None:
            return None, True
        if group_id not in slice_.groups:
            slice_.groups[group_id] = asyncio.ensure_future(self._read_group(group_id))
        group = await slice_.groups[group_id]
        return group, group is not None

    async def _read_group(self, group_id: str) -> ThingsGroup | None:
        try:
            return await self._platform.things_group(group_id)
        except ThingNotFound:
            return None

    def _put_off(self, row: BulkRow) -> BulkRow:
        """It is tried again after a pause that grows; at last a person is told the truth."""
        tries = row.item.attempts + 1
        if tries >= TRIES:
            return decided(row, RowVerdict.LOOK, UNREAD.format(tries=tries))
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (tries - 1), LONGEST_PAUSE_SECONDS)
        return replace(row, item=replace(row.item, attempts=tries, next_at=self._in(pause)))

    # --- what is said of a row ---------------------------------------------------------------------

    async def _judged(self, slice_: _Slice) -> list[BulkRow]:
        asks = [(row, frozen(row, thing)) for row, thing, _, _ in slice_.things]
        imeis = [change.imei for _, change in asks if isinstance(change, LockThing)]
        ids = {thing.thing_id for _, thing, _, _ in slice_.things}
        ids |= {thing.things_group_id for _, thing, _, _ in slice_.things if thing.things_group_id}
        around = await self._kept.surroundings(slice_.request.id, sorted(ids), imeis)
        now = self._clock.now()
        judged = []
        for (row, change), (_, thing, group, readable) in zip(asks, slice_.things, strict=True):
            seen = SeenThing(thing, group, readable, (), None, now)
            judged.append(self._judge(slice_, row, change, seen, around))
        return judged

    def _judge(
        self, slice_: _Slice, row: BulkRow, change: ThingChange | str, seen: SeenThing, around: Surroundings
    ) -> BulkRow:
        if isinstance(change, str):
            return decided(row, RowVerdict.LOOK, change)
        allowed = self._authority.may_request(slice_.actor, [(change.kind, seen.things_group_id)])
        if not allowed.allowed:
            return decided(row, RowVerdict.REFUSED, allowed.reason)
        whole = _with_surroundings(seen, change, around)
        preview = self._previews.judge(change, whole)
        planned = replace(
            row, change=change, seen=whole, impact=preview.impact, fingerprint=preview.fingerprint
        )
        if is_already(change, seen.thing):
            return decided(planned, RowVerdict.ALREADY, "")
        if why := _is_held(seen.thing, around):
            return decided(planned, RowVerdict.LOOK, why)
        return decided(planned, RowVerdict.READY)

    # --- how far it has come -----------------------------------------------------------------------

    async def _keep(self, request: ChangeRequest, checked: list[BulkRow], *, away: _Slice) -> None:
        async with self._store.transaction() as tx:
            await tx.put_rows(checked)
        if away.is_fruitless:
            await self._rest(request, self._in(_pause(checked)), AWAY)
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
            if note != request.note:
                await tx.tell(request.id, "card")
        self._notifier.wake()

    async def _seen(self, request: ChangeRequest) -> SeenPlan:
        counts = await self._kept.row_counts(request.id)
        return SeenPlan(replace(plan_of(request), rows=counts), self._clock.now())

    async def _finish(self, request: ChangeRequest) -> None:
        """All rows are checked: what they are together, and the person decides."""
        self._told_at.pop(request.id, None)
        reasons = _reasons(await self._kept.repeats(request.id))
        async with self._store.transaction() as tx:
            await tx.look_at_rows(request.id, reasons)
        planned = await self.planned(request)
        until = self._clock.now() + PLAN_WAITS
        shown = request.after(
            Event.COUNT, seen=planned.seen, impact=planned.impact, note="", next_at=until, expires_at=until
        )
        async with self._store.transaction() as tx:
            await tx.advance(request, shown)
            await tx.tell(request.id, "card")
            await tx.tell(request.id, "file", {"document": "plan", "says": "planned"})
        self._notifier.wake()

    async def planned(self, request: ChangeRequest) -> ChangeRequest:
        """The request with what its rows are together by now: counts, digest, scopes and impact."""
        totals = await self._kept.totals(request.id)
        digest = await self._digest(request.id)
        plan = replace(plan_of(request), rows=totals.rows, digest=digest, scopes=totals.scopes)
        return replace(request, seen=SeenPlan(plan, self._clock.now()), impact=impact_of(totals.impacts))

    async def _digest(self, request_id: str) -> str:
        digest, after = Digest(), 0
        while prints := await self._kept.ready_prints(request_id, after=after, limit=PRINTS_AT_ONCE):
            for position, mark in prints:
                digest.add(position, mark)
            after = prints[-1][0]
        return digest.text()

    def _in(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)


def _pause(failed: Iterable[BulkRow]) -> float:
    tries = max((row.item.attempts for row in failed), default=1)
    return float(min(FIRST_PAUSE_SECONDS * 2 ** max(tries - 1, 0), LONGEST_PAUSE_SECONDS))


def _with_surroundings(seen: SeenThing, change: ThingChange, around: Surroundings) -> SeenThing:
    """With the other Things that the device is known from: by the inventory and our own records alone."""
    holder = around.holders.get(seen.thing.things_group_id or "", "")
    if not isinstance(change, LockThing):
        return replace(seen, group_request=holder)
    device, own = change.imei.device, seen.thing.thing_id
    elsewhere = tuple(name for thing_id, name in around.last_seen.get(device, ()) if thing_id != own)
    locked = tuple(name for thing_id, name in around.locked.get(device, ()) if thing_id != own)
    return replace(seen, elsewhere=elsewhere, locked_elsewhere=locked, group_request=holder)


def _is_held(thing: Thing, around: Surroundings) -> str:
    """Why the row has to wait for another request, "" where it needn't."""
    for what, held in (("SIM", thing.thing_id), ("SIM's group", thing.things_group_id or "")):
        if holder := around.holders.get(held):
            return f"Another request on this {what} is still open: {holder}."
    return ""


def _reasons(repeats: Iterable[Repeated]) -> dict[int, str]:
    """For each row that asks for what another one asks for: which lines they are."""
    said = {
        "ICCID": "ICCID: the same SIM is in line {lines} too. Keep one of the rows.",
        "IMEI": "IMEI: the same device is in line {lines} too, for another SIM. Correct one of them.",
    }
    reasons: dict[int, str] = {}
    for repeated in repeats:
        for position, line in repeated.rows:
            others = [str(other) for _, other in repeated.rows if other != line][:3]
            reasons.setdefault(position, said[repeated.what].format(lines=", ".join(others)))
    return reasons
