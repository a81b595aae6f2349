"""A plan that is no longer true when it is sent on, and what its approvers get to see of its rows."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import timedelta

import pytest
from openpyxl import Workbook

from bot.domain.errors import Changed, Unfit
from bot.domain.requests import Origin, Person
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import POLICY, Stage
from bot.services.bulk_submission import BulkSubmissions
from tests.conftest import OpenStage
from tests.scenarios.acts import ask_lock, open_form, request_id_in, shown, submit
from tests.scenarios.bulk_acts import (
    approval_card,
    counted,
    planned,
    send_file,
    send_lines,
    send_on,
    status,
)
from tests.scenarios.evidence import database, rows
from tests.storage.by_hand import by_hand

ANN = Person("U0ENG1", "T0TEAM")
WHERE = Origin("C0FIELD")


def two_sims(stage: Stage) -> str:
    sims = stage.monogoto.examples
    return f"{sims.fresh.iccid} {sims.fresh.imei}\n{sims.online.iccid} {sims.online.imei}"


def digest_of(stage: Stage, request_id: str) -> str:
    [[seen]] = rows(database(stage), "select seen from requests where id = ?", request_id)
    return str(json.loads(seen)["plan"]["digest"])


def sending(stage: Stage) -> BulkSubmissions:
    assert stage.bot
    return stage.bot.desk.bulks.sending


def files(stage: Stage, card: Message) -> list[list[dict[str, str]]]:
    """The tables in the card's thread, the first one first."""
    found = [file for reply in stage.replies(card) for file in reply.files]
    texts = [stage.slack._state.files[file["id"]].content.decode("utf-8-sig") for file in found]
    return [list(csv.DictReader(io.StringIO(text))) for text in texts]


async def a_plan_with_a_sim_taken_elsewhere(stage: Stage) -> tuple[Message, str]:
    view = await send_lines(stage, stage.person("U0ENG1"), two_sims(stage))
    card = await planned(stage, view)
    await ask_lock(stage, stage.person("U0ENG2"), stage.monogoto.examples.fresh)
    return card, request_id_in(shown(view))


async def test_of_two_presses_at_once_on_a_plan_with_a_conflict_neither_sends_it_on(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    card, request_id = await a_plan_with_a_sim_taken_elsewhere(stage)
    digest = digest_of(stage, request_id)
    presses = (sending(stage).send(ANN, WHERE, request_id, digest) for _ in range(2))
    answers = await asyncio.gather(*presses, return_exceptions=True)
    assert all(isinstance(answer, (Changed, Unfit)) for answer in answers), answers
    await stage.until(lambda: counted(card)["ready"] == 1)
    assert status(stage, request_id) == "previewing"
    assert digest_of(stage, request_id) != digest


async def test_a_bot_that_ends_right_after_a_conflict_draws_the_plan_anew_at_its_start(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    card, request_id = await a_plan_with_a_sim_taken_elsewhere(stage)
    digest = digest_of(stage, request_id)
    assert stage.bot
    with pytest.raises(Changed):
        await sending(stage).send(ANN, WHERE, request_id, digest)
    assert digest_of(stage, request_id) != digest, "committed together with the rows"
    await stage.stop_bot()
    await stage.start_bot()
    await stage.until(lambda: counted(card)["ready"] == 1)
    assert counted(card)["need a look"] == 1
    await send_on(stage, stage.person("U0ENG1"), card)
    assert status(stage, request_id) == "pending"
    assert counted(await approval_card(stage, request_id))["ready"] == 1


async def test_a_plan_whose_rows_are_not_what_it_shows_is_never_sent_on(open_stage: OpenStage) -> None:
    stage = await open_stage()
    view = await send_lines(stage, stage.person("U0ENG1"), two_sims(stage))
    card, request_id = await planned(stage, view), request_id_in(shown(view))
    taint = "update items set fingerprint = 'another' where request_id = ? and position = 1"
    by_hand(stage.database_url, taint, given=(request_id,))
    await send_on(stage, stage.person("U0ENG1"), card)
    assert status(stage, request_id) == "previewing"
    assert rows(database(stage), "select count(*) from holds") == [(0,)]


async def test_a_plan_drawn_anew_has_a_new_file_and_the_time_at_which_its_rows_were_really_read(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    card, request_id = await a_plan_with_a_sim_taken_elsewhere(stage)

    def read_at() -> str:
        kept = rows(database(stage), "select seen from requests where id = ?", request_id)[0][0]
        return str(json.loads(str(kept))["read_at"])

    before = read_at()
    stage.clock.advance(timedelta(hours=1).total_seconds())
    await send_on(stage, stage.person("U0ENG1"), card)
    await stage.until(lambda: len(files(stage, card)) == 2)
    assert [row["Verdict"] for row in files(stage, card)[-1]] == ["needs a look", "ready"]
    assert read_at() == before


async def test_whoever_decides_in_another_channel_gets_the_rows_there_and_the_requester_not_twice(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=POLICY | {"approvals_channel": "C0APPROVALS"})
    view = await send_lines(stage, stage.person("U0ENG1"), two_sims(stage))
    card, request_id = await planned(stage, view), request_id_in(shown(view))
    await send_on(stage, stage.person("U0ENG1"), card)
    asked = await approval_card(stage, request_id)
    assert asked.channel == "C0APPROVALS"
    await stage.until(lambda: files(stage, asked))
    assert [[row["Verdict"] for row in table] for table in files(stage, asked)] == [["ready", "ready"]]
    assert len(files(stage, card)) == 1


async def test_what_was_passed_over_in_a_file_stands_on_its_card(open_stage: OpenStage) -> None:
    stage = await open_stage()
    sim = stage.monogoto.examples.fresh
    content = f"ICCID,IMEI,Depot\n# mine,,\n{sim.iccid},{sim.imei},seven\n".encode()
    card = await planned(stage, await send_file(stage, stage.person("U0ENG1"), content))
    assert 'Columns that were not read: "Depot".' in shown(card)
    assert "Left out: 1 line that starts with #." in shown(card)


async def test_of_a_workbook_with_two_filled_sheets_the_card_says_which_one_was_read(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    sim, book = stage.monogoto.examples.fresh, Workbook()
    for name in ("Depot 7", "Depot 8"):
        sheet = book.create_sheet(name)
        sheet.append(["ICCID", "IMEI"])
        sheet.append([sim.iccid, sim.imei])
    file = io.BytesIO()
    book.save(file)
    card = await planned(stage, await send_file(stage, stage.person("U0ENG1"), file.getvalue(), "d.xlsx"))
    assert 'Only the sheet "Depot 7" was read. Also filled: "Depot 8".' in shown(card)


async def test_pasted_lines_that_fill_their_field_are_not_taken_for_all(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-csv")
    assert "3,000 characters" in shown(view)
    answer = await submit(engineer, view, {"lines": "8" * 3000, "reason": "New"})
    assert "the last lines may be missing" in str(answer.errors)
