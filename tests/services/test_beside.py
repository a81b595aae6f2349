"""A reading beside the record that has to hold first."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.errors import NotReached, StoreUnavailable
from bot.services.beside import beside


async def test_what_was_read_counts_once_the_record_holds() -> None:
    held, order = asyncio.Event(), []

    async def record() -> None:
        await held.wait()
        order.append("recorded")

    async def read() -> str:
        order.append("read")
        return "the SIM"

    both = asyncio.create_task(beside(record(), read()))
    for _ in range(5):
        await asyncio.sleep(0)
    assert order == ["read"]
    assert not both.done()
    held.set()
    assert await both == "the SIM"


async def test_a_record_that_does_not_hold_goes_before_all_that_the_reading_brought() -> None:
    async def record() -> None:
        raise StoreUnavailable("disk full")

    async def fail() -> str:
        raise NotReached("nobody there")

    async def read() -> str:
        return "the SIM"

    for reading in (fail, read):
        with pytest.raises(StoreUnavailable):
            await beside(record(), reading())


async def test_the_record_is_over_before_the_reading_fails() -> None:
    order = []

    async def record() -> None:
        await asyncio.sleep(0)
        order.append("recorded")

    async def fail() -> str:
        raise NotReached("nobody there")

    with pytest.raises(NotReached):
        await beside(record(), fail())
    assert order == ["recorded"]
