"""People at a local Slack beside a local Monogoto, in their own process; what they do, and its seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.clock import SystemClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import User
from bot.sandbox.wiring import environment
from bot.slack import ids

CHANNEL = "C0FIELD"
PEOPLE = tuple(f"U0E{number:02}" for number in range(32))
"""Field engineers."""
REST = 0.3
"""Seconds in which nothing stirs any more."""
PATIENCE = 30.0
"""Seconds for something to come."""
CONFIRMED = "Read back from Monogoto"
"""In the reply that tells of it."""

Wanted = tuple[str, str]
"""ICCID and IMEI of a lock to be asked for."""


class Field:
    """Both stand-ins and the people."""

    def __init__(self, slack: LocalSlack, monogoto: LocalMonogoto) -> None:
        self.slack = slack
        self.monogoto = monogoto

    def person(self, user_id: str) -> Person:
        """Somebody who acts and looks."""
        return self.slack.person(user_id)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Once the condition holds."""
        await self.slack.until(condition)

    async def rest(self) -> None:
        """Once the bot is over with everything."""
        quiet_since = time.perf_counter()
        calls = -1
        while time.perf_counter() - quiet_since < REST:
            seen = len(self.slack.requests) + len(self.monogoto.calls)
            if seen != calls or self.slack.in_flight or self.monogoto.in_flight:
                calls, quiet_since = seen, time.perf_counter()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def field(things: int, transport: str = "http") -> AsyncIterator[tuple[dict[str, str], Field]]:
    """Says what a bot has to be configured with, but for its database."""
    clock = SystemClock()
    slack = LocalSlack(clock)
    slack._state.limits.enforced = False  # a bench clicks faster than Slack lets people
    for user_id in PEOPLE:
        slack.workspace.users[user_id] = User(user_id, user_id.lower(), user_id)
    slack.workspace.groups["S0ENGINEERS"].users += PEOPLE
    slack.workspace.channels[CHANNEL].members += PEOPLE
    await slack.start()
    async with LocalMonogoto(clock, things=things) as monogoto:
        yield (
            environment(slack, monogoto, database_url="", transport=transport, rate=1000),
            Field(slack, monogoto),
        )
    await slack.stop()


async def vendor_takes(there: Field, seconds: float) -> None:
    """From now on every answer of the vendor takes so long."""
    there.monogoto.clear_faults()
    if seconds:
        there.monogoto.fail_at_rate(("*", "/"), "latency", rate=1.0, seconds=seconds)


async def vendor_calls(there: Field) -> int:
    """How many it has got so far."""
    return there.monogoto._delivery.count


async def take_out_of_groups(there: Field, iccids: Sequence[str]) -> None:
    """Those SIMs belong to no group from now on."""
    for iccid in iccids:
        there.monogoto._world.things[iccid].group_id = ""


async def open_forms(there: Field, url: str, people: Sequence[str], text: str = "") -> list[float]:
    """All of them at once type `/lock-thing`: seconds until each is acked, and sees the modal."""
    there.slack.deliver_http(url)
    took = await asyncio.gather(*(_open(there, there.person(user_id), text) for user_id in people))
    for user_id in people:
        await _leave(there.person(user_id))
    return list(took)


async def _open(there: Field, who: Person, text: str) -> float:
    began = time.perf_counter()
    delivery = await who.command(ids.LOCK_THING, text, channel=CHANNEL)
    if not delivery.acked:
        raise RuntimeError(f"no ack: {delivery.error}")
    await there.until(lambda: _form(who))
    return time.perf_counter() - began


def _form(who: Person) -> View | None:
    return who.modal if who.modal and who.modal.content.get("submit") else None


async def _leave(who: Person) -> None:
    while who.modal:
        await who.close(who.modal)


async def send_forms(there: Field, url: str, asked: dict[str, Wanted]) -> list[float]:
    """All of them at once press Submit, each for another SIM: seconds until each is acked."""
    there.slack.deliver_http(url)
    await asyncio.gather(*(_open(there, there.person(user_id), "") for user_id in asked))
    await there.rest()
    took = await asyncio.gather(*(_send(there.person(user_id), *wanted) for user_id, wanted in asked.items()))
    await there.rest()
    for user_id in asked:
        await _leave(there.person(user_id))
    return list(took)


async def _send(who: Person, iccid: str, imei: str) -> float:
    view = _form(who)
    if view is None:
        raise RuntimeError("there is no form to send")
    values = {ids.ICCID_BLOCK: iccid, ids.IMEI_BLOCK: imei, ids.REASON_BLOCK: "bench"}
    began = time.perf_counter()
    outcome = await who.submit(view, values)
    took = time.perf_counter() - began
    if not outcome.ok:
        raise RuntimeError(f"the form was not taken: {outcome}")
    return took


async def approve(there: Field) -> float:
    """An approver approves the only card that is open, and waits for the outcome to be told: when the button
    was pressed, by the clock that all processes of a machine share."""
    async with asyncio.timeout(PATIENCE):
        await there.until(lambda: _open_cards(there))
    [card] = _open_cards(there)
    pressed = time.monotonic()
    await there.person("U0APP1").click(card, ids.APPROVE, confirm=True)
    async with asyncio.timeout(PATIENCE):
        await there.until(lambda: any(CONFIRMED in reply.text for reply in _replies(there, card)))
    await there.rest()
    return pressed


def _open_cards(there: Field) -> list[Message]:
    return [message for message in there.slack.messages(CHANNEL) if ids.APPROVE in _buttons(message)]


def _replies(there: Field, card: Message) -> list[Message]:
    return [message for message in there.slack.messages(CHANNEL) if message.thread_ts == card.ts]


def _buttons(message: Message) -> set[str]:
    rows = [block for block in message.blocks if block["type"] == "actions"]
    return {element["action_id"] for row in rows for element in row["elements"]}
