"""What people do with `/lock-csv` in the scenarios, and what can be read of it afterwards."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable
from typing import Any

from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage
from tests.scenarios.acts import cards_of, idle, open_form, request_id_in, shown, submit
from tests.scenarios.evidence import database, rows, untold

REAL_SECONDS = 60.0
LOOKS_APART = 20
CLOCK_STEP = 0.02
"""Of the clock, in about a millisecond of ours."""


async def send_file(
    stage: Stage,
    who: Person,
    content: bytes,
    name: str = "sims.csv",
    reason: str = "New devices",
    *,
    channel: str = "C0FIELD",
) -> View:
    """Open the form, upload a file and send; the modal once it answers."""
    view = await open_form(stage, who, "/lock-csv", channel=channel)
    await who.upload(view, "file", name, content)
    return await sent(stage, who, view, {"reason": reason})


async def send_lines(
    stage: Stage, who: Person, lines: str, reason: str = "New devices", *, channel: str = "C0FIELD"
) -> View:
    """Open the form, paste lines and send; the modal once it answers."""
    view = await open_form(stage, who, "/lock-csv", channel=channel)
    return await sent(stage, who, view, {"lines": lines, "reason": reason})


async def sent(stage: Stage, who: Person, view: View, values: dict[str, str]) -> View:
    """Send a form; the modal once it answers."""
    result = await submit(who, view, values)
    assert result.ok, result
    await stage.until(lambda: "⏳" not in shown(view))
    return view


async def hurry(stage: Stage, condition: Callable[[], Any]) -> Any:
    """As `stage.until`, for work of many calls: the clock runs, instead of waiting until nothing stirs."""
    async with asyncio.timeout(REAL_SECONDS):
        while not (result := condition()):
            for _ in range(LOOKS_APART):
                stage.clock.hop(CLOCK_STEP)
                await asyncio.sleep(0.001)
    return result


async def planned(stage: Stage, view: View) -> Message:
    """The plan's card once all rows are checked, and its file is there."""
    request_id = request_id_in(shown(view))

    def there() -> Message | None:
        card = card_of(stage, request_id)
        done = card is not None and "Checking the rows" not in shown(card)
        return card if done and not untold(database(stage)) else None

    card: Message = await hurry(stage, there)
    await idle(stage)
    return card


def card_of(stage: Stage, request_id: str) -> Message | None:
    """The message in which the plan's maker follows it."""
    return next(iter(cards_of(stage, request_id)), None)


def plan_file(stage: Stage, card: Message) -> list[dict[str, str]]:
    """The rows of the CSV in the card's thread."""
    (reply,) = [message for message in stage.replies(card) if message.files]
    content = stage.slack._state.files[reply.files[0]["id"]].content
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def verdicts(stage: Stage, card: Message) -> dict[int, tuple[str, str]]:
    """Line → verdict and reason, as the file in the thread has them."""
    return {int(row["Line"]): (row["Verdict"], row["Why"]) for row in plan_file(stage, card)}


def counted(card: Message) -> dict[str, int]:
    """The counts as the card shows them."""
    found = re.findall(r"^([A-Za-z ]+?) {2,}([\d,]+)(?:  █+)?$", shown(card), re.MULTILINE)
    return {label: int(number.replace(",", "")) for label, number in found}


async def send_on(stage: Stage, who: Person, card: Message) -> None:
    """Press "Send the N ready ones"; waits until the bot is done with the click."""
    await who.click(card, "bulk.send")
    await idle(stage)


async def approval_card(stage: Stage, request_id: str) -> Message:
    """The card with the approvers' buttons."""

    def there() -> Message | None:
        return next((c for c in cards_of(stage, request_id) if "request.approve" in str(c.blocks)), None)

    card: Message = await stage.until(there)
    return card


def status(stage: Stage, request_id: str) -> str:
    """How the request stands in the database."""
    return str(rows(database(stage), "select status from requests where id = ?", request_id)[0][0])


def row_states(stage: Stage, request_id: str) -> dict[str, int]:
    """How many items are in which state."""
    query = "select state, count(*) from items where request_id = ? and position > 0 group by state"
    found: list[tuple[Any, ...]] = rows(database(stage), query, request_id)
    return {str(state): int(number) for state, number in found}
