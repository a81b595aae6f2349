"""What somebody types: by device, by name, by a piece of an id, and what they are told of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from bot.domain.things import GroupRow
from bot.sandbox.stage import Stage
from bot.storage.inventory import SqlInventory
from tests.conftest import OpenStage
from tests.scenarios.acts import approve, ask_lock, outcome, shown
from tests.scenarios.test_looking_up_lists import decided, listed
from tests.scenarios.test_looking_up_status import ask, know_all, press, support


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    stage = await open_stage()
    await know_all(stage)
    return stage


def named(iccids: Iterable[str], name: str) -> dict[str, str]:
    return {f"_{iccid}": name for iccid in iccids}


def group_name(stage: Stage, group_id: str) -> str:
    return str(stage.monogoto.group(group_id)["ThingsGroupName"])


async def test_that_a_lock_of_the_console_can_not_be_found_by_imei_is_said(stage: Stage) -> None:
    imei = stage.monogoto.examples.unused_imeis[1]
    stage.monogoto.console_edit(stage.monogoto.examples.fresh.iccid, LockMasterImei=True, MasterIMEI=imei)
    said = shown(await ask(stage, support(stage), f"status {imei}"))
    assert "Nothing found" in said
    assert "look the SIM up by its ICCID" in said


async def test_a_name_that_is_an_imei_is_found_as_a_name(stage: Stage) -> None:
    imei, sim = stage.monogoto.examples.unused_imeis[0], stage.monogoto.examples.fresh
    await know_all(stage, **named([sim.iccid], imei))
    said = shown(await ask(stage, support(stage), f"status {imei}"))
    assert sim.iccid in said.replace(" ", "")


async def test_a_short_piece_of_an_id_matches_nothing(stage: Stage) -> None:
    uuid = stage.monogoto.examples.locked_group.split("_")[1]
    for piece in (uuid[:5], "thingsgroupid"):
        assert "Nothing found" in shown(await ask(stage, support(stage), f"status {piece}"))
        assert "no group of that name or id" in shown(await ask(stage, support(stage), f"history {piece}"))


@pytest.mark.parametrize(("word", "action"), [("status", "status.show"), ("history", "history.show")])
async def test_by_a_piece_of_an_id_no_group_is_chosen_without_asking(
    stage: Stage, word: str, action: str
) -> None:
    group_id = stage.monogoto.examples.locked_group
    message = await ask(stage, support(stage), f"{word} {group_id.split('_')[1][:13]}")
    assert "could be this one." in shown(message)
    await press(stage, support(stage), message, action, f"group {group_id}")
    assert group_name(stage, group_id) in shown(message)
    assert "could be" not in shown(message)


async def test_a_whole_id_without_its_beginning_is_no_question(stage: Stage) -> None:
    group_id = stage.monogoto.examples.locked_group
    said = shown(await ask(stage, support(stage), f"status {group_id.split('_')[1]}"))
    assert "locked to TAC" in said


async def test_more_twins_than_can_be_shown_are_told_apart_by_iccid_and_leave_room_for_a_group(
    stage: Stage,
) -> None:
    group_id = stage.monogoto.examples.locked_group
    twins = named(stage.monogoto.iccids[:14], "Depot")
    await know_all(stage, **twins)
    assert "and 4 more: look it up by its ICCID." in shown(await ask(stage, support(stage), "status depot"))
    stage.monogoto.console_edit_group(group_id, ThingsGroupName="Depot")
    await know_all(stage, **twins)
    message = await ask(stage, support(stage), "status depot")
    assert f"group `{group_id}`" in shown(message)
    assert "could be one of 15" in shown(message)
    assert sum("accessory" in block for block in message.blocks) == 10


async def test_of_thousands_of_groups_all_are_counted(stage: Stage) -> None:
    assert stage.bot
    rows = [
        GroupRow(f"ThingsGroupId_{n:08x}-0000-4000-8000-{n * 7919:012x}", f"Yard {n}") for n in range(300)
    ]
    await SqlInventory(stage.bot._engine).keep_groups(rows, stage.clock.now())
    for word in ("status", "history"):
        said = shown(await ask(stage, support(stage), f"{word} yard"))
        assert "could be one of 300" in said
        assert "and 290 more: type more of the name." in said


async def test_a_device_on_many_sims_is_narrowed_by_iccid(stage: Stage) -> None:
    assert stage.bot
    imei, known = stage.monogoto.examples.unused_imeis[2], SqlInventory(stage.bot._engine)
    for iccid in stage.monogoto.iccids[:12]:
        found = (await known._things([known_iccid(iccid)], 1)).best[0]
        row = found.row
        await known.keep_things(
            [type(row)(row.thing_id, row.iccid, row.name, imei, row.things_group_id)], stage.clock.now()
        )
    said = shown(await ask(stage, support(stage), f"status {imei}"))
    assert "and 2 more: look it up by its ICCID." in said


def known_iccid(iccid: str):  # type: ignore[no-untyped-def]
    from bot.storage.tables import inventory

    return inventory.c.iccid == iccid


async def test_a_name_copied_out_of_an_answer_is_found(stage: Stage) -> None:
    sims = stage.monogoto.examples.fresh, stage.monogoto.examples.online
    await know_all(stage, **named([sims[0].iccid], "Pump_7"), **named([sims[1].iccid], "Pump_7 b"))
    message = await ask(stage, support(stage), "status pump_")
    copied = next(title for title in re.findall(r"\*(.+)\*", shown(message)) if title.endswith("7"))
    assert copied != "Pump_7", "the answer holds a mark that nobody sees"
    assert sims[0].iccid in shown(await ask(stage, support(stage), f"status {copied}")).replace(" ", "")


async def test_marks_that_nobody_sees_are_no_name(stage: Stage) -> None:
    assert "could be" not in shown(await ask(stage, support(stage), "status \u200e\u200b"))


async def test_what_has_disappeared_is_said_to_be_gone_and_as_what_it_was_listed(stage: Stage) -> None:
    examples = stage.monogoto.examples
    group = group_name(stage, examples.locked_group)
    await know_all(stage, **named([examples.fresh.iccid], "Quite a pump"))
    stage.clock.advance(2 * 3600)
    stage.monogoto.settings.change(unknown_id="404_json")
    forget(stage, {examples.fresh.iccid}, examples.locked_group)
    for typed, name in (
        ("quite a pump", "Quite a pump"),
        (examples.fresh.iccid, "Quite a pump"),
        (group, group),
        (examples.locked_group, group),
    ):
        said = shown(await ask(stage, support(stage), f"status {typed}"))
        assert f"It was listed 2 hours ago as *{name}*, but Monogoto no longer holds it." in said


async def test_what_only_our_requests_know_and_has_disappeared_is_named(stage: Stage) -> None:
    sim, imei = stage.monogoto.examples.online, stage.monogoto.examples.unused_imeis[0]
    card = await ask_lock(stage, stage.person("U0ENG1"), sim, imei)
    await approve(stage, stage.person("U0APP1"), card)
    await outcome(stage, card)
    assert stage.bot
    later = stage.clock.now()
    await SqlInventory(stage.bot._engine).drop_unseen(later, later, 1000)
    forget(stage, {sim.iccid}, "")
    said = shown(await ask(stage, support(stage), f"status {imei}"))
    assert f"It is *{sim.name}* in our own requests, but Monogoto no longer holds it." in said


def forget(stage: Stage, iccids: set[str], group_id: str) -> None:
    """Monogoto holds these no longer."""
    world = stage.monogoto._world
    world.fill(
        [group for group in world.groups.values() if group.group_id != group_id],
        [thing for thing in world.things.values() if thing.iccid not in iccids],
    )


async def test_where_the_listing_does_not_tell_groups_no_number_of_sims_is_made_up(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(inventory=True)
    stage.monogoto.settings.change(rows_with_group=False)
    await stage.settle(60)
    said = shown(await ask(stage, support(stage), f"status {stage.monogoto.examples.locked_group}"))
    assert "not known: the list doesn't tell" in said


# --- history --------------------------------------------------------------------------------------------


async def test_a_history_names_the_person(stage: Stage) -> None:
    assert "<@U0ENG1> asked and decided" in shown(await ask(stage, support(stage), "history <@U0ENG1|ann>"))


async def test_a_history_names_the_group_and_its_id(stage: Stage) -> None:
    group_id = stage.monogoto.examples.locked_group
    name = group_name(stage, group_id)
    for typed in (name, group_id, name[:-1]):
        said = shown(await ask(stage, support(stage), f"history {typed}"))
        assert f"{name} (group {group_id})".replace("_", "_\u2060") in said


async def test_a_history_names_the_sim_by_the_iccid_that_is_held_and_says_so_on_every_page(
    stage: Stage,
) -> None:
    sim = stage.monogoto.examples.short_iccid
    assert sim.printed != sim.iccid
    await decided(stage, sim)
    message = await ask(stage, support(stage), f"history {sim.printed}")
    grouped = " ".join(sim.iccid[at : at + 4] for at in range(0, len(sim.iccid), 4))
    assert f"{sim.name} (SIM {grouped})" in shown(message)
    assert f"but about {grouped}: that is shown." in shown(message)
    assert listed(message)
