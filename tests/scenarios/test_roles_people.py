"""Who is let in and who isn't: by what Slack says of them now, and by nothing that they say themselves."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.policy import OWN_REQUEST
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import POLICY, Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    audit_entries,
    audited,
    form_of,
    idle,
    open_form,
    outcome,
    refused_form,
    shown,
    submit,
    told,
)
from tests.scenarios.test_asking_places import policy
from tests.scenarios.test_deciding_as_shown import click
from tests.scenarios.test_deciding_clicks import events, puts

GROUPS = "usergroups.users.list"
STALE_SECONDS = 11


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


async def commanded(
    stage: Stage, user_id: str, text: str = "", channel: str = "C0FIELD", **forged: Any
) -> None:
    """A command, whoever sends it: bots and strangers can't type one, but their payload can arrive."""
    payload = stage.slack.payloads.command(user_id, "/lock-thing", text, channel) | forged
    assert (await stage.slack.deliver(payload)).acked
    await idle(stage)


def approve_value(card: Message) -> str:
    return str(card.blocks[-1]["elements"][0]["value"])


# --- nobody decides on their own request ---------------------------------------------------------


@pytest.mark.parametrize("user_id", ["U0ENG1", "U0ADMIN"])
async def test_nobody_approves_their_own_request_whatever_roles_they_hold(
    open_stage: OpenStage, user_id: str
) -> None:
    stage = await open_stage()
    await stage.slack.set_group("S0APPROVERS", ["U0APP1", "U0ENG1"])
    who = stage.person(user_id)
    card = await ask_lock(stage, who, stage.monogoto.examples.fresh)
    await approve(stage, who, card)
    assert await told(stage, who) == f"⛔ {OWN_REQUEST}"
    assert events(await audited(stage))[-1] == ("request.approve", "refused", user_id)
    assert puts(stage) == 0
    await approve(stage, stage.person("U0APP1"), card)
    assert "done" in await outcome(stage, card)


# --- outsiders -----------------------------------------------------------------------------------

OUTSIDERS = [
    ("U0PLAIN", "The policy lets only the role engineer or admin request locking a SIM."),
    ("U0GUEST", "Guests may use this only where the policy names them one by one. Ask <@U0ADMIN>."),
    ("U0OTHER", "Only people of the workspace that owns these SIMs may use this."),
    ("U0WORKFLOW", "Bots and workflows may not use this."),
]


@pytest.mark.parametrize(("user_id", "said"), OUTSIDERS)
@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_outsiders_open_no_form_and_hear_why(
    open_stage: OpenStage, transport: str, user_id: str, said: str
) -> None:
    stage = await open_stage(transport=transport)
    await commanded(stage, user_id)
    assert said in await told(stage, stage.person(user_id))
    assert form_of(stage.person(user_id)) is None
    (entry,) = await audit_entries(stage)
    assert (entry["event"], entry["outcome"]) == ("lock_thing.open", "refused")
    assert entry["person"]["user_id"] == user_id
    assert entry["origin"]["channel"] == "C0FIELD"


@pytest.mark.parametrize("user_id", ["U0PLAIN", "U0GUEST", "U0OTHER", "U0WORKFLOW", "U0ENG2", "U0SUP1"])
async def test_people_without_the_role_approve_nothing(stage: Stage, user_id: str) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await click(stage, user_id, card, "request.approve", approve_value(card))
    assert await told(stage, stage.person(user_id))
    assert events(await audited(stage))[-1] == ("request.approve", "refused", user_id)
    await stage.settle(15)
    assert puts(stage) == 0


async def test_a_deactivated_person_is_refused_by_what_slack_says_now(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    stage.slack.workspace.users["U0APP1"].deleted = True
    stage.clock.advance(STALE_SECONDS)
    await click(stage, "U0APP1", card, "request.approve", approve_value(card))
    assert "This account is deactivated." in await told(stage, stage.person("U0APP1"))
    assert puts(stage) == 0


@pytest.mark.parametrize("team", ["T0OTHER", ""])
async def test_an_approver_whose_payload_names_another_team_is_refused(stage: Stage, team: str) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    action = {"type": "button", "action_id": "request.approve", "block_id": "decision"}
    payload = stage.slack.payloads.message_action("U0APP1", card, action | {"value": approve_value(card)})
    payload["user"]["team_id"] = team
    payload["team"] = {"id": team}
    await stage.slack.deliver(payload)
    await idle(stage)
    assert "Only people of the workspace" in await told(stage, stage.person("U0APP1"))
    assert puts(stage) == 0


async def test_a_stranger_who_bears_an_approvers_name_is_still_a_stranger(stage: Stage) -> None:
    approver, stranger = (stage.slack.workspace.users[user] for user in ("U0APP1", "U0OTHER"))
    stranger.name, stranger.real_name = approver.name, approver.real_name
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await click(stage, "U0OTHER", card, "request.approve", approve_value(card))
    assert (await audited(stage))[-1] == ("request.approve", "refused", "U0OTHER")


# --- guests --------------------------------------------------------------------------------------


async def test_a_guest_named_in_the_policy_may_ask_and_never_approve(open_stage: OpenStage) -> None:
    roles = POLICY["roles"] | {"engineer": ["S0ENGINEERS", "U0GUEST"], "approver": ["U0APP1", "U0GUEST"]}
    stage = await open_stage(policy=policy(roles=roles))
    card = await ask_lock(stage, stage.person("U0GUEST"), stage.monogoto.examples.fresh)
    other = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.locked_elsewhere)
    await approve(stage, stage.person("U0GUEST"), other)
    assert await told(stage, stage.person("U0GUEST")) == "⛔ Guests never approve. Ask <@U0ADMIN>."
    await approve(stage, stage.person("U0APP1"), card)
    assert "done" in await outcome(stage, card)


async def test_a_guest_in_a_user_group_is_not_named(stage: Stage) -> None:
    await stage.slack.set_group("S0ENGINEERS", ["U0ENG1", "U0GUEST"])
    await commanded(stage, "U0GUEST")
    assert "names them one by one" in await told(stage, stage.person("U0GUEST"))


# --- shared channels -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["/lock-thing", "/unlock-thing", "/imei"])
@pytest.mark.parametrize("user_id", ["U0ENG1", "U0ADMIN"])
async def test_every_command_is_refused_in_a_channel_shared_with_another_company(
    stage: Stage, command: str, user_id: str
) -> None:
    who = stage.person(user_id)
    await who.command(command, "help", channel="C0SHARED")
    said = await told(stage, who)
    assert "⛔ This channel is shared with another company. Ask in a channel of your own workspace." in said
    assert form_of(who) is None
    assert not stage.slack.messages("C0SHARED")
    assert (await audited(stage))[-1][1:] == ("refused", user_id)


async def test_a_stranger_in_a_shared_channel_is_refused(stage: Stage) -> None:
    await commanded(stage, "U0OTHER", channel="C0SHARED", team_id="T0OTHER")
    assert "⛔" in await told(stage, stage.person("U0OTHER"))
    assert form_of(stage.person("U0OTHER")) is None


async def test_a_channel_that_becomes_shared_takes_no_more_decisions(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    stage.slack.workspace.channels["C0FIELD"].is_ext_shared = True
    stage.clock.advance(STALE_SECONDS)
    await approve(stage, stage.person("U0APP1"), card)
    assert "shared with another company" in await told(stage, stage.person("U0APP1"))
    assert puts(stage) == 0


# --- roles that change, and a Slack that doesn't answer ------------------------------------------


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_role_removed_between_request_and_click_counts_at_the_click(
    open_stage: OpenStage, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    stage.slack.workspace.groups["S0APPROVERS"].users.remove("U0APP1")
    stage.clock.advance(STALE_SECONDS)
    await approve(stage, stage.person("U0APP1"), card)
    assert await told(stage, stage.person("U0APP1")) == (
        "⛔ The policy lets only the role approver or admin approve locking a SIM. "
        "Ask <!subteam^S0APPROVERS>, <@U0ADMIN>."
    )
    assert puts(stage) == 0


async def test_a_role_removed_between_form_and_submission_counts_at_the_submission(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}")
    stage.slack.workspace.groups["S0ENGINEERS"].users.remove("U0ENG1")
    stage.clock.advance(STALE_SECONDS)
    said = await refused_form(stage, engineer, view, {"reason": "Stolen box"})
    assert "lets only the role engineer or admin request locking a SIM" in said
    assert not stage.cards("C0FIELD")


def emptied(stage: Stage) -> None:
    stage.slack.workspace.groups["S0ENGINEERS"].users.clear()


def removed(stage: Stage) -> None:
    del stage.slack.workspace.groups["S0ENGINEERS"]


def disabled(stage: Stage) -> None:
    stage.slack.workspace.groups["S0ENGINEERS"].enabled = False


@pytest.mark.parametrize("what", [emptied, removed, disabled])
async def test_an_empty_or_unknown_user_group_lets_nobody_in(stage: Stage, what: Any) -> None:
    what(stage)
    await commanded(stage, "U0ENG1")
    said = await told(stage, stage.person("U0ENG1"))
    assert "The policy lets only the role engineer or admin request locking a SIM" in said


def unreachable(stage: Stage) -> None:
    stage.slack.fail(GROUPS, status=500, times=9)


def broken(stage: Stage) -> None:
    stage.slack.fail(GROUPS, reset=True, times=9)


def without_scope(stage: Stage) -> None:
    stage.slack.scopes.discard("usergroups:read")


def limited_for_long(stage: Stage) -> None:
    stage.slack.rate_limit(GROUPS, 60, times=3)


@pytest.mark.parametrize("what", [unreachable, broken, without_scope, limited_for_long])
async def test_user_groups_that_slack_does_not_tell_about_deny_with_their_own_sentence(
    stage: Stage, what: Any
) -> None:
    what(stage)
    await commanded(stage, "U0ENG1")
    said = await told(stage, stage.person("U0ENG1"))
    assert "Slack did not answer who holds the role that this needs, so the answer is no for now." in said
    assert "Try again in a minute." in said
    assert (await audited(stage))[-1] == ("lock_thing.open", "refused", "U0ENG1")


async def test_a_slack_that_tells_nothing_of_a_person_denies_with_its_own_sentence(stage: Stage) -> None:
    stage.slack.fail("users.info", status=500, times=9)
    await commanded(stage, "U0ENG1")
    said = await told(stage, stage.person("U0ENG1"))
    assert "⛔ Nothing was changed: Slack did not answer who you are and which roles you hold" in said
    assert (await audited(stage))[-1] == ("lock_thing.open", "refused", "U0ENG1")


async def test_user_groups_behind_a_short_429_are_waited_for(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    stage.slack.rate_limit(GROUPS, 5)
    engineer = stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}")
    opened = stage.slack.calls("views.open")[0]
    assert "Asking Slack which roles you hold" in str(opened.args["view"])
    assert (await submit(engineer, view, {"reason": "Stolen box"})).ok
    await stage.until(lambda: "Request posted" in shown(view))


async def test_a_person_without_the_role_reads_so_in_the_modal_that_was_loading(stage: Stage) -> None:
    stage.slack.rate_limit(GROUPS, 5)
    plain = stage.person("U0PLAIN")
    await plain.command("/lock-thing")
    await stage.until(lambda: plain.modal and "lets only the role" in shown(plain.modal))
    assert form_of(plain) is None


async def test_an_approver_is_denied_while_slack_is_silent_and_counts_afterwards(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    stage.clock.advance(STALE_SECONDS)
    stage.slack.fail(GROUPS, status=500, times=9)
    approver = stage.person("U0APP1")
    await approve(stage, approver, card)
    assert "Slack did not answer" in await told(stage, approver)
    stage.slack.stop_failing()
    await approve(stage, approver, card)
    assert "done" in await outcome(stage, card)
