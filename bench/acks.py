"""From a command to its modal, and from a submission to its ack: against a bare AsyncApp that does the least.

Both stand side by side, each in a process of its own; rounds go to one and the other in turn.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

from bench.apart import Apart, apart
from bench.apps import bare_app, whole_bot
from bench.lines import Line, load, met, spell
from bench.people import PEOPLE, Wanted, field, open_forms, send_forms, vendor_takes
from bot.clock import SystemClock
from bot.sandbox.monogoto import LocalMonogoto
from tests.scenarios import bulks

COMMAND_GOAL = 1.5
SUBMISSION_GOAL = 2.0
SLOW = 5.0
"""Seconds of the vendor, while somebody waits for a form."""
SLOW_GOAL = 0.300
ONE, MANY = PEOPLE[:1], PEOPLE


@asynccontextmanager
async def _both(things: int) -> AsyncIterator[tuple[Apart, str, str]]:
    """The people, and where the bare app and the bot listen; both warm."""
    with tempfile.TemporaryDirectory() as folder, apart(field, things) as people:
        files = {name: f"sqlite:///{Path(folder) / name}.db" for name in ("bare", "bot")}
        environ: dict[str, str] = people.said
        with (
            apart(bare_app, environ | {"DATABASE_URL": files["bare"]}) as bare,
            apart(whole_bot, environ | {"DATABASE_URL": files["bot"]}) as bot,
        ):
            for url in (bare.said, bot.said):
                for group in (ONE, MANY):  # the roles of each are asked of Slack once
                    await people.do(open_forms, url, group)
            yield people, bare.said, bot.said


async def acks(rounds: int) -> AsyncIterator[str]:
    """The lines of commands and of submissions, alone and 32 at once; and of the vendor that is slow."""
    sims = _sims(len(MANY) * 2 * rounds + 2 * rounds + 2)
    async with _both(int(len(MANY) * rounds * 4) + 400) as (people, bare, bot):
        for group in (ONE, MANY):
            took: dict[str, list[float]] = {bare: [], bot: []}
            for _ in range(rounds if group is MANY else rounds * 5):
                for url in (bare, bot):
                    took[url] += await people.do(open_forms, url, group)
            name = f"command → ack, modal open; {len(group)} at once, p50"
            yield str(Line(name, median(took[bare]), median(took[bot]), COMMAND_GOAL, at_most=True))
        for group in (ONE, MANY):
            took = {bare: [], bot: []}
            for _ in range(rounds):
                for url in (bare, bot):
                    asked = {user_id: next(sims) for user_id in group}
                    took[url] += await people.do(send_forms, url, asked)
            name = f"submission → ack, row committed; {len(group)} at once, p50"
            yield str(Line(name, median(took[bare]), median(took[bot]), SUBMISSION_GOAL, at_most=True))
        await people.do(vendor_takes, SLOW)
        iccid, imei = next(sims)
        waits: list[float] = []
        for _ in range(rounds * 20):
            waits += await people.do(open_forms, bot, ONE, f"{iccid} {imei}")
        worst = quantiles(waits, n=100)[98]
        slow = f"command → modal open, vendor at {SLOW:.0f} s; p99 of {len(waits)}"
        verdict = f"< {spell(SLOW_GOAL)} | {met(worst < SLOW_GOAL)}"
        yield f"| {slow} | | {spell(worst)} | | {verdict} | | {load()} |"


def _sims(count: int) -> Iterator[Wanted]:
    world = LocalMonogoto(SystemClock(), things=count * 2 + 400)
    return iter([(iccid, str(world.thing(iccid)["IMEI"])) for iccid in bulks.unlocked(world, count)])
