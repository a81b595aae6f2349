"""What both dispatchers promise: to look when woken and unasked, to run nothing twice, to survive failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.dispatch.local import SWEEP_SECONDS, WORKERS
from bot.domain.errors import StoreUnavailable
from tests.dispatch.conftest import Work


async def test_what_an_earlier_process_left_is_looked_at_at_the_start(
    hands: Any, dispatcher: Any, work: Work
) -> None:
    work.open.append("A")
    dispatcher.start(work)
    await hands.until(lambda: work.steps == ["A"])


async def test_a_wake_up_looks_at_once_without_time_passing(hands: Any, dispatcher: Any, work: Work) -> None:
    dispatcher.start(work)
    await hands.until(lambda: work.looks == 1)
    work.open.append("A")
    dispatcher.wake()
    await hands.until(lambda: work.steps == ["A"])


async def test_a_lost_wake_up_is_made_good_by_the_sweep(hands: Any, dispatcher: Any, work: Work) -> None:
    dispatcher.start(work)
    await hands.until(lambda: work.looks == 1)
    work.open.append("A")
    await hands.nothing()
    assert work.steps == []
    await hands.pass_time(SWEEP_SECONDS)
    await hands.until(lambda: work.steps == ["A"])


async def test_a_request_at_work_is_not_started_a_second_time(
    hands: Any, dispatcher: Any, work: Work
) -> None:
    work.open.append("A")
    dispatcher.start(work)
    await hands.until(lambda: work.running)
    for looks in (2, 3):
        dispatcher.wake()
        await hands.until(lambda looks=looks: work.looks >= looks)
    await hands.nothing()
    assert work.steps == ["A"]


async def test_whatever_is_logged_while_a_request_is_at_work_names_it(
    hands: Any, dispatcher: Any, work: Work
) -> None:
    work.open.extend(["A", "B"])
    work.go.set()
    dispatcher.start(work)
    await hands.until(lambda: not work.open)
    assert work.about == work.steps


async def test_no_more_requests_than_workers_are_at_work_and_all_get_their_turn(
    hands: Any, dispatcher: Any, work: Work
) -> None:
    names = [f"R{number}" for number in range(3 * WORKERS)]
    work.open.extend(names)
    dispatcher.start(work)
    await hands.until(lambda: len(work.running) == WORKERS)
    await hands.nothing()
    assert len(work.running) == WORKERS
    work.go.set()
    await hands.until(lambda: work.open == [])
    assert sorted(work.steps) == sorted(names)


async def test_long_work_never_takes_the_workers_of_short_work(
    hands: Any, dispatcher: Any, work: Work
) -> None:
    work.long = frozenset(f"L{number}" for number in range(2 * WORKERS))
    work.open.extend(sorted(work.long))
    dispatcher.start(work)
    await hands.until(lambda: work.running)
    work.open.append("A")
    dispatcher.wake()
    await hands.until(lambda: "A" in work.running)


async def test_work_that_has_more_to_do_at_once_goes_on_without_time_passing(
    hands: Any, dispatcher: Any, work: Work
) -> None:
    work.slices = 4
    work.open.extend(["A", "B"])
    work.go.set()
    dispatcher.start(work)
    await hands.until(lambda: work.open == [])
    assert sorted(work.steps) == ["A"] * 4 + ["B"] * 4


@pytest.mark.parametrize("trouble", [StoreUnavailable("gone"), ValueError("a row nobody can read")])
async def test_a_look_that_fails_is_repeated_by_the_next_sweep(
    hands: Any, dispatcher: Any, work: Work, trouble: Exception
) -> None:
    work.open.append("A")
    work.troubles.append(trouble)
    dispatcher.start(work)
    await hands.until(lambda: work.looks == 1)
    await hands.nothing()
    assert work.steps == []
    await hands.pass_time(SWEEP_SECONDS)
    await hands.until(lambda: work.steps == ["A"])


@pytest.mark.parametrize("trouble", [StoreUnavailable("gone"), ValueError("a bug")])
async def test_a_step_that_fails_is_taken_up_again_but_not_without_a_pause(
    hands: Any, dispatcher: Any, work: Work, trouble: Exception
) -> None:
    work.open.append("A")
    work.step_trouble = trouble
    work.go.set()
    dispatcher.start(work)
    await hands.until(lambda: work.steps == ["A"])
    await hands.nothing()
    assert work.steps == ["A"]
    await hands.pass_time(SWEEP_SECONDS)
    await hands.until(lambda: work.open == [])
    assert work.steps == ["A", "A"]


async def test_stopping_waits_for_the_work_in_hand(hands: Any, dispatcher: Any, work: Work) -> None:
    work.open.append("A")
    dispatcher.start(work)
    await hands.until(lambda: work.running)
    stopping = asyncio.create_task(dispatcher.stop(30))
    await hands.nothing()
    assert not stopping.done()
    work.go.set()
    await stopping
    assert work.open == []


async def test_stopping_leaves_to_the_rows_what_outlasts_its_patience(
    hands: Any, dispatcher: Any, work: Work
) -> None:
    work.open.append("A")
    dispatcher.start(work)
    await hands.until(lambda: work.running)
    await dispatcher.stop(0)
    assert work.running == set()
    assert work.open == ["A"]


async def test_after_stopping_nothing_new_is_begun(hands: Any, dispatcher: Any, work: Work) -> None:
    dispatcher.start(work)
    await hands.until(lambda: work.looks == 1)
    await dispatcher.stop(0)
    work.open.append("A")
    dispatcher.wake()
    await hands.nothing()
    assert work.steps == []
