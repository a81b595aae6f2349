"""A bulk at every place that draws a request: in every state, with any counts, and for Slack to take."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.changes import Bulk
from bot.domain.impact import Counts, Finding, Impact, Verdict
from bot.domain.planned import plan_of
from bot.domain.plans import Plan, RowCounts, SeenPlan
from bot.domain.requests import UNDECIDED, ChangeRequest, Status
from bot.sandbox.slack.block_kit import check_message
from bot.sandbox.stage import everything_in
from bot.services.ports import PlaceKind
from bot.slack import listings
from bot.slack.cards import Audience, Drawn
from bot.slack.errors import already
from bot.slack.plan_cards import draw_bulk, span
from bot.slack.replies import audit_line, reply
from tests.slack.hostile import HOSTILE, assert_inert
from tests.storage.samples import ANN, NOW, request

AUDIENCE = Audience(ids=("S0APPROVERS",), roles=("approver",))
ROWS = RowCounts(ready=1200, already=3, look=40, refused=7)
REPLIES = ("planned", "rows", "approved", "denied", "cancelled", "expired", "redrawn", "delayed", "outcome")


NEVER_APPROVED = [Status.DENIED, Status.CANCELLED, Status.EXPIRED, Status.OUTDATED]


def bulk(status: Status = Status.PREVIEWING, rows: RowCounts = ROWS, name: str = "sims.csv") -> ChangeRequest:
    digest = "" if rows.unchecked else "d" * 64
    impact = Impact(Verdict.LOSES, tuple(Finding), Counts(keeps=1100, loses=90, unknown=10))
    seen = SeenPlan(Plan("bulk:R1", name, rows, digest), NOW)
    return replace(request(1), status=status, change=Bulk(name), seen=seen, impact=impact, item=None)


def drawn(asked: ChangeRequest, kind: PlaceKind = PlaceKind.TWIN) -> Drawn:
    made = draw_bulk(asked, kind, AUDIENCE)
    assert check_message({"text": made.text, "blocks": made.blocks}) == []
    return made


@pytest.mark.parametrize("kind", [PlaceKind.CARD, PlaceKind.TWIN])
@pytest.mark.parametrize("status", [*sorted(UNDECIDED), *NEVER_APPROVED])
def test_every_state_of_a_plan_can_be_drawn_at_every_place(status: Status, kind: PlaceKind) -> None:
    assert "sims.csv" in str(drawn(bulk(status), kind).blocks)


@pytest.mark.parametrize("status", list(Status))
def test_every_state_of_a_bulk_stands_in_lists_and_in_the_history_of_a_sim(status: Status) -> None:
    asked = bulk(status)
    blocks = listings.entry(asked, "", NOW)
    assert check_message({"text": "list", "blocks": blocks}) == []
    assert "1,200 ready of 1,250 rows" in everything_in(blocks)
    assert "sims.csv" in listings.line(asked, "", NOW)
    assert already(asked, ANN)


@pytest.mark.parametrize("what", REPLIES)
@pytest.mark.parametrize("status", list(Status))
def test_every_reply_of_a_bulk_can_be_told_in_a_thread_and_in_the_audit_channel(
    status: Status, what: str
) -> None:
    about = {"by": "U0ANN", "reason": "no", "explanation": "It ended.", "state": "done"}
    for told in (reply(bulk(status), what, about), audit_line(bulk(status), what, about)):
        assert check_message({"text": told.text, "blocks": told.blocks}) == []


def test_only_a_checked_plan_with_ready_rows_can_be_sent_on_and_only_by_the_digest_it_shows() -> None:
    button = f"R1.{'d' * 64}"
    assert button in str(drawn(bulk()).blocks)
    assert "bulk.send" not in str(drawn(bulk(rows=RowCounts(unchecked=1, ready=5))).blocks)
    assert "bulk.send" not in str(drawn(bulk(rows=RowCounts(refused=5))).blocks)
    assert "bulk.send" not in str(drawn(bulk(Status.PENDING)).blocks)


def test_approvers_decide_on_their_card_alone() -> None:
    assert "request.approve" in str(drawn(bulk(Status.PENDING), PlaceKind.CARD).blocks)
    assert "request.approve" not in str(drawn(bulk(Status.PENDING), PlaceKind.TWIN).blocks)


def test_the_counts_on_a_card_are_aligned_with_a_bar_for_whatever_there_is() -> None:
    lines = everything_in(drawn(bulk()).blocks).splitlines()
    numbers = [line for line in lines if line.startswith(("ready", "already so", "need a look", "refused"))]
    assert (
        len({line.rstrip(" █").rindex(line.split()[-2 if "█" in line else -1][-1]) for line in numbers}) == 1
    )
    assert all("█" in line for line in numbers[:4])
    assert max(map(len, numbers)) <= 44


@pytest.mark.parametrize("name", HOSTILE)
def test_a_files_name_does_nothing_on_a_card(name: str) -> None:
    wild, tame = drawn(bulk(name=name)), drawn(bulk(name="tame"))
    assert_inert(wild.text, tame.text)
    said = [b["text"]["text"] for b in wild.blocks if b["type"] == "section"]
    assert said == [b["text"]["text"] for b in tame.blocks if b["type"] == "section"]


def test_the_time_in_which_it_has_to_be_done_is_told_in_hours_and_minutes() -> None:
    asked = replace(bulk(Status.PENDING), apply_within=timedelta(hours=2, minutes=5))
    assert "within 2 h 5 min" in everything_in(drawn(asked).blocks)
    assert span(timedelta(seconds=1)) == "1 min"
    assert plan_of(asked).rows.total == 1250
