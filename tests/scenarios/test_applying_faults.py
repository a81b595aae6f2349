"""A vendor on a bad day, while an approved lock is written: what is done, sent and told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.app import Seams
from bot.sandbox.monogoto.faults import FaultKind
from bot.sandbox.stage import Stage, everything_in
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import (
    READ,
    WRITE,
    asked,
    check,
    check_audit,
    database,
    ended,
    entries,
    impatient,
    outcomes,
    puts,
    standing,
    until,
)

DONE = ("succeeded", "done")
FAILED = ("failed", "failed")
ANY = ("*", "/")


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def _approved(stage: Stage, *faults: tuple[tuple[str, str], FaultKind, int, float]):
    """A lock asked for and approved; the faults wait for its writing. The SIM and the card."""
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    for match, kind, times, seconds in faults:
        stage.monogoto.fail(match, kind, times, seconds=seconds)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    return sim, card


# --- the answer of the write is lost or worthless --------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "truncated_json"])
async def test_a_write_that_took_effect_without_a_good_answer_is_read_back_and_not_sent_again(
    stage: Stage, kind: FaultKind
) -> None:
    sim, card = await _approved(stage, (WRITE, kind, 1, 1.0))
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)


@pytest.mark.parametrize("kind", ["drop_before", "error_json", "error_html"])
async def test_a_write_that_did_not_arrive_is_sent_again_once_reading_shows_so(
    stage: Stage, kind: FaultKind
) -> None:
    sim, card = await _approved(stage, (WRITE, kind, 1, 1.0))
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=2)
    sends = [e["at"] for e in await entries(database(stage)) if e["event"] == "item.send"]
    assert sends[0] < sends[1]
    reads = [call for call in stage.monogoto.calls if (call.method, call.path[:14]) == READ]
    assert len(reads) >= 7


@pytest.mark.parametrize("kind", ["drop_before", "error_html"])
async def test_a_vendor_that_loses_every_write_is_given_up_and_the_sim_said_to_be_unchanged(
    stage: Stage, kind: FaultKind
) -> None:
    sim, card = await _approved(stage, (WRITE, kind, 20, 1.0))
    told = await check(
        stage, sim, card, end=FAILED, says="the SIM was not changed. Monogoto lost", writes=0, sent=3
    )
    assert "<html>" not in told


@pytest.mark.parametrize(("kind", "writes", "sent"), [("hang", 1, 2), ("hang_after", 1, 1)])
async def test_a_write_without_any_answer_is_read_back_when_its_time_is_over(
    open_stage: OpenStage, kind: FaultKind, writes: int, sent: int
) -> None:
    stage = await open_stage(seams=Seams(wrap_platform=impatient))
    sim, card = await _approved(stage, (WRITE, kind, 1, 1.0))
    await until(stage, lambda: outcomes(stage, card))
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=writes, sent=sent)


async def test_a_yes_that_did_not_stick_is_told_after_five_readings(stage: Stage) -> None:
    sim, card = await _approved(stage, (WRITE, "does_not_stick", 1, 1.0))
    told = await check(
        stage, sim, card, end=FAILED, says="the SIM was not changed. Monogoto said yes", writes=0, sent=1
    )
    assert "five readings" in told


async def test_a_page_of_html_with_status_200_is_no_proof(stage: Stage) -> None:
    sim, card = await _approved(stage, (WRITE, "html_200", 1, 1.0))
    await check(stage, sim, card, end=FAILED, says="the SIM was not changed", writes=0, sent=1)


# --- refused -----------------------------------------------------------------------------------------


async def test_an_account_that_may_not_write_fails_with_the_vendors_word_for_it(stage: Stage) -> None:
    stage.monogoto.settings.change(profile="monitor")
    sim, card = await _approved(stage)
    told = await check(stage, sim, card, end=FAILED, says="the SIM was not changed", writes=0, sent=1)
    assert "HTTP 403" in told
    assert "Forbidden" in told


async def test_a_refusal_on_a_busy_sim_still_names_the_vendors_word_for_it(stage: Stage) -> None:
    stage.monogoto.settings.change(profile="monitor")
    stage.monogoto.session_every(stage.monogoto.examples.fresh.iccid, 0)
    sim, card = await _approved(stage)
    told = await check(stage, sim, card, end=FAILED, says="the SIM was not changed", writes=0, sent=6)
    assert "HTTP 403" in told


# --- asked to slow down ------------------------------------------------------------------------------


async def test_a_429_on_the_write_is_waited_out_and_the_write_sent_again(stage: Stage) -> None:
    started = stage.clock.now()
    sim, card = await _approved(stage, (WRITE, "rate_limited", 2, 8.0))
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=3)
    assert stage.clock.now() - started >= timedelta(seconds=16)


async def test_a_429_on_reading_is_told_once_and_does_not_fail_the_request(stage: Stage) -> None:
    sim, card = await _away_after_approval(stage, "rate_limited", times=3)
    await ended(stage)
    assert standing(database(stage)) == [DONE]
    assert [text[:1] for text in outcomes(stage, card)] == ["⏳", "✅"]
    assert "slow down" in outcomes(stage, card)[0]
    assert len(stage.monogoto.writes[sim.iccid]) == 1


# --- log-in --------------------------------------------------------------------------------------------


async def test_tokens_that_expire_in_mid_flight_cost_one_log_in_however_many_calls_meet_it(
    stage: Stage,
) -> None:
    examples = stage.monogoto.examples
    sims = [examples.fresh, examples.online, examples.cleared, examples.odd_time]
    cards = [await asked(stage, sim) for sim in sims]
    before = _log_ins(stage)
    stage.monogoto.expire_tokens()
    for card in cards:
        await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    path = database(stage)
    await until(stage, lambda: standing(path) == [DONE] * 4)
    assert _log_ins(stage) == before + 1
    assert [len(stage.monogoto.writes[sim.iccid]) for sim in sims] == [1] * 4


async def test_a_token_that_expires_right_before_the_write_costs_one_log_in_and_one_write(
    stage: Stage,
) -> None:
    before = _log_ins(stage)
    sim, card = await _approved(stage, (WRITE, "unauthorized", 1, 1.0))
    await _check_after_log_in(stage, sim, card)
    assert _log_ins(stage) == before + 2  # the first of all, and the one after the 401


async def _check_after_log_in(stage: Stage, sim, card) -> None:
    """Two PUTs reached the vendor, one of them with a refused token: one attempt in the audit."""
    assert await ended(stage) == DONE
    assert len(stage.monogoto.writes[sim.iccid]) == 1
    assert puts(stage) == 2
    await check_audit(stage, sent=1, end="done")


async def test_a_log_in_that_is_refused_fails_the_request_unchanged_without_hammering(
    stage: Stage,
) -> None:
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    before = _log_ins(stage)
    stage.monogoto.fail(WRITE, "unauthorized", 5)
    stage.monogoto.fail(("POST", "/Auth"), "unauthorized", 50)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await check(stage, sim, card, end=FAILED, says="refuses the bot's log-in", writes=0, sent=1)
    assert _log_ins(stage) - before <= 2


def _log_ins(stage: Stage) -> int:
    return sum(1 for call in stage.monogoto.calls if call.path == "/Auth")


# --- away --------------------------------------------------------------------------------------------


async def _away_after_approval(stage: Stage, kind: FaultKind, *, times: int):
    """The vendor answers the approver's reading, and fails the readings of the execution."""
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    stage.monogoto.fail(("GET", "/thingsgroup/"), "latency", seconds=2.0)
    delivery = await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    assert delivery.acked
    calls = stage.monogoto.calls
    await until(stage, lambda: calls[-1].path.startswith("/thingsgroup/"), step=0.1)
    stage.monogoto.fail(ANY, kind, times, seconds=4.0)
    return sim, card


async def test_a_vendor_that_is_down_at_first_delays_the_change_and_says_so_once(stage: Stage) -> None:
    sim, card = await _away_after_approval(stage, "error_html", times=4)
    told = await until(stage, lambda: outcomes(stage, card))
    assert "the SIM is not changed yet" in told[0] or "The SIM is not changed yet" in told[0]
    assert "I keep trying until" in told[0]
    await until(stage, lambda: "not changed yet" in everything_in(card.blocks))
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
    assert [text[:1] for text in outcomes(stage, card)] == ["⏳", "✅"]
    assert [e["event"] for e in await entries(database(stage))].count("item.delay") == 1


async def test_a_vendor_that_stays_down_until_the_time_is_over_outdates_the_request_with_nothing_sent(
    stage: Stage,
) -> None:
    sim, card = await _away_after_approval(stage, "drop_before", times=100_000)
    await until(stage, lambda: outcomes(stage, card))
    stage.clock.advance(3601)
    await check(
        stage, sim, card, end=("outdated", "outdated"), says="the SIM was not changed", writes=0, sent=0
    )


async def test_a_group_that_cannot_be_read_for_a_moment_delays_and_does_not_outdate(stage: Stage) -> None:
    """Nothing has changed: to say that the group's lock is another one would be a lie."""
    sim, card = await _away_after_approval(stage, "latency", times=0)
    stage.monogoto.fail(("GET", "/thingsgroup/"), "error_html", 1)
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
    assert [text[:1] for text in outcomes(stage, card)] == ["⏳", "✅"]


async def test_a_vendor_that_falls_silent_after_the_write_leaves_it_unconfirmed_and_then_done(
    stage: Stage,
) -> None:
    sim, card = await _silent_after_the_write(stage, applied=True)
    await until(stage, lambda: standing(database(stage)) == [("unconfirmed", "unconfirmed")])
    first = await until(stage, lambda: outcomes(stage, card))
    assert "not known whether the SIM was changed" in first[0]
    await until(stage, lambda: "Not known yet" in everything_in(card.blocks))
    stage.monogoto.clear_faults()
    await until(stage, lambda: standing(database(stage)) == [DONE])
    await check(stage, sim, card, end=DONE, says="a later reading confirms it", writes=1, sent=1)


async def test_a_vendor_that_falls_silent_and_lost_the_write_ends_as_not_changed(stage: Stage) -> None:
    sim, card = await _silent_after_the_write(stage, applied=False)
    await until(stage, lambda: standing(database(stage)) == [("unconfirmed", "unconfirmed")])
    stage.monogoto.clear_faults()
    await until(stage, lambda: standing(database(stage)) == [FAILED])
    await check(stage, sim, card, end=FAILED, says="the SIM was not changed", writes=0, sent=1)


async def test_an_unconfirmed_sim_found_in_a_third_state_is_a_conflict_for_people(stage: Stage) -> None:
    sim, card = await _silent_after_the_write(stage, applied=False)
    await until(stage, lambda: standing(database(stage)) == [("unconfirmed", "unconfirmed")])
    other = stage.monogoto.examples.unused_imeis[0]
    stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=other)
    stage.monogoto.clear_faults()
    await until(stage, lambda: standing(database(stage)) == [("failed", "conflict")])
    await check(
        stage, sim, card, end=("failed", "conflict"), says="else changed this SIM's lock", writes=0, sent=1
    )


async def _silent_after_the_write(stage: Stage, *, applied: bool):
    """The write's answer is lost, and from then on the vendor answers nothing."""
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    stage.monogoto.fail(WRITE, "drop_after" if applied else "drop_before")
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: puts(stage), step=0.05)
    stage.monogoto.fail(ANY, "drop_before", 100_000)
    return sim, card


async def test_a_vendor_that_goes_down_between_reading_and_writing_is_tried_again_and_not_called_unknown(
    stage: Stage,
) -> None:
    """The connection was refused, so the write surely never left: there is nothing to be in doubt about."""
    sim, card = await _approved(stage, (WRITE, "rate_limited", 6, 1.0))
    path = database(stage)
    await until(stage, lambda: standing(path)[-1][1] == "sent" and puts(stage) == 6)
    stage.monogoto.fail(ANY, "drop_before", 2)
    await until(stage, lambda: any("done" in text for text in outcomes(stage, card)))
    assert [text[:1] for text in outcomes(stage, card)] == ["⏳", "✅"]
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=7)


async def test_a_vendor_that_needs_five_seconds_for_every_call_delays_nothing_else(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    stage.monogoto.fail_at_rate(ANY, "latency", 1.0, seconds=5.0)
    delivery = await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    assert delivery.acked
    assert delivery.seconds is not None
    assert delivery.seconds < 1
    await until(stage, lambda: outcomes(stage, card), step=0.5)
    stage.monogoto.clear_faults()
    await check(stage, sim, card, end=DONE, says="done. Locked to", writes=1, sent=1)
