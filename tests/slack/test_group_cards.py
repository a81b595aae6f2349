"""Cards of requests about Things Groups: the question, both values, and that whom it hurts is not counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.changes import GroupChange, LockThingsGroup, UnlockThingsGroup
from bot.domain.identifiers import Tac, ThingsGroupId
from bot.domain.impact import Verdict
from bot.domain.requests import ItemState, Status
from bot.slack import ids
from bot.slack.replies import audit_line, reply
from tests.slack.hostile import HOSTILE, assert_inert
from tests.slack.test_cards import WIDTH_OF_A_PHONE, buttons, card, facts, mrkdwn_in, standing, text_of
from tests.storage.samples import group_request, things_group

ID = ThingsGroupId("ThingsGroupId_ad766b40-9577-4d91-4679-01664c6834d9")
TAC = "35305311"
LOCK = LockThingsGroup(ID, Tac(TAC))
KEEP = UnlockThingsGroup(ID, keep=True)
CLEAR = UnlockThingsGroup(ID, keep=False)
CHANGES = pytest.mark.parametrize("change", [LOCK, KEEP, CLEAR], ids=["lock", "keep", "clear"])
OPEN: dict[str, Any] = {"things_group_id": ID.text}
LOCKED: dict[str, Any] = OPEN | {"imei_lock": True, "tac": TAC}
STORED: dict[str, Any] = OPEN | {"tac": TAC}


@CHANGES
@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_card_whose_facts_fit_a_phone(status: Status, change: GroupChange) -> None:
    for fields in (OPEN, LOCKED, STORED):
        asked = group_request(change, on=things_group(**fields))
        stands = standing(status, change)
        drawn = card(replace(asked, status=status, decisions=stands.decisions, item=stands.item))
        assert max(map(len, facts(drawn))) <= WIDTH_OF_A_PHONE
        assert "SIM as read" not in text_of(drawn)


@pytest.mark.parametrize(
    ("change", "fields", "question", "now", "after"),
    [
        (LOCK, OPEN, "Lock this group to one range of devices?", "unlocked", f"locked to TAC {TAC}"),
        (KEEP, LOCKED, "Unlock this group?", f"locked to TAC {TAC}", f"unlocked (TAC {TAC} kept)"),
        (CLEAR, LOCKED, "Unlock this group?", f"locked to TAC {TAC}", "unlocked, TAC cleared"),
        (CLEAR, STORED, "Clear the stored TAC?", f"unlocked (TAC {TAC} kept)", "unlocked, TAC cleared"),
    ],
)
def test_the_question_and_both_values_stand_on_the_card(
    change: GroupChange, fields: dict[str, Any], question: str, now: str, after: str
) -> None:
    drawn = card(group_request(change, on=things_group(**fields)))
    lines = dict(line.split(maxsplit=1) for line in facts(drawn))
    assert question in drawn.blocks[0]["text"]["text"]
    assert (lines["now"], lines["after"]) == (now, after)
    assert lines["id"] == ID.text.removeprefix("ThingsGroupId_")


def test_a_card_says_that_nobody_has_counted_and_that_other_locks_stay() -> None:
    said = text_of(card(group_request(LOCK)))
    assert f"outside TAC {TAC} loses service" in said
    assert "it counts as many" in said
    assert "may have locks of their own" in said


@pytest.mark.parametrize(("change", "fields"), [(LOCK, OPEN), (KEEP, LOCKED), (CLEAR, STORED)])
def test_approving_asks_whether_one_is_sure_unless_nobody_is_affected(
    change: GroupChange, fields: dict[str, Any]
) -> None:
    asked = group_request(change, on=things_group(**fields))
    sure = "confirm" in buttons(card(asked))[ids.APPROVE]
    assert sure == (asked.impact.verdict is not Verdict.KEEPS)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_groups_name_reaches_out_of_no_card_and_no_reply(name: str) -> None:
    for drawn in (card, lambda r: reply(r, "redrawn", {}), lambda r: audit_line(r, "expired", {})):
        wild, tame = (drawn(group_request(LOCK, on=things_group(name=text))) for text in (name, "tame"))
        for said, expected in zip(mrkdwn_in(wild.blocks), mrkdwn_in(tame.blocks), strict=True):
            assert_inert(said, expected)
        assert_inert(wild.text, tame.text)


def test_an_alarm_goes_before_the_good_news() -> None:
    asked = replace(group_request(LOCK), status=Status.SUCCEEDED)
    about = {"state": ItemState.DONE.value, "explanation": "Read back.", "alarm": "1"}
    assert reply(asked, "outcome", about).text.startswith("⚠️ <@U0ANN>, done. Locked to TAC 35305311.")
    calm = reply(asked, "outcome", about | {"alarm": ""}).text
    assert calm.startswith("✅ <@U0ANN>, done.")


def test_the_words_of_a_clearing_name_the_tac_and_the_group() -> None:
    asked = replace(group_request(CLEAR, on=things_group(**STORED)), status=Status.SUCCEEDED)
    told = reply(asked, "outcome", {"state": ItemState.DONE.value, "explanation": "So."}).text
    assert "Stored TAC cleared; the group was not locked before and is not now" in told
