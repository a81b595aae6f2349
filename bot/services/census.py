"""Whom a change of a group hurts: its Things are counted before anybody may approve it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.census import Census, Standing
from bot.domain.errors import Overtaken, PlatformError, RateLimited
from bot.domain.identifiers import group_imei
from bot.domain.impact import SeenGroup
from bot.domain.requests import ChangeRequest, Event
from bot.domain.things import ThingLock
from bot.services.counting import Counter, Counting, Ledger, Stage
from bot.services.documents import Document
from bot.services.ports import Clock, Dispatcher, Notifier, Store
from bot.services.preview import Previews
from bot.services.records import about
from bot.services.submission import approve_now

TELL_EVERY = timedelta(seconds=3)
TRY_AGAIN_SECONDS = 15.0
GIVE_UP_AFTER = timedelta(minutes=10)
AWAY = "Monogoto has not answered for {minutes} minutes, so not all SIMs of the group could be read."


@dataclass(frozen=True, slots=True)
class JudgedThing:
    """One Thing of the full list."""

    iccid: str
    name: str
    last_seen_imei: str
    own_lock: ThingLock | None
    standing: Standing


class Judged(Protocol):
    """The rows behind a census. Raises `StoreUnavailable`."""

    def judged(self, request_id: str) -> AsyncIterator[JudgedThing]:
        """All Things of the count that the card shows, worst first."""
        ...


class GroupCensus:
    """The long work of a group's request while it is previewing."""

    def __init__(
        self,
        *,
        counter: Counter,
        ledger: Ledger,
        store: Store,
        previews: Previews,
        clock: Clock,
        notifier: Notifier,
        dispatcher: Dispatcher,
    ) -> None:
        self._counter = counter
        self._ledger = ledger
        self._store = store
        self._previews = previews
        self._clock = clock
        self._notifier = notifier
        self._dispatcher = dispatcher
        self._told: dict[str, datetime] = {}
        """When each card was last told how far it is; a restart tells at once."""
        self._failing: set[str] = set()
        """For whom this process has seen the vendor fail: while nobody tried, nothing failed."""

    async def step(self, request: ChangeRequest) -> bool:
        """One slice. Whether there is more to do at once."""
        seen = _group_seen(request)
        counting = await self._counting(request)
        try:
            counting = await self._counter.slice(request.single, seen, counting)
            if counting.stage is Stage.DONE:
                await self._show(request, replace(seen, census=await self._counter.census(counting)))
                return False
            await self._tell(request, _progress(counting))
        except PlatformError as error:
            return await self._put_off(request, error)
        except Overtaken:
            return False
        return True

    async def _counting(self, request: ChangeRequest) -> Counting:
        counting = await self._ledger.counting(request.id, again=False)
        if counting is None or counting.started_at < request.seen.read_at:  # it is to be counted again
            newer_than = request.seen.read_at if counting else None
            return await self._counter.begin(request.id, again=False, newer_than=newer_than)
        return counting

    async def _put_off(self, request: ChangeRequest, error: PlatformError) -> bool:
        """The vendor fails: wait, and give up once it has failed for long."""
        now = self._clock.now()
        counting = await self._counting(request)
        failing_since = (counting.failing_since if request.id in self._failing else None) or now
        self._failing.add(request.id)
        if now - failing_since >= GIVE_UP_AFTER:
            minutes = int(GIVE_UP_AFTER.total_seconds() // 60)
            await self._counter.give_up(counting, AWAY.format(minutes=minutes))
            return True
        await self._ledger.note(replace(counting, failing_since=failing_since))
        asked = error.retry_after if isinstance(error, RateLimited) else 0.0
        again_at = now + timedelta(seconds=max(asked, TRY_AGAIN_SECONDS))
        why = (
            "Monogoto asks us to slow down" if isinstance(error, RateLimited) else "Monogoto does not answer"
        )
        with suppress(Overtaken):
            await self._note(request, f"{_progress(counting)} {why}; I try again.", next_at=again_at)
        return False

    async def _tell(self, request: ChangeRequest, note: str) -> None:
        told = self._told.get(request.id)
        if note != request.note and (told is None or self._clock.now() - told >= TELL_EVERY):
            await self._note(request, note, next_at=None)

    async def _note(self, request: ChangeRequest, note: str, *, next_at: datetime | None) -> None:
        self._told[request.id] = self._clock.now()
        async with self._store.transaction() as tx:
            await tx.advance(request, request.after(Event.COUNT, note=note, next_at=next_at))
            await tx.tell(request.id, "card")
        self._notifier.wake()

    async def _show(self, request: ChangeRequest, seen: SeenGroup) -> None:
        """It waits for approval from here on, with all that is known; or is applied, where none is needed."""
        preview = self._previews.judge(request.single, seen)
        terms = preview.terms
        shown = request.after(
            Event.SHOW,
            seen=preview.seen,
            impact=preview.impact,
            fingerprint=preview.fingerprint,
            approvals_needed=terms.approvals,
            apply_within=min(request.apply_within, terms.apply_within)
            if terms.rules
            else request.apply_within,
            note="",
            next_at=None,
        )
        entry = AuditEntry(self._clock.now(), "request.count", "ok", request_id=request.id)
        after = census_words(seen.census)
        async with self._store.transaction() as tx:
            stored = await tx.advance(request, shown)
            await tx.audit(replace(about(entry, seen), after=after, fingerprint=shown.fingerprint))
            await tx.tell(request.id, "card")
            await tx.tell(request.id, "file", {"document": "census", "says": "counted"})
            if not stored.approvals_needed:
                await approve_now(tx, stored, self._clock.now())
        self._told.pop(request.id, None)
        self._failing.discard(request.id)
        self._notifier.wake()
        self._dispatcher.wake()


class CensusList:
    """The full list behind a card's numbers, as a file."""

    def __init__(self, judged: Judged) -> None:
        self._judged = judged

    async def document(self, request: ChangeRequest) -> Document | None:
        """None for a group without a Thing."""
        census = request.seen.census if isinstance(request.seen, SeenGroup) else None
        if census is None or not census.things:
            return None
        header = ("ICCID", "Name", "Impact", "Last seen in IMEI", "Own lock")
        return Document(
            filename=f"impact-{request.id}.csv",
            title=f"Impact of request {request.id}",
            header=header,
            rows=self._rows(request),
        )

    async def _rows(self, request: ChangeRequest) -> AsyncIterator[Sequence[str]]:
        words = _UNLOCK_WORDS if not _locks(request) else _LOCK_WORDS
        async for thing in self._judged.judged(request.id):
            yield (
                "-".join(thing.iccid[at : at + 4] for at in range(0, len(thing.iccid), 4)),
                thing.name,
                words.get(thing.standing) or _LOCK_WORDS[thing.standing],
                group_imei(thing.last_seen_imei),
                _own_lock(thing.own_lock),
            )


_LOCK_WORDS = {
    Standing.LOSES: "loses service",
    Standing.CONTRADICTS: "unknown: its own lock is to a device outside the range",
    Standing.NEVER_SEEN: "unknown: never seen in any device",
    Standing.ZEROS: "unknown: the carrier reports no IMEI (zeros)",
    Standing.UNREADABLE: "unknown: could not be read",
    Standing.KEEPS: "keeps service",
}
_UNLOCK_WORDS = {
    Standing.LOSES: "loses the group's protection",
    Standing.KEEPS: "keeps the protection of its own lock",
}


def _own_lock(lock: ThingLock | None) -> str:
    if lock is None:
        return "not listed"
    stored = group_imei(lock.bound_to)
    return f"locked to {stored or 'no IMEI'}" if lock.imei_lock else "none"


def _locks(request: ChangeRequest) -> bool:
    return request.change.kind.value.startswith("lock")


def _group_seen(request: ChangeRequest) -> SeenGroup:
    if not isinstance(request.seen, SeenGroup):
        raise TypeError(f"request {request.id} is not about a Things Group")
    return request.seen


def census_words(census: Census | None) -> dict[str, str]:
    """A count as an audit entry keeps it."""
    if census is None:
        return {}
    words = {standing.value: str(count) for standing, count in census.standings.items() if count}
    words |= {"things": str(census.things), "complete": "true" if census.is_complete else "false"}
    return words | ({"given_up": census.given_up} if census.given_up else {})


def _progress(counting: Counting) -> str:
    """How far it is, one sentence for people."""
    if counting.stage is Stage.LIST:
        of = f" of about {counting.expected:,}" if counting.expected >= max(counting.offset, 1) else ""
        return f"{counting.offset:,}{of} SIMs of the account read."
    if counting.stage is Stage.ASK:
        return f"The list is read; {counting.asked:,} SIMs asked one by one."
    return "All is read; now I add it up."
