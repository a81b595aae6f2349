"""A bulk is applied row by row: each as a request of its own would be, all of them told on one card."""

from __future__ import annotations

import asyncio

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


async def test_at_the_usual_pace_three_bulks_leave_a_groups_count_its_turn(open_stage: OpenStage) -> None:
    stage = await open_stage(things=900, settings={"MONOGOTO_MAX_RATE": "5"})
    iccids, each = bulks.unlocked(stage.monogoto, 180), 60
    ids = ("BULKONE", "BULKTWO", "BULKTHREE")
    for number, bulk_id in enumerate(ids):
        changes = [
            bulks.lock_to_last_seen(stage.monogoto, iccid)
            for iccid in iccids[number * each : (number + 1) * each]
        ]
        await bulks.approved(stage, changes, bulk_id=bulk_id)
    begun: list[None] = []
    bulks.after_calls(stage, 33, lambda: begun.append(None))  # all canaries are over
    await evidence.until(stage, lambda: bool(begun), step=0.2)
    text = f"{stage.monogoto.examples.open_group} 35305311"
    view = await acts.open_form(stage, stage.person("U0ENG1"), "/lock-group", text)
    asked = stage.clock.now()
    asking = asyncio.create_task(acts.submit(stage.person("U0ENG1"), view, {"reason": "One model"}))

    def listed() -> bool:
        return any(call.path == "/things" for call in stage.monogoto.calls)

    await evidence.until(stage, listed, step=0.5, within=200)
    assert (stage.clock.now() - asked).total_seconds() < 60
    assert all(bulks.states(stage, bulk_id).get("done", 0) < each for bulk_id in ids)
    await evidence.until(stage, asking.done)
