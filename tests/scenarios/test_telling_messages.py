"""Cards and replies on Slack's bad days: they come late, they come once, and they say where they differ."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import POLICY, Stage, everything_in
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import asked, check, database, ended, meanwhile, really, standing, until, untold
from tests.storage.by_hand import by_hand

DONE = ("succeeded", "done")
POST, UPDATE = "chat.postMessage", "chat.update"
REPLACES = "replaces an earlier one"
HISTORY = {"channels:history", "groups:history"}


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def _asked(stage: Stage) -> Message:
    """A lock asked for, with Slack failing meanwhile as the test has planned; its latest card."""
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await acts.submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    await until(stage, lambda: standing(database(stage)) and not untold(database(stage)), within=600)
    return stage.cards("C0FIELD")[-1]


async def _approved(stage: Stage, card: Message) -> None:
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    assert await ended(stage, within=900) == DONE


def _marks(stage: Stage, card: Message) -> list[str]:
    return [reply.text[:1] for reply in stage.replies(card)]


# --- asked to slow down ------------------------------------------------------------------------------


async def test_a_card_that_slack_put_off_arrives_late_and_once(stage: Stage) -> None:
    before = stage.clock.now()
    stage.slack.rate_limit(POST, 20, times=2)
    card = await _asked(stage)
    assert (stage.clock.now() - before).total_seconds() >= 40
    assert len(stage.cards("C0FIELD")) == 1
    assert REPLACES not in everything_in(card.blocks)


async def test_a_confirmation_that_slack_put_off_arrives_late_once_and_in_order(stage: Stage) -> None:
    card = await _asked(stage)
    stage.slack.rate_limit(POST, 30, times=3)
    stage.slack.rate_limit(UPDATE, 30, times=2)
    await _approved(stage, card)
    assert _marks(stage, card) == ["👍", "✅"]
    assert "configured and read back" in card.text
    assert "request.approve" not in str(card.blocks)


async def test_several_requests_in_one_channel_keep_slacks_pace_by_themselves(stage: Stage) -> None:
    examples = stage.monogoto.examples
    sims = [examples.fresh, examples.online, examples.cleared]
    cards = [await asked(stage, sim) for sim in sims]
    for card in cards:
        await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    path = database(stage)
    await stage.until(lambda: standing(path) == [DONE] * 3 and not untold(path))
    assert [_marks(stage, card) for card in cards] == [["👍", "✅"]] * 3
    assert {call.status for call in stage.slack.requests} == {200}


# --- the answer is lost --------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [{"reset": True}, {"status": 500}, {"status": 503}])
async def test_a_card_whose_answer_was_lost_is_found_by_its_metadata(
    stage: Stage, lost: dict[str, Any]
) -> None:
    stage.slack.fail(POST, after_applying=True, **lost)
    card = await _asked(stage)
    await _approved(stage, card)
    assert len(stage.cards("C0FIELD")) == 1
    assert _marks(stage, card) == ["👍", "✅"]
    assert REPLACES not in everything_in(card.blocks)


async def test_a_lost_card_that_may_not_be_looked_for_is_posted_anew_and_says_so(stage: Stage) -> None:
    stage.slack.scopes.difference_update(HISTORY)
    stage.slack.fail(POST, reset=True, after_applying=True)
    card = await _asked(stage)
    first, second = stage.cards("C0FIELD")
    assert second is card
    assert REPLACES in everything_in(second.blocks)
    assert REPLACES not in everything_in(first.blocks)
    await _approved(stage, card)
    assert _marks(stage, card) == ["👍", "✅"]


async def test_a_card_whose_answers_are_always_lost_is_repeated_once_and_then_at_long_intervals(
    stage: Stage,
) -> None:
    stage.slack.scopes.difference_update(HISTORY)
    stage.slack.fail(POST, reset=True, after_applying=True, times=6)
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await acts.submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    await until(stage, lambda: len(stage.cards("C0FIELD")) == 2)
    began = stage.clock.now()
    await until(stage, lambda: (stage.clock.now() - began).total_seconds() >= 300)
    assert len(stage.cards("C0FIELD")) == 3
    await stage.person("U0APP1").click(stage.cards("C0FIELD")[0], "request.approve", confirm=True)
    await until(stage, lambda: standing(database(stage)) == [DONE])


async def test_a_card_in_doubt_lets_other_requests_of_its_channel_be_told(stage: Stage) -> None:
    stage.slack.scopes.difference_update(HISTORY)
    stage.slack.fail(POST, reset=True, after_applying=True, times=2)
    engineer, sims = stage.person("U0ENG1"), stage.monogoto.examples
    view = await acts.open_form(stage, engineer, "/lock-thing")
    values = {"iccid": sims.fresh.iccid, "imei": sims.fresh.imei, "reason": "Stolen box"}
    await acts.submit(engineer, view, values)
    await until(stage, lambda: len(stage.cards("C0FIELD")) == 2)
    began = stage.clock.now()
    await acts.ask_lock(stage, engineer, sims.online)
    assert (stage.clock.now() - began).total_seconds() < 60


async def test_a_card_in_doubt_when_the_bot_stops_is_looked_for_by_the_next(stage: Stage) -> None:
    stage.slack.fail(POST, reset=True, after_applying=True)
    stage.slack.fail("conversations.history", status=500)
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await acts.submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    await until(stage, lambda: stage.slack.calls("conversations.history"))
    await stage.stop_bot()
    await stage.start_bot()
    await until(stage, lambda: not untold(database(stage)))
    assert len(stage.cards("C0FIELD")) == 1


async def test_a_card_that_never_arrived_is_posted_once_slack_is_back(stage: Stage) -> None:
    stage.slack.fail(POST, status=500, times=3)
    card = await _asked(stage)
    assert len(stage.cards("C0FIELD")) == 1
    await _approved(stage, card)


async def test_a_reply_whose_answer_was_lost_is_found_in_the_thread(stage: Stage) -> None:
    card = await _asked(stage)
    stage.slack.fail(POST, reset=True, times=2, after_applying=True)
    await _approved(stage, card)
    assert _marks(stage, card) == ["👍", "✅"]


async def test_a_lost_reply_that_may_not_be_looked_for_is_repeated_and_says_so(stage: Stage) -> None:
    card = await _asked(stage)
    stage.slack.scopes.difference_update(HISTORY)
    stage.slack.fail(POST, reset=True, after_applying=True)
    await _approved(stage, card)
    assert _marks(stage, card) == ["👍", "👍", "✅"]
    first, second, last = (everything_in(reply.blocks) for reply in stage.replies(card))
    assert "You may read this twice" in second
    assert "twice" not in first + last


async def test_a_history_that_says_slow_down_is_asked_again_before_anything_is_repeated(
    stage: Stage,
) -> None:
    stage.slack.fail(POST, reset=True, after_applying=True)
    stage.slack.rate_limit("conversations.history", 10)
    await _asked(stage)
    assert len(stage.cards("C0FIELD")) == 1


async def test_a_redrawing_whose_answer_was_lost_is_drawn_again(stage: Stage) -> None:
    card = await _asked(stage)
    stage.slack.fail(UPDATE, reset=True, times=2)
    stage.slack.fail(UPDATE, status=500, times=2)
    await _approved(stage, card)
    assert "configured and read back" in card.text
    assert len(stage.cards("C0FIELD")) == 1


async def test_a_slack_that_is_down_for_minutes_is_told_everything_afterwards(stage: Stage) -> None:
    card = await _asked(stage)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await stage.until(lambda: standing(database(stage))[-1][0] != "pending")
    for method in (POST, UPDATE, "conversations.replies", "conversations.history"):
        stage.slack.fail(method, status=500, times=6)
    assert await ended(stage, within=1800) == DONE
    assert [mark for mark in _marks(stage, card) if mark == "✅"] == ["✅"]
    assert "configured and read back" in card.text


async def test_a_lost_direct_message_is_found_and_still_redrawn(open_stage: OpenStage) -> None:
    """Nobody in the channel may approve, so the cards go to the approvers themselves."""
    stage = await open_stage()
    stage.slack.workspace.channels["C0FIELD"].members[:] = ["U0ENG1", "U0BOT"]
    stage.slack.scopes.add("im:history")
    stage.slack.fail(POST, reset=True, after_applying=True)
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await acts.submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    await until(stage, lambda: standing(database(stage)) and not untold(database(stage)), within=600)
    (card,) = stage.cards("D0APP1")
    await _approved(stage, card)
    assert "configured and read back" in card.text
    assert [len(stage.cards(channel)) for channel in ("D0APP1", "D0APP2", "C0FIELD")] == [1, 1, 1]


# --- the card or its channel is gone ---------------------------------------------------------------------


async def _cancelled(stage: Stage) -> None:
    """The requester takes it back from the form, which needs no card."""
    engineer = stage.person("U0ENG1")
    await stage.until(lambda: engineer.modal.title == "Request posted")
    await engineer.click(engineer.modal, "request.cancel", confirm=True)
    assert (await ended(stage, within=600))[0] == "cancelled"


async def test_a_deleted_card_is_posted_anew_and_says_so(stage: Stage) -> None:
    card = await _asked(stage)
    card.deleted = True
    await _cancelled(stage)
    (new,) = stage.cards("C0FIELD")
    assert REPLACES in everything_in(new.blocks)
    assert "Cancelled" in new.text
    assert _marks(stage, new) == ["↩"]


async def test_a_card_deleted_just_before_a_reply_is_posted_anew_with_the_reply_below_it(
    stage: Stage,
) -> None:
    card = await _asked(stage)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await stage.until(lambda: "configured and read back" in card.text)
    card.deleted = True
    assert await ended(stage, within=600) == DONE
    (new,) = stage.cards("C0FIELD")
    assert REPLACES in everything_in(new.blocks)
    assert _marks(stage, new) == ["✅"]


async def test_a_card_in_an_archived_channel_moves_to_the_requester_and_says_so(stage: Stage) -> None:
    await _asked(stage)
    stage.slack.workspace.channels["C0FIELD"].is_archived = True
    await _cancelled(stage)
    (new,) = stage.cards("D0ENG1")
    assert REPLACES in everything_in(new.blocks)
    assert "Cancelled" in new.text
    assert _marks(stage, new) == ["↩"]


async def test_a_bot_thrown_out_of_the_channel_tells_the_requester_directly(stage: Stage) -> None:
    card = await _asked(stage)
    stage.slack.rate_limit(POST, 15)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await stage.until(lambda: standing(database(stage)) == [DONE])
    stage.slack.workspace.channels["C0FIELD"].members.remove("U0BOT")
    assert await ended(stage, within=600) == DONE
    (new,) = stage.cards("D0ENG1")
    assert REPLACES in everything_in(new.blocks)
    assert "✅" in _marks(stage, new)


async def test_an_approvals_channel_that_was_archived_gives_way_to_where_it_was_asked(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=POLICY | {"approvals_channel": "C0APPROVALS"})
    await _asked(stage)
    (card,) = stage.cards("C0APPROVALS")
    stage.slack.workspace.channels["C0APPROVALS"].is_archived = True
    await _cancelled(stage)
    moved = [c for c in stage.cards("C0FIELD") if REPLACES in everything_in(c.blocks)]
    assert len(moved) == 1
    assert "Cancelled" in moved[0].text
    assert "Cancelled" not in card.text


# --- refused for no reason that the bot knows --------------------------------------------------------


async def test_a_card_that_may_not_be_redrawn_holds_up_no_reply_and_is_redrawn_when_it_may(
    stage: Stage,
) -> None:
    card = await _asked(stage)
    stage.slack.fail(UPDATE, error="restricted_action", times=4)
    began = stage.clock.now()
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: _marks(stage, card) == ["👍", "✅"])
    assert (stage.clock.now() - began).total_seconds() < 60
    assert "request.approve" in str(card.blocks)
    assert await ended(stage, within=900) == DONE
    assert "configured and read back" in card.text


async def test_a_card_that_a_channel_refuses_goes_to_the_requester_with_what_came_of_it(
    stage: Stage,
) -> None:
    stage.slack.fail(POST, error="restricted_action", times=2)
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await acts.submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    (card,) = await stage.until(lambda: stage.cards("D0ENG1"))
    assert stage.cards("C0FIELD") == []
    assert REPLACES in everything_in(card.blocks)
    await _cancelled(stage)
    assert _marks(stage, card) == ["↩"]


async def test_a_card_refused_everywhere_leaves_a_plain_message_that_can_cancel_and_is_told_the_end(
    stage: Stage,
) -> None:
    stage.slack.fail(POST, error="restricted_action", times=4)
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await acts.submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    (plain,) = await stage.until(lambda: stage.cards("D0ENG1"))
    assert "Slack refused to show the card" in plain.text
    assert acts.request_id_in(plain.text)
    stage.slack.fail(UPDATE, error="restricted_action", times=2)
    await engineer.click(plain, "request.cancel", confirm=True)
    assert (await ended(stage, within=600))[0] == "cancelled"
    assert _marks(stage, plain) == ["↩"]


async def test_when_no_card_can_ever_be_posted_the_end_is_still_told_to_the_requester(
    stage: Stage,
) -> None:
    stage.slack.fail(POST, error="restricted_action", times=9)
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await acts.submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    path = database(stage)
    await until(stage, lambda: standing(path) and not untold(path), within=600)
    assert stage.cards("D0ENG1") == stage.cards("C0FIELD") == []
    await _cancelled(stage)
    told = [message.text for message in stage.cards("D0ENG1")]
    assert any("Cancelled by" in text and sim.iccid[-4:] in text for text in told)


# --- start-up ----------------------------------------------------------------------------------------


async def test_a_card_that_disagrees_with_the_database_is_redrawn_at_the_start(stage: Stage) -> None:
    card = await _asked(stage)
    pending = (card.text, list(card.blocks))
    await _approved(stage, card)
    await stage.stop_bot()
    card.text, card.blocks = pending
    by_hand(stage.database_url, "update places set drawn_rev = 1")
    await stage.start_bot()
    await stage.until(lambda: "configured and read back" in card.text)
    assert "request.approve" not in str(card.blocks)
    assert _marks(stage, card) == ["👍", "✅"]


async def test_messages_that_a_stopped_bot_had_not_told_are_told_by_the_next(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _asked(stage)
    stage.slack.rate_limit(POST, 60)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await stage.until(lambda: standing(database(stage)) == [DONE])
    await stage.stop_bot()
    assert untold(database(stage))
    await stage.start_bot()
    assert await ended(stage, within=900) == DONE
    assert _marks(stage, card) == ["👍", "✅"]
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)


# --- the socket ----------------------------------------------------------------------------------------


async def test_a_socket_dropped_while_a_request_is_applied_loses_nothing(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _asked(stage)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    stage.slack.drop_sockets()
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
    await stage.slack.connected()
    help_ = await stage.person("U0ENG1").command("/imei", "help")
    assert help_.acked


async def test_a_click_into_a_silent_socket_can_be_repeated_and_counts_once(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _asked(stage)
    stage.slack.stall_sockets()
    lost = stage.person("U0APP1").click(card, "request.approve", confirm=True)
    assert not (await meanwhile(stage, lost)).acked
    await really(lambda: len(stage.slack.calls("apps.connections.open")) == 2 and stage.slack.sockets == 1)
    await really(lambda: stage.bot.transport.last_pong_age() is not None)
    again = await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    assert again.acked
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
