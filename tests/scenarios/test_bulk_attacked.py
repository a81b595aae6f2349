"""Files and forms that are not what they say: each ends in one sentence, one audit entry, and no change."""

from __future__ import annotations

import json

import pytest

from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.bulk_acts import send_file
from tests.scenarios.evidence import database, ended, puts, rows
from tests.sheets.test_workbooks import FIRST_SHEET, GOOD, SHEET, with_part


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """Both transports carry the same forms: one is enough here."""
    return await open_stage()


async def test_a_workbook_that_unpacks_to_gigabytes_gives_the_form_back(stage: Stage) -> None:
    """70 kB that a parser makes five gigabytes of."""
    body = '<row r="1">' + "<c/>" * 2_000_000 + "</row>"
    bomb = with_part(GOOD, FIRST_SHEET, (SHEET % body).encode())
    assert len(bomb) < 20_000
    view = await send_file(stage, stage.person("U0ENG1"), bomb, "sims.xlsx")
    assert "too large once unpacked" in acts.shown(view)
    assert rows(database(stage), "select count(*) from requests") == [(0,)]


async def test_a_file_that_is_gone_before_it_is_read_is_told(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-csv")
    [file] = await engineer.upload(view, "file", "sims.csv", b"ICCID,IMEI\n89,1")
    del stage.slack._state.files[file["id"]]
    said = await acts.refused_form(stage, engineer, view, {"reason": "New"})
    assert "did not hand the file over" in said
    assert acts.form_of(engineer) is not None


@pytest.mark.parametrize("forged", ["ZZZZZZZZZZ", "", "' or 1=1 --", "R" * 300])
async def test_a_forged_undo_form_asks_for_nothing_and_is_in_the_audit_log(stage: Stage, forged: str) -> None:
    engineer, sim = stage.person("U0ENG1"), stage.monogoto.examples.fresh
    card = await acts.ask_lock(stage, engineer, sim)
    await acts.approve(stage, stage.person("U0APP1"), card)
    assert await ended(stage) == ("succeeded", "done")
    await stage.until(lambda: "request.undo" in str(card.blocks))
    await engineer.click(card, "request.undo")
    view = await stage.until(lambda: acts.form_of(engineer))
    kept = json.loads(view.content["private_metadata"])
    view.content["private_metadata"] = json.dumps(kept | {"request": forged})
    await acts.refused_form(stage, engineer, view, {"reason": "Mine now"})
    last = (await acts.audit_entries(stage))[-1]
    assert (last["event"], last["outcome"]) == ("request.undo", "refused")
    assert puts(stage) == 1
    assert rows(database(stage), "select count(*) from requests") == [(1,)]
