"""Looking a SIM up in the form, and taking over what was found."""

from __future__ import annotations

import re

import pytest

from bot.domain.identifiers import Iccid
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    ask_lock,
    busy,
    form_of,
    idle,
    open_form,
    open_with_facts,
    request_id_in,
    send_form,
    shown,
    submit,
    until_slow,
)

THING = ("GET", "/thing/ThingId")


def in_fours(iccid: str) -> str:
    return Iccid(iccid).grouped


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


def value(view: object, block_id: str) -> str:
    """What stands in a text field, as the person sees it."""
    (state,) = view.values[block_id].values()  # type: ignore[attr-defined]
    return state["value"] or ""


async def test_a_command_with_an_iccid_looks_it_up_by_itself_and_shows_all_facts(stage: Stage) -> None:
    sim = stage.monogoto.examples.locked
    view = await open_with_facts(stage, stage.person("U0ENG1"), "/lock-thing", sim.iccid)
    facts = shown(view)
    assert sim.name in facts
    assert "35-" in facts
    for label in ("SIM", "ICCID", "lock", "group", "state", "seen in"):
        assert re.search(rf"^{label} ", facts, re.MULTILINE), label
    assert re.search(r"(ago|just now)$", facts, re.MULTILINE)


async def test_the_look_up_button_answers_and_keeps_what_was_typed_in_the_other_fields(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    await engineer.type(view, "iccid", sim.iccid)
    await engineer.type(view, "imei", "half an IMEI")
    await engineer.type(view, "reason", "Stolen box")
    await engineer.click(view, "thing.look_up")
    await stage.until(lambda: sim.name in shown(view))
    assert (value(view, "iccid"), value(view, "imei"), value(view, "reason")) == (
        sim.iccid,
        "half an IMEI",
        "Stolen box",
    )


async def test_the_imei_last_seen_is_taken_over_by_a_click_and_can_be_sent(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_with_facts(stage, engineer, "/lock-thing", sim.iccid)
    await engineer.type(view, "reason", "Stolen box")
    await engineer.click(view, "imei.take")
    await stage.until(lambda: value(view, "imei") == sim.imei)
    assert value(view, "reason") == "Stolen box"
    await send_form(stage, engineer, view, {})


async def test_looking_up_again_after_a_taken_value_loses_nothing(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_with_facts(stage, engineer, "/lock-thing", sim.iccid)
    await engineer.type(view, "reason", "Stolen box")
    await engineer.click(view, "imei.take")
    await stage.until(lambda: value(view, "imei") == sim.imei)
    await engineer.click(view, "thing.look_up")
    await idle(stage)
    assert value(view, "iccid") == sim.iccid
    assert value(view, "imei") == sim.imei
    assert value(view, "reason") == "Stolen box"


async def test_what_was_typed_during_a_slow_look_up_stays(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    stage.monogoto.fail(THING, "latency", seconds=5)
    view = await open_form(stage, engineer, "/lock-thing", sim.iccid)
    await until_slow(stage, lambda: "Looking it up" in shown(view))
    await engineer.type(view, "reason", "Typed meanwhile")
    await until_slow(stage, lambda: sim.name in shown(view))
    assert value(view, "reason") == "Typed meanwhile"


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_the_form_is_open_before_a_slow_vendor_has_said_anything(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    sim = stage.monogoto.examples.fresh
    stage.monogoto.fail(("*", "/"), "latency", 20, seconds=5)
    started = stage.clock.now()
    view = await open_form(stage, stage.person("U0ENG1"), "/lock-thing", sim.iccid)
    (opened,) = stage.slack.calls("views.open")
    assert opened.ok
    assert (opened.at - started).total_seconds() < 3
    assert not [call for call in stage.monogoto.calls if call.status]
    await until_slow(stage, lambda: sim.name in shown(view))
    assert (stage.clock.now() - started).total_seconds() >= 5


async def test_a_vendor_that_is_down_is_named_and_the_form_stays_usable(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    stage.monogoto.fail(THING, "error_html", 50)
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}")
    await stage.until(lambda: "can't be reached" in shown(view))
    assert "Nothing was asked for or changed" in shown(view)
    assert "502 Bad Gateway" in shown(view)
    assert "html" not in shown(view), "people don't read tags"
    stage.monogoto.clear_faults()
    await send_form(stage, engineer, view, {"reason": "Stolen box"})


async def test_an_unknown_iccid_names_every_form_that_was_tried(stage: Stage) -> None:
    unknown = stage.monogoto.examples.unknown_iccid
    view = await open_form(stage, stage.person("U0ENG1"), "/lock-thing", unknown)
    await stage.until(lambda: "is on this account" in shown(view))
    said = shown(view)
    assert re.search(rf"\b{in_fours(unknown)}\b", said)
    assert re.search(rf"\b{in_fours(unknown[:-1])}\b", said)
    assert re.search(rf"\b{in_fours(unknown)}\d\b", said)


async def test_what_is_wrong_with_an_iccid_is_said_once_under_its_field(stage: Stage) -> None:
    """Also where the form checks it when it opens and the look-up checks it again."""
    view = await open_form(stage, stage.person("U0ENG1"), "/lock-thing", "8944")
    await idle(stage)
    assert shown(view).count("That is 4 digits") == 1
    ids = [block["block_id"] for block in view.blocks if "block_id" in block]
    assert ids[ids.index("iccid") + 1] == "under.iccid.0"


async def test_another_form_of_the_iccid_waits_for_a_click_and_then_is_looked_up(stage: Stage) -> None:
    sim = stage.monogoto.examples.short_iccid
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", sim.printed)
    await stage.until(lambda: f"Use {in_fours(sim.iccid)}" in shown(view))
    assert sim.name not in shown(view)
    await engineer.type(view, "imei", sim.imei)
    await engineer.type(view, "reason", "Stolen box")
    await engineer.click(view, "iccid.take")
    await stage.until(lambda: sim.name in shown(view))
    assert f"Use {in_fours(sim.iccid)}" not in shown(view)
    assert value(view, "iccid") == sim.iccid
    assert value(view, "imei") == sim.imei
    assert value(view, "reason") == "Stolen box"
    await send_form(stage, engineer, view, {})


async def test_a_submission_of_another_form_of_the_iccid_waits_for_a_click_too(stage: Stage) -> None:
    sim = stage.monogoto.examples.long_iccid
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    result = await submit(engineer, view, {"iccid": sim.printed, "imei": sim.imei, "reason": "Stolen box"})
    assert result.ok
    await stage.until(lambda: f"Use {in_fours(sim.iccid)}" in shown(view))
    await engineer.click(view, "iccid.take")
    await stage.until(lambda: sim.name in shown(view))
    assert value(view, "imei") == sim.imei
    await send_form(stage, engineer, view, {})


async def test_a_locked_sim_shows_its_lock_and_offers_the_device_it_is_used_in(stage: Stage) -> None:
    sim = stage.monogoto.examples.locked_elsewhere
    view = await open_with_facts(stage, stage.person("U0ENG1"), "/lock-thing", sim.iccid)
    locked_to = stage.monogoto.thing(sim.iccid)["MasterIMEI"]
    lock_line = next(line for line in shown(view).splitlines() if line.startswith("lock "))
    assert lock_line.replace("-", "").endswith(locked_to)
    assert "Use the IMEI last seen" in shown(view)


async def test_a_sim_never_seen_offers_no_imei_to_take_over(stage: Stage) -> None:
    sim = stage.monogoto.examples.zeros
    view = await open_with_facts(stage, stage.person("U0ENG1"), "/lock-thing", sim.iccid)
    assert "carrier reports none" in shown(view)
    assert "Use the IMEI last seen" not in shown(view)


async def test_an_open_request_of_the_sim_is_shown_with_a_link(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    view = await open_with_facts(stage, stage.person("U0ENG2"), "/unlock-thing", sim.iccid)
    assert re.search(rf"still open: <https?://\S+\|request {request_id_in(shown(card))}>", shown(view))


async def test_a_proposal_from_the_command_is_still_there_after_the_look_up(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_with_facts(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei[:14]}")
    assert sim.name in shown(view)
    await engineer.click(view, "imei.take", "under.imei.1")
    await stage.until(lambda: value(view, "imei") == sim.imei)
    assert "check digit is missing" not in shown(view)


async def test_a_click_during_a_slow_look_up_is_heeded_and_the_facts_still_come(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    stage.monogoto.fail(THING, "latency", seconds=5)
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei[:14]}")
    await until_slow(stage, lambda: "Looking it up" in shown(view))
    await engineer.click(view, "imei.take")
    await until_slow(stage, lambda: sim.name in shown(view))
    assert value(view, "imei") == sim.imei
    assert "⏳" not in shown(view)


async def test_a_click_on_a_view_that_has_just_changed_is_heeded(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei[:14]}")
    pressed = {"type": "button", "action_id": "imei.take", "block_id": "under.imei.1", "value": sim.imei}
    payload = stage.slack.payloads.view_action("U0ENG1", view, pressed)
    await stage.until(lambda: sim.name in shown(view))
    await stage.slack.deliver(payload)
    await stage.until(lambda: value(view, "imei") == sim.imei)
    assert sim.name in shown(view)


async def test_two_look_ups_in_a_row_end_with_the_facts_of_one_sim(stage: Stage) -> None:
    first, second = stage.monogoto.examples.fresh, stage.monogoto.examples.locked
    engineer = stage.person("U0ENG1")
    stage.monogoto.fail(THING, "latency", seconds=5)
    view = await open_form(stage, engineer, "/lock-thing", first.iccid)
    await until_slow(stage, lambda: "Looking it up" in shown(view))
    await engineer.type(view, "iccid", second.iccid)
    await engineer.click(view, "thing.look_up")
    await until_slow(stage, lambda: second.name in shown(view))
    await until_slow(stage, lambda: not busy(stage))
    assert second.name in shown(view)
    assert first.name not in shown(view)


async def test_a_modal_closed_during_the_look_up_disturbs_nobody(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    stage.monogoto.fail(THING, "latency", seconds=5)
    view = await open_form(stage, engineer, "/lock-thing", stage.monogoto.examples.fresh.iccid)
    await until_slow(stage, lambda: "Looking it up" in shown(view))
    await engineer.close(view)
    await until_slow(stage, lambda: not busy(stage))
    assert form_of(engineer) is None
    assert not stage.whispers("U0ENG1")
