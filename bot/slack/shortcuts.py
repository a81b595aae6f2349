"""The shortcuts: the table, and one listener for each. In a message's ⋮ menu, and in the ⚡ menu."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.numbers_in_text import numbers_in
from bot.slack import blocks as b
from bot.slack import commands, forms, ids
from bot.slack.api import SlackError
from bot.slack.asking import open_form
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.errors import words
from bot.slack.from_message import opening, with_its_sim
from bot.slack.message_text import text_of

HELP_TITLE = "IMEI Lock"
Handler = Callable[[Desk, Call, Mapping[str, Any]], Coroutine[Any, Any, None]]
"""(desk, who and where, the whole payload)"""


class Menu(StrEnum):
    """Where Slack shows it; the manifest's word for it."""

    MESSAGE = "message"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut. Callback id, menu, name and description stand in the manifest and the README too."""

    callback_id: str
    menu: Menu
    name: str
    description: str
    handler: Handler
    command: str = ""
    """The slash command that a global shortcut stands for."""


async def lock_from_message(desk: Desk, call: Call, body: Mapping[str, Any]) -> None:
    """What the message mentions, in the form that it belongs in; the request is answered in its thread."""
    message = body.get("message")
    message = message if isinstance(message, dict) else {}
    root = message.get("thread_ts")
    thread_ts = root if isinstance(root, str) and root else call.origin.message_ts
    mentions = numbers_in(text_of(message))
    shown = await with_its_sim(desk, opening(mentions), mentions)
    call = replace(call, origin=replace(call.origin, thread_ts=thread_ts))
    await open_form(desk, call, shown.kind, shown.typed, shown.under)


async def show_help(desk: Desk, call: Call, _body: Mapping[str, Any]) -> None:
    """The help in a modal: a global shortcut has no channel to answer in."""
    loading = forms.notice(HELP_TITLE, "⏳ Asking Slack which roles you hold…")
    try:
        opened = await desk.api.call("views.open", trigger_id=call.trigger_id, view=loading)
    except SlackError as error:
        if "trigger" not in error.code:
            raise
        opened = {}
    view = desk.on_screen(opened, loading)
    try:
        text = await commands.help_for(desk, call)
    except EXPECTED as refusal:
        text = words(refusal, call.person)
    page = forms.notice(HELP_TITLE, *text.split("\n\n"))
    if not view or not await desk.show(str(view["id"]), page):
        await desk.answer(call, text[: b.TEXT_LIMIT], page["blocks"])


def _for_command(name: str, callback_id: str, title: str) -> Shortcut:
    """What the slash command does when nothing is typed behind it."""
    (command,) = (each for each in commands.COMMANDS if each.name == name)

    async def handle(desk: Desk, call: Call, _body: Mapping[str, Any]) -> None:
        await command.handler(desk, call)

    return Shortcut(callback_id, Menu.GLOBAL, title, command.description, handle, name)


SHORTCUTS = (
    Shortcut(
        ids.LOCK_FROM_MESSAGE,
        Menu.MESSAGE,
        "Lock SIM in this message",
        "Reads ICCID, IMEI or TAC out of the message and opens the form (asks for approval)",
        lock_from_message,
    ),
    _for_command(ids.LOCK_THING, ids.LOCK_THING_OPEN, "Lock a SIM"),
    _for_command(ids.UNLOCK_THING, ids.UNLOCK_THING_OPEN, "Unlock a SIM"),
    _for_command(ids.LOCK_GROUP, ids.LOCK_THINGS_GROUP_OPEN, "Lock a group of SIMs"),
    _for_command(ids.UNLOCK_GROUP, ids.UNLOCK_THINGS_GROUP_OPEN, "Unlock a group of SIMs"),
    Shortcut(
        ids.HELP_OPEN,
        Menu.GLOBAL,
        "IMEI Lock: what I may do",
        "What the commands do, and which of them are for you",
        show_help,
        ids.IMEI,
    ),
)


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to every shortcut of the table."""
    for shortcut in SHORTCUTS:
        listener = _listener(desk, shortcut)
        if shortcut.menu is Menu.MESSAGE:
            app.message_shortcut(shortcut.callback_id)(listener)
        else:
            app.global_shortcut(shortcut.callback_id)(listener)


def _listener(desk: Desk, shortcut: Shortcut) -> Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]:
    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        call = Call.of(body)
        await ack()
        desk.start(shortcut.handler(desk, call, body), call, name=shortcut.callback_id)

    return listen
