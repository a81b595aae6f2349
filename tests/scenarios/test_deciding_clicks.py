"""Approve, Deny, Cancel: who wins, and what everybody else hears."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.sandbox.slack.filling import NeedsConfirm
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    ask_unlock,
    audit_entries,
    audited,
    cancel,
    deny,
    form_of,
    idle,
    open_denial,
    outcome,
    outcomes,
    request_id_in,
    shown,
    submit,
    whisper,
)
from tests.scenarios.test_asking_places import policy

TWO = {"none": 2, "some": 2, "many": 2}


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def asked(stage: Stage) -> Message:
    return await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)


def puts(stage: Stage) -> int:
    return sum(call.method == "PUT" for call in stage.monogoto.calls)


def events(found: list[tuple[str, str, str]], prefix: str = "request.") -> list[tuple[str, str, str]]:
    return [entry for entry in found if entry[0].startswith(prefix)]


# --- approving -----------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_of_two_approvers_in_the_same_instant_one_wins_and_the_other_hears_who(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    card = await asked(stage)
    approvers = [stage.person("U0APP1"), stage.person("U0APP2")]
    await asyncio.gather(*(who.click(card, "request.approve") for who in approvers))
    await outcome(stage, card)
    await idle(stage)
    found = events(await audited(stage))
    (winner,) = [user for event, result, user in found if (event, result) == ("request.approve", "ok")]
    loser = next(who for who in approvers if who.id != winner)
    told = await whisper(stage, loser)
    assert f"Already approved by <@{winner}>" in told.text
    assert not stage.whispers(winner)
    assert ("request.approve", "refused", loser.id) in found
    assert puts(stage) == 1


async def test_of_two_approvals_needed_both_count_in_the_same_instant_and_one_put_leaves(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=policy(approvals=TWO))
    card = await asked(stage)
    approvers = [stage.person("U0APP1"), stage.person("U0APP2")]
    await asyncio.gather(*(who.click(card, "request.approve") for who in approvers))
    await outcome(stage, card)
    found = events(await audited(stage))
    assert sorted(user for event, _, user in found if event == "request.approve") == ["U0APP1", "U0APP2"]
    assert not stage.whispers("U0APP1")
    assert not stage.whispers("U0APP2")
    assert puts(stage) == 1


async def test_the_first_of_two_approvals_shows_on_the_card_and_applies_nothing(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=policy(approvals=TWO))
    card = await asked(stage)
    assert "2 approvals needed from <!subteam^S0APPROVERS>, <@U0ADMIN>" in shown(card)
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: "1 more approval needed" in shown(card))
    assert "approved by <@U0APP1>" in shown(card)
    await stage.settle(20)
    assert puts(stage) == 0
    assert [reply.text for reply in stage.replies(card)] == ["👍 Approved by <@U0APP1>. 1 more needed."]


async def test_the_same_person_never_counts_twice(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(approvals=TWO))
    card = await asked(stage)
    approver = stage.person("U0APP1")
    await asyncio.gather(*(approver.click(card, "request.approve") for _ in range(3)))
    told = await whisper(stage, approver, "You have approved this already")
    assert "1 more needed from others" in told.text
    await stage.settle(20)
    assert puts(stage) == 0
    entries = events(await audited(stage))
    assert entries.count(("request.approve", "ok", "U0APP1")) == 1
    assert entries.count(("request.approve", "refused", "U0APP1")) == 2


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_double_click_approves_once(open_stage: OpenStage, transport: str) -> None:
    stage = await open_stage(transport=transport)
    card = await asked(stage)
    approver = stage.person("U0APP1")
    await asyncio.gather(approver.click(card, "request.approve"), approver.click(card, "request.approve"))
    await outcome(stage, card)
    told = await whisper(stage, approver)
    assert "You have approved this already" in told.text or "Already approved by <@U0APP1>" in told.text
    assert puts(stage) == 1
    assert len(outcomes(stage, card)) == 1


async def test_approving_asks_sure_only_where_somebody_is_hurt(stage: Stage) -> None:
    kind = await asked(stage)
    hurting = await ask_unlock(stage, stage.person("U0ENG2"), stage.monogoto.examples.locked)
    approver = stage.person("U0APP1")
    with pytest.raises(NeedsConfirm) as sure:
        await approver.click(hurting, "request.approve")
    assert "the SIM loses its protection" in sure.value.dialog["text"]["text"]
    await approver.click(kind, "request.approve")
    assert "done" in await outcome(stage, kind)


async def test_the_buttons_go_with_the_decision(stage: Stage) -> None:
    card = await asked(stage)
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: "❓" not in shown(card))
    assert not [block for block in card.blocks if block["type"] == "actions"]


async def test_a_vendor_that_is_down_at_the_click_counts_no_approval(stage: Stage) -> None:
    card = await asked(stage)
    stage.monogoto.fail(("GET", "/thing/"), "error_html", 50)
    approver = stage.person("U0APP1")
    await approve(stage, approver, card)
    told = await whisper(stage, approver, "Monogoto can't be reached")
    assert "Your approval was not counted, and nothing was changed." in told.text
    assert "request.approve" in str(card.blocks)
    stage.monogoto.clear_faults()
    await approve(stage, approver, card)
    assert "done" in await outcome(stage, card)


# --- denying -------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_denial_asks_for_its_reason_and_ends_the_request(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    card = await asked(stage)
    view = await deny(stage, stage.person("U0APP1"), card, "Wrong box & <wrong> site")
    assert "Denied. Nothing was changed" in shown(view)
    (reply,) = await stage.until(lambda: stage.replies(card))
    assert reply.text.startswith("🚫 Denied by <@U0APP1>: Wrong box &amp; &lt;wrong&gt; site")
    assert "<@U0ENG1>, nothing was changed." in reply.text
    await stage.until(lambda: "Denied; nothing was changed" in card.text)
    assert "request.approve" not in str(card.blocks)
    (_, entry) = await audit_entries(stage, request_id_in(shown(card)))
    assert (entry["event"], entry["person"]["user_id"]) == ("request.deny", "U0APP1")
    assert entry["reason"] == "Wrong box & <wrong> site"
    assert entry["origin"] == {"channel": "C0FIELD", "message_ts": card.ts}


@pytest.mark.parametrize("blank", [" ", "\n \t"])
async def test_a_denial_without_a_reason_stays_open(stage: Stage, blank: str) -> None:
    card = await asked(stage)
    view = await open_denial(stage, stage.person("U0APP1"), card)
    result = await submit(stage.person("U0APP1"), view, {"reason": blank})
    assert result.errors == {"reason": "Say why: the person who asked reads it."}
    assert "request.approve" in str(card.blocks)


async def test_a_denial_that_comes_too_late_shows_who_won_and_keeps_the_text(stage: Stage) -> None:
    card = await asked(stage)
    slow = stage.person("U0APP2")
    view = await open_denial(stage, slow, card)
    await approve(stage, stage.person("U0APP1"), card)
    await submit(slow, view, {"reason": "Not this one"})
    await stage.until(lambda: "Already approved by <@U0APP1>" in shown(view))
    assert "> Not this one" in shown(view)
    assert not stage.whispers("U0APP2"), "said once, where they look"


async def test_a_denial_that_fails_gives_the_form_back_with_the_text(stage: Stage) -> None:
    card = await asked(stage)
    approver = stage.person("U0APP1")
    view = await open_denial(stage, approver, card)
    stage.clock.advance(11)
    stage.slack.fail("users.info", status=500, times=3)
    await submit(approver, view, {"reason": "Wrong box"})
    await stage.until(lambda: "Slack did not answer who you are" in shown(view))
    assert "Wrong box" in str(view.content)
    stage.slack.stop_failing()
    assert "request.approve" in str(card.blocks)


async def test_a_denial_whose_form_was_closed_tells_its_failure_privately(stage: Stage) -> None:
    card = await asked(stage)
    approver = stage.person("U0APP2")
    view = await open_denial(stage, approver, card)
    await approve(stage, stage.person("U0APP1"), card)
    payload = stage.slack.payloads.submission("U0APP2", view)
    payload["view"]["state"]["values"] = {"reason": {"reason": {"type": "x", "value": "Wrong box"}}}
    await approver.close(view)
    await stage.slack.deliver(payload)
    told = await whisper(stage, approver, "Already approved by <@U0APP1>")
    assert "> Wrong box" in told.text


# --- cancelling ----------------------------------------------------------------------------------


async def test_the_requester_takes_it_back(stage: Stage) -> None:
    card = await asked(stage)
    await cancel(stage, stage.person("U0ENG1"), card)
    await stage.until(lambda: "Cancelled; nothing was changed" in card.text)
    (reply,) = await stage.until(lambda: stage.replies(card))
    assert reply.text == "↩️ Cancelled by <@U0ENG1>. Nothing was changed."
    assert events(await audited(stage))[-1] == ("request.cancel", "ok", "U0ENG1")


@pytest.mark.parametrize("user_id", ["U0ENG2", "U0APP1", "U0ADMIN"])
async def test_nobody_else_cancels_a_request(stage: Stage, user_id: str) -> None:
    card = await asked(stage)
    await cancel(stage, stage.person(user_id), card)
    told = await whisper(stage, stage.person(user_id))
    assert told.text == "⛔ Only the person who asked can cancel a request. Ask <@U0ENG1>."
    assert "request.approve" in str(card.blocks)
    assert events(await audited(stage))[-1] == ("request.cancel", "refused", user_id)


async def test_cancelling_against_approving_has_one_winner(stage: Stage) -> None:
    card = await asked(stage)
    await asyncio.gather(
        stage.person("U0ENG1").click(card, "request.cancel", confirm=True),
        stage.person("U0APP1").click(card, "request.approve"),
    )
    await idle(stage)
    await stage.settle(20)
    won = [entry for entry in events(await audited(stage)) if entry[1] == "ok"]
    assert [event for event, _, _ in won][1:] in (["request.cancel"], ["request.approve"])
    assert puts(stage) == (1 if won[1][0] == "request.approve" else 0)


# --- in time -------------------------------------------------------------------------------------


async def test_a_request_that_nobody_decides_expires_by_itself(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(expires="30s"))
    card = await asked(stage)
    await stage.settle(45)
    await stage.until(lambda: "Expired undecided; nothing was changed" in card.text)
    (reply,) = await stage.until(lambda: stage.replies(card))
    assert reply.text.startswith("⌛ <@U0ENG1>, nobody decided in time.")
    assert "request.approve" not in str(card.blocks)
    assert events(await audited(stage))[-1] == ("request.expire", "ok", "")


async def test_a_late_click_finds_the_request_expired(stage: Stage) -> None:
    card = await asked(stage)
    stage.clock.advance(timedelta(hours=24, seconds=1).total_seconds())
    approver = stage.person("U0APP1")
    await approver.click(card, "request.approve")
    told = await whisper(stage, approver)
    assert told.text.startswith("⚠️ Expired") or told.text.startswith("Expired")
    assert "undecided. Nothing was changed; ask again." in told.text
    assert puts(stage) == 0
    found = events(await audited(stage))
    assert found.count(("request.expire", "ok", "")) == 1


async def test_expiry_against_approval_has_one_winner(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(expires="30s"))
    card = await asked(stage)
    stage.clock.advance(29.9)
    clicks = [stage.person(user).click(card, "request.approve") for user in ("U0APP1", "U0APP2")]
    clicking = asyncio.gather(*clicks)
    stage.clock.advance(0.2)
    await clicking
    await idle(stage)
    await stage.settle(20)
    won = [event for event, result, _ in events(await audited(stage)) if result == "ok"][1:]
    assert won in (["request.expire"], ["request.approve"])
    assert puts(stage) == (1 if won == ["request.approve"] else 0)


async def test_a_click_on_a_decided_request_hears_who_and_when(stage: Stage) -> None:
    card = await asked(stage)
    approver, late = stage.person("U0APP1"), stage.person("U0APP2")
    action = {"type": "button", "action_id": "request.approve", "block_id": "decision"}
    action["value"] = card.blocks[-1]["elements"][0]["value"]
    payload = stage.slack.payloads.message_action("U0APP2", card, action)
    await deny(stage, approver, card, "Wrong box")
    await stage.slack.deliver(payload)
    told = await whisper(stage, late)
    assert "Already denied by <@U0APP1> <!date^" in told.text


async def test_a_denial_that_slack_opens_too_late_says_to_press_again(stage: Stage) -> None:
    card = await asked(stage)
    stage.slack.fail("views.open", error="expired_trigger_id")
    approver = stage.person("U0APP1")
    await approver.click(card, "request.deny")
    told = await whisper(stage, approver)
    assert "Nothing was decided; press Deny again" in told.text
    await approver.click(card, "request.deny")
    await stage.until(lambda: form_of(approver))
