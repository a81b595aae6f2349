"""A bulk is applied row by row: each as a request of its own would be, all of them told on one card."""

from __future__ import annotations

from tests.conftest import OpenStage
from tests.scenarios import acts, bulks, evidence


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
