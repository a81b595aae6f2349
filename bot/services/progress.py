"""How far an item has come, in rows: each step is committed with its audit entry before the next is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.changes import wanted
from bot.domain.errors import PlatformError
from bot.domain.requests import ITEM_TRANSITIONS, OUTCOMES, ChangeRequest, Event, Item, ItemState, Status
from bot.domain.things import Lock, Target, Thing
from bot.services.outcomes import alarm
from bot.services.ports import Clock, Store, Tx
from bot.services.records import about, lock_words, others_text, record_words

TRY_AGAIN_AFTER = timedelta(seconds=15)
RE_READ_AFTER = timedelta(seconds=30)


class ItemProgress(Protocol):
    """What the execution has done with an item, or is about to do; each returns once it is committed.

    Raises `Overtaken` where a row has moved.
    """

    async def claim(self, request: ChangeRequest) -> ChangeRequest:
        """From here on this run owns the item."""
        ...

    async def mark_sent(self, request: ChangeRequest, target: Target) -> tuple[ChangeRequest, Lock]:
        """`sent` and its audit entry, before the PUT leaves; and the lock that it is to write."""
        ...

    async def answered(self, request: ChangeRequest, answer: PlatformError | None) -> None:
        """What the vendor said to a PUT; None: a yes."""
        ...

    async def finish(
        self,
        request: ChangeRequest,
        state: ItemState,
        explanation: str,
        found: Lock | None = None,
        *,
        event: Event | None = None,
    ) -> None:
        """An end, or the doubt. `found`: the lock fields as last read. `event`: as `Progress.finish`."""
        ...

    async def later(self, request: ChangeRequest, why: str) -> None:
        """Nothing has left, or it surely had no effect: try again while there is time."""
        ...

    async def put_off(self, request: ChangeRequest, wait: timedelta) -> None:
        """Read again after that while."""
        ...


class Progress:
    """`ItemProgress` of a request about one target: the end of its item is the end of the request."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def claim(self, request: ChangeRequest) -> ChangeRequest:
        """From here on this run owns the item: committed before anything else is done."""
        item = item_of(request)
        async with self._store.transaction() as tx:
            if request.status is Status.APPROVED:
                request = await tx.advance(request, request.after(Event.APPLY))
                await tx.tell(request.id, "card")
            if item.state is ItemState.QUEUED:
                item = await tx.put_item(item, replace(item, state=ItemState.RUNNING))
        return replace(request, item=item)

    async def mark_sent(self, request: ChangeRequest, target: Target) -> tuple[ChangeRequest, Lock]:
        """`sent` and its audit entry, committed before the PUT leaves. If that fails nothing is sent."""
        item = item_of(request)
        sent, goal, entry = sending(request, target, self._clock.now())
        async with self._store.transaction() as tx:
            item = await tx.put_item(item, sent)
            await tx.audit(entry)
        return replace(request, item=item), goal

    async def answered(self, request: ChangeRequest, answer: PlatformError | None) -> None:
        """What the vendor said to a PUT, in short: committed after every one of them. None: a yes."""
        async with self._store.transaction() as tx:
            await tx.audit(answer_entry(request, answer, self._clock.now()))

    async def finish(
        self,
        request: ChangeRequest,
        state: ItemState,
        explanation: str,
        found: Lock | None = None,
        *,
        side: Mapping[str, tuple[str, str]] | None = None,
        event: Event | None = None,
    ) -> None:
        """An end, or the doubt: item, request, audit entry, card and reply in one transaction.

        `found`: the lock fields as last read. `side`: what else has changed, (before, after) by field.
        `event`: what happens to the request, where the item's state alone doesn't say.
        """
        item = item_of(request)
        if side:
            explanation = f"{explanation} {alarm(side, later=item.state is ItemState.UNCONFIRMED)}"
        doubt = state is ItemState.UNCONFIRMED
        next_at = self._clock.now() + RE_READ_AFTER if doubt else None
        new = replace(item, state=state, explanation=explanation, next_at=next_at, alarm=bool(side))
        entry = end_entry(request, state, explanation, found, self._clock.now())
        async with self._store.transaction() as tx:
            await tx.put_item(item, new)
            await tx.advance(request, request.after(event or OUTCOMES[state]))
            await tx.audit(entry)
            if side:
                await tx.audit(self._side_entry(request, side))
            await tx.tell(request.id, "card")
            told = {"state": state.value, "explanation": explanation, "alarm": "1" if side else ""}
            await tx.tell(request.id, "outcome", told)
            if request.undoes and state is ItemState.DONE:
                await tx.tell(request.undoes, "card")
                await tx.tell(request.undoes, "undone", {"by": request.requester.user_id, "id": request.id})

    async def later(self, request: ChangeRequest, why: str) -> None:
        """Nothing has left, or it surely had no effect: try again while there is time, and say so once."""
        item = item_of(request)
        told = was_delayed(item)
        new = delayed(item, why, self._clock.now())
        async with self._store.transaction() as tx:
            await tx.put_item(item, new)
            if not told:
                await tx.audit(delay_entry(request, why, self._clock.now()))
                await self._tell_delay(tx, request, why)

    async def _tell_delay(self, tx: Tx, request: ChangeRequest, why: str) -> None:
        until = request.apply_before
        told = {"explanation": why, "until": str(int(until.timestamp())) if until else ""}
        await tx.tell(request.id, "card")
        await tx.tell(request.id, "delayed", told)

    async def put_off(
        self, request: ChangeRequest, wait: timedelta, *, unseen_since: datetime | None = None
    ) -> None:
        """Read again after that while; nobody is told. `unseen_since`: as of the item, where it is new."""
        item = item_of(request)
        new = replace(item, next_at=self._clock.now() + wait, unseen_since=unseen_since or item.unseen_since)
        async with self._store.transaction() as tx:
            await tx.put_item(item, new)

    def _entry(self, request: ChangeRequest, event: str, outcome: str) -> AuditEntry:
        return item_entry(request, event, outcome, self._clock.now())

    def _side_entry(self, request: ChangeRequest, side: Mapping[str, tuple[str, str]]) -> AuditEntry:
        was = {name: before for name, (before, _) in side.items()}
        now = {name: after for name, (_, after) in side.items()}
        return replace(self._entry(request, "item.side_effect", "found"), before=was, after=now)


def item_of(request: ChangeRequest) -> Item:
    """The item of a request that was approved; ValueError where there is none."""
    if request.item is None:
        raise ValueError(f"request {request.id} has no item: it was never approved")
    return request.item


def was_delayed(item: Item) -> bool:
    """Whether it was put off before."""
    return item.next_at is not None or bool(item.explanation)


def delayed(item: Item, why: str, now: datetime) -> Item:
    """The item put off: what has left stays `sent`, for it has to be read first."""
    state = ItemState.SENT if item.state is ItemState.SENT else ItemState.QUEUED
    return replace(item, state=state, explanation=why, next_at=now + TRY_AGAIN_AFTER)


def sending(request: ChangeRequest, target: Target, now: datetime) -> tuple[Item, Lock, AuditEntry]:
    """The item once its PUT may leave, the lock that it writes, and the audit entry of it."""
    goal = wanted(request.single, target.lock)
    item = item_of(request)
    before = target.cas if isinstance(target, Thing) else others_text(target.others)
    sent = replace(item, state=ItemState.SENT, attempts=item.attempts + 1, sent_before=before, next_at=None)
    entry = item_entry(request, "item.send", "sent", now)
    return sent, goal, replace(entry, before=record_words(target), after=lock_words(goal))


def answer_entry(request: ChangeRequest, answer: PlatformError | None, now: datetime) -> AuditEntry:
    """What the vendor said to a PUT, in short."""
    said = "2xx" if answer is None else f"{type(answer).__name__}: {answer} {answer.snippet}".strip()
    return replace(item_entry(request, "item.answer", "answered", now), answer=said)


def end_entry(
    request: ChangeRequest, state: ItemState, explanation: str, found: Lock | None, now: datetime
) -> AuditEntry:
    """How an item ended; ValueError where it can't become that."""
    item = item_of(request)
    if state not in ITEM_TRANSITIONS[item.state]:
        raise ValueError(f"an item that is {item.state} can't become {state}")
    after = lock_words(found) if found else {}
    return replace(item_entry(request, "item.end", state.value, now), reason=explanation, after=after)


def delay_entry(request: ChangeRequest, why: str, now: datetime) -> AuditEntry:
    """That an item was put off, and why."""
    return replace(item_entry(request, "item.delay", "delayed", now), reason=why)


def item_entry(request: ChangeRequest, event: str, outcome: str, now: datetime) -> AuditEntry:
    """An audit entry about the item of a request."""
    entry = AuditEntry(at=now, event=event, outcome=outcome, request_id=request.id)
    return about(entry, request.seen)
