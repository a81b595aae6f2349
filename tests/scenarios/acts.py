"""What people do in the scenarios, one call each, and what can be read of it afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.sandbox.monogoto.examples import Example
from bot.sandbox.quiet import nothing_stirs
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.outcomes import Submission
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage, everything_in
from bot.storage import audit

OUTCOME_MARKS = ("✅", "❌", "⚠️")
LONGEST_HOP_SECONDS = 1.0


# --- asking --------------------------------------------------------------------------------------


async def open_form(
    stage: Stage, who: Person, command: str, text: str = "", *, channel: str = "C0FIELD"
) -> View:
    """Type the command; the form, as soon as it can be filled in."""
    before = who.modal
    delivery = await who.command(command, text, channel=channel)
    assert delivery.acked, delivery.error
    return await stage.until(lambda: form_of(who) if who.modal is not before else None)


def form_of(who: Person) -> View | None:
    """The form before their eyes, None while there is none that can be sent."""
    return who.modal if who.modal and who.modal.content.get("submit") else None


async def open_with_facts(stage: Stage, who: Person, command: str, text: str, **where: str) -> View:
    """Type the command with an ICCID; the form once the look-up has answered."""
    view = await open_form(stage, who, command, text, **where)
    await stage.until(lambda: "Look up" in shown(view) and "Looking it up" not in shown(view))
    await idle(stage)
    return view


async def ask_lock(
    stage: Stage,
    who: Person,
    sim: Example,
    imei: str | None = None,
    reason: str = "Stolen box",
    *,
    channel: str = "C0FIELD",
) -> Message:
    """Ask for a lock (to the device last seen, unless another is given); the card that was posted."""
    text = f"{sim.iccid} {imei or sim.imei}"
    view = await open_form(stage, who, "/lock-thing", text, channel=channel)
    return await send_form(stage, who, view, {"reason": reason})


async def ask_unlock(
    stage: Stage,
    who: Person,
    sim: Example,
    keep: str = "keep",
    reason: str = "Device swap",
    *,
    channel: str = "C0FIELD",
) -> Message:
    """Ask for an unlock; the card that was posted."""
    view = await open_form(stage, who, "/unlock-thing", sim.iccid, channel=channel)
    return await send_form(stage, who, view, {"keep": keep, "reason": reason})


async def ask_lock_group(
    stage: Stage, who: Person, group_id: str, tac: str, reason: str = "One model only", **where: str
) -> Message:
    """Ask for a group's lock; the card that was posted."""
    view = await open_form(stage, who, "/lock-group", f"{group_id} {tac}", **where)
    return await send_form(stage, who, view, {"reason": reason})


async def ask_unlock_group(
    stage: Stage, who: Person, group_id: str, keep: str = "keep", reason: str = "Other devices"
) -> Message:
    """Ask for a group's unlock; the card that was posted."""
    view = await open_form(stage, who, "/unlock-group", group_id)
    return await send_form(stage, who, view, {"keep": keep, "reason": reason})


async def approve(stage: Stage, who: Person, card: Message, number: str = "") -> None:
    """Press Approve, sure; where its button says that a form asks how many are affected, type it there."""
    asks = "Approve…" in shown(card)
    await who.click(card, "request.approve", confirm=True)
    if asks:
        view = await number_form(stage, who)
        wanted = json.loads(view.content["private_metadata"])["wanted"]
        result = await submit(who, view, {"typed": number or wanted})
        assert bool(number) != result.ok, result
    await idle(stage)


async def number_form(stage: Stage, who: Person) -> View:
    """The form that asks how many are affected, once it is open."""

    def opened() -> View | None:
        view = form_of(who)
        return view if view and view.content["callback_id"] == "request.approve_many" else None

    view: View = await stage.until(opened)
    return view


async def send_form(stage: Stage, who: Person, view: View, values: dict[str, str]) -> Message:
    """Submit a form that must be taken; the card with buttons that came of it."""
    result = await submit(who, view, values)
    assert result.ok, result
    await stage.until(lambda: view.title == "Request posted" or "⏳" not in shown(view))
    assert view.title == "Request posted", shown(view)
    return await the_card(stage, request_id_in(shown(view)))


async def submit(who: Person, view: View, values: dict[str, str] | None = None) -> Submission:
    """Fill in and press Submit."""
    return await who.submit(view, values or {})


async def refused_form(stage: Stage, who: Person, view: View, values: dict[str, str]) -> str:
    """Submit a form that is taken, and given back or refused after the ack; what it then says."""
    result = await submit(who, view, values)
    assert result.ok, result
    await stage.until(lambda: "⏳" not in shown(view))
    assert view.title != "Request posted", shown(view)
    return shown(view)


# --- deciding ------------------------------------------------------------------------------------


async def deny(stage: Stage, who: Person, card: Message, reason: str) -> View:
    """Press Deny and send the reason; the modal with the answer."""
    view = await open_denial(stage, who, card)
    result = await submit(who, view, {"reason": reason})
    assert result.ok, result
    await stage.until(lambda: "⏳" not in shown(view))
    await idle(stage)
    return view


async def open_denial(stage: Stage, who: Person, card: Message) -> View:
    """Press Deny; the modal that asks for the reason."""
    await who.click(card, "request.deny")
    return await stage.until(lambda: form_of(who))


async def cancel(stage: Stage, who: Person, card: Message) -> None:
    """Press Cancel request and yes; waits until the bot is done with the click."""
    await who.click(card, "request.cancel", confirm=True)
    await idle(stage)


async def idle(stage: Stage) -> None:
    """Wait until the bot has nothing more to do for anybody's click, command or form."""
    await stage.until(lambda: not busy(stage))


def busy(stage: Stage) -> bool:
    """Whether the bot is still at somebody's click, command or form."""
    return bool(stage.slack.in_flight or (stage.bot and len(stage.bot.desk.background)))


async def until_slow(stage: Stage, condition: Callable[[], Any], *, within: float = 60.0) -> Any:
    """As `stage.until`, where a call waits for the clock on purpose: moves it once nothing else stirs."""
    end = stage.clock.now() + timedelta(seconds=within)
    while stage.clock.now() <= end:
        if result := condition():
            return result
        before = _stirring(stage)
        if await nothing_stirs(lambda before=before: _stirring(stage) != before or at_records(stage)):
            stage.clock.hop(LONGEST_HOP_SECONDS)
    raise TimeoutError(f"it did not come to be within {within} seconds of the clock")


def _stirring(stage: Stage) -> tuple[int, ...]:
    return (len(stage.slack.requests), len(stage.monogoto.calls), stage.slack.in_flight)


def at_records(stage: Stage) -> bool:
    """Whether the bot reads or writes its database right now."""
    return stage.bot is not None and stage.bot.is_at_its_records


# --- reading -------------------------------------------------------------------------------------


def shown(where: View | Message) -> str:
    """All that stands in a view or a message."""
    return everything_in(where.content if isinstance(where, View) else where.blocks)


def fact(where: View | Message, label: str) -> str:
    """The value beside a label among the aligned facts."""
    found = re.search(rf"^{label} {{2,}}(.*)$", shown(where), re.MULTILINE)
    assert found, shown(where)
    return found[1]


def request_id_in(text: str) -> str:
    """The request's id as it is told to people."""
    found = re.search(r"`([2-9A-HJ-NP-Z]{10})`", text)
    assert found, text
    return found[1]


async def the_card(stage: Stage, request_id: str) -> Message:
    """The request's card: the one with buttons where it has any, else where it was posted.

    A group's Things are counted first: the card as it is after that.
    """
    from tests.scenarios.evidence import database, untold  # it imports this module

    def posted() -> Message | None:
        card = _card(stage, request_id)
        if card and is_counting(card):
            return None
        has_buttons = card and any(block["type"] == "actions" for block in card.blocks)
        # The twin may be posted before the card: as long as something is untold, buttons may come.
        return card if has_buttons or (card and not untold(database(stage))) else None

    return await stage.until(posted)


def is_counting(card: Message) -> bool:
    """Whether it is still being counted whom the change hurts."""
    return shown(card).startswith("🔎")


def _card(stage: Stage, request_id: str) -> Message | None:
    found = cards_of(stage, request_id)
    with_buttons = [card for card in found if any(block["type"] == "actions" for block in card.blocks)]
    return next(iter(with_buttons or found), None)


def cards_of(stage: Stage, request_id: str) -> list[Message]:
    """Every card and twin of a request, in all channels and direct messages."""
    channels = tuple(stage.slack.workspace.channels)
    return [
        card
        for channel in channels
        for card in stage.cards(channel)
        if f"request `{request_id}`" in shown(card)
    ]


async def outcome(stage: Stage, card: Message, within: float = 90.0) -> str:
    """What the card's thread says came of it, once it does."""
    found = await stage.until(lambda: outcomes(stage, card), within=within)
    return str(found[-1])


def outcomes(stage: Stage, card: Message) -> list[str]:
    """The outcomes told in a card's thread so far."""
    return [reply.text for reply in stage.replies(card) if reply.text.startswith(OUTCOME_MARKS)]


async def whisper(stage: Stage, who: Person, words: str = "") -> Message:
    """The latest message that only this person was told, once it holds these words."""
    found = await stage.until(lambda: [m for m in stage.whispers(who.id) if words in m.text])
    message: Message = found[-1]
    return message


async def told(stage: Stage, who: Person, words: str = "⛔") -> str:
    """What this person alone was told, once it holds these words: privately, or in a modal.

    Without words: why they were refused.
    """

    def heard() -> list[str]:
        modal = [shown(who.modal)] if who.modal and not form_of(who) else []
        texts = [*(message.text for message in stage.whispers(who.id)), *modal]
        return [text for text in texts if words in text and "⏳" not in text]

    return str((await stage.until(heard))[-1])


async def audit_entries(stage: Stage, request_id: str = "") -> list[dict[str, Any]]:
    """The audit's entries, oldest first; of one request where it is named."""
    assert stage.bot is not None
    lines = [json.loads(line)["entry"] async for line in audit.export(stage.bot._engine)]
    return [entry for entry in lines if not request_id or entry["request_id"] == request_id]


async def audited(stage: Stage, request_id: str = "") -> list[tuple[str, str, str]]:
    """(event, outcome, user id) of each entry: the audit at a glance."""
    entries = await audit_entries(stage, request_id)
    return [(e["event"], e["outcome"], e["person"]["user_id"]) for e in entries]
