"""The inventory behind the look-ups: read in the background, and in nobody's way."""

from __future__ import annotations

from bot.storage.inventory import SqlInventory
from tests.conftest import OpenStage


async def test_a_bot_that_runs_knows_every_thing_and_every_group_after_a_while(open_stage: OpenStage) -> None:
    stage = await open_stage(inventory=True, things=120)
    assert stage.bot
    known = SqlInventory(stage.bot._engine)
    await stage.settle(90)
    stock = await known.stock()
    assert stock.things == len(stage.monogoto.iccids)
    assert stock.read_at is not None
    group = await known.group_row(stage.monogoto.examples.locked_group)
    assert group is not None
    assert group.name


async def test_a_page_is_read_at_most_once_a_second(open_stage: OpenStage) -> None:
    stage = await open_stage(inventory=True, things=400)
    await stage.settle(6)
    pages = [call for call in stage.monogoto.calls if call.path == "/things"]
    assert 1 <= len(pages) <= 6


async def test_while_people_wait_it_reads_nothing(open_stage: OpenStage) -> None:
    stage = await open_stage(inventory=True, things=1000, settings={"MONOGOTO_MAX_RATE": "2"})
    await stage.settle(5)
    support, before = stage.person("U0SUP1"), len(stage.monogoto.calls)
    assert before
    for iccid in stage.monogoto.iccids[:10]:
        await support.command("/imei", f"status {iccid}")
    await stage.until(lambda: sum("stands" in m.text for m in stage.whispers("U0SUP1")) == 10, within=120)
    paths = [call.path for call in stage.monogoto.calls][before:]
    others = [at for at, path in enumerate(paths) if path != "/things"]
    assert len(others) >= 20
    assert "/things" not in paths[: others[-1]]


async def test_a_vendor_that_is_down_leaves_no_trace_but_a_pause(open_stage: OpenStage) -> None:
    stage = await open_stage(inventory=True)
    stage.monogoto.fail(("GET", "/things"), "error_json", 3)
    await stage.settle(90)
    assert stage.bot
    assert (await SqlInventory(stage.bot._engine).stock()).things == len(stage.monogoto.iccids)
