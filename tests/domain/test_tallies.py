"""A bulk's rows, counted: they add up, and together they make one end."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.requests import TRANSITIONS, Event, Item, ItemState, Status
from bot.domain.tallies import USUAL_BRAKES, Brakes, Run, Tally, end_of, in_canary, why_pause
from tests.storage.samples import NOW

NUMBERS = st.integers(0, 3)
TALLIES = st.builds(Tally, **dict.fromkeys(asdict(Tally()), NUMBERS))
OF_APPROVED = [state for state in ItemState if state is not ItemState.PLANNED]


@given(st.lists(st.sampled_from(OF_APPROVED)), st.integers(0, 5), st.integers(0, 9))
def test_counts_add_up_to_the_rows_that_were_approved(
    approved: list[ItemState], given_up: int, left_out: int
) -> None:
    states = Counter(approved)
    unknown = min(given_up, states[ItemState.UNCONFIRMED])
    states[ItemState.SKIPPED] += left_out
    tally = Tally.of(len(approved), states, unknown)
    assert tally.total == len(approved) == sum(asdict(tally).values())
    assert tally.left + tally.ended + tally.cancelled == tally.total
    assert tally.well + tally.failures == tally.ended


@given(TALLIES, st.sampled_from(OF_APPROVED), st.sampled_from(OF_APPROVED))
def test_a_row_that_moves_is_still_counted_once(tally: Tally, was: ItemState, now: ItemState) -> None:
    assert tally.moved(Item("B", was), Item("B", now)).total == tally.total


@given(TALLIES)
def test_every_combination_has_exactly_one_end_which_the_table_of_states_knows(tally: Tally) -> None:
    event = end_of(tally)
    assert (event is None) == (tally.left > 0)
    if event:
        assert (Status.APPLYING, event) in TRANSITIONS
    if event and not tally.unconfirmed and tally.outdated != tally.total:
        assert (Status.UNCONFIRMED, event) in TRANSITIONS


@given(TALLIES)
def test_the_end_says_no_more_and_no_less_than_what_happened(tally: Tally) -> None:
    event = end_of(tally)
    if event is Event.SUCCEED:
        assert tally.well == tally.total
    if event is Event.FAIL_PARTLY:
        assert tally.done
        assert tally.well < tally.total
    if event in {Event.FAIL, Event.STOP, Event.OUTDATE}:
        assert not tally.done
    if event is Event.STOP:
        assert not tally.conflict
        assert not tally.unknown
    if event is Event.DOUBT:
        assert tally.unconfirmed
        assert not tally.left


@pytest.mark.parametrize(
    ("tally", "event"),
    [
        (Tally(queued=1, done=9), None),
        (Tally(sent=1, failed=9), None),
        (Tally(done=9, already=1), Event.SUCCEED),
        (Tally(already=3), Event.SUCCEED),
        (Tally(done=9, failed=1), Event.FAIL_PARTLY),
        (Tally(done=1, cancelled=99), Event.FAIL_PARTLY),
        (Tally(failed=3), Event.FAIL),
        (Tally(already=2, failed=1), Event.FAIL),
        (Tally(outdated=4), Event.OUTDATE),
        (Tally(outdated=4, failed=1), Event.FAIL),
        (Tally(cancelled=5), Event.STOP),
        (Tally(cancelled=4, failed=1), Event.STOP),
        (Tally(cancelled=4, conflict=1), Event.FAIL),
        (Tally(cancelled=4, unknown=1), Event.FAIL),
        (Tally(done=99, unconfirmed=1), Event.DOUBT),
        (Tally(), Event.STOP),
    ],
)
def test_how_a_bulk_ends(tally: Tally, event: Event | None) -> None:
    assert end_of(tally) is event


def run_of(**states: int) -> Run:
    """A run whose rows stand like this."""
    return Run.of(NOW, 2, {ItemState(state): number for state, number in states.items()})


def test_any_failure_of_the_canary_pauses() -> None:
    assert why_pause(run_of(done=4, failed=1), USUAL_BRAKES)
    assert not why_pause(run_of(done=5), USUAL_BRAKES)


def test_one_failure_after_the_canary_is_within_the_budget_and_two_among_the_first_twenty_are_not() -> None:
    assert not why_pause(run_of(done=6, failed=1), USUAL_BRAKES)
    assert why_pause(run_of(done=6, failed=2), USUAL_BRAKES)


@pytest.mark.parametrize("state", ["failed", "conflict", "outdated", "unconfirmed"])
def test_whatever_is_not_as_asked_counts_against_the_budget(state: str) -> None:
    assert not why_pause(run_of(done=95, **{state: 5}), USUAL_BRAKES)
    assert why_pause(run_of(done=94, **{state: 6}), USUAL_BRAKES)


def test_a_new_run_counts_from_its_beginning_with_a_canary_of_its_own() -> None:
    again = Run(NOW, 2)
    assert not why_pause(again, USUAL_BRAKES)
    assert in_canary(run_of(done=4), USUAL_BRAKES)
    assert not in_canary(run_of(done=5), USUAL_BRAKES)


def test_a_row_of_an_earlier_run_neither_fails_in_this_one_nor_makes_up_for_a_failure() -> None:
    run = Run(NOW, 2)
    doubt = Item("B", ItemState.UNCONFIRMED, run=1)
    settled = run.moved(doubt, replace(doubt, state=ItemState.DONE))
    assert settled == run == run.moved(doubt, replace(doubt, state=ItemState.FAILED))
    sent = Item("B", ItemState.SENT, run=2)
    assert why_pause(settled.moved(sent, replace(sent, state=ItemState.FAILED)), USUAL_BRAKES)


def test_a_doubt_of_this_run_that_is_settled_counts_once_and_as_what_it_became() -> None:
    sent = Item("B", ItemState.SENT, run=1)
    doubt = replace(sent, state=ItemState.UNCONFIRMED)
    run = Run(NOW).moved(sent, doubt)
    assert (run.ended, run.failures) == (1, 1)
    run = run.moved(doubt, replace(doubt, state=ItemState.DONE))
    assert (run.ended, run.failures) == (1, 0)


def test_rows_that_needed_no_write_are_no_canary() -> None:
    assert in_canary(run_of(already=40, done=4), USUAL_BRAKES)
    assert not in_canary(run_of(already=40, done=5), USUAL_BRAKES)
    assert why_pause(run_of(already=40, done=4, failed=1), USUAL_BRAKES)


def test_without_a_canary_only_the_budget_pauses() -> None:
    brakes = Brakes(canary=0, error_budget=0.5)
    assert not in_canary(Run(NOW), brakes)
    assert not why_pause(run_of(failed=1), brakes)
    assert why_pause(run_of(failed=11), brakes)
