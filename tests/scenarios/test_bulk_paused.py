"""A paused bulk: what had left before comes to its end, and what had not stays where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bot.domain.requests import Origin
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios import acts, bulks, evidence

SLOW = {"MONOGOTO_MAX_RATE": "30"}


def pause(stage: Stage) -> asyncio.Task[Any]:
    """As the button does, without waiting for anything."""
    assert stage.bot
    steering = stage.bot.desk.steering
    return asyncio.ensure_future(steering.pause(bulks.APPROVER, Origin("C0FIELD"), bulks.ID))


def at_put(stage: Stage, number: int, do: Callable[[], Any]) -> list[Any]:
    """Do it when so many PUTs were answered, before anything else happens; what it returned."""
    done: list[Any] = []
    bulks.after_calls(stage, number, lambda: done.append(do()))
    return done


async def test_a_pause_while_the_last_row_is_under_way_does_not_keep_the_bulk_from_its_end(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, 1)
    at_put(stage, 1, lambda: pause(stage))
    await bulks.until_status(stage, "succeeded")
    assert bulks.states(stage) == {"done": 1}
    assert any("Paused by" in said for said in bulks.thread(stage))


async def test_what_was_sent_before_a_pause_is_read_until_it_is_clear(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, 30)
    at_put(stage, 1, lambda: stage.monogoto.fail_at_rate(("GET", "/thing"), "error_json", rate=1.0))
    await bulks.until_status(stage, "paused")
    assert bulks.states(stage) == {"unconfirmed": 1, "queued": 29}
    stage.monogoto.clear_faults()
    await stage.settle(120)
    assert bulks.status(stage) == "paused"
    assert bulks.states(stage) == {"done": 1, "queued": 29}
    assert "Paused after 1 of 30 SIMs" in acts.shown(bulks.card(stage))
    calls = len(stage.monogoto.calls)
    await stage.settle(600)
    assert len(stage.monogoto.calls) == calls  # nothing is in doubt: nothing is read any more


async def killed_in_a_pause(stage: Stage, number: int) -> None:
    """The bulk is paused while a PUT is under way, and then the process ends at once."""
    assert stage.bot
    pressed = at_put(stage, number, lambda: pause(stage))
    await evidence.until(stage, lambda: bool(pressed), step=0.05)
    await pressed[0]
    bot, stage.bot = stage.bot, None
    await bot.stop(patience=0)
    assert bulks.status(stage) == "paused"
    assert bulks.states(stage)["sent"] == 1


async def test_what_a_killed_process_had_sent_is_read_by_the_next_one_though_the_bulk_is_paused(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, 30)
    await killed_in_a_pause(stage, 1)
    await stage.start_bot()
    await stage.settle(60)
    assert bulks.status(stage) == "paused"
    assert bulks.states(stage) == {"done": 1, "queued": 29}


async def test_what_had_no_effect_is_not_sent_again_before_the_bulk_is_resumed(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    stage.monogoto.fail(("PUT", "/thing/update/"), "drop_before")
    iccids = await bulks.locks(stage, 30)
    await killed_in_a_pause(stage, 1)
    await stage.start_bot()
    await stage.settle(120)
    assert bulks.states(stage) == {"sent": 1, "queued": 29}
    assert not any(stage.monogoto.writes[iccid] for iccid in iccids)
    await stage.person("U0ENG1").click(bulks.card(stage), "bulk.resume", confirm=True)
    await bulks.until_status(stage, "succeeded")
    assert bulks.states(stage) == {"done": 30}
    assert all(len(stage.monogoto.writes[iccid]) == 1 for iccid in iccids)


async def test_what_waits_for_another_try_is_not_sent_once_the_bulk_is_paused(open_stage: OpenStage) -> None:
    """Also where that try has begun already: the SIM is being read, and then the bulk is paused."""
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, 30)
    await bulks.until_done(stage, 6)
    stage.monogoto.fail_at_rate(("PUT", "/thing/update/"), "rate_limited", rate=1.0)
    await evidence.until(stage, lambda: _waiting(stage) >= 3, step=0.2)
    stage.monogoto.clear_faults()
    calls, pressed = len(stage.monogoto.calls), []

    def reads_again() -> bool:
        return any(call.method == "GET" for call in list(stage.monogoto.calls)[calls:])

    await evidence.until(stage, reads_again, step=0.05)
    pressed.append(pause(stage))
    await pressed[0]
    left = evidence.puts(stage)
    await stage.settle(120)
    assert bulks.status(stage) == "paused"
    assert evidence.puts(stage) <= left + 1  # one may have been on its way
    assert bulks.states(stage).get("sent", 0) >= 2


async def test_what_waits_for_another_try_is_only_read_once_the_rest_is_cancelled(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    await bulks.locks(stage, 60)
    await bulks.until_done(stage, 6)
    stage.monogoto.fail_at_rate(("PUT", "/thing/update/"), "rate_limited", rate=1.0)
    await evidence.until(stage, lambda: _waiting(stage) >= 3, step=0.2)
    await pause(stage)
    stage.monogoto.clear_faults()
    await stage.settle(30)
    left = evidence.puts(stage)
    await stage.person("U0ENG1").click(bulks.card(stage), "bulk.cancel_rest", confirm=True)
    await bulks.until_status(stage, "partly_failed")
    assert evidence.puts(stage) == left
    assert bulks.states(stage).keys() == {"done", "failed", "skipped"}


def _waiting(stage: Stage) -> int:
    """Rows that were sent without effect, and wait for another try."""
    query = "select count(*) from items where state = 'sent' and next_at is not null"
    return int(evidence.rows(evidence.database(stage), query)[0][0])


async def test_resumed_before_its_slice_has_ended_it_still_begins_with_a_canary(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=200, settings=SLOW)
    iccids = await bulks.locks(stage, 100)

    async def pause_and_resume() -> None:
        await pause(stage)
        query = "select position from items where request_id = ? and state = 'queued'"
        for (position,) in evidence.rows(evidence.database(stage), query, bulks.ID):
            iccid = iccids[position - 1]
            stage.monogoto.console_edit(iccid, MasterIMEI="490154203237518", LockMasterImei=True)
        assert stage.bot
        await stage.bot.desk.steering.resume(bulks.APPROVER, Origin("C0FIELD"), bulks.ID)

    pressed = at_put(stage, 12, lambda: asyncio.ensure_future(pause_and_resume()))
    await evidence.until(stage, lambda: bool(pressed), step=0.1)
    await pressed[0]
    await bulks.until_status(stage, "paused")
    assert bulks.states(stage)["outdated"] == 1
