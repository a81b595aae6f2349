"""A message's ⋮ menu: what it mentions stands in the right form, and of several nothing is taken."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.slack.filling import CannotDo
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import audited, form_of, idle, shown, told, whisper
from tests.scenarios.evidence import meanwhile
from tests.scenarios.test_asking_look_up import value

LOCK = "lock_from_message.open"


async def open_from(stage: Stage, who: Person, text: str, channel: str = "C0FIELD", **more: Any) -> View:
    """They write the message and use the shortcut on it; the form. `more` are fields of the message."""
    said = who.say(channel, text)
    before = who.modal
    payload = stage.slack.payloads.message_shortcut(who.id, said, LOCK)
    payload["message"] |= more
    delivery = await stage.slack.deliver(payload)
    assert delivery.acked, delivery.error
    return await stage.until(lambda: form_of(who) if who.modal is not before else None)


def listed(view: View, field: str) -> list[str]:
    """The values of the list under a field."""
    (block,) = [
        b for b in view.blocks if b["block_id"].startswith(f"under.{field}.") and b["type"] == "actions"
    ]
    return [option["value"] for option in block["elements"][0]["options"]]


def list_under(view: View, field: str) -> str:
    (block,) = [
        b for b in view.blocks if b["block_id"].startswith(f"under.{field}.") and b["type"] == "actions"
    ]
    return str(block["block_id"])


# --- one of each ---------------------------------------------------------------------------------


async def test_an_iccid_and_an_imei_of_a_ticket_stand_in_the_form_and_the_sim_is_looked_up(
    stage: Stage,
) -> None:
    sim = stage.monogoto.examples.fresh
    text = f"*Ticket 4711* opened 2026-11-22 03:38\nICCID: `{sim.iccid}`\nIMEI: <tel:{sim.imei}|{sim.imei}>"
    view = await open_from(stage, stage.person("U0ENG1"), text)
    assert view.title == "Lock a SIM to a device"
    assert (value(view, "iccid"), value(view, "imei")) == (sim.iccid, sim.imei)
    await stage.until(lambda: sim.name in shown(view))


async def test_a_message_of_another_app_is_read_in_its_blocks_and_attachments(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    field = {"type": "mrkdwn", "text": f"*ICCID*\n{sim.iccid}"}
    more = {
        "blocks": [{"type": "section", "fields": [field]}],
        "attachments": [{"fields": [{"title": "IMEI", "value": sim.imei}]}],
    }
    view = await open_from(stage, stage.person("U0ENG1"), "Alarm", **more)
    assert (value(view, "iccid"), value(view, "imei")) == (sim.iccid, sim.imei)


async def test_a_number_that_nothing_calls_one_is_marked_as_a_guess(stage: Stage) -> None:
    view = await open_from(stage, stage.person("U0ENG1"), "it is 35693803000001 I think")
    assert value(view, "imei") == "35693803000001"
    assert "The check digit is missing" in shown(view)
    view = await open_from(stage, stage.person("U0ENG1"), "8944478000000000012 or so")
    assert "only looks like" not in shown(view), "prefix, length and check digit say that it is an ICCID"


async def test_a_number_that_only_its_digits_speak_for_is_said_to_be_one(stage: Stage) -> None:
    view = await open_from(stage, stage.person("U0ENG1"), "in the box: 356938030000013")
    assert value(view, "imei") == "356938030000013"
    assert "The message doesn't call it an IMEI" in shown(view)
    view = await open_from(stage, stage.person("U0ENG1"), "in the box: IMEI 356938030000013")
    assert "doesn't call it" not in shown(view)


async def test_a_range_beside_a_sim_is_not_dropped_silently(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    view = await open_from(stage, stage.person("U0ENG1"), f"ICCID {sim.iccid}, TAC 35305311")
    assert value(view, "iccid") == sim.iccid
    await stage.until(lambda: sim.name in shown(view))
    assert "Not used here: the TAC 35305311 of the message" in shown(view)


async def test_a_device_beside_a_range_is_not_dropped_silently(stage: Stage) -> None:
    view = await open_from(stage, stage.person("U0ENG1"), "TAC 35305311, IMEI 356938030000013")
    assert value(view, "tac") == "35305311"
    assert "Not used here: the IMEI 356938030000013 of the message" in shown(view)


async def test_only_an_imei_offers_the_sim_that_was_last_seen_in_it(open_stage: OpenStage) -> None:
    stage = await open_stage(inventory=True)
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    assert stage.bot
    inventory = stage.bot.desk.inventory
    await stage.settle(30)
    assert (await inventory.stock()).things == 120
    view = await open_from(stage, engineer, f"IMEI {sim.imei} was stolen")
    assert (value(view, "iccid"), value(view, "imei")) == ("", sim.imei)
    assert f"this device was last seen with {sim.name}" in shown(view)
    await engineer.click(view, "iccid.take")
    await stage.until(lambda: value(view, "iccid") == sim.iccid)
    await stage.until(lambda: "Looking it up" not in shown(view))
    assert value(view, "imei") == sim.imei


async def test_only_an_imei_that_two_sims_were_seen_in_offers_both(open_stage: OpenStage) -> None:
    stage = await open_stage(inventory=True)
    sims = (stage.monogoto.examples.shared_imei, stage.monogoto.examples.shared_imei_twin)
    await stage.settle(30)
    view = await open_from(stage, stage.person("U0ENG1"), f"IMEI {sims[0].imei}")
    assert "last seen with 2 SIMs. Which one?" in shown(view)
    assert set(listed(view, "iccid")) == {sim.iccid for sim in sims}


async def test_a_tac_without_an_iccid_opens_the_form_of_a_group(stage: Stage) -> None:
    view = await open_from(stage, stage.person("U0ENG1"), "All of them: TAC 35305311, please")
    assert view.title == "Lock a group to a range"
    assert value(view, "tac") == "35305311"


async def test_the_tac_of_the_imei_beside_it_is_no_range_of_a_group(stage: Stage) -> None:
    view = await open_from(stage, stage.person("U0ENG1"), "IMEI: 353053110000009 (TAC 35305311)")
    assert view.title == "Lock a SIM to a device"
    assert value(view, "imei") == "353053110000009"


async def test_where_nothing_is_found_the_form_opens_empty_and_says_what_was_looked_for(stage: Stage) -> None:
    view = await open_from(stage, stage.person("U0ENG1"), "Call me: +49 171 2345678, 20261122033804")
    assert (value(view, "iccid"), value(view, "imei")) == ("", "")
    assert "I found no number to lock in that message: no ICCID (18 to 20 digits" in shown(view)


# --- several -------------------------------------------------------------------------------------


async def test_of_several_none_is_taken_until_the_person_chooses(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    fresh, locked = stage.monogoto.examples.fresh, stage.monogoto.examples.locked
    text = f"ICCID,IMEI\n{fresh.iccid},{fresh.imei}\n{locked.iccid},490154203237518"
    view = await open_from(stage, engineer, text)
    assert (value(view, "iccid"), value(view, "imei")) == ("", "")
    assert "The message mentions 2 ICCIDs. Which one?" in shown(view)
    assert listed(view, "iccid") == [fresh.iccid, locked.iccid]
    assert listed(view, "imei") == [fresh.imei, "490154203237518"]
    await engineer.choose(view, list_under(view, "iccid"), locked.iccid)
    await stage.until(lambda: locked.name in shown(view))
    await engineer.choose(view, list_under(view, "imei"), "490154203237518")
    await stage.until(lambda: value(view, "imei") == "490154203237518")
    assert value(view, "iccid") == locked.iccid


async def test_a_list_says_what_speaks_against_a_number(stage: Stage) -> None:
    view = await open_from(stage, stage.person("U0ENG1"), "IMEI 356938030000013, IMEI 356938030000014")
    assert "The check digit, the last one, doesn't fit" in shown(view)


async def test_several_tacs_are_a_choice_too(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    view = await open_from(stage, engineer, "TACs: 35305311, 35305312")
    await engineer.choose(view, list_under(view, "tac"), "35305312")
    await stage.until(lambda: value(view, "tac") == "35305312")


async def test_of_more_than_a_list_holds_the_rest_is_counted(stage: Stage) -> None:
    text = "\n".join(stage.monogoto.iccids[:104])
    view = await open_from(stage, stage.person("U0ENG1"), text)
    assert len(listed(view, "iccid")) == 100
    assert "The list holds the first 100; 4 more would have to be typed." in shown(view)


# --- who, and where ------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", ["U0PLAIN", "U0SUP1", "U0GUEST"])
async def test_without_the_role_no_form_opens_and_the_refusal_is_audited(stage: Stage, user_id: str) -> None:
    who = stage.person(user_id)
    said = stage.person("U0ENG1").say("C0FIELD", f"ICCID {stage.monogoto.examples.fresh.iccid}")
    await who.message_shortcut(said, LOCK)
    assert "⛔" in await told(stage, who)
    assert form_of(who) is None
    assert await audited(stage) == [("lock_thing.open", "refused", user_id)]


async def test_in_a_channel_shared_with_another_company_it_is_refused_as_a_command_is(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    said = engineer.say("C0SHARED", f"ICCID {stage.monogoto.examples.fresh.iccid}")
    await engineer.message_shortcut(said, LOCK)
    assert "shared with another company" in await told(stage, engineer)
    assert form_of(engineer) is None


async def test_a_shortcut_that_nobody_offers_is_answered_by_nobody(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    said = engineer.say("C0FIELD", "ICCID 8944478000000000012")
    for payload in (
        stage.slack.payloads.message_shortcut("U0ENG1", said, "unlock_from_message.open"),
        stage.slack.payloads.message_shortcut("U0ENG1", said, "lock_thing.open"),
        stage.slack.payloads.shortcut("U0ENG1", LOCK),
    ):
        assert not (await meanwhile(stage, stage.slack.deliver(payload))).acked
    await idle(stage)
    assert engineer.modal is None


@pytest.mark.parametrize(
    "message", [None, [], "text", {}, {"text": 7, "blocks": {"type": "rich_text"}, "attachments": [None, 3]}]
)
async def test_a_message_of_no_known_shape_opens_the_empty_form(stage: Stage, message: Any) -> None:
    engineer = stage.person("U0ENG1")
    said = engineer.say("C0FIELD", "x")
    payload = stage.slack.payloads.message_shortcut("U0ENG1", said, LOCK)
    await stage.slack.deliver(payload | {"message": message})
    view = await stage.until(lambda: form_of(engineer))
    assert "I found no number" in shown(view)


async def test_a_trigger_that_ran_out_gives_back_what_was_read(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    said = engineer.say("C0FIELD", "ICCID 8944478000000000012")
    payload = stage.slack.payloads.message_shortcut("U0ENG1", said, LOCK)
    stage.clock.advance(4)
    await stage.slack.deliver(payload)
    message = await whisper(stage, engineer, "Slack was too slow")
    await engineer.click(message, "form.reopen")
    view = await stage.until(lambda: form_of(engineer))
    assert value(view, "iccid") == "8944478000000000012"


async def test_a_person_who_cannot_see_the_message_cannot_use_it(stage: Stage) -> None:
    said = stage.person("U0ENG1").say("C0PRIVATE", "x")
    with pytest.raises(CannotDo):
        await stage.person("U0PLAIN").message_shortcut(said, LOCK)
