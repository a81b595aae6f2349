"""Modals of the local Slack: triggers, hashes, the stack of three, and what stays typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import CannotDo, LocalSlack, Person
from bot.sandbox.slack.listing import Listing
from bot.sandbox.slack.payloads import Payloads

PLAIN = {"type": "plain_text"}
OPTIONS = [{"text": PLAIN | {"text": word}, "value": word} for word in ("keep", "clear")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def slack(clock: ManualClock) -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(clock)
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
def client(slack: LocalSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def person(slack: LocalSlack) -> Person:
    return slack.person("U0ENG1")


def text_input(block_id: str, action_id: str = "value", **element: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": PLAIN | {"text": block_id},
        "element": {"type": "plain_text_input", "action_id": action_id} | element,
    }


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    shape = {"type": "modal", "title": PLAIN | {"text": "Lock"}, "submit": PLAIN | {"text": "Go"}}
    return shape | {"blocks": list(blocks) or [text_input("iccid")]} | more


def trigger(slack: LocalSlack) -> str:
    return str(slack.payloads.command("U0ENG1", "/imei")["trigger_id"])


async def error(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_a_trigger_opens_one_modal_within_three_seconds(
    slack: LocalSlack, client: AsyncWebClient, clock: ManualClock, person: Person
) -> None:
    good, late = trigger(slack), trigger(slack)
    await client.views_open(trigger_id=good, view=modal())
    assert person.modal is not None
    assert await error(client.views_open(trigger_id=good, view=modal())) == "exchanged_trigger_id"
    clock.advance(3.1)
    assert await error(client.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
    assert await error(client.views_open(trigger_id="1.2.x", view=modal())) == "invalid_trigger_id"


async def test_a_view_that_slack_would_not_show_leaves_its_trigger_usable(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    trigger_id = trigger(slack)
    bad = modal() | {"title": PLAIN | {"text": "x" * 25}}
    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=trigger_id, view=bad)
    assert refused.value.response["error"] == "invalid_arguments"
    assert "[json-pointer:/view/title" in refused.value.response["response_metadata"]["messages"][0]
    huge = modal(private_metadata="x" * 260_000)
    assert await error(client.views_open(trigger_id=trigger_id, view=huge)) == "view_too_large"
    await client.views_open(trigger_id=trigger_id, view=modal())


async def test_a_view_comes_back_field_for_field(slack: LocalSlack, client: AsyncWebClient) -> None:
    bare = {key: value for key, value in text_input("x").items() if key != "block_id"}
    answer = await client.views_open(trigger_id=trigger(slack), view=modal(bare, callback_id="c"))
    view = answer["view"]
    block_id = view["blocks"][0]["block_id"]
    assert view["state"]["values"] == {block_id: {"value": {"type": "plain_text_input", "value": None}}}
    assert (view["root_view_id"], view["previous_view_id"]) == (view["id"], None)
    assert (view["team_id"], view["bot_id"], view["callback_id"]) == ("T0TEAM", slack.bot_id, "c")
    assert view["title"]["emoji"] is True


async def test_a_stale_hash_is_a_conflict(slack: LocalSlack, client: AsyncWebClient, person: Person) -> None:
    first = (await client.views_open(trigger_id=trigger(slack), view=modal()))["view"]
    second = (await client.views_update(view_id=first["id"], hash=first["hash"], view=modal()))["view"]
    assert second["hash"] != first["hash"]
    stale = client.views_update(view_id=first["id"], hash=first["hash"], view=modal())
    assert await error(stale) == "hash_conflict"
    await client.views_update(view_id=first["id"], view=modal())
    assert person.modal is not None
    await person.close(person.modal)
    assert await error(client.views_update(view_id=first["id"], view=modal())) == "not_found"


async def test_what_was_typed_stays_under_the_same_ids_and_initial_values_are_ignored(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    radios = {
        "type": "input",
        "block_id": "choice",
        "label": PLAIN | {"text": "?"},
        "element": {"type": "radio_buttons", "action_id": "pick", "options": OPTIONS},
    }
    await client.views_open(trigger_id=trigger(slack), view=modal(text_input("imei"), radios))
    view = person.modal
    assert view is not None
    await person.type(view, "imei", "4901")
    await person.choose(view, "choice", "clear")
    filled = text_input("imei", initial_value="other")
    await client.views_update(view_id=view.id, view=modal(filled, radios))
    assert view.values["imei"]["value"]["value"] == "4901"
    assert view.values["choice"]["pick"]["selected_option"]["value"] == "clear"
    renamed = text_input("imei", "value.2", initial_value="490154203237518")
    await client.views_update(view_id=view.id, view=modal(renamed))
    assert view.values == {"imei": {"value.2": {"type": "plain_text_input", "value": "490154203237518"}}}


async def test_three_modals_lie_on_each_other_and_no_more(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    assert await error(client.views_push(trigger_id=trigger(slack), view=modal())) == "not_found"
    root = (await client.views_open(trigger_id=trigger(slack), view=modal()))["view"]

    def inside() -> str:
        view = person.modals[-1]
        return str(slack.payloads.view_action("U0ENG1", view, {})["trigger_id"])

    second = (await client.views_push(trigger_id=inside(), view=modal()))["view"]
    assert (second["root_view_id"], second["previous_view_id"]) == (root["id"], root["id"])
    await client.views_push(trigger_id=inside(), view=modal())
    assert await error(client.views_push(trigger_id=inside(), view=modal())) == "push_limit_reached"
    await person.close(person.modals[-1])
    assert [view.id for view in person.modals] == [root["id"], second["id"]]


async def test_an_external_id_is_taken_once_and_finds_its_view(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    await client.views_open(trigger_id=trigger(slack), view=modal(external_id="one"))
    again = client.views_publish(user_id="U0ENG2", view={"type": "home", "blocks": [], "external_id": "one"})
    assert await error(again) == "duplicate_external_id"
    await client.views_update(external_id="one", view=modal(callback_id="new"))
    assert person.modal is not None
    assert person.modal.callback_id == "new"


async def test_a_home_is_published_for_one_person(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    blocks = [{"type": "section", "text": PLAIN | {"text": "Hello"}}]
    await client.views_publish(user_id="U0ENG1", view={"type": "home", "blocks": blocks})
    assert person.home is not None
    assert person.home.blocks[0]["text"]["text"] == "Hello"
    assert slack.person("U0ENG2").home is None
    wrong = client.views_publish(user_id="U0ENG1", view=modal())
    assert await error(wrong) == "invalid_arguments"


async def test_a_view_opens_in_the_window_that_asked_and_leaves_the_others_alone(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    """Each window has its stack; what a script asks for, without a window, is seen in all of them."""
    left, right = slack.person("U0ENG1", "left"), slack.person("U0ENG1", "right")
    for window in ("left", "right"):
        asked = Payloads(slack._state, window).command("U0ENG1", "/imei")["trigger_id"]
        await client.views_open(trigger_id=asked, view=modal(callback_id=window))
    assert [view.callback_id for view in left.modals] == ["left"]
    assert [view.callback_id for view in right.modals] == ["right"]
    assert len(person.modals) == 2
    inside = Payloads(slack._state, "left").view_action("U0ENG1", left.modals[0], {})["trigger_id"]
    await client.views_push(trigger_id=inside, view=modal(callback_id="second"))
    assert [view.callback_id for view in left.modals] == ["left", "second"]
    assert len(right.modals) == 1
    with pytest.raises(CannotDo):
        await left.submit(left.modals[0])
    await client.views_open(trigger_id=trigger(slack), view=modal(callback_id="script"))
    assert [view.callback_id for view in right.modals] == ["script", "right"]


async def test_an_app_that_has_no_home_publishes_none_and_is_opened_at_its_messages() -> None:
    slack = LocalSlack(ManualClock(), listing=Listing(events=("app_home_opened",), home_tab=False))
    await slack.start()
    try:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        view = {"type": "home", "blocks": []}
        assert await error(client.views_publish(user_id="U0ENG1", view=view)) == "not_enabled"
        assert slack.payloads.home_opened("U0ENG1")["event"]["tab"] == "messages"
    finally:
        await slack.stop()
