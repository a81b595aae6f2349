"""The local Monogoto in a process of its own, with a latency: what both sides of a ratio speak to."""

from __future__ import annotations

import asyncio
import sys

from bot.clock import SystemClock
from bot.sandbox.monogoto import LocalMonogoto

LATENCY_SECONDS = 0.02


async def serve(things: int) -> None:
    """Tell address, user, password and the one group of all Things in a line; run until stdin ends."""
    monogoto = LocalMonogoto(SystemClock(), things=things)
    group_id = monogoto.examples.open_group
    for record in monogoto._world.things.values():  # a group as large as the account: the worst case
        record.group_id = group_id
    monogoto.fail(("*", "/"), "latency", 100_000_000, seconds=LATENCY_SECONDS)
    async with monogoto:
        print(monogoto.url, monogoto.username, monogoto.password, group_id, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
