"""What is looked at after a request was applied: the vendor's writes, the rows, the audit, the thread."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.monogoto.client import Monogoto
from bot.sandbox.monogoto.examples import Example
from bot.sandbox.quiet import nothing_stirs
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import Stage
from bot.services.ports import Platform
from bot.storage import audit
from bot.storage.engine import open_engine
from tests.scenarios import acts
from tests.storage.by_hand import by_hand

WRITE = ("PUT", "/thing/update/")
READ = ("GET", "/thing/ThingId")
POLL_SECONDS = 0.01
SLOW = frozenset({"latency", "hang", "hang_after"})
REAL_SECONDS = 30.0
PATIENCE = 900.0
"""Of the clock. Two dozen rows whose PUTs are all refused take 230 s of it until the first is put off; a wait
that needs more than this is met only where the machine gets there within `REAL_SECONDS`."""


Where = Path | str
"""A file, or a server's address."""


def database(stage: Stage) -> Any:
    """What holds the truth: a file, or the address of a server's database."""
    url = stage.database_url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else url


def rows(path: Where, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Read beside the running bot."""
    if isinstance(path, str):
        return by_hand(path, query, given=values)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        return connection.execute(query, values).fetchall()


def standing(path: Where) -> list[tuple[str, str | None]]:
    """Each request's status and its item's state, oldest first."""
    query = (
        "select r.status, i.state from requests r left join items i on i.request_id = r.id order by number"
    )
    return [(status, state) for status, state in rows(path, query)]


def untold(path: Where) -> int:
    """Messages that still wait, or whose fate is open."""
    return int(rows(path, "select count(*) from outbox where state in ('waiting', 'sending')")[0][0])


async def entries(path: Where) -> list[dict[str, Any]]:
    """The audit's entries, oldest first, after its chain was found whole."""
    engine = open_engine(path if isinstance(path, str) else f"sqlite:///{path}", read_only=True)
    try:
        assert await audit.verify(engine) is None
        return [json.loads(line)["entry"] async for line in audit.export(engine)]
    finally:
        await engine.close()


def puts(stage: Stage) -> int:
    """Writes that reached the vendor, with or without effect."""
    return sum(1 for call in stage.monogoto.calls if (call.method, call.path) == WRITE)


async def until(
    stage: Stage,
    condition: Callable[[], Any],
    *,
    within: float = PATIENCE,
    step: float = 2.5,
    reach: float = math.inf,
    acks: bool = True,
    at_rest: bool = False,
) -> Any:
    """As `stage.until`, and also past pauses of a vendor that is slow or silent on purpose.

    `step` bounds how far the clock is moved at once. It is moved for nobody who sleeps longer than `reach`.
    A busy machine ends no wait, and lets no time pass while something is really under way; `acks` False
    says that an ack may never come, `at_rest` that it is enough to look when nothing stirs.
    """
    loop = asyncio.get_running_loop()
    end = stage.clock.now() + timedelta(seconds=within)
    really_end = loop.time() + REAL_SECONDS
    while stage.clock.now() <= end or loop.time() <= really_end:
        if not at_rest and (result := condition()):
            return result
        if await nothing_stirs(lambda: _under_way(stage, acks=acks)):
            if result := condition():
                return result
            if stage.clock.until_next_wake() <= reach:
                stage.clock.hop(step)
    raise TimeoutError(f"it did not come to be within {within} seconds of the clock")


def _under_way(stage: Stage, *, acks: bool) -> bool:
    """Whether a call or the database is being worked on; a call that only waits is not."""
    waiting = sum(1 for call in stage.monogoto.calls if call.status is None and call.fault in SLOW)
    slack = stage.slack.in_flight - (0 if acks else stage.slack.unacked)
    return bool(slack or stage.monogoto.in_flight > waiting or acts.at_records(stage))


def impatient(platform: Platform) -> Platform:
    """The real adapter, waiting a fraction of a second for an answer: its silence is real time."""
    assert isinstance(platform, Monogoto)
    platform.deadline = 0.3
    return platform


async def asked(stage: Stage, sim: Example, imei: str | None = None) -> Message:
    """A lock asked for; its card, once nothing is under way that could meet a fault planned next."""
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), sim, imei)
    await acts.idle(stage)
    return card


async def meanwhile(stage: Stage, work: Coroutine[Any, Any, Any]) -> Any:
    """What comes of it, the clock moving on."""
    task = asyncio.create_task(work)
    await until(stage, task.done, acks=False)
    return task.result()


async def really(condition: Callable[[], Any]) -> Any:
    """Wait in real time, as sockets and processes do; the stage's clock stays where it is."""
    async with asyncio.timeout(REAL_SECONDS):
        while not (result := condition()):  # noqa: ASYNC110  sockets and processes set no event here
            await asyncio.sleep(POLL_SECONDS)
    return result


async def ended(stage: Stage, *, within: float = PATIENCE) -> tuple[str, str | None]:
    """Where the latest request came to rest, once all of it was told."""
    path = database(stage)

    def rests() -> bool:
        return standing(path)[-1][0] not in {"pending", "approved", "applying"} and not untold(path)

    await until(stage, rests, within=within, at_rest=True)
    return standing(path)[-1]


def outcomes(stage: Stage, card: Message) -> list[str]:
    """The replies in a card's thread after the approval, oldest first."""
    return [reply.text for reply in stage.replies(card) if not reply.text.startswith(("👍", "🔎"))]


async def check_audit(stage: Stage, *, sent: int, end: str) -> list[dict[str, Any]]:
    """An entry before and one after each write, one for the end; returns all of the chain."""
    found = await entries(database(stage))
    names = [entry["event"] for entry in found]
    steps = [name for name in names if name in {"item.send", "item.answer"}]
    assert steps == ["item.send", "item.answer"] * sent, names
    ends = [entry["outcome"] for entry in found if entry["event"] == "item.end"]
    assert ends[-1:] == [end], ends
    assert [end for end in ends[:-1] if end != "unconfirmed"] == [], ends
    for entry in found:
        if entry["event"] == "item.send":
            assert entry["before"] != entry["after"]
            assert entry["after"]["imei_lock"] in {"true", "false"}
        if entry["event"] == "item.answer":
            assert entry["answer"]
    return found


async def check(
    stage: Stage, sim: Example, card: Message, *, end: tuple[str, str], says: str, writes: int, sent: int
) -> str:
    """Rows, audit, card, thread and vendor agree on one end; returns what the requester was told."""
    assert await ended(stage) == end
    assert len(stage.monogoto.writes[sim.iccid]) == writes
    assert puts(stage) == sent
    await check_audit(stage, sent=sent, end=end[1])
    told = outcomes(stage, card)[-1]
    assert says in told
    assert "<@U0ENG1>" in told
    assert "request.approve" not in str(card.blocks)
    assert len(stage.cards(card.channel)) == 1
    return told
