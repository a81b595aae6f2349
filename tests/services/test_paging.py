"""The vendor's listing, some pages at once: how many are under way, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from bot.domain.errors import NotReached
from bot.domain.identifiers import Iccid
from bot.domain.things import Thing, ThingRow
from bot.services.paging import AHEAD, AT_ONCE, USUAL_SIZE, Pages
from bot.services.ports import Page

STRIDE = USUAL_SIZE - 1


class Listing:
    """Answers each page when it is told to."""

    def __init__(self, things: int = 100_000, at_a_time: int = USUAL_SIZE) -> None:
        self._things = things
        self._at_a_time = at_a_time
        self.under_way: dict[int, asyncio.Future[None]] = {}
        self.asked: list[int] = []
        self.cancelled: list[int] = []

    async def things_page(self, offset: int) -> Page[ThingRow]:
        self.asked.append(offset)
        self.under_way[offset] = asyncio.get_running_loop().create_future()
        try:
            await self.under_way[offset]
        except asyncio.CancelledError:
            self.cancelled.append(offset)
            raise
        finally:
            del self.under_way[offset]
        end = min(offset + self._at_a_time, self._things)
        rows = tuple(ThingRow(f"T{n}", f"89{n:018}", "", "") for n in range(offset, end))
        return Page(rows, len(rows), is_last=not rows)

    async def thing(self, iccid: Iccid, *, urgent: bool = True) -> Thing:
        raise NotImplementedError

    async def things_online(self, iccids: Sequence[str]) -> Mapping[str, bool]:
        raise NotImplementedError

    async def answer(self, *offsets: int) -> None:
        """These pages, or all that are under way; and what follows from it happens."""
        for offset in offsets or tuple(self.under_way):
            self.under_way[offset].set_result(None)
        await _turns()

    async def fail(self, offset: int) -> None:
        self.under_way[offset].set_exception(NotReached("nobody there"))
        await _turns()


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def _taking(pages: Pages) -> asyncio.Task[tuple[int, Page[ThingRow]] | None]:
    task = asyncio.create_task(pages.next())
    await _turns()
    return task


async def test_while_nobody_takes_them_more_pages_come_but_few_at_once_and_not_without_end() -> None:
    listing = Listing()
    pages = Pages(listing, 0, more=lambda: True)
    first = await _taking(pages)
    assert len(listing.under_way) == AT_ONCE
    while listing.under_way:
        assert len(listing.under_way) <= AT_ONCE
        await listing.answer()
    assert (await first) is not None
    assert listing.asked == [STRIDE * n for n in range(AHEAD + 1)]  # the first one was taken
    given = [found[0] for _ in range(3) if (found := await pages.next())]
    assert given == [STRIDE, 2 * STRIDE, 3 * STRIDE]
    await pages.close()


async def test_a_page_that_overtakes_is_given_in_its_turn() -> None:
    listing = Listing()
    pages = Pages(listing, 0, more=lambda: True)
    first = await _taking(pages)
    await listing.answer(STRIDE, 2 * STRIDE)
    assert not first.done()
    assert len(listing.under_way) == AT_ONCE
    await listing.answer(0)
    assert [(await first or (None,))[0], (await pages.next() or (None,))[0]] == [0, STRIDE]
    await pages.close()


async def test_after_a_failure_nothing_more_is_asked() -> None:
    listing = Listing()
    pages = Pages(listing, 0, more=lambda: True)
    first = await _taking(pages)
    await listing.fail(2 * STRIDE)
    await listing.answer()
    assert listing.asked == [STRIDE * n for n in range(AT_ONCE)]
    assert (await first) is not None
    assert (await pages.next()) is not None
    with pytest.raises(NotReached):
        await pages.next()
    await pages.close()
    assert not listing.under_way


async def test_a_vendor_that_gives_less_is_asked_for_what_that_left_out() -> None:
    listing = Listing(at_a_time=20)
    pages = Pages(listing, 0, more=lambda: True)
    first = await _taking(pages)
    await listing.answer(0)
    assert (await first or (None,))[0] == 0
    assert sorted(listing.cancelled) == [STRIDE, 2 * STRIDE, 3 * STRIDE]
    second = await _taking(pages)
    assert sorted(listing.under_way) == [20, 39, 58, 77]
    await listing.answer()
    assert (await second or (None,))[0] == 20
    await pages.close()


async def test_behind_the_last_row_nothing_is_asked_and_nothing_stays_under_way() -> None:
    listing = Listing(things=60)
    pages = Pages(listing, 0, more=lambda: True)
    first = await _taking(pages)
    await listing.answer(0, STRIDE)
    assert listing.asked == [STRIDE * n for n in range(AT_ONCE)] + [STRIDE * AT_ONCE]  # for the first alone
    assert (await first or (None,))[0] == 0
    await pages.close()
    assert not listing.under_way


async def test_once_no_more_are_wanted_what_is_under_way_still_comes() -> None:
    listing = Listing()
    wanted = True
    pages = Pages(listing, 0, more=lambda: wanted)
    first = await _taking(pages)
    wanted = False
    await listing.answer()
    assert (await first) is not None
    assert [(await pages.next() or (None,))[0] for _ in range(AT_ONCE)] == [
        STRIDE,
        2 * STRIDE,
        3 * STRIDE,
        None,
    ]
    assert len(listing.asked) == AT_ONCE
