"""Asking for a group: found by name or id while one types, read beside the field, and nothing typed lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.domain.things import GroupRow
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage
from bot.storage.inventory import SqlInventory
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import meanwhile

TAC = "35305311"
IMEI = "353053110000009"


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """A bot that knows all groups already."""
    stage = await open_stage(inventory=True)
    await knows_groups(stage)
    return stage


async def knows_groups(stage: Stage) -> None:
    assert stage.bot
    inventory = SqlInventory(stage.bot._engine)

    async def known() -> int:
        return len(await inventory.groups_matching("", 100))

    for _ in range(30):
        if await known() >= min(100, len(stage.monogoto.group_ids)):
            return
        await stage.settle(10)
    raise AssertionError("the inventory does not fill")


async def group_form(stage: Stage, text: str = "", command: str = "/lock-group") -> View:
    view = await acts.open_form(stage, stage.person("U0ENG1"), command, text)
    await stage.until(lambda: "⏳" not in acts.shown(view))
    await acts.idle(stage)
    return view


def chosen(view: View) -> str:
    """The id of the group chosen in the form, "" for none."""
    [state] = view.values["things_group"].values()
    return str((state["selected_option"] or {}).get("value") or "")


def typed(view: View, block_id: str) -> str:
    [state] = view.values[block_id].values()
    return str(state["value"] or "")


# --- what the list offers ------------------------------------------------------------------------------


async def test_part_of_a_name_or_of_an_id_finds_the_group(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    name = str(stage.monogoto.group(group_id)["ThingsGroupName"])
    view, engineer = await group_form(stage), stage.person("U0ENG1")
    for text in (name, name.upper(), name[2:7], group_id, group_id[-12:]):
        options = await engineer.suggest(view, "things_group", text)
        assert group_id in [option["value"] for option in options], text
    [found] = [o for o in await engineer.suggest(view, "things_group", name) if o["value"] == group_id]
    assert found["text"]["text"] == name
    assert found["description"]["text"] == group_id


async def test_an_empty_word_offers_the_first_groups_and_a_wild_one_is_no_pattern(stage: Stage) -> None:
    view, engineer = await group_form(stage), stage.person("U0ENG1")
    assert await engineer.suggest(view, "things_group", "")
    assert not await engineer.suggest(view, "things_group", "%%%")
    assert not await engineer.suggest(view, "things_group", "no such group")


@pytest.mark.parametrize("beginning", ["ThingsGroupId_", ""])
async def test_an_id_that_nobody_has_read_yet_becomes_an_option(stage: Stage, beginning: str) -> None:
    new = "0f3d1c52-7f4f-4b8e-9d5e-0d9f5b1f4a11"
    view = await group_form(stage)
    [option] = await stage.person("U0ENG1").suggest(view, "things_group", beginning + new)
    assert option["value"] == f"ThingsGroupId_{new}"


@pytest.mark.parametrize("user", ["U0SUP1", "U0PLAIN", "U0APP1"])
async def test_names_are_offered_to_nobody_who_may_not_ask(stage: Stage, user: str) -> None:
    view = await group_form(stage)
    payload = stage.slack.payloads.suggestion(user, view, "things_group", "things_group.v0", "")
    delivery = await stage.slack.deliver(payload)
    assert delivery.body == {"options": []}


async def test_five_thousand_groups_are_searched_in_time_while_the_vendor_hangs(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    assert stage.bot
    inventory = SqlInventory(stage.bot._engine)
    rows = [(f"ThingsGroupId_{n:05d}", f"Fleet {n:05d} of {n % 7}") for n in range(5000)]
    await fill(inventory, rows, stage)
    stage.monogoto.fail(("*", "/"), "hang", 100)
    engineer = stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-group")
    before = stage.clock.now()
    for text in ("04711", "fleet 04711", "of 3", ""):
        options = await engineer.suggest(view, "things_group", text)
        assert options
        assert len(options) <= 100
    assert stage.clock.now() == before
    assert not stage.monogoto.calls


async def fill(inventory: SqlInventory, rows: list[tuple[str, str]], stage: Stage) -> None:
    for start in range(0, len(rows), 500):
        await inventory.keep_groups([GroupRow(*row) for row in rows[start : start + 500]], stage.clock.now())


# --- what stands after the command -----------------------------------------------------------------------


async def test_an_id_and_a_tac_after_the_command_stand_in_their_fields(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    for text in (f"{group_id} {TAC}", f"{TAC} {group_id}"):
        view = await group_form(stage, text)
        assert (chosen(view), typed(view, "tac")) == (group_id, TAC)


async def test_a_whole_name_is_taken_with_its_spaces_and_whatever_its_case(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    name = str(stage.monogoto.group(group_id)["ThingsGroupName"])
    view = await group_form(stage, f"{name.lower()}  {TAC}")
    assert (chosen(view), typed(view, "tac")) == (group_id, TAC)
    view = await group_form(stage, name, "/unlock-group")
    assert chosen(view) == group_id


async def test_of_two_groups_of_one_name_none_is_chosen(stage: Stage) -> None:
    first, _ = stage.monogoto.examples.twin_groups
    name = str(stage.monogoto.group(first)["ThingsGroupName"])
    view = await group_form(stage, f"{name} {TAC}")
    assert chosen(view) == ""
    assert "2 groups match. Choose one from the list." in acts.shown(view)
    assert typed(view, "tac") == TAC


async def test_part_of_one_name_is_proposed_and_taken_by_a_click(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    stage.monogoto.console_edit_group(group_id, ThingsGroupName="Xylophone trucks")
    assert stage.bot
    await fill(SqlInventory(stage.bot._engine), [(group_id, "Xylophone trucks")], stage)
    view = await group_form(stage, f"xyloph {TAC}")
    assert chosen(view) == ""
    assert "Is it *Xylophone trucks*?" in acts.shown(view)
    await stage.person("U0ENG1").click(view, "things_group.take")
    await acts.idle(stage)
    assert (chosen(view), typed(view, "tac")) == (group_id, TAC)


async def test_a_name_that_nobody_knows_is_given_back_and_not_lost(stage: Stage) -> None:
    view = await group_form(stage, f"<!channel> trucks {TAC}")
    said = acts.shown(view)
    assert "no group of that name is known here yet" in said
    assert "&lt;!channel&gt; trucks" in said
    assert typed(view, "tac") == TAC


async def test_facts_of_the_chosen_group_appear_under_the_field(stage: Stage) -> None:
    examples = stage.monogoto.examples
    view, engineer = await group_form(stage), stage.person("U0ENG1")
    [option] = await engineer.suggest(view, "things_group", examples.locked_group)
    await engineer.type(view, "tac", TAC)
    await engineer.choose(view, "things_group", option)
    await stage.until(lambda: "lock " in acts.shown(view))
    await acts.idle(stage)
    assert acts.fact(view, "lock") == f"locked to TAC {examples.locked_group_tac}"
    assert (chosen(view), typed(view, "tac")) == (examples.locked_group, TAC)


# --- what is sent ------------------------------------------------------------------------------------------


async def test_a_pasted_imei_offers_its_first_eight_digits(stage: Stage) -> None:
    group_id, engineer = stage.monogoto.examples.open_group, stage.person("U0ENG1")
    view = await group_form(stage, f"{group_id} {IMEI}")
    result = await acts.submit(engineer, view, {"reason": "One model"})
    assert "tac" in result.errors
    assert TAC in result.errors["tac"]
    await acts.idle(stage)
    await engineer.click(view, "tac.take")
    await acts.idle(stage)
    assert (typed(view, "tac"), typed(view, "reason"), chosen(view)) == (TAC, "One model", group_id)
    card = await acts.send_form(stage, engineer, view, {})
    assert acts.fact(card, "after") == f"locked to TAC {TAC}"
    assert "lose service" in acts.shown(card), "counted before anybody decides"
    assert "2 approvals needed" in acts.shown(card)


@pytest.mark.parametrize(
    ("tac", "why"), [("3530531", "7 digits"), ("35305O11", "O"), ("353053112", "9 digits")]
)
async def test_a_mistyped_tac_is_refused_beside_the_field(stage: Stage, tac: str, why: str) -> None:
    view = await group_form(stage, stage.monogoto.examples.open_group)
    result = await acts.submit(stage.person("U0ENG1"), view, {"tac": tac, "reason": "One model"})
    assert why in result.errors["tac"]


async def test_a_group_that_the_account_does_not_hold_comes_back_beside_the_field(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    view = await group_form(stage, f"ThingsGroupId_nobody {TAC}")
    said = await acts.refused_form(stage, engineer, view, {"reason": "One model"})
    assert "No group ThingsGroupId\N{WORD JOINER}_nobody" in said or "No group ThingsGroupId_" in said
    again = acts.form_of(engineer)
    assert again
    assert (chosen(again), typed(again, "tac"), typed(again, "reason")) == (
        "ThingsGroupId_nobody",
        TAC,
        "One model",
    )


async def test_what_is_so_already_is_refused_before_anybody_is_asked(stage: Stage) -> None:
    examples, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    view = await group_form(stage, f"{examples.locked_group} {examples.locked_group_tac}")
    said = await acts.refused_form(stage, engineer, view, {"reason": "One model"})
    assert "This group is already locked to that range." in said
    view = await group_form(stage, examples.open_group, "/unlock-group")
    said = await acts.refused_form(stage, engineer, view, {"keep": "keep", "reason": "Swap"})
    assert "This group is not locked." in said


async def test_a_form_lost_to_a_late_trigger_opens_again_with_group_and_tac(stage: Stage) -> None:
    group_id, engineer = stage.monogoto.examples.open_group, stage.person("U0ENG1")
    payload: dict[str, Any] = stage.slack.payloads.command("U0ENG1", "/lock-group", f"{group_id} {TAC}")
    await asyncio.sleep(0)
    stage.clock.advance(4)
    await stage.slack.deliver(payload)
    message = await acts.whisper(stage, engineer, "Nothing of what you typed is lost")
    await engineer.click(message, "form.reopen")
    view = await stage.until(lambda: acts.form_of(engineer))
    await acts.idle(stage)
    assert (chosen(view), typed(view, "tac")) == (group_id, TAC)


# --- odd names and ids -------------------------------------------------------------------------------


async def test_a_name_that_can_not_be_seen_gives_way_to_the_id(stage: Stage) -> None:
    assert stage.bot
    group_id = stage.monogoto.examples.open_group
    for name in ("   ", "\u200b\u200d", "\u202e"):
        stage.monogoto.console_edit_group(group_id, ThingsGroupName=name)
        await fill(SqlInventory(stage.bot._engine), [(group_id, name)], stage)
        view = await group_form(stage, f"{group_id} {TAC}")
        [option] = await stage.person("U0ENG1").suggest(view, "things_group", group_id)
        assert option["text"]["text"] == group_id
        assert chosen(view) == group_id


async def test_an_id_too_long_to_be_chosen_is_not_offered_and_breaks_no_form(stage: Stage) -> None:
    assert stage.bot
    await fill(SqlInventory(stage.bot._engine), [("ThingsGroupId_" + "a" * 160, "Odd fleet")], stage)
    view = await group_form(stage, f"Odd fleet {TAC}")
    assert chosen(view) == ""
    assert not await stage.person("U0ENG1").suggest(view, "things_group", "Odd fleet")


async def test_a_long_id_is_looked_up_to_the_end(stage: Stage) -> None:
    group_id = "ThingsGroupId_" + "b" * 100
    view = await acts.open_form(stage, stage.person("U0ENG1"), "/lock-group", f"{group_id} {TAC}")
    await stage.until(lambda: "is on this account" in acts.shown(view))


async def test_half_a_character_in_the_search_finds_nothing_and_breaks_nothing(stage: Stage) -> None:
    view = await group_form(stage)
    person = stage.person("U0ENG1")
    assert not await meanwhile(stage, person.suggest(view, "things_group", "\ud83d"))  # it is not acked
    assert await person.suggest(view, "things_group", "")


async def test_a_known_name_that_ends_in_digits_is_a_name(stage: Stage) -> None:
    assert stage.bot
    group_id = stage.monogoto.examples.open_group
    await fill(SqlInventory(stage.bot._engine), [(group_id, "Depot 12345")], stage)
    view = await group_form(stage, "depot  12345")
    assert (chosen(view), typed(view, "tac")) == (group_id, "")
