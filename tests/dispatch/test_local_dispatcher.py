"""The local dispatcher: it looks when woken and by itself, runs nothing twice, and survives every failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from bot.dispatch.local import SWEEP_SECONDS, WORKERS, LocalDispatcher
from bot.domain.errors import StoreUnavailable
from bot.sandbox.clock import ManualClock


class Work:
    """Stands for the sweep: what is due, and steps that end when they are let go."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.troubles: list[Exception] = []
        self.looks = 0
        self.steps: list[str] = []
        self.running: set[str] = set()
        self.go = asyncio.Event()
        self.step_trouble: Exception | None = None

    long: frozenset[str] = frozenset()

    async def due(self) -> tuple[Any, ...]:
        self.looks += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return tuple(SimpleNamespace(id=name) for name in self.open)

    def is_long(self, request: Any) -> bool:
        return bool(request.id in self.long)

    async def step(self, request: Any) -> None:
        self.steps.append(request.id)
        self.running.add(request.id)
        try:
            await self.go.wait()
            if self.step_trouble:
                trouble, self.step_trouble = self.step_trouble, None
                raise trouble
            self.open.remove(request.id)
        finally:
            self.running.discard(request.id)


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture
async def dispatcher(clock: ManualClock, work: Work) -> AsyncIterator[LocalDispatcher]:
    dispatcher = LocalDispatcher(clock=clock)
    yield dispatcher
    await dispatcher.stop(0)


async def _quiet() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_what_an_earlier_process_left_is_looked_at_at_the_start(
    dispatcher: LocalDispatcher, work: Work
) -> None:
    work.open.append("A")
    dispatcher.start(work)
    await _quiet()
    assert work.steps == ["A"]


async def test_a_wake_up_looks_at_once_without_time_passing(dispatcher: LocalDispatcher, work: Work) -> None:
    dispatcher.start(work)
    await _quiet()
    work.open.append("A")
    dispatcher.wake()
    await _quiet()
    assert work.steps == ["A"]


async def test_a_lost_wake_up_is_made_good_by_the_sweep(
    dispatcher: LocalDispatcher, work: Work, clock: ManualClock
) -> None:
    dispatcher.start(work)
    await _quiet()
    work.open.append("A")
    await _quiet()
    assert work.steps == []
    clock.advance(SWEEP_SECONDS)
    await _quiet()
    assert work.steps == ["A"]


async def test_a_request_at_work_is_not_started_a_second_time(
    dispatcher: LocalDispatcher, work: Work, clock: ManualClock
) -> None:
    work.open.append("A")
    dispatcher.start(work)
    for _ in range(3):
        dispatcher.wake()
        clock.advance(SWEEP_SECONDS)
        await _quiet()
    assert work.steps == ["A"]


async def test_no_more_requests_than_workers_are_at_work_and_all_get_their_turn(
    dispatcher: LocalDispatcher, work: Work
) -> None:
    names = [f"R{number}" for number in range(3 * WORKERS)]
    work.open.extend(names)
    dispatcher.start(work)
    await _quiet()
    assert len(work.running) == WORKERS
    work.go.set()
    await _quiet()
    assert sorted(work.steps) == sorted(names)
    assert work.open == []


@pytest.mark.parametrize("trouble", [StoreUnavailable("gone"), ValueError("a row nobody can read")])
async def test_a_look_that_fails_is_repeated_by_the_next_sweep(
    dispatcher: LocalDispatcher, work: Work, clock: ManualClock, trouble: Exception
) -> None:
    work.open.append("A")
    work.troubles.append(trouble)
    dispatcher.start(work)
    await _quiet()
    assert work.steps == []
    clock.advance(SWEEP_SECONDS)
    await _quiet()
    assert work.steps == ["A"]


@pytest.mark.parametrize("trouble", [StoreUnavailable("gone"), ValueError("a bug")])
async def test_a_step_that_fails_is_taken_up_again_but_not_without_a_pause(
    dispatcher: LocalDispatcher, work: Work, clock: ManualClock, trouble: Exception
) -> None:
    work.open.append("A")
    work.step_trouble = trouble
    work.go.set()
    dispatcher.start(work)
    await _quiet()
    assert work.steps == ["A"]
    clock.advance(SWEEP_SECONDS)
    await _quiet()
    assert work.steps == ["A", "A"]
    assert work.open == []


async def test_a_step_that_fails_again_and_again_is_taken_up_after_ever_longer_pauses(
    dispatcher: LocalDispatcher, work: Work, clock: ManualClock
) -> None:
    work.open.append("A")
    work.go.set()
    dispatcher.start(work)
    taken_up = []
    for second in range(0, 60, 5):
        before = len(work.steps)
        work.step_trouble = ValueError("a bug")
        dispatcher.wake()
        await _quiet()
        taken_up += [second] if len(work.steps) > before else []
        clock.advance(5)
    assert taken_up == [0, 5, 15, 35]


async def test_stopping_waits_for_the_work_in_hand(dispatcher: LocalDispatcher, work: Work) -> None:
    work.open.append("A")
    dispatcher.start(work)
    await _quiet()
    stopping = asyncio.create_task(dispatcher.stop(30))
    await _quiet()
    assert not stopping.done()
    work.go.set()
    await stopping
    assert work.open == []


async def test_stopping_leaves_to_the_rows_what_outlasts_its_patience(
    dispatcher: LocalDispatcher, work: Work
) -> None:
    work.open.append("A")
    dispatcher.start(work)
    await _quiet()
    await dispatcher.stop(0)
    assert work.running == set()
    assert work.open == ["A"]


async def test_after_stopping_nothing_new_is_begun(dispatcher: LocalDispatcher, work: Work) -> None:
    dispatcher.start(work)
    await _quiet()
    await dispatcher.stop(0)
    work.open.append("A")
    dispatcher.wake()
    await _quiet()
    assert work.steps == []
