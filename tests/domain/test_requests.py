"""The tables of what may follow what: every step of them is taken, every other is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.requests import (
    ITEM_TRANSITIONS,
    OPEN,
    OUTCOMES,
    TRANSITIONS,
    UNDECIDED,
    Event,
    ItemState,
    Person,
    PersonDecision,
    Status,
    Vote,
)
from tests.storage.samples import ANN, BOB, NOW, approval, request

ENDED = frozenset(Status) - OPEN
TAKEN = {
    "previewing": {
        "count": "previewing",
        "show": "pending",
        "deny": "denied",
        "cancel": "cancelled",
        "expire": "expired",
    },
    "pending": {
        "count_again": "previewing",
        "redraw": "pending",
        "endorse": "pending",
        "approve": "approved",
        "deny": "denied",
        "cancel": "cancelled",
        "expire": "expired",
        "outdate": "outdated",
    },
    "approved": {"apply": "applying", "outdate": "outdated"},
    "applying": {
        "succeed": "succeeded",
        "fail": "failed",
        "outdate": "outdated",
        "doubt": "unconfirmed",
        "fail_partly": "partly_failed",
        "pause": "paused",
        "stop": "cancelled",
    },
    "paused": {
        "resume": "applying",
        "succeed": "succeeded",
        "fail_partly": "partly_failed",
        "fail": "failed",
        "outdate": "outdated",
        "doubt": "unconfirmed",
        "stop": "cancelled",
    },
    "unconfirmed": {"succeed": "succeeded", "fail": "failed", "fail_partly": "partly_failed"},
}
"""The same table, written a second time by hand: a step added by mistake has to be added twice."""


@pytest.mark.parametrize(("status", "event"), list(itertools.product(Status, Event)))
def test_a_request_takes_the_steps_of_the_table_and_no_other(status: Status, event: Event) -> None:
    standing = replace(request(), status=status)
    allowed = TAKEN.get(status.value, {}).get(event.value)
    if allowed is None:
        with pytest.raises(ValueError, match=f"{event} can't happen to a request that is {status}"):
            standing.after(event)
    else:
        assert standing.after(event) == replace(standing, status=Status(allowed))


def test_a_step_changes_what_it_is_told_and_nothing_else() -> None:
    before = request()
    after = before.after(Event.APPROVE, approved_at=NOW)
    assert after == replace(before, status=Status.APPROVED, approved_at=NOW)


def test_every_status_but_the_first_is_reached_and_every_open_one_can_end() -> None:
    assert set(TRANSITIONS.values()) | {Status.PENDING} == set(Status)
    for status in OPEN:
        assert _reachable(status) & ENDED


def _reachable(status: Status) -> set[Status]:
    found = {status}
    while more := {to for (of, _), to in TRANSITIONS.items() if of in found} - found:
        found |= more
    return found


def test_nothing_follows_an_end() -> None:
    assert not {status for status, _ in TRANSITIONS} & ENDED


def test_only_an_undecided_request_is_decided_by_people() -> None:
    by_people = {Event.DENY, Event.CANCEL, Event.EXPIRE}
    assert {status for status, event in TRANSITIONS if event in by_people} == UNDECIDED


def test_only_a_request_whose_preview_is_over_is_approved() -> None:
    approving = {Event.ENDORSE, Event.APPROVE, Event.REDRAW}
    assert {status for status, event in TRANSITIONS if event in approving} == {Status.PENDING}


# --- items -----------------------------------------------------------------------------------------


def test_an_item_that_may_have_been_sent_never_counts_as_unsent_again() -> None:
    assert not ITEM_TRANSITIONS[ItemState.SENT] & {ItemState.QUEUED, ItemState.RUNNING}
    assert not ITEM_TRANSITIONS[ItemState.UNCONFIRMED] & {
        ItemState.QUEUED,
        ItemState.RUNNING,
        ItemState.SENT,
    }


def test_nothing_is_done_that_was_not_sent() -> None:
    before_done = {state for state, following in ITEM_TRANSITIONS.items() if ItemState.DONE in following}
    assert before_done == {ItemState.SENT, ItemState.UNCONFIRMED}


def test_every_item_state_is_reached_and_every_end_has_an_event() -> None:
    reached = set().union(*ITEM_TRANSITIONS.values()) | {ItemState.PLANNED}
    assert reached == set(ItemState)
    of_singles = set(ItemState) - set(ITEM_TRANSITIONS) - {ItemState.SKIPPED}
    assert of_singles == set(OUTCOMES) - {ItemState.UNCONFIRMED}


@pytest.mark.parametrize("state", [ItemState.RUNNING, ItemState.SENT])
def test_whatever_an_item_that_is_applied_comes_to_its_request_can_follow(state: ItemState) -> None:
    for end in ITEM_TRANSITIONS[state] & set(OUTCOMES):
        assert (Status.APPLYING, OUTCOMES[end]) in TRANSITIONS


def test_whatever_a_doubtful_item_comes_to_its_request_can_follow() -> None:
    for end in ITEM_TRANSITIONS[ItemState.UNCONFIRMED] - {ItemState.UNCONFIRMED}:
        assert (Status.UNCONFIRMED, OUTCOMES[end]) in TRANSITIONS


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (ItemState.DONE, Event.SUCCEED),
        (ItemState.ALREADY, Event.SUCCEED),
        (ItemState.FAILED, Event.FAIL),
        (ItemState.CONFLICT, Event.FAIL),
        (ItemState.OUTDATED, Event.OUTDATE),
        (ItemState.UNCONFIRMED, Event.DOUBT),
    ],
)
def test_an_item_makes_its_request_what_it_is_itself(state: ItemState, event: Event) -> None:
    assert OUTCOMES[state] is event


# --- approvals -------------------------------------------------------------------------------------


def test_approvals_left_are_those_that_count_and_never_below_none() -> None:
    asked = replace(request(), approvals_needed=2)
    counted = lambda *some: replace(asked, decisions=some).approvals_left  # noqa: E731
    carol, dave = (Person(name, "T0TEAM") for name in ("U0CAROL", "U0DAVE"))
    assert counted() == 2
    assert counted(approval()) == 1
    assert counted(approval(), approval(counts=False)) == 1
    assert counted(approval(), approval(carol)) == 0
    assert counted(approval(), approval(carol), approval(dave)) == 0


def test_a_denial_is_no_approval() -> None:
    denied = PersonDecision(BOB, Vote.DENIED, NOW, "no")
    assert replace(request(), decisions=(denied,)).approvals == ()


def test_the_last_decision_is_the_latest_that_counts() -> None:
    asked = request()
    assert asked.last_decision is None
    fallen, stands = approval(counts=False), PersonDecision(ANN, Vote.CANCELLED, NOW)
    assert replace(asked, decisions=(fallen,)).last_decision is None
    assert replace(asked, decisions=(approval(), stands, fallen)).last_decision == stands


def test_the_time_to_apply_runs_from_the_approval() -> None:
    assert request().apply_before is None
    approved = replace(request(), approved_at=NOW, apply_within=timedelta(minutes=30))
    assert approved.apply_before == NOW + timedelta(minutes=30)
