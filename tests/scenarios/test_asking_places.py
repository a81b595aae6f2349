"""Where a request is shown: where somebody can decide, and where the requester can follow it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import POLICY, SINGLE_RULE, Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    audit_entries,
    audited,
    cards_of,
    open_form,
    outcome,
    refused_form,
    request_id_in,
    shown,
)


def policy(**changes: Any) -> dict[str, Any]:
    """The usual policy with some of it changed; keys of the rule go into the rule."""
    made = copy.deepcopy(POLICY)
    for key, value in changes.items():
        (made["rules"][0] if key in SINGLE_RULE else made)[key] = value
    return made


def decidable(card: Message) -> bool:
    """Whether it has buttons."""
    return "request.approve" in str(card.blocks)


def by_place(stage: Stage, card: Message) -> dict[str, bool]:
    """The channels that show the request, and whether one can decide there."""
    return {c.channel: decidable(c) for c in cards_of(stage, request_id_in(shown(card)))}


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_an_approvals_channel_gets_the_card_and_the_place_of_asking_a_read_only_twin(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(policy=policy(approvals_channel="C0APPROVALS"), transport=transport)
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    await stage.until(lambda: len(by_place(stage, card)) == 2)
    assert by_place(stage, card) == {"C0APPROVALS": True, "C0FIELD": False}
    (twin,) = stage.cards("C0FIELD")
    assert "<!subteam" not in shown(twin), "approvers are mentioned once, where they decide"
    assert "needed from approver or admin" in shown(twin)
    await approve(stage, stage.person("U0APP1"), card)
    await outcome(stage, card)
    assert "done" in await outcome(stage, twin)
    await stage.until(lambda: "configured and read back" in twin.text and "configured" in card.text)


async def test_where_no_approver_is_in_the_channel_each_gets_a_direct_message(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(roles=POLICY["roles"] | {"admin": ["U0SUP1"]}))
    for user in ("U0APP1", "U0APP2", "U0SUP1"):
        stage.slack.workspace.channels["C0FIELD"].members.remove(user)
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await stage.until(lambda: len(by_place(stage, card)) == 4)
    assert by_place(stage, card) == {"D0APP1": True, "D0APP2": True, "D0SUP1": True, "C0FIELD": False}
    await approve(stage, stage.person("U0APP2"), _in(stage, card, "D0APP2"))
    assert "done" in await outcome(stage, _in(stage, card, "C0FIELD"))
    assert "done" in await outcome(stage, _in(stage, card, "D0APP1"))
    await stage.until(lambda: not any(by_place(stage, card).values()))


def _in(stage: Stage, card: Message, channel: str) -> Message:
    (found,) = [c for c in cards_of(stage, request_id_in(shown(card))) if c.channel == channel]
    return found


@pytest.mark.parametrize("channel", ["C0NOBOT", "C0PRIVATE"])
async def test_where_the_bot_can_not_post_approvers_and_requester_get_direct_messages(
    open_stage: OpenStage, channel: str
) -> None:
    stage = await open_stage()
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh, channel=channel)
    await stage.until(lambda: len(by_place(stage, card)) == 4)
    assert by_place(stage, card) == {"D0APP1": True, "D0APP2": True, "D0ADMIN": True, "D0ENG1": False}


async def test_an_approvals_channel_that_hides_the_card_from_the_requester_leaves_them_a_message(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=policy(approvals_channel="C0APPROVALS"))
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim, channel="C0NOBOT")
    await stage.until(lambda: len(by_place(stage, card)) == 2)
    assert by_place(stage, card) == {"C0APPROVALS": True, "D0ENG1": False}


async def test_an_archived_approvals_channel_gives_way_to_the_place_of_asking(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(approvals_channel="C0ARCHIVED"))
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    assert by_place(stage, card) == {"C0FIELD": True}


async def test_a_direct_message_with_the_bot_is_a_place_to_ask(open_stage: OpenStage) -> None:
    stage = await open_stage()
    stage.slack.workspace.direct_message("U0ENG1")
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh, channel="D0ENG1")
    await stage.until(lambda: len(by_place(stage, card)) == 4)
    assert by_place(stage, card)["D0ENG1"] is False


async def test_the_audit_channel_hears_every_decision_and_outcome_without_a_card(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(policy=policy(audit_channel="C0AUDIT"))
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await approve(stage, stage.person("U0APP1"), card)
    await outcome(stage, card)
    await stage.until(lambda: len(stage.slack.messages("C0AUDIT")) == 2)
    approved, done = (message.text for message in stage.slack.messages("C0AUDIT"))
    assert "Approved by <@U0APP1>" in approved
    assert "done" in done
    assert all(stage.monogoto.examples.fresh.iccid not in text for text in (approved, done))


# --- nobody who could ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "needed", "said"),
    [
        ([], 1, "This needs 1 approval by others, and nobody could give one"),
        (["U0ENG1"], 1, "and nobody could give one"),
        (["U0APP1"], 2, "This needs 2 approvals by others, and only 1 could give one"),
        (["U0GUEST"], 1, "and nobody could give one"),
    ],
)
async def test_a_request_that_nobody_could_approve_is_refused_when_it_is_made(
    open_stage: OpenStage, members: list[str], needed: int, said: str
) -> None:
    roles = POLICY["roles"] | {"admin": ["U0ENG1"]}
    stage = await open_stage(
        policy=policy(roles=roles, approvals={"none": needed, "some": needed, "many": needed})
    )
    stage.slack.workspace.groups["S0APPROVERS"].users[:] = members
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}")
    text = await refused_form(stage, engineer, view, {"reason": "Stolen box"})
    assert said in text
    assert not stage.cards("C0FIELD")
    (entry,) = await audit_entries(stage)
    assert (entry["event"], entry["outcome"]) == ("request.submit", "refused")
    assert said in entry["reason"]


@pytest.mark.parametrize("channel", ["C0FIELD", "C0NOBOT"])
async def test_a_policy_without_approvals_applies_at_once_and_tells_the_requester(
    open_stage: OpenStage, channel: str
) -> None:
    stage = await open_stage(policy=policy(approvals={"none": 0, "some": 1, "many": 2}))
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}", channel=channel)
    await engineer.submit(view, {"reason": "Stolen box"})
    await stage.until(lambda: view.title == "Request posted")
    assert "It needs no approval and is applied at once." in shown(view)
    assert "Cancel request" not in shown(view)
    request_id = request_id_in(shown(view))
    (card,) = await stage.until(lambda: cards_of(stage, request_id))
    assert card.channel == ("C0FIELD" if channel == "C0FIELD" else "D0ENG1")
    assert "done" in await outcome(stage, card)
    assert stage.monogoto.thing(sim.iccid)["MasterIMEI"] == sim.imei
    assert (await audited(stage, request_id))[:2] == [
        ("request.submit", "ok", "U0ENG1"),
        ("request.approve", "ok", ""),
    ]
