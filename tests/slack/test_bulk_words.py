"""What is said of a bulk that was approved: true of its rows, and in whole sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.requests import Status
from bot.domain.tallies import Run, Tally
from bot.sandbox.clock import ManualClock
from bot.sandbox.stage import everything_in
from bot.services.bulk_slice import Pace
from bot.slack import listings
from bot.slack.bulk_cards import draw_progress, headline
from bot.slack.bulk_replies import bulk_reply
from tests.slack.test_plan_cards import bulk
from tests.storage.samples import NOW


@pytest.mark.parametrize(("unsent", "said"), [(0, "No SIM is left"), (1, "1 SIM is"), (2, "2 SIMs are left")])
def test_buttons_ask_about_one_sim_or_none_in_a_whole_sentence(unsent: int, said: str) -> None:
    for status in (Status.APPLYING, Status.PAUSED):
        card = draw_progress(bulk(status), Tally(queued=unsent, done=3), Run(NOW), NOW)
        assert said in str(card.blocks)
    told = bulk_reply(bulk(Status.PAUSED), "rest_cancelled", {"by": "U0ANN", "rows": str(unsent)})
    assert told is not None
    assert said in told


def test_sims_that_somebody_else_changed_are_not_called_unchanged() -> None:
    assert (
        headline(Status.FAILED, Tally(conflict=3)) == "Not applied; 3 of 3 SIMs were changed by somebody else"
    )
    assert headline(Status.FAILED, Tally(failed=3)) == "Not changed"


def test_a_list_says_how_a_bulk_ended_in_words_and_how_many_rows_were_approved() -> None:
    ended = replace(bulk(Status.PARTLY_FAILED), approved_at=NOW)
    blocks = str(listings.entry(ended, "", NOW))
    assert "Many SIMs: partly failed" in blocks
    assert "1,200 approved of 1,250 rows" in blocks


@pytest.mark.parametrize("status", [Status.APPLYING, Status.PAUSED, Status.PARTLY_FAILED])
def test_the_numbers_of_a_bulk_stand_one_under_the_other(status: Status) -> None:
    card = draw_progress(bulk(status), Tally(queued=1_195, done=12, already=3, failed=1), Run(NOW), NOW)
    labels = ("done", "already so", "failed", *(["left"] if status is not Status.PARTLY_FAILED else []))
    lines = [line for line in everything_in(card.blocks).splitlines() if line.startswith(labels)]
    assert len(lines) == len(labels)
    assert len({len(line) for line in lines}) == 1
    assert all(line[-1].isdigit() for line in lines)


def test_a_bulks_card_is_brought_up_to_date_every_three_seconds_at_most() -> None:
    clock = ManualClock()
    pace, shown = Pace(clock), 0
    for _ in range(100):
        shown += pace.is_due("B1")
        clock.advance(0.1)
    assert shown == 4
    assert pace.is_due("another one"), "each has a pace of its own"
