"""What the form says of what was typed: beside the field at once, or under it after the ack."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    ask_lock,
    ask_unlock,
    audit_entries,
    audited,
    busy,
    cards_of,
    fact,
    form_of,
    idle,
    open_form,
    open_with_facts,
    outcome,
    refused_form,
    request_id_in,
    send_form,
    shown,
    submit,
    until_slow,
    whisper,
)
from tests.scenarios.test_asking_look_up import THING, value


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


WRONG_IMEIS = {
    "35-693803-000001-4": "check digit, the last one, doesn't fit",
    "35693803000001": "14 digits; an IMEI has 15",
    "3569380300000178": "16 digits; an IMEI has 15",
    "35693803000001378": "17 digits; an IMEI has 15",
    "35693803000O013": "Character 12 is the letter O, not the digit 0",
    "3.56938E+14": "spreadsheet",
    "8944478000000000012": "That is an ICCID",
    "356938030000013 490154203237518": "Two numbers",
    "000000000000000": "One digit repeated",
    "---": "Nothing was entered",
    "350": "3 digits; an IMEI has 15",
}
WRONG_ICCIDS = {
    "356938030000013": "It looks like an IMEI",
    "89444780000000000I2": "Character 18 is the letter I, not the digit 1",
    "8944": "4 digits; an ICCID has 18 to 20",
    "8.94448E+18": "spreadsheet",
    "7744478000000000012": "starts with 89, not 77",
}


@pytest.mark.parametrize(("field", "cases"), [("imei", WRONG_IMEIS), ("iccid", WRONG_ICCIDS)])
async def test_every_wrong_number_is_explained_beside_its_field_at_once(
    stage: Stage, field: str, cases: dict[str, str]
) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    right = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}
    for typed, said in cases.items():
        result = await submit(engineer, view, right | {field: typed})
        assert (result.action, set(result.errors)) == ("errors", {field}), typed
        assert said in result.errors[field], typed
        await idle(stage)
    assert not stage.monogoto.calls, "digit checks ask nobody"
    assert await audited(stage) == []


async def test_an_empty_field_is_refused_before_anything_is_sent(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    result = await submit(engineer, view, {"iccid": sim.iccid, "reason": "Stolen box"})
    assert set(result.errors) == {"imei"}
    assert result.delivery is None


async def test_a_forged_submission_without_an_imei_is_never_sent_on(stage: Stage) -> None:
    sim = stage.monogoto.examples.locked_elsewhere
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    payload = stage.slack.payloads.submission("U0ENG1", view)
    payload["view"]["state"]["values"] = {"iccid": {"iccid.v0": {"type": "x", "value": sim.iccid}}}
    delivery = await stage.slack.deliver(payload)
    assert delivery.body["errors"] == {"imei": "Nothing was entered. Enter the IMEI."}
    await idle(stage)
    assert not stage.monogoto.writes[sim.iccid]
    assert await audited(stage) == []


@pytest.mark.parametrize("extra", ["", "78", "99"])
async def test_a_proposal_beside_the_field_is_taken_by_a_click_and_sent(stage: Stage, extra: str) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    typed = {"iccid": sim.iccid, "imei": sim.imei[:14] + extra, "reason": "Stolen box"}
    result = await submit(engineer, view, typed)
    assert "Did you mean 35-693803-000001-3?" in result.errors["imei"]
    await stage.until(lambda: "Use 35-" in shown(view))
    assert value(view, "imei") == typed["imei"]
    await engineer.click(view, "imei.take")
    await stage.until(lambda: value(view, "imei") == sim.imei)
    assert (value(view, "iccid"), value(view, "reason")) == (sim.iccid, "Stolen box")
    assert "Use 35-" not in shown(view)
    card = await send_form(stage, engineer, view, {})
    assert "35-693803-000001-3" in shown(card)


async def test_what_the_field_says_is_not_said_again_under_it(stage: Stage) -> None:
    """An error beside the field takes the place of the sentence that stood there since the form opened."""
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    wrong = sim.imei[:14] + str((int(sim.imei[14]) + 4) % 10)
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {wrong}")
    await stage.until(lambda: "check digit" in shown(view))
    result = await submit(engineer, view, {"reason": "Stolen box"})
    assert "check digit" in result.errors["imei"]
    await stage.until(lambda: "check digit" not in shown(view))
    result = await submit(engineer, view, {"imei": sim.imei[:14]})
    assert "The check digit is missing." in result.errors["imei"]
    await stage.until(lambda: "Use 35-693803-000001-3" in shown(view))
    assert "The check digit is missing." not in shown(view), "the button alone"


async def test_seventeen_digits_are_proposed_without_their_software_version(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}78")
    await stage.until(lambda: "Use 35-" in shown(view))
    await engineer.click(view, "imei.take")
    await stage.until(lambda: value(view, "imei") == sim.imei)
    await send_form(stage, engineer, view, {"reason": "Stolen box"})


async def test_a_wrong_check_digit_passes_only_where_the_sim_was_last_seen_in_that_device(
    stage: Stage,
) -> None:
    sim, other = stage.monogoto.examples.fresh, stage.monogoto.examples.locked
    odd = sim.imei[:14] + str((int(sim.imei[14]) + 4) % 10)
    engineer = stage.person("U0ENG1")
    view = await open_with_facts(stage, engineer, "/lock-thing", sim.iccid)
    result = await submit(engineer, view, {"iccid": other.iccid, "imei": odd, "reason": "Stolen box"})
    assert "check digit" in result.errors["imei"], "another SIM was looked up"
    card = await send_form(stage, engineer, view, {"iccid": sim.iccid})
    assert f"35-693803-000001-{odd[14]}" in shown(card)


async def test_a_forged_last_seen_does_not_let_a_wrong_check_digit_through(stage: Stage) -> None:
    sim = stage.monogoto.examples.locked
    odd = "356938030000014"
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    await engineer.type(view, "iccid", sim.iccid)
    await engineer.type(view, "imei", odd)
    await engineer.type(view, "reason", "Stolen box")
    payload = stage.slack.payloads.submission("U0ENG1", view)
    payload["view"]["private_metadata"] = (
        f'{{"channel":"C0FIELD","nonce":"forged","last_seen":"{odd}","looked_up":"{sim.iccid}"}}'
    )
    await stage.slack.deliver(payload)
    await stage.until(lambda: "check digit" in shown(view))
    assert not stage.cards("C0FIELD")
    entries = await audit_entries(stage)
    assert [(e["event"], e["outcome"]) for e in entries] == [("request.submit", "refused")]
    assert "check digit" in entries[0]["reason"]


# --- given back ----------------------------------------------------------------------------------


async def test_a_vendor_error_gives_the_form_back_with_everything_typed(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    stage.monogoto.fail(THING, "error_html", 50)
    typed = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box\nfrom the yard"}
    said = await refused_form(stage, engineer, view, typed)
    assert "Monogoto can't be reached" in said
    assert {key: value(view, key) for key in typed} == typed
    stage.monogoto.clear_faults()
    await send_form(stage, engineer, view, {})


async def test_an_unlock_given_back_keeps_the_choice_about_the_stored_imei(stage: Stage) -> None:
    sim = stage.monogoto.examples.locked
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/unlock-thing")
    stage.monogoto.fail(THING, "error_json", 50)
    await refused_form(stage, engineer, view, {"iccid": sim.iccid, "keep": "clear", "reason": "Retired"})
    (state,) = view.values["keep"].values()
    assert state["selected_option"]["value"] == "clear"
    stage.monogoto.clear_faults()
    card = await send_form(stage, engineer, view, {})
    assert fact(card, "after") == "unlocked, IMEI cleared"


async def test_what_only_the_vendor_knows_is_said_under_its_field(stage: Stage) -> None:
    sim = stage.monogoto.examples.locked
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    typed = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Again"}
    said = await refused_form(stage, engineer, view, typed)
    assert "already locked to that device. There is nothing to do." in said
    ids = [block["block_id"] for block in view.blocks]
    assert ids.index("under.iccid.0") == ids.index("iccid") + 1
    assert {key: value(view, key) for key in typed} == typed


@pytest.mark.parametrize("keep", ["keep", "clear"])
async def test_an_unlock_of_an_unlocked_sim_is_refused_with_the_reason(stage: Stage, keep: str) -> None:
    sim = stage.monogoto.examples.cleared
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/unlock-thing", sim.iccid)
    said = await refused_form(stage, engineer, view, {"keep": keep, "reason": "Device swap"})
    assert "This SIM is not locked" in said
    assert await audited(stage) == [("request.submit", "refused", "U0ENG1")]


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_modal_closed_meanwhile_is_offered_again_with_everything_typed(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    reason = 'Stolen "box"\n' + "ü👩‍🌾" * 60
    typed = {"iccid": sim.iccid, "imei": sim.imei, "reason": reason}
    view = await open_form(stage, engineer, "/lock-thing")
    stage.monogoto.fail(THING, "error_html", 1)
    stage.monogoto.fail(THING, "latency", seconds=2)
    assert (await submit(engineer, view, typed)).ok
    await engineer.close(view)
    await until_slow(stage, lambda: not busy(stage))
    told = await whisper(stage, engineer, "Monogoto")
    await engineer.click(told, "form.reopen")
    again = await stage.until(lambda: form_of(engineer))
    assert {key: value(again, key) for key in typed} == typed
    stage.monogoto.clear_faults()
    await send_form(stage, engineer, again, {})


async def test_a_refusal_after_the_modal_was_closed_offers_nothing_to_reopen(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    await stage.slack.set_group("S0ENGINEERS", ["U0ENG2"])
    stage.clock.advance(11)
    stage.slack.rate_limit("usergroups.users.list", 2)
    await submit(engineer, view, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    await engineer.close(view)
    told = await whisper(stage, engineer, "lets only the role engineer or admin")
    assert "form.reopen" not in str(told.blocks)


async def test_a_broken_button_to_reopen_says_so(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    await engineer.command("/imei", "help")
    told = await whisper(stage, engineer)
    for forged in ("", "{", "[]", '{"typed": 1}', '{"typed": {}, "kind": "x"}', "[" * 2000):
        action = {"type": "button", "action_id": "form.reopen", "block_id": "b", "value": forged}
        await stage.slack.deliver(stage.slack.payloads.message_action("U0ENG1", told, action))
        await whisper(stage, engineer, "This button is broken. Type the command again.")
        assert engineer.modal is None


# --- once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_the_same_submission_delivered_twice_makes_one_request(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    _, view = await filled_form(stage)
    payload = stage.slack.payloads.submission("U0ENG1", view)
    await stage.slack.deliver(payload, duplicate=True)
    await stage.until(lambda: stage.cards("C0FIELD"))
    await stage.settle(5)
    assert len(stage.cards("C0FIELD")) == 1
    assert [event for event, _, _ in await audited(stage)] == ["request.submit"]


async def test_pressing_again_makes_nothing_new(stage: Stage) -> None:
    _, view = await filled_form(stage)
    payloads = [stage.slack.payloads.submission("U0ENG1", view) for _ in range(3)]
    deliveries = await asyncio.gather(*(stage.slack.deliver(payload) for payload in payloads))
    assert all(delivery.acked for delivery in deliveries)
    await stage.until(lambda: stage.cards("C0FIELD"))
    await stage.settle(5)
    assert len(stage.cards("C0FIELD")) == 1
    assert [event for event, _, _ in await audited(stage)] == ["request.submit"]


async def filled_form(stage: Stage) -> tuple[Person, View]:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing")
    for field, text in {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}.items():
        await engineer.type(view, field, text)
    return engineer, view


async def test_a_second_request_for_the_sim_is_refused_with_a_link_to_the_first(stage: Stage) -> None:
    sim = stage.monogoto.examples.locked
    card = await ask_unlock(stage, stage.person("U0ENG1"), sim)
    first = request_id_in(shown(card))
    second = stage.person("U0ENG2")
    view = await open_form(stage, second, "/unlock-thing", sim.iccid)
    said = await refused_form(stage, second, view, {"reason": "Me too"})
    assert "still open" in said
    assert f"|request {first}>" in said
    assert await audited(stage, first) == [
        ("request.submit", "ok", "U0ENG1"),
        ("request.submit", "refused", "U0ENG2"),
    ]


async def test_two_people_asking_for_one_sim_at_once_make_one_request(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    people = [stage.person("U0ENG1"), stage.person("U0ENG2")]
    views = [await open_form(stage, who, "/lock-thing", f"{sim.iccid} {sim.imei}") for who in people]
    sent = (submit(who, view, {"reason": "Me"}) for who, view in zip(people, views, strict=True))
    await asyncio.gather(*sent)
    await stage.until(lambda: all("⏳" not in shown(view) for view in views))
    assert sorted(view.title for view in views) == ["Lock a SIM to a device", "Request posted"]
    refused = next(view for view in views if view.title != "Request posted")
    assert "still open" in shown(refused)
    await stage.settle(3)
    assert len(stage.cards("C0FIELD")) == 1


async def test_the_requester_cancels_from_the_modal_that_posted_it(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    card = await ask_lock(stage, engineer, sim)
    await engineer.click(engineer.modal, "request.cancel")
    await stage.until(lambda: "is cancelled. Nothing was changed." in shown(engineer.modal))
    await stage.until(lambda: "Cancelled; nothing was changed" in card.text)


async def test_cancelling_too_late_from_the_modal_answers_in_the_modal(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer, approver = stage.person("U0ENG1"), stage.person("U0APP1")
    card = await ask_lock(stage, engineer, sim)
    await approver.click(card, "request.approve", confirm=True)
    await idle(stage)
    await engineer.click(engineer.modal, "request.cancel")
    await stage.until(lambda: "Already approved by <@U0APP1>" in shown(engineer.modal))
    assert not stage.whispers("U0ENG1")


# --- the two ways to unlock ----------------------------------------------------------------------


@pytest.mark.parametrize("keep", ["keep", "clear"])
async def test_the_card_and_the_audit_of_an_unlock_say_whether_the_imei_stays(
    stage: Stage, keep: str
) -> None:
    sim = stage.monogoto.examples.locked
    card = await ask_unlock(stage, stage.person("U0ENG1"), sim, keep)
    grouped = f"{sim.imei[:2]}-{sim.imei[2:8]}-{sim.imei[8:14]}-{sim.imei[14]}"
    after = f"unlocked ({grouped} kept)" if keep == "keep" else "unlocked, IMEI cleared"
    assert (fact(card, "now"), fact(card, "after")) == (f"locked to {grouped}", after)
    assert "the SIM loses its protection" in shown(card)
    (entry,) = await audit_entries(stage, request_id_in(shown(card)))
    assert entry["before"] == {"imei_lock": "true", "locked_imei": sim.imei}
    assert entry["after"] == {"imei_lock": "false", "locked_imei": sim.imei if keep == "keep" else ""}
    assert entry["origin"]["channel"] == "C0FIELD"
    assert entry["reason"] == "Device swap"


async def test_the_choice_about_the_stored_imei_is_explained_and_keeps_by_default(stage: Stage) -> None:
    view = await open_form(stage, stage.person("U0ENG1"), "/unlock-thing")
    (state,) = view.values["keep"].values()
    assert state["selected_option"]["value"] == "keep"
    assert "Keep the stored IMEI" in shown(view)
    assert "Clear the stored IMEI" in shown(view)


# --- hostile names -------------------------------------------------------------------------------


HOSTILE = ("name", "bold", "formula", "long", "emoji", "right_to_left", "markup")
NEVER = ("<!channel", "<!here", "<https://example", "<@U0ADMIN|", "*bold*", "`code`", "<script")


async def test_hostile_names_and_reasons_mention_nobody_link_nowhere_and_format_nothing(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    marked = []
    for name in HOSTILE:
        sim = getattr(stage.monogoto.examples, f"hostile_{name}")
        view = await open_with_facts(stage, engineer, "/lock-thing", sim.iccid)
        marked += mrkdwn(view.content)
        reason = "<!here> *see* <https://example.com|this>"
        card = await send_form(stage, engineer, view, {"imei": sim.imei, "reason": reason})
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await outcome(stage, card)
    messages = stage.slack.messages("C0FIELD")
    marked += mrkdwn([message.blocks for message in messages])
    for text in [*marked, *(message.text for message in messages)]:
        assert not [bad for bad in NEVER if bad in text], text


def mrkdwn(blocks: Any) -> list[str]:
    """Every text that Slack would read as mark-up."""
    if isinstance(blocks, dict):
        own = [blocks["text"]] if blocks.get("type") == "mrkdwn" else []
        return own + [text for part in blocks.values() for text in mrkdwn(part)]
    return [text for part in blocks for text in mrkdwn(part)] if isinstance(blocks, list) else []


async def test_every_request_of_a_story_is_shown_where_it_was_asked(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    assert [c.channel for c in cards_of(stage, request_id_in(shown(card)))] == ["C0FIELD"]
