"""A decision counts for exactly what the card showed, and for nothing that was forged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.policy import OWN_REQUEST
from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    ask_unlock,
    audit_entries,
    audited,
    deny,
    fact,
    idle,
    open_denial,
    open_form,
    outcome,
    request_id_in,
    shown,
    whisper,
)
from tests.scenarios.evidence import meanwhile
from tests.scenarios.test_asking_places import policy
from tests.scenarios.test_deciding_clicks import TWO, puts

REDRAWN = "Nothing was approved: the SIM has changed since this card was drawn"


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


def fingerprint(card: Message) -> str:
    """What the Approve button carries after the request's id."""
    (buttons,) = [block for block in card.blocks if block["type"] == "actions"]
    return str(buttons["elements"][0]["value"]).partition(".")[2]


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_console_edit_after_asking_redraws_the_card_and_tells_the_clicker(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    before = fingerprint(card)
    other = stage.monogoto.examples.unused_imeis[0]
    stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=other)
    approver = stage.person("U0APP1")
    await approve(stage, approver, card)
    assert REDRAWN in (await whisper(stage, approver)).text
    await stage.until(lambda: fingerprint(card) != before)
    assert fact(card, "now").replace("-", "") == f"locked to {other}"
    (reply,) = await stage.until(lambda: stage.replies(card))
    assert reply.text.startswith("♻️ The SIM has changed since this was asked")
    assert puts(stage) == 0
    redraw = (await audit_entries(stage))[1]
    assert (redraw["event"], redraw["reason"]) == ("request.redraw", "no longer as shown: lock")
    await approve(stage, approver, card)
    assert "done" in await outcome(stage, card)


def seen_elsewhere(stage: Stage, sim: Example) -> None:
    assert stage.monogoto.data_session(sim.iccid, stage.monogoto.examples.unused_imeis[0])


def group_locked(stage: Stage, sim: Example) -> None:
    stage.monogoto.console_edit_group(sim.group_id, IMEIPrefix="35305311", LockMasterImei=True)


@pytest.mark.parametrize("happens", [seen_elsewhere, group_locked])
async def test_whatever_the_decision_rests_on_redraws_the_card(stage: Stage, happens: Any) -> None:
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    assert "keeps service" in shown(card)
    happens(stage, sim)
    approver = stage.person("U0APP1")
    await approve(stage, approver, card)
    assert REDRAWN in (await whisper(stage, approver)).text
    await stage.until(lambda: "keeps service" not in shown(card))
    assert puts(stage) == 0


async def test_a_data_session_of_the_same_device_disturbs_no_approval(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    stage.monogoto.data_session(sim.iccid, sim.imei)
    await approve(stage, stage.person("U0APP1"), card)
    assert "done" in await outcome(stage, card)


async def test_a_redraw_lets_earlier_approvals_fall(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(approvals=TWO))
    sim = stage.monogoto.examples.locked
    card = await ask_unlock(stage, stage.person("U0ENG1"), sim, "clear")
    first, second = stage.person("U0APP1"), stage.person("U0APP2")
    await approve(stage, first, card)
    await stage.until(lambda: "1 more approval needed" in shown(card))
    stage.monogoto.console_edit(sim.iccid, MasterIMEI=stage.monogoto.examples.unused_imeis[0])
    await approve(stage, second, card)
    await stage.until(lambda: "2 approvals needed" in shown(card))
    await approve(stage, second, card)
    await stage.until(lambda: "1 more approval needed" in shown(card))
    assert puts(stage) == 0
    await approve(stage, first, card)
    assert "done" in await outcome(stage, card)


async def test_a_card_that_became_needless_says_so(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=sim.imei)
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: "Somebody has done the same elsewhere meanwhile" in shown(card))


async def test_a_stale_fingerprint_counts_for_nothing(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    request_id = request_id_in(shown(card))
    for stale in ("", "0" * 64, fingerprint(card)[:-1], fingerprint(card) + "0"):
        await click(stage, "U0APP1", card, "request.approve", f"{request_id}.{stale}")
        await whisper(stage, stage.person("U0APP1"), "this card was out of date")
    assert puts(stage) == 0
    assert "request.approve" in str(card.blocks)
    refused = [e for e in await audit_entries(stage, request_id) if e["outcome"] == "refused"]
    assert [e["event"] for e in refused] == ["request.approve"] * 4


async def click(stage: Stage, user_id: str, where: Message, action_id: str, value: str) -> None:
    """A click that carries whatever was forged into it."""
    action = {"type": "button", "action_id": action_id, "block_id": "decision", "value": value}
    delivery = await stage.slack.deliver(stage.slack.payloads.message_action(user_id, where, action))
    assert delivery.acked
    await idle(stage)


FORGED = ("", ".", "NOSUCHONE2.0", "'; drop table requests; --", "x" * 2000, "é\x00")


@pytest.mark.parametrize("action_id", ["request.approve", "request.deny", "request.cancel"])
async def test_a_forged_request_id_is_refused_in_plain_words(stage: Stage, action_id: str) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    for number, value in enumerate(FORGED, start=1):
        await click(stage, "U0APP1", card, action_id, value)
        whispers = stage.whispers("U0APP1")
        assert len(whispers) == number, value
        assert whispers[-1].text.startswith("⚠️"), value
        assert "reference" not in whispers[-1].text, "a forged id is no fault of the bot"
    assert "request.approve" in str(card.blocks)


async def test_a_click_with_no_value_and_a_payload_with_nothing_in_it_change_nothing(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    whole = stage.slack.payloads.message_action(
        "U0APP1", card, {"type": "button", "action_id": "request.approve", "block_id": "decision"}
    )
    bare = {"type": "block_actions", "actions": whole["actions"], "api_app_id": whole["api_app_id"]}
    for payload in (whole, bare, bare | {"user": None, "channel": [], "container": 7}):
        await meanwhile(stage, stage.slack.deliver(payload))  # what makes no sense is not acked
        await idle(stage)
    assert "request.approve" in str(card.blocks)
    assert [entry for entry in await audited(stage) if entry[1] == "ok"] == [
        ("request.submit", "ok", "U0ENG1")
    ]


GARBLED = ("", "{", "[]", "null", "[" * 3000)


async def test_a_denial_with_garbled_metadata_ends_nothing(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    for metadata in (*GARBLED, '{"request": 7}', '{"request": "NOSUCHONE2"}'):
        view = await open_denial(stage, stage.person("U0APP1"), card)
        payload = stage.slack.payloads.submission("U0APP1", view)
        payload["view"]["private_metadata"] = metadata
        payload["view"]["state"]["values"] = {"reason": {"reason": {"type": "x", "value": "Wrong box"}}}
        await stage.slack.deliver(payload)
        await stage.until(lambda view=view: "this request is not known here" in shown(view))
        assert "> Wrong box" in shown(view)
    assert "request.approve" in str(card.blocks)


async def test_another_persons_denial_form_gives_nobody_their_role(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    view = await open_denial(stage, stage.person("U0APP1"), card)
    forgers = ("U0ENG1", "U0ENG2", "U0PLAIN")
    for payload in [stage.slack.payloads.submission(user_id, view) for user_id in forgers]:
        payload["view"]["state"]["values"] = {"reason": {"reason": {"type": "x", "value": "Mine"}}}
        await stage.slack.deliver(payload)
        await idle(stage)
    assert "request.approve" in str(card.blocks)
    refused = [entry for entry in await audited(stage) if entry[:2] == ("request.deny", "refused")]
    assert [user for _, _, user in refused] == ["U0ENG1", "U0ENG2", "U0PLAIN"]


async def test_a_form_with_garbled_metadata_never_asks_more_than_the_person_may(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    forged = (*GARBLED, '{"channel": {}, "version": "x"}', '{"channel": "C0SHARED", "nonce": "n"}')
    for metadata in forged:
        view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}")
        await engineer.type(view, "reason", "Stolen box")
        payload = stage.slack.payloads.submission("U0PLAIN", view)
        payload["view"]["private_metadata"] = metadata
        assert (await stage.slack.deliver(payload)).acked
        await idle(stage)
    await stage.settle(3)
    assert not stage.cards("C0FIELD")
    assert [entry[:2] for entry in await audited(stage)] == [("request.submit", "refused")] * len(forged)


async def test_a_form_carried_into_a_shared_channel_is_refused(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}")
    await engineer.type(view, "reason", "Stolen box")
    payload = stage.slack.payloads.submission("U0ENG1", view)
    payload["view"]["private_metadata"] = json.dumps({"channel": "C0SHARED", "nonce": "n"})
    await stage.slack.deliver(payload)
    await stage.until(lambda: "shared with another company" in shown(view))
    assert not stage.slack.messages("C0SHARED")


async def test_the_requester_denies_not_even_their_own_request(stage: Stage) -> None:
    admin = stage.person("U0ADMIN")
    card = await ask_lock(stage, admin, stage.monogoto.examples.fresh)
    await admin.click(card, "request.deny")
    told = await whisper(stage, admin)
    assert told.text == f"⛔ {OWN_REQUEST}"
    view = await deny(stage, stage.person("U0APP1"), card, "Wrong box")
    assert "Denied" in shown(view)
