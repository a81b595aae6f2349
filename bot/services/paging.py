"""The vendor's listing of Things, a few pages at once and given in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from bot.domain.identifiers import Iccid
from bot.domain.things import Thing, ThingRow
from bot.services.ports import Page

AT_ONCE = 4
"""Calls under way together."""
AHEAD = 8
"""Pages that were asked for and not yet taken."""
USUAL_SIZE = 50
LONGEST_ICCID = 200
"""Characters; the inventory keeps no longer ones."""


class Things(Protocol):
    """The vendor's readings, none of them urgent. May raise `PlatformError`s."""

    async def things_page(self, offset: int) -> Page[ThingRow]:
        """Things from that row on, by name."""

    async def thing(self, iccid: Iccid, *, urgent: bool = True) -> Thing:
        """One Thing."""

    async def things_online(self, iccids: Sequence[str]) -> Mapping[str, bool]:
        """Who of them is online, of those that the answer covers."""


def without_iccid(page: Page[ThingRow], *, known: int) -> int:
    """How many rows of a page name no SIM, the first `known` left out, which were counted before."""
    passed_over = page.size - len(page.rows)
    return passed_over + sum(not 0 < len(row.iccid) <= LONGEST_ICCID for row in page.rows[known:])


def goes_on(tail: str, page: Page[ThingRow]) -> bool:
    """Whether a page that begins with the last row read before does: else rows may have slipped between.

    `tail` is that row's ThingId, "" where it is not known.
    """
    whole = len(page.rows) == page.size
    return not tail or (bool(page.rows) and page.rows[0].thing_id == tail) or (page.size > 0 and not whole)


def tail_of(page: Page[ThingRow]) -> str:
    """The ThingId of its last row, "" where that can't be told."""
    return page.rows[-1].thing_id if page.rows and len(page.rows) == page.size else ""


class Pages:
    """A few pages of the listing under way at once, given in order with where each begins.

    Each begins with the last row of the one before, so that a list that moves meanwhile is found out; only
    after a short page, which may be the last, the next one begins behind it. While whoever takes them is
    busy, some more come.
    """

    def __init__(self, things: Things, offset: int, more: Callable[[], bool]) -> None:
        self._things = things
        self._next = offset
        self._more = more
        """Asked before each call."""
        self._stride = USUAL_SIZE
        self._ahead: deque[tuple[int, asyncio.Task[Page[ThingRow]]]] = deque()
        self._under_way = 0
        self._halted = False
        """What came last may be the end, or a failure: the next step is for whoever takes the pages."""

    async def next(self) -> tuple[int, Page[ThingRow]] | None:
        """The next page; None once no `more` are wanted and all that were under way have come."""
        self._fill()
        if not self._ahead:
            return None
        offset, task = self._ahead.popleft()
        page = await task
        if 0 < page.size < self._stride:  # a vendor that gives less at a time: those beyond left a gap
            await self.close()
            self._next, self._stride = offset + page.size, page.size
            self._halted = False
        return offset, page

    async def close(self) -> None:
        """Nothing stays under way."""
        self._halted = True
        tasks = [task for _, task in self._ahead]
        self._ahead.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _fill(self) -> None:
        while not self._halted and self._under_way < AT_ONCE and len(self._ahead) < AHEAD and self._more():
            task = asyncio.create_task(self._things.things_page(self._next))
            task.add_done_callback(self._came)
            self._under_way += 1
            self._ahead.append((self._next, task))
            self._next += max(self._stride - 1, 1)

    def _came(self, task: asyncio.Task[Page[ThingRow]]) -> None:
        self._under_way -= 1
        if task.cancelled() or task.exception() or task.result().size < self._stride:
            self._halted = True
        self._fill()
