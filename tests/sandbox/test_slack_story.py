"""A bot built with Bolt goes through a whole story against the local Slack, over both transports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack import LocalSlack, NeedsConfirm
from tests.sandbox.bolt_app import over_http, over_sockets

PLAIN = {"type": "plain_text"}
FORM = {
    "type": "modal",
    "callback_id": "lock.submit",
    "title": PLAIN | {"text": "Lock"},
    "submit": PLAIN | {"text": "Go on"},
    "blocks": [
        {
            "type": "input",
            "block_id": "iccid",
            "label": PLAIN | {"text": "ICCID"},
            "element": {"type": "plain_text_input", "action_id": "iccid"},
        }
    ],
}
SURE = {"title": PLAIN | {"text": "Sure?"}, "text": PLAIN | {"text": "It loses service"}}
BUTTON = {"type": "button", "action_id": "approve", "text": PLAIN | {"text": "Approve"}, "value": "r1"}
CARD = [
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            BUTTON | {"confirm": SURE | {"confirm": PLAIN | {"text": "Yes"}, "deny": PLAIN | {"text": "No"}}}
        ],
    }
]


def locking(app: AsyncApp) -> None:
    @app.command("/lock-thing")
    async def asked(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("lock.submit")
    async def submitted(ack: Any, view: dict[str, Any], client: AsyncWebClient) -> None:
        typed = view["state"]["values"]["iccid"]["iccid"]["value"]
        if not typed.isdigit():
            await ack(response_action="errors", errors={"iccid": "Digits only."})
            return
        await ack()
        await client.chat_postMessage(channel="C0APPROVALS", text="Lock?", blocks=CARD)

    @app.action("approve")
    async def approved(ack: Any, body: dict[str, Any], client: AsyncWebClient, respond: Any) -> None:
        await ack()
        await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="Locked")
        await respond("Thank you")


@pytest.fixture(params=[over_sockets, over_http])
async def slack(request: pytest.FixtureRequest) -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(ManualClock())
    await slack.start()
    close = await request.param(slack, locking)
    yield slack
    await close()
    await slack.stop()


async def test_a_request_goes_from_command_to_modal_to_card_to_decision(slack: LocalSlack) -> None:
    engineer, approver = slack.person("U0ENG1"), slack.person("U0APP1")
    assert (await engineer.command("/lock-thing")).acked
    await slack.until(lambda: engineer.modal)
    form = engineer.modal
    assert form is not None

    assert (await engineer.submit(form)).errors == {"iccid": "Please complete this required field."}
    refused = await engineer.submit(form, {"iccid": "89O"})
    assert refused.errors == {"iccid": "Digits only."}
    assert engineer.modal is form
    assert (await engineer.submit(form, {"iccid": "8949"})).action == "close"
    assert engineer.modal is None

    await slack.until(lambda: slack.messages("C0APPROVALS"))
    (card,) = approver.messages("C0APPROVALS")
    with pytest.raises(NeedsConfirm):
        await approver.click(card, "approve")
    assert (await approver.click(card, "approve", confirm=True)).acked
    await slack.until(lambda: slack.ephemerals("U0APP1"))
    assert (card.text, card.blocks) == ("Locked", [])
    assert [m.text for m in approver.messages("C0APPROVALS")] == ["Locked", "Thank you"]
    assert [m.text for m in slack.person("U0APP2").messages("C0APPROVALS")] == ["Locked"]
    assert slack.in_flight == 0
