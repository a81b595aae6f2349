"""When a clock that stands is moved, and how far."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.clock import ManualClock
from bot.sandbox.quiet import EMPTY_ROUNDS, nothing_stirs


async def test_whatever_can_go_on_by_itself_has_gone_on_before_nothing_stirs() -> None:
    clock, passed = ManualClock(), []

    async def work() -> None:
        for turn in range(30):
            await asyncio.sleep(0)
            passed.append(turn)
        await clock.sleep(1)
        passed.append("late")

    task = asyncio.create_task(work())
    assert await nothing_stirs(lambda: False)
    assert passed == list(range(30))
    clock.hop(1)
    await task


async def test_a_call_between_two_sockets_is_over_before_nothing_stirs() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        heard = await reader.readline()
        writer.close()
        return heard

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        call = asyncio.create_task(ask(server.sockets[0].getsockname()[1]))
        assert await nothing_stirs(lambda: False)
        assert call.done()
        assert await call == b"hello\n"


async def test_something_stirs_while_work_goes_on_that_the_loop_does_not_see() -> None:
    assert not await nothing_stirs(lambda: True)
    seen = iter([False] * (EMPTY_ROUNDS + 1))
    assert not await nothing_stirs(lambda: next(seen, True)), "the second look is as good as the first"


async def test_whoever_goes_on_for_ever_holds_no_clock() -> None:
    loop, turns = asyncio.get_running_loop(), list[asyncio.Handle]()

    def spin() -> None:
        turns[:] = [loop.call_soon(spin)]

    spin()
    async with asyncio.timeout(10):
        assert await nothing_stirs(lambda: False)
    turns[0].cancel()


@pytest.mark.parametrize(
    ("asleep_for", "now", "woken"), [(0.4, 0.4, True), (1.0, 1.0, True), (5.0, 1.0, False)]
)
async def test_a_hop_ends_at_the_next_wake_or_at_the_longest(
    asleep_for: float, now: float, woken: bool
) -> None:
    clock = ManualClock()
    began = clock.now()
    sleeper = asyncio.create_task(clock.sleep(asleep_for))
    await asyncio.sleep(0)
    assert clock.until_next_wake() == asleep_for
    assert clock.hop(1.0) is woken
    assert (clock.now() - began).total_seconds() == now
    await asyncio.sleep(0)
    assert sleeper.done() is woken
    sleeper.cancel()


def test_a_hop_moves_a_clock_for_which_nobody_waits() -> None:
    clock = ManualClock()
    began = clock.now()
    assert clock.hop(2.5) is False
    assert (clock.now() - began).total_seconds() == 1.0
