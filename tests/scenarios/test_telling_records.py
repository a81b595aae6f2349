"""A database or an audit that can't be written: nothing is sent, and the person can say what to look for."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage, everything_in
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import WRITE, asked, check, database, puts, rows, standing, until

pytestmark = pytest.mark.sqlite_only
DONE = ("succeeded", "done")
TABLES = ["audit", "outbox"]


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def _break(stage: Stage, table: str, change: str = "insert", when: str = "1") -> None:
    """From now on every such change of the table fails, as on a full disk."""
    fails = f"when {when} begin select json('no room left'); end"
    trigger = f"create trigger disk_full before {change} on {table} {fails}"
    await asyncio.to_thread(_change, database(stage), trigger)


async def _mend(stage: Stage) -> None:
    await asyncio.to_thread(_change, database(stage), "drop trigger disk_full")


def _change(path: Path, statement: str) -> None:
    """In a thread of its own: the bot may be in a transaction, and has to go on to end it."""
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute(statement)


async def _later(stage: Stage, seconds: float) -> None:
    end = stage.clock.now() + timedelta(seconds=seconds)
    await until(stage, lambda: stage.clock.now() >= end)


def _assert_in_log(told: str, log: str) -> None:
    reference = re.search(r"reference `?([0-9a-f]{8})", told)
    assert reference, told
    assert f"reference {reference[1]}" in log


@pytest.mark.parametrize("table", TABLES)
async def test_an_approval_that_cannot_be_recorded_sends_nothing_and_names_a_reference(
    stage: Stage, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    sim, approver = stage.monogoto.examples.fresh, stage.person("U0APP1")
    card = await asked(stage, sim)
    await _break(stage, table)
    await acts.approve(stage, approver, card)
    told = await acts.whisper(stage, approver, "Nothing was sent to Monogoto")
    _assert_in_log(told.text, caplog.text)
    assert standing(database(stage)) == [("pending", None)]
    await _mend(stage)
    await acts.approve(stage, approver, card)
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)


@pytest.mark.parametrize("table", TABLES)
async def test_a_request_that_cannot_be_recorded_gives_the_form_back_with_a_reference(
    stage: Stage, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await _break(stage, table)
    values = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}
    told = await acts.refused_form(stage, engineer, view, values)
    assert "Nothing was sent to Monogoto" in told
    _assert_in_log(told, caplog.text)
    assert standing(database(stage)) == []
    assert "Stolen box" in str(view.content)
    await _mend(stage)
    card = await acts.send_form(stage, engineer, view, {})
    assert "request.approve" in str(card.blocks)


async def test_a_form_that_cannot_be_kept_stays_open_with_a_reference(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-thing")
    await _break(stage, "submissions")
    values = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}
    result = await engineer.submit(view, values)
    (told,) = result.errors.values()
    assert told.startswith("Nothing was sent to Monogoto")
    assert "`" not in told, "a field's error is plain text"
    _assert_in_log(told, caplog.text)
    await _mend(stage)
    await acts.send_form(stage, engineer, view, values)


async def test_a_refusal_that_cannot_be_recorded_is_still_a_refusal(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    engineer = stage.person("U0ENG1")
    card = await acts.ask_lock(stage, engineer, stage.monogoto.examples.fresh)
    await _break(stage, "audit")
    await acts.approve(stage, engineer, card)
    told = await acts.whisper(stage, engineer)
    _assert_in_log(told.text, caplog.text)
    assert standing(database(stage)) == [("pending", None)]


async def test_an_audit_lost_after_the_approval_keeps_the_write_from_being_sent_until_it_is_back(
    stage: Stage,
) -> None:
    sim, path = stage.monogoto.examples.fresh, database(stage)
    card = await asked(stage, sim)
    stage.monogoto.fail(("GET", "/thing/"), "latency", times=2, seconds=3.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: standing(path)[-1][1] == "running" and stage.monogoto.in_flight, step=0.1)
    await _break(stage, "audit")
    await _later(stage, 30)
    assert puts(stage) == 0
    assert standing(path) == [("applying", "running")]
    await _mend(stage)
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)


async def test_an_audit_lost_while_the_write_is_on_its_way_leaves_a_doubt_that_is_read_out(
    stage: Stage,
) -> None:
    """The answer can't be recorded: the item stays `sent`, and is read before anything else is done."""
    sim, path = stage.monogoto.examples.fresh, database(stage)
    card = await asked(stage, sim)
    stage.monogoto.fail(WRITE, "latency", seconds=3.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: puts(stage), step=0.1)
    await _break(stage, "audit")
    await until(stage, lambda: stage.monogoto.writes[sim.iccid])
    await _later(stage, 30)
    assert standing(path) == [("applying", "sent")]
    await _mend(stage)
    await until(stage, lambda: standing(path) == [DONE])
    assert puts(stage) == len(stage.monogoto.writes[sim.iccid]) == 1
    told = await acts.outcome(stage, card)
    assert "a later reading confirms it" in told


async def _sent_and_left_unchecked(stage: Stage, who: Person, view: View, values: dict[str, str]) -> None:
    """Slack is asked who it is, and does not answer; then the bot is stopped."""
    await acts.idle(stage)
    stage.clock.advance(11)
    stage.slack.fail("users.info", timeout=True)
    asked_before = len(stage.slack.calls("users.info"))
    assert (await who.submit(view, values)).ok
    await until(stage, lambda: len(stage.slack.calls("users.info")) > asked_before)
    await stage.stop_bot()


async def test_a_form_left_unchecked_by_a_stopped_bot_is_answered_by_the_next(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-thing")
    values = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}
    await _sent_and_left_unchecked(stage, engineer, view, values)
    assert rows(database(stage), "select state from submissions") == [("checking",)]
    assert standing(database(stage)) == []
    await stage.start_bot()
    await until(stage, lambda: view.title == "Request posted")
    (card,) = stage.cards("C0FIELD")
    assert "request.approve" in str(card.blocks)


async def test_a_form_left_unchecked_that_turns_out_wrong_comes_back_with_what_was_typed(
    stage: Stage,
) -> None:
    engineer = stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-thing")
    unknown, imei = stage.monogoto.examples.unknown_iccid, stage.monogoto.examples.unused_imeis[0]
    values = {"iccid": unknown, "imei": imei, "reason": "Stolen box"}
    await _sent_and_left_unchecked(stage, engineer, view, values)
    await stage.start_bot()
    await until(stage, lambda: "No SIM of that ICCID" in everything_in(view.content))
    assert "Stolen box" in str(view.content)


# --- what was told, but could not be noted -----------------------------------------------------------


async def test_a_message_that_could_not_be_noted_as_sent_is_found_and_not_repeated(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    await _break(stage, "outbox", "update", "new.state = 'sent' and new.what = 'approved'")
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: "👍" in str([reply.text for reply in stage.replies(card)]))
    await _later(stage, 20)
    await _mend(stage)
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
    assert [reply.text[:1] for reply in stage.replies(card)] == ["👍", "✅"]


async def test_messages_that_cannot_be_begun_are_tried_at_leisure_and_arrive_in_the_end(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    await _break(stage, "outbox", "update", "new.state = 'sending'")
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: standing(database(stage)) == [DONE])
    before = caplog.text.count(" waits: ")
    await _later(stage, 60)
    assert caplog.text.count(" waits: ") - before <= 14
    await _mend(stage)
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
    assert [reply.text[:1] for reply in stage.replies(card)] == ["👍", "✅"]
