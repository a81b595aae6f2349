"""The vendor's rate: never more than allowed, singles first, slower when asked, and back again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from bot.domain.errors import StoreUnavailable
from bot.sandbox.clock import ManualClock
from bot.storage.engine import Engine, open_engine
from bot.storage.gate import SqlGate

START = ManualClock().now()


@pytest.fixture
def clock() -> ManualClock:
    """Stands still."""
    return ManualClock()


@pytest.fixture
def gate(engine: Engine, clock: ManualClock) -> SqlGate:
    """Five calls a second, ten at once."""
    return SqlGate(engine, clock, 5, burst=10)


async def settle(clock: ManualClock, tasks: list[asyncio.Task[None]]) -> None:
    """Let tasks run until each has ended or the gate has sent one to sleep."""
    # The gate's work is real, on a real file: there is no event to wait for.
    while not all(task.done() for task in tasks) and clock.next_wake() is None:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def passing(gate: SqlGate, clock: ManualClock, count: int, *, urgent: bool = True) -> list[float]:
    """When each of so many calls made at once passes, in seconds from now."""
    began, times = clock.now(), list[float]()

    async def call() -> None:
        await gate.acquire(urgent=urgent)
        times.append((clock.now() - began).total_seconds())

    tasks = [asyncio.create_task(call()) for _ in range(count)]
    await settle(clock, tasks)
    while (wake := clock.next_wake()) is not None:
        clock.advance((wake - clock.now()).total_seconds())
        await settle(clock, tasks)
    await asyncio.gather(*tasks)
    return times


async def test_a_burst_passes_at_once_and_the_rest_at_the_rate(gate: SqlGate, clock: ManualClock) -> None:
    times = await passing(gate, clock, 14)
    assert times == [0.0] * 10 + [0.2, 0.4, 0.6, 0.8]


async def test_the_burst_comes_back_with_rest(gate: SqlGate, clock: ManualClock) -> None:
    await passing(gate, clock, 10)
    clock.advance(0.6)
    assert await passing(gate, clock, 4) == [0.0, 0.0, 0.0, 0.2]
    clock.advance(3600)
    assert await passing(gate, clock, 11) == [0.0] * 10 + [0.2]


async def test_bulk_work_has_no_burst(gate: SqlGate, clock: ManualClock) -> None:
    assert await passing(gate, clock, 4, urgent=False) == [0.0, 0.2, 0.4, 0.6]


async def test_a_single_goes_before_all_bulk_work_that_waits(gate: SqlGate, clock: ManualClock) -> None:
    bulk = [asyncio.create_task(gate.acquire(urgent=False)) for _ in range(5)]
    await settle(clock, bulk)
    await gate.acquire()
    assert clock.now() == START
    assert sum(task.done() for task in bulk) == 1
    for task in bulk:
        task.cancel()
    await asyncio.gather(*bulk, return_exceptions=True)


async def test_who_gives_up_waiting_takes_no_slot(gate: SqlGate, clock: ManualClock) -> None:
    await passing(gate, clock, 10)
    waiting = asyncio.create_task(gate.acquire())
    await settle(clock, [waiting])
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await passing(gate, clock, 1) == [0.2]


async def test_two_gates_on_one_database_share_the_rate(engine: Engine, clock: ManualClock) -> None:
    one, two = SqlGate(engine, clock, 5, burst=2), SqlGate(engine, clock, 5, burst=2)
    await one.acquire()
    await two.acquire()
    assert await passing(one, clock, 1) == [0.2]


async def test_retry_after_holds_for_everyone_also_for_those_who_wait_already(
    gate: SqlGate, clock: ManualClock
) -> None:
    await passing(gate, clock, 10)
    waiting = asyncio.create_task(gate.acquire())
    await settle(clock, [waiting])
    await gate.slow_down(30)
    clock.advance(0.2)
    await settle(clock, [waiting])
    assert clock.next_wake() == START + timedelta(seconds=30)
    clock.advance(29.8)
    await waiting


async def test_a_shorter_retry_after_does_not_end_a_longer_one(gate: SqlGate, clock: ManualClock) -> None:
    await gate.slow_down(30)
    await gate.slow_down(1)
    assert await passing(gate, clock, 1) == [30.0]


async def test_slowing_down_halves_the_rate_down_to_a_sixteenth(gate: SqlGate, clock: ManualClock) -> None:
    gaps = []
    for _ in range(6):
        clock.advance(3600)
        await gate.slow_down(None)
        times = await passing(gate, clock, 12)
        gaps.append(times[11] - times[10])
    assert gaps == pytest.approx([0.4, 0.8, 1.6, 3.2, 3.2, 3.2])


async def test_calls_refused_together_slow_down_once(gate: SqlGate, clock: ManualClock) -> None:
    await asyncio.gather(*(gate.slow_down(None) for _ in range(10)))
    clock.advance(0.9)
    await gate.slow_down(None)
    times = await passing(gate, clock, 12, urgent=False)
    assert times[1] - times[0] == pytest.approx(0.4)
    await gate.slow_down(None)
    times = await passing(gate, clock, 3, urgent=False)
    assert times[2] - times[1] == pytest.approx(0.8)


async def test_the_rate_comes_back_gently_and_never_above_all_of_it(
    gate: SqlGate, clock: ManualClock
) -> None:
    await gate.slow_down(None)
    await gate.recovered()
    clock.advance(3600)
    [first, second] = await passing(gate, clock, 2, urgent=False)
    assert 0.38 < second - first < 0.4
    for _ in range(40):
        await gate.recovered()
    clock.advance(3600)
    assert await passing(gate, clock, 3, urgent=False) == [0.0, 0.2, 0.4]


async def test_what_another_gate_slowed_down_comes_back_by_the_answers_to_ones_own_calls(
    engine: Engine, clock: ManualClock
) -> None:
    ours, other = SqlGate(engine, clock, 5), SqlGate(engine, clock, 5)
    await ours.acquire()
    await other.slow_down(None)
    for _ in range(40):
        await ours.acquire()
        await ours.recovered()
        clock.advance(3600)
    assert await passing(other, clock, 3, urgent=False) == [0.0, 0.2, 0.4]


async def test_at_the_full_rate_an_answer_asks_the_database_nothing(
    engine: Engine, clock: ManualClock, gate: SqlGate
) -> None:
    await gate.acquire()
    asked: list[object] = []
    event.listen(engine.sqlalchemy.sync_engine, "begin", asked.append)
    await gate.recovered()
    assert not asked
    await gate.slow_down(None)
    await gate.recovered()
    assert asked


@pytest.mark.parametrize("back", [timedelta(hours=3), timedelta(days=400)])
async def test_a_clock_set_back_stops_nothing(engine: Engine, clock: ManualClock, back: timedelta) -> None:
    before = SqlGate(engine, clock, 5)
    await passing(before, clock, 12)
    await before.slow_down(1e18)
    earlier: datetime = clock.now() - back
    set_back = ManualClock(earlier)
    assert await passing(SqlGate(engine, set_back, 5), set_back, 1) == [0.0]


async def test_where_nothing_can_be_written_nothing_passes(stored_at: str, clock: ManualClock) -> None:
    frozen = open_engine(stored_at, read_only=True)
    gate = SqlGate(frozen, clock, 5)
    with pytest.raises(StoreUnavailable):
        await gate.acquire()
    with pytest.raises(StoreUnavailable):
        await gate.slow_down(1)
    await frozen.close()


async def test_bulk_work_takes_the_slots_of_a_moment_in_one_go_and_a_single_hardly_waits(
    engine: Engine, clock: ManualClock
) -> None:
    fast = SqlGate(engine, clock, 500, burst=10)
    times = await passing(fast, clock, 31, urgent=False)
    assert times == pytest.approx([0.0] + [0.002] * 10 + [0.022] * 10 + [0.042] * 10)
    assert await passing(fast, clock, 1) == pytest.approx([0.002])


async def test_slots_taken_ahead_are_gone_when_the_vendor_is_slow_and_after_a_while(
    engine: Engine, clock: ManualClock
) -> None:
    fast = SqlGate(engine, clock, 500, burst=10)
    await passing(fast, clock, 2, urgent=False)
    await fast.slow_down(5)
    assert await passing(fast, clock, 1, urgent=False) == pytest.approx([5.0])
    await passing(fast, clock, 2, urgent=False)
    clock.advance(0.3)
    assert not fast._use_spare()
