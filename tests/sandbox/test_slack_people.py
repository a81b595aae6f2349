"""What people of the local Slack can press, see and send; and that nobody presses what they can't see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import CannotDo, LocalSlack, NeedsConfirm, Person, View
from bot.sandbox.slack.elements import Slot
from bot.sandbox.slack.entities import with_ids
from bot.sandbox.slack.filling import state_for
from bot.sandbox.slack.listing import Command, Listing

PLAIN = {"type": "plain_text"}
OPTIONS = [{"text": PLAIN | {"text": word}, "value": word} for word in ("keep", "clear")]
SURE = {
    "title": PLAIN | {"text": "Sure?"},
    "text": PLAIN | {"text": "It loses service"},
    "confirm": PLAIN | {"text": "Yes"},
    "deny": PLAIN | {"text": "No"},
}
GO = {"type": "button", "action_id": "go", "text": PLAIN | {"text": "Go"}, "value": "1"}
CARD = [{"type": "actions", "block_id": "b", "elements": [GO, GO | {"action_id": "sure", "confirm": SURE}]}]


class Bot:
    """Answers every delivery with what `reply` says."""

    def __init__(self) -> None:
        self.reply: Callable[[], Any] = dict

    async def handle(self, _request: web.Request) -> web.Response:
        answer = self.reply()
        return web.json_response(answer) if answer else web.Response()


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(ManualClock())
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
async def bot(slack: LocalSlack) -> AsyncIterator[Bot]:
    bot = Bot()
    app = web.Application()
    app.router.add_post("/", bot.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_http(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    yield bot
    await runner.cleanup()


@pytest.fixture
def client(slack: LocalSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def person(slack: LocalSlack, bot: Bot) -> Person:
    return slack.person("U0ENG1")


def field(block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": block_id, "label": PLAIN | {"text": "?"}, "element": element} | more


TEXT = {"type": "plain_text_input", "action_id": "t"}
RADIO = {"type": "radio_buttons", "action_id": "r", "options": OPTIONS}


def form(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": PLAIN | {"text": "Lock"},
        "submit": PLAIN | {"text": "Go"},
        "blocks": list(blocks) or [field("iccid", TEXT), field("keep", RADIO, optional=True)],
    } | more


async def opened(slack: LocalSlack, client: AsyncWebClient, view: dict[str, Any]) -> View:
    await client.views_open(trigger_id=slack.payloads.command("U0ENG1", "/imei")["trigger_id"], view=view)
    modal = slack.person("U0ENG1").modal
    assert modal is not None
    return modal


async def test_commands_are_refused_in_threads_unregistered_and_where_one_is_not(
    slack: LocalSlack, person: Person
) -> None:
    with pytest.raises(CannotDo, match="not supported in threads"):
        await person.command("/lock-thing", thread_ts="1.1")
    with pytest.raises(CannotDo, match="not a valid command"):
        await person.command("/frobnicate")
    with pytest.raises(CannotDo, match="not in C0AUDIT"):
        await person.command("/lock-thing", channel="C0AUDIT")
    with pytest.raises(CannotDo, match="archived"):
        await person.command("/lock-thing", channel="C0ARCHIVED")
    with pytest.raises(CannotDo):
        await slack.person("U0OTHER").command("/lock-thing", channel="C0SHARED")
    slack.scopes.discard("commands")
    with pytest.raises(CannotDo):
        await person.command("/lock-thing")
    assert slack.deliveries == []


async def test_only_what_is_on_the_screen_can_be_pressed(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    await client.chat_postMessage(channel="C0FIELD", text="card", blocks=CARD)
    await client.chat_postEphemeral(channel="C0SUPPORT", user="U0APP1", text="psst", blocks=CARD)
    (card,) = slack.messages("C0FIELD")
    (secret,) = slack.ephemerals("U0APP1")
    click = await person.click(card, "go")
    assert click.payload["message"]["ts"] == card.ts
    assert click.payload["actions"][0]["value"] == "1"
    hidden = await slack.person("U0APP1").click(secret, "go")
    assert hidden.payload["container"]["is_ephemeral"]
    assert "message" not in hidden.payload
    with pytest.raises(CannotDo):
        await person.click(secret, "go")
    with pytest.raises(CannotDo):
        await person.click(card, "deny")
    await client.chat_update(channel="C0FIELD", ts=card.ts, text="done")
    with pytest.raises(CannotDo, match="nothing to press"):
        await person.click(card, "go")


async def test_a_button_that_asks_first_needs_a_yes(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    await client.chat_postMessage(channel="C0FIELD", text="card", blocks=CARD)
    (card,) = slack.messages("C0FIELD")
    with pytest.raises(NeedsConfirm) as asks:
        await person.click(card, "sure")
    assert asks.value.dialog["text"]["text"] == "It loses service"
    assert slack.deliveries == []
    assert (await person.click(card, "sure", confirm=True)).acked


async def test_a_person_of_another_team_clicks_as_one(
    slack: LocalSlack, client: AsyncWebClient, bot: Bot
) -> None:
    await client.chat_postMessage(channel="C0SHARED", text="card", blocks=CARD)
    (card,) = slack.messages("C0SHARED")
    click = await slack.person("U0OTHER").click(card, "go")
    assert click.payload["user"]["team_id"] == "T0OTHER"
    assert click.payload["team"]["id"] == "T0OTHER"


async def test_people_see_their_channels_and_no_others(slack: LocalSlack) -> None:
    assert slack.person("U0ENG1").messages("C0AUDIT") == []
    for user, channel in (("U0SUP1", "C0PRIVATE"), ("U0GUEST", "C0AUDIT"), ("U0OTHER", "C0FIELD")):
        with pytest.raises(CannotDo):
            slack.person(user).messages(channel)


async def test_a_form_is_filled_checked_and_sent_in_slacks_shape(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    view = await opened(slack, client, form())
    empty = await person.submit(view)
    assert (list(empty.errors), empty.delivery) == (["iccid"], None)
    with pytest.raises(CannotDo, match="not offered"):
        await person.submit(view, {"keep": "maybe"})
    sent = await person.submit(view, {"iccid": "8949", "keep": "clear"})
    assert sent.ok
    assert sent.delivery is not None
    chosen = OPTIONS[1]["value"]
    values = sent.delivery.payload["view"]["state"]["values"]
    assert values["iccid"] == {"t": {"type": "plain_text_input", "value": "8949"}}
    assert values["keep"]["r"]["selected_option"]["value"] == chosen
    assert sent.delivery.payload["response_urls"] == []


async def test_the_ack_of_a_form_may_update_push_or_clear(
    slack: LocalSlack, client: AsyncWebClient, person: Person, bot: Bot
) -> None:
    view = await opened(slack, client, form(field("iccid", TEXT)))
    bot.reply = lambda: {"response_action": "update", "view": form(callback_id="second")}
    assert (await person.submit(view, {"iccid": "8"})).action == "update"
    assert view.callback_id == "second"
    bot.reply = lambda: {"response_action": "push", "view": form(callback_id="third")}
    assert (await person.submit(view)).action == "push"
    assert [modal.callback_id for modal in person.modals] == ["second", "third"]
    with pytest.raises(CannotDo, match="not on top"):
        await person.submit(view)
    bot.reply = lambda: {"response_action": "clear"}
    top = person.modals[-1]
    assert (await person.submit(top, {"iccid": "8"})).action == "clear"
    assert person.modal is None


async def test_an_ack_that_makes_no_sense_is_trouble_and_keeps_the_form(
    slack: LocalSlack, client: AsyncWebClient, person: Person, bot: Bot
) -> None:
    view = await opened(slack, client, form(field("iccid", TEXT)))
    for nonsense in (
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "explode"},
        {"text": "hello"},
    ):
        bot.reply = lambda answer=nonsense: answer
        result = await person.submit(view, {"iccid": "8"})
        assert not result.ok
        assert "trouble connecting" in (result.error or "")
    assert person.modal is view


async def test_closing_is_told_only_where_it_was_asked_for(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    assert await person.close(await opened(slack, client, form())) is None
    told = await person.close(await opened(slack, client, form(notify_on_close=True)))
    assert told is not None
    assert (told.payload["type"], told.payload["is_cleared"]) == ("view_closed", False)
    assert person.modal is None


async def test_changes_are_told_where_the_field_dispatches_them(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    letters = TEXT | {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
    select = {"type": "static_select", "action_id": "s", "options": OPTIONS}
    view = await opened(
        slack,
        client,
        form(
            field("quiet", TEXT),
            field("loud", letters, dispatch_action=True),
            {"type": "actions", "block_id": "row", "elements": [select]},
        ),
    )
    assert await person.type(view, "quiet", "a") is None
    typed = await person.type(view, "loud", "a")
    assert typed is not None
    assert typed.payload["actions"][0]["value"] == "a"
    chosen = await person.choose(view, "row", "keep")
    assert chosen is not None
    assert chosen.payload["view"]["state"]["values"]["row"]["s"]["selected_option"]["value"] == "keep"
    assert chosen.payload["container"] == {"type": "view", "view_id": view.id}


async def test_options_are_suggested_while_typing(
    slack: LocalSlack, client: AsyncWebClient, person: Person, bot: Bot
) -> None:
    element = {"type": "external_select", "action_id": "x", "min_query_length": 1}
    view = await opened(slack, client, form(field("group", element)))
    bot.reply = lambda: {"options": OPTIONS}
    options = await person.suggest(view, "group", "ke")
    assert [option["value"] for option in options] == ["keep", "clear"]
    bot.reply = dict
    sent = await person.submit(view, {"group": options[0]})
    assert sent.ok


async def test_shortcuts_homes_and_uploads_have_their_payloads(
    slack: LocalSlack, client: AsyncWebClient, person: Person
) -> None:
    assert (await person.shortcut("lock")).payload["callback_id"] == "lock"
    said = person.say("C0FIELD", "lock 8949 please")
    used = await person.message_shortcut(said, "lock")
    assert used.payload["message"]["text"] == "lock 8949 please"
    home = await person.open_home()
    assert home is not None
    assert home.payload["event"]["type"] == "app_home_opened"
    view = await opened(slack, client, form(field("csv", {"type": "file_input", "action_id": "f"})))
    await person.upload(view, "csv", "list.csv", b"iccid,imei")
    sent = await person.submit(view)
    assert sent.delivery is not None
    (file,) = sent.delivery.payload["view"]["state"]["values"]["csv"]["f"]["files"]
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.request("GET", file["url_private_download"], headers=headers) as response:
        assert await response.read() == b"iccid,imei"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("history @ravi.menon", "history <@U0APP1|ravi.menon>"),
        ("@sim-approvers, #field-ops", "<!subteam^S0APPROVERS|@sim-approvers>, <#C0FIELD|field-ops>"),
        ("#leads-only", "<#C0PRIVATE|>"),
        ("<@U0APP1|ravi.menon> a@ravi.menon @nobody", "<@U0APP1|ravi.menon> a@ravi.menon @nobody"),
    ],
)
def test_names_in_a_command_come_as_ids_where_it_asks_for_that(
    slack: LocalSlack, typed: str, sent: str
) -> None:
    assert with_ids(slack.workspace, typed) == sent


async def test_a_command_that_does_not_ask_gets_names_as_they_were_typed() -> None:
    listing = Listing((Command("/plain"), Command("/ids", should_escape=True)))
    person = LocalSlack(ManualClock(), listing=listing).person("U0ENG1")
    assert (await person.command("/plain", "@ravi.menon")).payload["text"] == "@ravi.menon"
    assert (await person.command("/ids", "@ravi.menon")).payload["text"] == "<@U0APP1|ravi.menon>"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("datepicker", "2026-03-08", ["08.03.2026", "2026-02-30", 5]),
        ("timepicker", "09:30", ["9:30", "24:00", 930]),
        ("datetimepicker", 1772953200, ["2026-03-08", 177, True]),
        ("users_select", "U0APP1", ["Ravi", ["U0APP1"]]),
        ("multi_users_select", ["U0APP1", "U0ENG1"], ["U0APP1", ["Ravi"]]),
        ("conversations_select", "D0ENG1", ["#random"]),
        ("file_input", [{"id": "F1"}], ["F1", ["F1"]]),
    ],
)
def test_what_slack_would_never_put_into_a_field_is_refused(kind: str, good: Any, bad: list[Any]) -> None:
    slot = Slot({"type": "input", "block_id": "b"}, {"type": kind, "action_id": "a"})
    assert good in state_for(slot, good).values()
    for value in bad:
        with pytest.raises(CannotDo):
            state_for(slot, value)


async def test_people_of_another_company_have_no_shortcuts(slack: LocalSlack, person: Person) -> None:
    said = person.say("C0SHARED", "hello")
    stranger = slack.person("U0OTHER")
    with pytest.raises(CannotDo):
        await stranger.shortcut("lock")
    with pytest.raises(CannotDo):
        await stranger.message_shortcut(said, "lock")


async def test_a_forged_payload_is_delivered_as_it_is(slack: LocalSlack, bot: Bot) -> None:
    forged = slack.payloads.command("U0ENG1", "/imei") | {"user_id": "U0NOBODY", "team_id": "T0EVIL"}
    delivery = await slack.deliver(forged)
    assert delivery.acked
    assert delivery.payload["user_id"] == "U0NOBODY"


async def test_who_was_deactivated_can_do_nothing(slack: LocalSlack, person: Person) -> None:
    person.user.deleted = True
    with pytest.raises(CannotDo):
        await person.command("/imei")
    with pytest.raises(CannotDo):
        await slack.person("U0WORKFLOW").command("/imei")
