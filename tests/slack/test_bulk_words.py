"""What is said of a bulk that was approved: true of its rows, and in whole sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.requests import Status
from bot.domain.tallies import Run, Tally
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
