"""What changes between request, approval and writing: nothing is applied that nobody approved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import Stage, everything_in
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import (
    READ,
    WRITE,
    asked,
    check,
    database,
    ended,
    entries,
    outcomes,
    puts,
    standing,
    until,
)

DONE = ("succeeded", "done")
OUTDATED = ("outdated", "outdated")
GROUP = ("GET", "/thingsgroup/")


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def _meanwhile(stage: Stage, sim: Example, happens: Callable[[], Any], *, imei: str = "") -> Message:
    """It happens after the approver's click was checked, and before the execution reads anything.

    Slack tells the bot that people's groups changed, so that roles read for the click are read again.
    """
    card = await asked(stage, sim, imei or None)
    stage.monogoto.fail(GROUP, "latency", seconds=8.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: stage.monogoto.calls[-1].path.startswith(GROUP[1]), step=0.1)
    happens()
    await stage.slack.deliver(stage.slack.payloads.members_changed("S0APPROVERS", [], []))
    await until(stage, lambda: standing(database(stage))[-1][0] != "pending")
    return card


# --- before the write --------------------------------------------------------------------------------


async def test_a_change_at_the_console_before_the_approval_is_shown_and_approved_anew(stage: Stage) -> None:
    sim, other = stage.monogoto.examples.fresh, stage.monogoto.examples.unused_imeis[0]
    card = await asked(stage, sim)
    stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=other)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.whisper(stage, stage.person("U0APP1"), "Nothing was approved")
    assert standing(database(stage)) == [("pending", None)]
    await stage.until(lambda: other[-7:-1] in everything_in(card.blocks))
    await acts.approve(stage, stage.person("U0APP1"), card)
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)


async def test_another_lock_set_at_the_console_after_the_approval_outdates_it(stage: Stage) -> None:
    sim, other = stage.monogoto.examples.fresh, stage.monogoto.examples.unused_imeis[0]
    card = await _meanwhile(
        stage, sim, lambda: stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=other)
    )
    told = await check(
        stage, sim, card, end=OUTDATED, says="the SIM was not changed. When it was", writes=0, sent=0
    )
    assert other[8:14] in told
    assert "Not changed" in everything_in(card.blocks)
    assert stage.monogoto.thing(sim.iccid)["MasterIMEI"] == other


async def test_the_same_change_made_at_the_console_meanwhile_is_said_and_nothing_sent(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _meanwhile(
        stage, sim, lambda: stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=sim.imei)
    )
    end = ("succeeded", "already")
    await check(stage, sim, card, end=end, says="was already configured as asked", writes=0, sent=0)
    assert "Nothing had to be changed" in everything_in(card.blocks)


async def test_a_lock_put_on_the_group_after_the_approval_outdates_it(stage: Stage) -> None:
    sim, path = stage.monogoto.examples.fresh, database(stage)
    card = await asked(stage, sim)
    stage.monogoto.fail(READ, "latency", times=2, seconds=3.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: standing(path)[-1][1] == "running" and stage.monogoto.in_flight, step=0.1)
    stage.monogoto.console_edit_group(sim.group_id, LockMasterImei=True, IMEIPrefix="35000000")
    await check(stage, sim, card, end=OUTDATED, says="lock of its group", writes=0, sent=0)


async def test_a_sim_seen_in_another_device_after_the_approval_outdates_it(stage: Stage) -> None:
    """The approver agreed to a lock that the device in use survives; now it would not."""
    sim, other = stage.monogoto.examples.fresh, stage.monogoto.examples.unused_imeis[0]
    card = await _meanwhile(stage, sim, lambda: stage.monogoto.data_session(sim.iccid, other))
    await check(stage, sim, card, end=OUTDATED, says="seen in another device", writes=0, sent=0)


async def test_a_sim_seen_in_the_wanted_device_after_the_approval_is_locked_all_the_same(
    stage: Stage,
) -> None:
    """Better than what was approved: nobody loses service any more."""
    sim, wanted = stage.monogoto.examples.fresh, stage.monogoto.examples.unused_imeis[0]
    card = await _meanwhile(stage, sim, lambda: stage.monogoto.data_session(sim.iccid, wanted), imei=wanted)
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)


# --- during the write --------------------------------------------------------------------------------


async def _during_the_write(stage: Stage, sim: Example, happens: Callable[[], Any]) -> Message:
    """It happens while the write is on its way."""
    card = await asked(stage, sim)
    stage.monogoto.fail(WRITE, "latency", seconds=3.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: puts(stage), step=0.1)
    happens()
    return card


async def test_another_lock_set_while_the_write_is_on_its_way_is_not_overwritten(stage: Stage) -> None:
    sim, other = stage.monogoto.examples.fresh, stage.monogoto.examples.unused_imeis[0]
    card = await _during_the_write(
        stage, sim, lambda: stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=other)
    )
    await check(stage, sim, card, end=OUTDATED, says="else changed this SIM's lock", writes=0, sent=1)
    assert stage.monogoto.thing(sim.iccid)["MasterIMEI"] == other


async def test_the_same_change_made_while_the_write_is_on_its_way_counts_as_already_done(
    stage: Stage,
) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _during_the_write(
        stage, sim, lambda: stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=sim.imei)
    )
    end = ("succeeded", "already")
    await check(stage, sim, card, end=end, says="was already configured as asked", writes=0, sent=1)


async def test_a_third_lock_found_after_a_lost_answer_is_a_conflict_and_left_to_people(stage: Stage) -> None:
    sim, other = stage.monogoto.examples.fresh, stage.monogoto.examples.unused_imeis[0]
    card = await asked(stage, sim)
    stage.monogoto.fail(WRITE, "drop_after")
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: stage.monogoto.writes[sim.iccid], step=0.05)
    stage.monogoto.console_edit(sim.iccid, MasterIMEI=other)
    end = ("failed", "conflict")
    told = await check(stage, sim, card, end=end, says="else changed this SIM's lock", writes=1, sent=1)
    assert other[8:14] in told
    assert "Changed by somebody else meanwhile" in everything_in(card.blocks)


# --- who may -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "says"),
    [("S0ENGINEERS", "person who asked may no longer"), ("S0APPROVERS", "who approved may no longer")],
)
async def test_a_role_taken_away_between_approval_and_execution_outdates_the_request(
    stage: Stage, group: str, says: str
) -> None:
    sim = stage.monogoto.examples.fresh
    gone = {"U0ENG1", "U0APP1"}
    members = stage.slack.workspace.groups[group].users
    left = [user for user in members if user not in gone]
    card = await _meanwhile(stage, sim, lambda: members.__setitem__(slice(None), left))
    await check(stage, sim, card, end=OUTDATED, says=says, writes=0, sent=0)


async def test_an_approver_deactivated_between_approval_and_execution_outdates_the_request(
    stage: Stage,
) -> None:
    sim = stage.monogoto.examples.fresh
    approver = stage.slack.workspace.users["U0APP1"]
    card = await _meanwhile(stage, sim, lambda: setattr(approver, "deleted", True))
    await check(stage, sim, card, end=OUTDATED, says="who approved may no longer", writes=0, sent=0)


async def test_a_slack_that_does_not_say_who_holds_a_role_delays_the_change(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _meanwhile(
        stage, sim, lambda: stage.slack.fail("usergroups.users.list", status=500, times=6)
    )
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
    told = outcomes(stage, card)
    assert [text[:1] for text in told] == ["⏳", "✅"]
    assert "The SIM is not changed yet. Slack did not answer" in told[0]


# --- in time -----------------------------------------------------------------------------------------


async def test_an_approved_request_that_meets_a_stopped_bot_for_too_long_is_never_applied(
    stage: Stage,
) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _meanwhile(stage, sim, lambda: stage.monogoto.fail(READ, "error_html", 1))
    await stage.until(lambda: standing(database(stage)) == [("applying", "queued")])
    await stage.stop_bot()
    stage.clock.advance(3601)
    await stage.start_bot()
    told = await check(stage, sim, card, end=OUTDATED, says="the SIM was not changed", writes=0, sent=0)
    assert "is over" in told


async def test_an_approved_request_that_meets_a_stopped_bot_for_a_while_is_applied_at_its_start(
    stage: Stage,
) -> None:
    sim = stage.monogoto.examples.fresh
    card = await _meanwhile(stage, sim, lambda: stage.monogoto.fail(READ, "error_html", 1))
    await stage.until(lambda: standing(database(stage)) == [("applying", "queued")])
    await stage.stop_bot()
    stage.clock.advance(600)
    await stage.start_bot()
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)


async def test_every_attempt_is_in_the_audit_with_who_what_and_what_the_vendor_said(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    stage.monogoto.fail(WRITE, "cas_moves_first")
    await acts.approve(stage, stage.person("U0APP1"), card)
    assert await ended(stage) == DONE
    found = await entries(database(stage))
    names = [(e["event"], e["outcome"], e["person"]["user_id"]) for e in found]
    attempt = [("item.send", "sent", ""), ("item.answer", "answered", "")]
    assert names == [
        ("request.submit", "ok", "U0ENG1"),
        ("request.approve", "ok", "U0APP1"),
        *attempt,
        *attempt,
        ("item.end", "done", ""),
    ]
    assert {e["request_id"] for e in found} == {acts.request_id_in(acts.shown(card))}
    assert {e["thing_id"] for e in found} == {f"ThingId_ICCID_{sim.iccid}"}
    assert found[1]["origin"] == {"channel": "C0FIELD", "message_ts": card.ts}
    sent, refused, _, accepted = found[2:6]
    assert sent["before"] == {"imei_lock": "false", "locked_imei": ""}
    assert sent["after"] == {"imei_lock": "true", "locked_imei": sim.imei}
    assert "409" in refused["answer"]
    assert accepted["answer"] == "2xx"
