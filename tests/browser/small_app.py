"""A small app beside a local Slack of its own: it has what our bot doesn't use, so that the page is tried."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import SystemClock
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.listing import Listing
from bot.services.ports import Clock
from tests.sandbox.bolt_app import over_sockets

MANIFEST: Final[dict[str, Any]] = {
    "features": {
        "app_home": {"home_tab_enabled": False},
        "slash_commands": [
            {"command": "/form", "description": "Every kind of field", "usage_hint": "[nothing]"},
            {"command": "/who", "description": "Somebody", "should_escape": True},
            {"command": "/stack", "description": "A form over a form over a form"},
            {"command": "/slow", "description": "Is never answered"},
        ],
        "shortcuts": [
            {"name": "Note it", "type": "message", "callback_id": "note.message", "description": "Keeps it"},
            {
                "name": "New note",
                "type": "global",
                "callback_id": "note.open",
                "description": "From anywhere",
            },
        ],
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write", "files:read", "files:write", "im:write"]}},
}
CITIES: Final = {"North": ["Malmö", "Oslo", "Malaga-on-Sea"], "South": ["Málaga", "Rome"]}


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def asking(block_id: str, **element: Any) -> dict[str, Any]:
    """An input block that may stay empty."""
    field = {"action_id": block_id, **element}
    return {
        "type": "input",
        "block_id": block_id,
        "optional": True,
        "label": plain(block_id),
        "element": field,
    }


def modal(callback_id: str, blocks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    shape = {"type": "modal", "callback_id": callback_id, "title": plain("A form"), "blocks": blocks}
    return shape | {"submit": plain("Go")} | more


FORM: Final = modal(
    "form",
    [
        asking("text", type="plain_text_input"),
        asking("date", type="datepicker"),
        asking("time", type="timepicker", timezone="Asia/Kolkata"),
        asking("moment", type="datetimepicker"),
        asking("csv", type="file_input", filetypes=["csv"], max_files=2),
        asking("people", type="multi_users_select", max_selected_items=1),
    ],
)

STACK: Final = ("First", "Second", "Third")
"""Titles of forms each of which, sent, puts the next one on top; the last one is never answered."""
SLOW_BUTTON: Final = [
    {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "slow", "text": plain("Never answered")}],
    }
]


def layer(title: str) -> dict[str, Any]:
    return modal(title, [asking(f"text of {title}", type="plain_text_input")], title=plain(title))


def beside(text: str, **element: Any) -> dict[str, Any]:
    """A section with this element at its right: several values can be picked nowhere else in a message."""
    return {"type": "section", "text": plain(text), "accessory": element}


SELECTS: Final = [
    {
        "type": "actions",
        "block_id": "picks",
        "elements": [
            {
                "type": "external_select",
                "action_id": "city",
                "min_query_length": 1,
                "placeholder": plain("City"),
            },
            {"type": "users_select", "action_id": "who", "placeholder": plain("Person")},
            {"type": "conversations_select", "action_id": "where", "placeholder": plain("Place")},
            {"type": "datepicker", "action_id": "day"},
        ],
    },
    beside(
        "Several",
        type="multi_external_select",
        action_id="cities",
        min_query_length=1,
        placeholder=plain("Cities"),
    ),
    beside("People", type="multi_users_select", action_id="team", placeholder=plain("Team")),
    {"type": "image", "image_url": "https://elsewhere.example/map.png", "alt_text": "A map of the site"},
]


class SmallApp:
    """A local Slack with an app whose manifest has shortcuts; `heard` is what it was told, newest last."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.slack = LocalSlack(clock or SystemClock(), listing=Listing.from_manifest(MANIFEST))
        self.client = AsyncWebClient(token=self.slack.bot_token, base_url=self.slack.api_url)
        self.heard: list[dict[str, Any]] = []
        self._hears = asyncio.Event()

    async def start(self) -> None:
        await self.slack.start()
        self.client.base_url = self.slack.api_url
        self._close = await over_sockets(self.slack, self._listeners)

    async def stop(self) -> None:
        await self._close()
        await self.slack.stop()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Payloads of one type."""
        return [body for body in self.heard if body.get("type") == kind]

    async def hears(self, more_than: int) -> None:
        """Return once it was told so many things and one more: also of what it says nothing to."""
        while len(self.heard) <= more_than:
            self._hears.clear()
            await self._hears.wait()

    async def told(self, kind: str) -> dict[str, Any]:
        """The newest payload of this type, once there is one."""
        await self.slack.until(lambda: self.of(kind))
        return self.of(kind)[-1]

    def _listeners(self, app: AsyncApp) -> None:
        @app.middleware
        async def hear(body: dict[str, Any], next: Any) -> None:  # noqa: A002  Bolt's name
            self.heard.append(body)
            self._hears.set()
            await next()

        @app.command("/form")
        @app.shortcut("note.open")
        @app.shortcut("note.message")
        async def opened(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            said = body.get("message", {}).get("text")
            blocks = [{"type": "section", "text": plain(said)}, *FORM["blocks"]] if said else FORM["blocks"]
            await client.views_open(trigger_id=body["trigger_id"], view=FORM | {"blocks": blocks})

        @app.command("/who")
        @app.action("city")
        @app.action("who")
        @app.action("where")
        @app.action("cities")
        @app.action("team")
        @app.action("day")
        async def took(ack: Any) -> None:
            await ack()

        @app.command("/stack")
        async def first(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=layer(STACK[0]))

        @app.view(STACK[0])
        async def second(ack: Any) -> None:
            await ack(response_action="push", view=layer(STACK[1]))

        @app.view(STACK[1])
        async def third(ack: Any) -> None:
            await ack(response_action="push", view=layer(STACK[2]))

        @app.command("/slow")
        @app.action("slow")
        @app.view(STACK[2])
        async def never() -> None:
            """No ack."""

        @app.view("form")
        async def submitted(ack: Any) -> None:
            await ack()

        @app.options("city")
        @app.options("cities")
        async def offered(ack: Any, body: dict[str, Any]) -> None:
            typed = body["value"].lower()
            groups = [
                {
                    "label": plain(part),
                    "options": [
                        {"text": plain(city), "value": city}
                        for city in cities
                        if city.lower().startswith(typed)
                    ],
                }
                for part, cities in CITIES.items()
            ]
            await ack(option_groups=[group for group in groups if group["options"]])
