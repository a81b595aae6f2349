"""How far a row of a bulk has come: as `Progress`, but what ends is the row, never the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.domain.errors import Overtaken, PlatformError
from bot.domain.requests import ChangeRequest, Event, Item, ItemState
from bot.domain.things import Lock, Target
from bot.services.group_commit import GroupCommit, Work
from bot.services.ports import Clock, Tx
from bot.services.progress import (
    RE_READ_AFTER,
    answer_entry,
    delay_entry,
    delayed,
    end_entry,
    item_of,
    sending,
    was_delayed,
)

Moved = Callable[[Item, Item], None]
"""Told of every row that has moved, once that is committed: what it was, and what it is."""


class RowProgress:
    """`ItemProgress` of the rows of a bulk, many at a time: their commits are shared."""

    def __init__(self, *, commits: GroupCommit, clock: Clock) -> None:
        self._commits = commits
        self._clock = clock
        self._watchers: dict[str, Moved] = {}
        self._is_ending = False

    @property
    def is_ending(self) -> bool:
        """Whether the process is: what has not left stays for the next one."""
        return self._is_ending

    def end_soon(self) -> None:
        """From here on nothing new leaves."""
        self._is_ending = True

    def watch(self, request_id: str, moved: Moved) -> None:
        """Tell this one of the bulk's rows, until `unwatch`."""
        self._watchers[request_id] = moved

    def unwatch(self, request_id: str) -> None:
        """Nobody counts them any more."""
        self._watchers.pop(request_id, None)

    async def claim(self, request: ChangeRequest) -> ChangeRequest:
        """Rows are claimed several at once, when they are taken (`Tx.take_rows`)."""
        if item_of(request).state is not ItemState.RUNNING:
            raise ValueError(f"row {item_of(request).position} of {request.id} was not taken")
        return request

    async def mark_sent(self, request: ChangeRequest, target: Target) -> tuple[ChangeRequest, Lock]:
        """`sent` and its audit entry, committed before the PUT leaves. If that fails nothing is sent.

        Raises `Overtaken` where the bulk was paused since, or where the process ends and nothing of the row
        has left yet: the row stays as it is, or is in the queue again.
        """
        item = item_of(request)
        if self.is_ending and item.state is ItemState.RUNNING:
            raise Overtaken("the process ends: nothing new leaves")
        sent, goal, entry = sending(request, target, self._clock.now())

        async def work(tx: Tx) -> None:
            tx.demand_applying(item.request_id)
            tx.move_row(item, sent)
            await tx.audit(entry)

        await self._move(item, sent, work)
        return replace(request, item=sent), goal

    async def answered(self, request: ChangeRequest, answer: PlatformError | None) -> None:
        """What the vendor said to a PUT, in short: committed after every one of them. None: a yes."""
        entry = answer_entry(request, answer, self._clock.now())

        async def work(tx: Tx) -> None:
            await tx.audit(entry)

        await self._commits.write(work)

    async def finish(
        self,
        request: ChangeRequest,
        state: ItemState,
        explanation: str,
        found: Lock | None = None,
        *,
        event: Event | None = None,
    ) -> None:
        """An end, or the doubt: row, hold and audit entry in one transaction.

        With an `event` a doubt is given up: the row stays as it is, and is not read again.
        """
        item = item_of(request)
        doubt = state is ItemState.UNCONFIRMED and event is None
        next_at = self._clock.now() + RE_READ_AFTER if doubt else None
        new = replace(item, state=state, explanation=explanation, next_at=next_at)
        entry = end_entry(request, state, explanation, found, self._clock.now())

        async def work(tx: Tx) -> None:
            tx.move_row(item, new, "" if doubt else request.seen.target.target_id)
            await tx.audit(entry)

        await self._move(item, new, work)

    async def later(self, request: ChangeRequest, why: str) -> None:
        """Nothing has left, or it surely had no effect: try again while there is time; audited once a row."""
        item = item_of(request)
        new = delayed(item, why, self._clock.now())
        entry = None if was_delayed(item) else delay_entry(request, why, self._clock.now())

        async def work(tx: Tx) -> None:
            tx.move_row(item, new)
            if entry:
                await tx.audit(entry)

        await self._move(item, new, work)

    async def put_off(self, request: ChangeRequest, wait: timedelta) -> None:
        """Read again after that while; nobody is told."""
        item = item_of(request)
        new = replace(item, next_at=self._clock.now() + wait)

        async def work(tx: Tx) -> None:
            tx.move_row(item, new)

        await self._move(item, new, work)

    async def _move(self, item: Item, new: Item, work: Work[None]) -> None:
        await self._commits.write(work)
        if watcher := self._watchers.get(item.request_id):
            watcher(item, new)
