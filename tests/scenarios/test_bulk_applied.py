"""A bulk is applied row by row: each as a request of its own would be, all of them told on one card."""

from __future__ import annotations

import pytest

from tests.conftest import OpenStage
from tests.scenarios import acts, bulk_acts, bulks, evidence


@pytest.mark.both_stores
async def test_every_row_is_written_once_and_read_back(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200)
    iccids = await bulks.locks(stage, 60)
    assert await bulks.until_status(stage, "succeeded") == "succeeded"
    assert bulks.states(stage) == {"done": 60}
    for iccid in iccids:
        assert len(stage.monogoto.writes[iccid]) == 1
        assert stage.monogoto.thing(iccid)["LockMasterImei"] is True
    assert bulks.holds_left(stage) == 0
    found = await evidence.entries(evidence.database(stage))
    events = [e["event"] for e in found if e["request_id"] == bulks.ID]
    assert [events.count(name) for name in ("item.send", "item.answer", "item.end", "bulk.end")] == [
        60,
        60,
        60,
        1,
    ]
    assert "Done: all 60 SIMs are as asked" in acts.shown(bulks.card(stage))
    assert bulks.thread(stage)[-1].startswith("✅")


async def test_what_failed_can_be_asked_again_by_whoever_may_ask(open_stage: OpenStage) -> None:
    stage = await open_stage(things=200)
    iccids = await bulks.locks(stage, 30)
    stage.monogoto.console_edit(iccids[20], MasterIMEI="490154203237518", LockMasterImei=True)
    await bulks.until_status(stage, "partly_failed")
    card = bulks.card(stage)
    await stage.person("U0SUP1").click(card, "bulk.ask_again")
    assert "⛔" in await acts.told(stage, stage.person("U0SUP1"))
    await stage.person("U0ENG2").click(card, "bulk.ask_again")
    said = await acts.whisper(stage, stage.person("U0ENG2"), "checks those rows again")
    again = acts.request_id_in(said.text)
    await stage.until(
        lambda: bulk_acts.status(stage, again) == "previewing" and bulk_acts.card_of(stage, again)
    )
    assert bulk_acts.row_states(stage, again) == {"planned": 1}
    assert bulks.ID in acts.shown(bulk_acts.card_of(stage, again))
