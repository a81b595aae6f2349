"""The app's Home: what somebody may do, what waits for them, what of theirs is open. Drawn at every visit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import datetime
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.changes import doing
from bot.domain.requests import Origin, Person
from bot.services.overview import Overview, Some
from bot.slack import blocks as b
from bot.slack import commands, ids
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.dispatch import log_unexpected
from bot.slack.errors import words
from bot.slack.forms import View
from bot.slack.listings import Links, entry, links_to
from bot.slack.shortcuts import SHORTCUTS, Menu, Shortcut

Press = Callable[[Desk, Call, Mapping[str, Any], str], Coroutine[Any, Any, None]]
PURPOSE = "*IMEI Lock* binds a SIM to the device it belongs in, so that a stolen SIM is worth nothing."
WAITING, MINE = "Waiting for your decision", "What you asked for, still open"
KINDS = {command.name: command.kind for command in commands.COMMANDS if command.kind}
OPENING = tuple(each for each in SHORTCUTS if each.menu is Menu.GLOBAL)
"""What a button of the Home opens: the same as the ⚡ menu, under the same names."""


# --- listeners -------------------------------------------------------------------------------------


def register(app: AsyncApp, desk: Desk) -> None:
    """Hear of every visit. Its buttons are in the table of actions."""

    async def opened(ack: AsyncAck, event: dict[str, Any], body: dict[str, Any]) -> None:
        await ack()
        if event.get("tab") == "home":
            call = Call(Person(str(event.get("user") or ""), str(body.get("team_id") or "")), Origin(""))
            desk.start(show(desk, call), call, name="app_home_opened")

    app.event("app_home_opened")(opened)


async def refresh(desk: Desk, call: Call, _body: Mapping[str, Any], _value: str) -> None:
    """Refresh: as it stands now."""
    await show(desk, call)


def _opens(shortcut: Shortcut) -> Press:
    async def press(desk: Desk, call: Call, body: Mapping[str, Any], _value: str) -> None:
        await shortcut.handler(desk, call, body)

    return press


ACTIONS: Mapping[str, Press] = {
    ids.HOME_REFRESH: refresh,
    **{each.callback_id: _opens(each) for each in OPENING},
}


async def show(desk: Desk, call: Call) -> None:
    """Publish it for this person. Whatever goes wrong before stands on it, as a sentence."""
    try:
        seen = await desk.lookups.overview(call.person)
        listed = seen.waiting.requests + seen.mine.requests
        links = await links_to(desk.notifier, listed, call.person.user_id)
        view = home(seen, links, desk.clock.now())
    except EXPECTED as refusal:
        view = _only(words(refusal, call.person))
    except Exception as error:  # noqa: BLE001  it is told where it was asked for, and logged
        view = _only(words(error, call.person, log_unexpected("The Home", error)))
    await desk.api.call("views.publish", user_id=call.person.user_id, view=view)


# --- builders --------------------------------------------------------------------------------------


def home(seen: Overview, links: Links, now: datetime) -> View:
    """Buttons for what they may ask for, then the two lists."""
    blocks = [b.section(PURPOSE), *_asking(seen)]
    if not seen.lists.allowed and (seen.may_ask or seen.may_approve):
        blocks.append(b.section(f"You may not see lists of requests. {commands.why_not(seen.lists)}"))
    if seen.may_approve and seen.lists.allowed:
        blocks += _list(WAITING, seen.waiting, "waiting", links, now)
    if (seen.may_ask and seen.lists.allowed) or seen.mine.requests:
        blocks += _list(MINE, seen.mine, "mine", links, now)
    return _view([*blocks, *_foot(now)])


def _asking(seen: Overview) -> Iterator[b.Block]:
    """A button for each form that would open; help is for everybody. Whoever may nothing reads why."""
    may = [each for each in OPENING if KINDS.get(each.command) in seen.may_ask]
    if not may and not seen.may_approve:
        asking = {doing(kind): ask for kind, (ask, _) in seen.abilities.items()}
        refusal = commands.same_refusal(asking)
        why = commands.why_not(refusal) if refusal else "“What I may do” says why."
        yield b.section(f"{commands.NOTHING[commands.ASK]} {why}")
    helps = [each for each in OPENING if each.callback_id == ids.HELP_OPEN]
    buttons = [b.button(_label(each), each.callback_id, "home") for each in (*may, *helps)]
    yield b.actions(*buttons, block_id=ids.HOME_ASK_BLOCK)


def _label(shortcut: Shortcut) -> str:
    """Without the app's name, which the Home bears already."""
    name = shortcut.name.removeprefix("IMEI Lock: ")
    return name[:1].upper() + name[1:]


def _list(title: str, some: Some, word: str, links: Links, now: datetime) -> Iterator[b.Block]:
    yield {"type": "divider"}
    yield b.section(f"*{title}*")
    if not some.requests:
        yield b.section("There are none.")
    for request in some.requests:
        yield from entry(request, links.get(request.id, ""), now)
    if some.more:
        yield b.context(f"There are more: `/imei requests {word}` lists them, page by page.")


def _foot(now: datetime) -> list[b.Block]:
    said = f"As of {b.moment(now)}. Only you see this page; it is drawn anew whenever you open it."
    return [{"type": "divider"}, b.context(said), _refresh()]


def _refresh() -> b.Block:
    return b.actions(b.button("Refresh", ids.HOME_REFRESH, "home"), block_id=ids.HOME_REFRESH_BLOCK)


def _only(sentence: str) -> View:
    """Why there is nothing to show; and a way to try again."""
    return _view([b.section(PURPOSE), b.section(sentence[: b.TEXT_LIMIT]), _refresh()])


def _view(blocks: list[b.Block]) -> View:
    return {"type": "home", "blocks": blocks}
