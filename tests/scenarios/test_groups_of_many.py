"""A group as large as its account: counted in little memory, at its pace, and in nobody's way."""

from __future__ import annotations

import gc
import json
import os
import re
import time
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path

import pytest

from bot.sandbox.slack.messages import Message
from tests.scenarios import acts
from tests.scenarios.fleet import Fleet

THINGS = int(os.environ.get("MANY_THINGS", "20000"))
"""100,000 is the full size, of `make test-full`: a minute or two. Fewer show the same, for each day."""
RATE = THINGS // 50 // 15
"""Calls a second: fifteen seconds for the pages of the list, at least."""
BURST = 10
MOST_GROWTH_MB = 30
MOST_SECONDS = 30.0
"""For a whole lock of one SIM, on a busy machine."""
TOLD_EVERY_SECONDS = 3.0
READ = re.compile(r"([\d,]+)(?: of about [\d,]+)? SIMs of the account read")


def resident_mb() -> float:
    """What this process holds: the bot, and both stand-ins."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


@pytest.mark.timeout(400)
async def test_a_group_of_all_sims_is_counted_in_little_memory_at_the_pace_and_in_nobodys_way(
    tmp_path: Path,
) -> None:
    """By the real clock: the card says how far it is, and a lock of one SIM is through meanwhile."""
    fleet = Fleet(tmp_path, things=THINGS, rate=RATE)
    await fleet.start()
    try:
        await fleet.start_bot()
        await _counted(fleet)
    finally:
        await fleet.stop()


async def _counted(fleet: Fleet) -> None:
    group, sims = fleet.monogoto.examples.open_group, fleet.monogoto.examples
    for record in fleet.monogoto._world.things.values():
        record.group_id = group
    sim = sims.never_seen
    fleet.monogoto.console_edit(sim.iccid, ThingsGroupId=sims.hostile_group)
    maria = fleet.slack.person("U0ENG1")
    await maria.command("/lock-group", f"{group} 35305311", channel="C0FIELD")
    view = await fleet.until(lambda: acts.form_of(maria))
    await maria.submit(view, {"reason": "One model"})
    card = await fleet.until(lambda: next(iter(_cards(fleet, "🔎")), None))
    await fleet.until(lambda: READ.search(acts.shown(card)))
    gc.collect()
    before = resident_mb()
    seconds = await _lock_meanwhile(fleet, sim.iccid, sims.unused_imeis[0])
    assert acts.is_counting(card), "it was still being counted then"
    await fleet.until(lambda: not acts.is_counting(card) and _files(fleet, card))
    gc.collect()
    grown = resident_mb() - before
    assert f"of {THINGS - 1:,} lose service" in acts.shown(card)
    assert grown < MOST_GROWTH_MB, f"{grown:.1f} MB more"
    assert seconds < MOST_SECONDS, f"one lock took {seconds:.1f} s meanwhile"
    print(f"{THINGS:,} SIMs: {grown:+.1f} MB, one lock meanwhile in {seconds:.1f} s")
    _check_pace(fleet)
    _check_progress(fleet, card)


async def _lock_meanwhile(fleet: Fleet, iccid: str, imei: str) -> float:
    """Seconds from the command to the outcome of a lock of one SIM."""
    began = time.monotonic()
    maria, ravi = fleet.slack.person("U0ENG1"), fleet.slack.person("U0APP1")
    old = maria.modal
    await maria.command("/lock-thing", f"{iccid} {imei}", channel="C0FIELD")
    view = await fleet.until(lambda: acts.form_of(maria) if maria.modal is not old else None)
    await maria.submit(view, {"reason": "Stolen"})
    card = await fleet.until(lambda: next(iter(_cards(fleet, "Lock this SIM")), None))
    await ravi.click(card, "request.approve", confirm=True)
    await fleet.until(lambda: "read back" in acts.shown(card))
    return time.monotonic() - began


def _check_pace(fleet: Fleet) -> None:
    """In no second more calls than the rate, and what may be caught up at once."""
    times = [call.at.timestamp() for call in fleet.monogoto.calls if call.path != "/Auth"]
    most = max(bisect_left(times, at + 1) - number for number, at in enumerate(times))
    assert most <= RATE + 2 * BURST, f"{most} calls in a second"
    assert len(times) > THINGS / 50


def _check_progress(fleet: Fleet, card: Message) -> None:
    """It grows, and is told about every three seconds at most."""
    said = [
        (call.at.timestamp(), found[1])
        for call in fleet.slack.requests
        if call.method == "chat.update" and (found := READ.search(json.dumps(call.args)))
    ]
    read = [int(number.replace(",", "")) for _, number in said]
    assert len(read) >= 2
    assert read == sorted(set(read))
    assert all(later - earlier > TOLD_EVERY_SECONDS - 1 for (earlier, _), (later, _) in pairwise(said))


def _cards(fleet: Fleet, words: str) -> list[Message]:
    found = fleet.slack.messages("C0FIELD")
    return [m for m in found if m.from_bot and not m.thread_ts and words in acts.shown(m)]


def _files(fleet: Fleet, card: Message) -> list[Message]:
    found = fleet.slack.messages(card.channel)
    return [m for m in found if m.thread_ts == card.ts and m.files]
