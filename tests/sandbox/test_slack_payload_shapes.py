"""What the local Slack sends has Slack's own fields: no less, so that handlers work, and no more.

The shapes: slackapi/java-slack-sdk (json-logs/samples), slackapi/bolt-python (tests/scenario_tests_async),
and the types of bolt-js. What only an Enterprise Grid, functions or file inputs have is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.payloads import action_of
from bot.sandbox.slack.views import View


def named(text: str) -> set[str]:
    return set(text.split())


USER = {"id", "username", "name", "team_id"}
TEAM = {"id", "domain"}
INSTALL = {"enterprise", "is_enterprise_install"}
INTERACTION = {"type", "user", "api_app_id", "token", "team"} | INSTALL
SHORTCUT = {"type", "user", "token", "team", "action_ts", "callback_id", "trigger_id"} | INSTALL
VIEW = named(
    "id team_id type blocks private_metadata callback_id state hash title clear_on_close notify_on_close "
    "close submit previous_view_id root_view_id app_id external_id app_installed_team_id bot_id"
)
EVENT = named(
    "token team_id context_team_id context_enterprise_id api_app_id event type event_id event_time "
    "authorizations is_ext_shared_channel event_context"
)
AUTHORIZATION = {"enterprise_id", "team_id", "user_id", "is_bot", "is_enterprise_install"}
BUTTON = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Go"}, "value": "1"}
FIELD = {
    "type": "input",
    "block_id": "b",
    "label": {"type": "plain_text", "text": "Label"},
    "element": {"type": "plain_text_input", "action_id": "a"},
}
MODAL = {"type": "modal", "callback_id": "c", "title": {"type": "plain_text", "text": "T"}, "blocks": [FIELD]}

HOME = {"type": "home", "blocks": []}


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(ManualClock())
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
def view(slack: LocalSlack) -> View:
    """A modal that somebody has open."""
    return slack._state.views.open("U0ENG1", MODAL)


def people_and_team(payload: dict[str, Any], user: set[str] = USER) -> None:
    assert set(payload["user"]) == user
    assert set(payload["team"]) == TEAM
    assert (payload["enterprise"], payload["is_enterprise_install"]) == (None, False)


def test_slash_command_is_flat_text(slack: LocalSlack) -> None:
    """All values are strings, as a form has them."""
    sent = slack.payloads.command("U0ENG1", "/lock-thing", "89")
    assert set(sent) == named(
        "token team_id team_domain channel_id channel_name user_id user_name command text api_app_id "
        "is_enterprise_install response_url trigger_id"
    )
    assert {type(value) for value in sent.values()} == {str}


@pytest.mark.parametrize("in_thread", [False, True])
def test_click_on_a_message_brings_the_message_and_a_response_url(slack: LocalSlack, in_thread: bool) -> None:
    """The container says where; a thread is named there only if there is one."""
    person = slack.person("U0ENG1")
    parent = person.say("C0FIELD", "hello")
    message = person.say("C0FIELD", "there", parent.ts) if in_thread else parent
    sent = slack.payloads.message_action("U0ENG1", message, action_of("b", BUTTON))
    assert set(sent) == INTERACTION | {
        "container",
        "trigger_id",
        "channel",
        "message",
        "state",
        "response_url",
        "actions",
    }
    people_and_team(sent)
    where = {"type", "message_ts", "channel_id", "is_ephemeral"}
    assert set(sent["container"]) == where | ({"thread_ts"} if in_thread else set())
    assert set(sent["channel"]) == {"id", "name"}
    assert {"type", "user", "text", "ts"} <= set(sent["message"])
    assert set(sent["actions"][0]) == {"action_id", "block_id", "text", "value", "type", "action_ts"}


@pytest.mark.parametrize("kind", ["modal", "home"])
def test_click_in_a_view_brings_the_view_and_nothing_of_a_channel(
    slack: LocalSlack, view: View, kind: str
) -> None:
    """No channel, no response_url: whoever wants them has to keep them in the view."""
    if kind == "home":
        view = slack._state.views.publish("U0ENG1", HOME)
    sent = slack.payloads.view_action("U0ENG1", view, action_of("b", BUTTON))
    assert set(sent) == INTERACTION | {"container", "trigger_id", "view", "actions"}
    people_and_team(sent)
    assert sent["container"] == {"type": "view", "view_id": view.id}
    assert set(sent["view"]) == VIEW
    assert sent["view"]["type"] == kind


def test_suggestion_has_what_was_typed_and_no_trigger(slack: LocalSlack, view: View) -> None:
    """Nothing can be opened in answer to it."""
    sent = slack.payloads.suggestion("U0ENG1", view, "b", "a", "Mal")
    assert set(sent) == INTERACTION | {"container", "action_id", "block_id", "value", "view"}
    people_and_team(sent)
    assert set(sent["view"]) == VIEW


@pytest.mark.parametrize("ephemeral", [False, True])
def test_suggestion_in_a_message_says_where_it_stands(slack: LocalSlack, ephemeral: bool) -> None:
    """The message itself only where it is one for all."""
    message = slack.person("U0ENG1").say("C0FIELD", "pick")
    message.ephemeral_to = "U0ENG1" if ephemeral else None
    sent = slack.payloads.suggestion("U0ENG1", message, "b", "a", "Mal")
    asked = INTERACTION | {"container", "action_id", "block_id", "value", "channel"}
    assert set(sent) == asked | (set() if ephemeral else {"message"})
    assert sent["container"]["message_ts"] == message.ts
    assert sent["container"]["is_ephemeral"] is ephemeral


def test_submission_has_the_values_by_block_and_action(slack: LocalSlack, view: View) -> None:
    """`response_urls` is there and empty: no field of the form asks for one."""
    sent = slack.payloads.submission("U0ENG1", view)
    assert set(sent) == INTERACTION | {"trigger_id", "view", "response_urls"}
    people_and_team(sent)
    assert set(sent["view"]) == VIEW
    assert sent["view"]["state"]["values"]["b"]["a"] == {"type": "plain_text_input", "value": None}


def test_closed_view_has_no_trigger_and_no_values(slack: LocalSlack, view: View) -> None:
    """What was typed into a closed form is not told."""
    sent = slack.payloads.closed("U0ENG1", view)
    assert set(sent) == INTERACTION | {"view", "is_cleared"}
    assert set(sent["view"]) == VIEW
    assert sent["view"]["state"] == {"values": {}}


def test_global_shortcut_names_no_app_and_no_channel(slack: LocalSlack) -> None:
    """Its user has a username and no name."""
    sent = slack.payloads.shortcut("U0ENG1", "lock")
    assert set(sent) == SHORTCUT
    people_and_team(sent, {"id", "username", "team_id"})


def test_message_shortcut_brings_the_message(slack: LocalSlack) -> None:
    """With its channel and a response_url, unlike the global one."""
    message = slack.person("U0ENG1").say("C0FIELD", "hello")
    sent = slack.payloads.message_shortcut("U0ENG1", message, "lock")
    assert set(sent) == SHORTCUT | {"channel", "message_ts", "message", "response_url"}
    people_and_team(sent)


@pytest.mark.parametrize("tab", ["home", "messages"])
def test_home_opened_is_an_event_with_its_tab(slack: LocalSlack, tab: str) -> None:
    """The first time there is no view yet; from then on it comes along, whichever tab is looked at."""
    sent = slack.payloads.home_opened("U0ENG1", tab)
    assert set(sent) == EVENT
    assert [set(each) for each in sent["authorizations"]] == [AUTHORIZATION]
    assert set(sent["event"]) == {"type", "user", "channel", "tab", "event_ts"}
    assert sent["event"]["tab"] == tab
    slack._state.views.publish("U0ENG1", HOME)
    again = slack.payloads.home_opened("U0ENG1", tab)["event"]
    assert set(again) == {"type", "user", "channel", "tab", "event_ts", "view"}
    assert set(again["view"]) == VIEW


def test_members_changed_counts_who_came_and_went(slack: LocalSlack) -> None:
    """Ids in lists, and their numbers beside them."""
    event = slack.payloads.members_changed("S0ENGINEERS", ["U0PLAIN"], [])["event"]
    assert set(event) == named(
        "type subteam_id team_id date_previous_update date_update added_users added_users_count "
        "removed_users removed_users_count event_ts"
    )
