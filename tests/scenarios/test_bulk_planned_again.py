"""What failed of a bulk, asked again, makes one plan a person; a form that came too late leaves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from bot.domain.errors import Unfit
from bot.domain.requests import Origin, Person
from bot.sandbox.stage import Stage
from bot.services.asking_again import AskingAgain
from bot.services.bulk_ports import Table
from bot.services.ports import Submission
from tests.conftest import OpenStage
from tests.scenarios import acts, bulks
from tests.scenarios.evidence import database, rows

ENG2 = Person("U0ENG2", "T0TEAM")
WHERE = Origin("C0FIELD")


async def a_bulk_with_a_failed_row(stage: Stage) -> AskingAgain:
    """One of its rows was changed elsewhere before it was applied."""
    iccids = await bulks.locks(stage, 30)
    stage.monogoto.console_edit(iccids[20], MasterIMEI="490154203237518", LockMasterImei=True)
    await bulks.until_status(stage, "partly_failed")
    assert stage.bot
    return stage.bot.desk.again


def plans(stage: Stage) -> list[tuple[str, str, str]]:
    query = "select status, reason, undoes from requests where id != ? order by number"
    return rows(database(stage), query, bulks.ID)


async def test_two_presses_make_one_plan_and_after_its_end_a_third_makes_another(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=200)
    again = await a_bulk_with_a_failed_row(stage)
    presses = (again.ask_again(ENG2, WHERE, bulks.ID) for _ in range(2))
    answers = await asyncio.gather(*presses, return_exceptions=True)
    first = next(answer for answer in answers if not isinstance(answer, BaseException))
    assert len(plans(stage)) == 1
    assert (await again.ask_again(ENG2, WHERE, bulks.ID)).id == first.id
    assert (await again.ask_again(bulks.REQUESTER, WHERE, bulks.ID)).id != first.id
    [card] = await stage.until(lambda: acts.cards_of(stage, first.id))
    await acts.cancel(stage, stage.person("U0ENG2"), card)
    await stage.until(lambda: "cancelled" in {state for state, _, _ in plans(stage)})
    assert (await again.ask_again(ENG2, WHERE, bulks.ID)).id != first.id
    assert len(plans(stage)) == 3


async def test_the_reason_names_one_earlier_bulk_and_what_is_undone_stays_so(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200)
    again = await a_bulk_with_a_failed_row(stage)
    assert stage.bot
    store = stage.bot.desk.store
    first = await store.request(bulks.ID)
    assert first
    reason = "Once more, what failed of CCCCCCCCCC: New boxes"
    async with store.transaction() as tx:
        await tx.advance(first, replace(first, reason=reason, undoes="DDDDDDDDDD"))
    await again.ask_again(ENG2, WHERE, bulks.ID)
    [(_, said, undoes)] = plans(stage)
    assert said == f"Once more, what failed of {bulks.ID}: New boxes"
    assert undoes == "DDDDDDDDDD"


async def test_asking_again_in_vain_is_in_the_audit_log(open_stage: OpenStage) -> None:
    stage = await open_stage()
    await bulks.locks(stage, 1)
    await bulks.until_status(stage, "succeeded")
    assert stage.bot
    with pytest.raises(Unfit):
        await stage.bot.desk.again.ask_again(ENG2, WHERE, bulks.ID)
    entries = [(event, outcome) for event, outcome, _ in await acts.audited(stage, bulks.ID)]
    assert ("request.plan", "refused") in entries


async def test_a_form_that_comes_too_late_leaves_no_half_read_rows_behind(open_stage: OpenStage) -> None:
    stage = await open_stage()
    iccids = stage.monogoto.iccids

    def cut_off() -> Iterator[tuple[int, tuple[str, ...]]]:
        yield from enumerate([("ICCID", "IMEI"), *((iccid, "unlock keep") for iccid in iccids * 10)][:450], 1)
        raise asyncio.CancelledError

    assert stage.bot
    desk, fields = stage.bot.desk, {"lines": "8944", "reason": "Two pallets"}
    form = Submission("AAAAAAAAAA", "k", ENG2, WHERE, "V0GONE", "lock_csv", fields, stage.clock.now())
    await desk.submissions.keep(form)
    with pytest.raises(asyncio.CancelledError):
        await desk.bulks.intake.plan_from_table(form, "sims.csv", lambda: cast("Table", cut_off()))
    kept = "select count(*) from items where request_id = 'AAAAAAAAAA'"
    assert rows(database(stage), kept) == [(400,)]
    await stage.stop_bot()
    stage.clock.advance(2 * 3600)
    await stage.start_bot()
    await stage.until(lambda: stage.whispers("U0ENG2"))
    assert rows(database(stage), kept) == [(0,)]
