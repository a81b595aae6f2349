"""The local Monogoto and the local Slack in a process of their own, as far from the bot as real ones are."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bot.clock import SystemClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.wiring import environment

SECONDS = 0.02
"""Of the vendor, for one answer."""


@dataclass(frozen=True)
class Vendor:
    """Where both listen, and what a bot needs to log in."""

    url: str
    username: str
    password: str
    group_id: str
    """With `one_group`, all Things are in it."""
    environ: dict[str, str]


@contextmanager
def vendor(*, things: int, seconds: float = SECONDS, one_group: bool = False) -> Iterator[Vendor]:
    """A fresh account of that many Things; every call is answered after so many seconds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(theirs, things, seconds, one_group), daemon=True)
    child.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        child.join(10)
        child.kill()


def _serve(pipe: Connection, things: int, seconds: float, one_group: bool) -> None:
    asyncio.run(_run(pipe, things, seconds, one_group))


async def _run(pipe: Connection, things: int, seconds: float, one_group: bool) -> None:
    clock = SystemClock()
    slack = LocalSlack(clock)
    await slack.start()
    async with LocalMonogoto(clock, things=things) as monogoto:
        group_id = monogoto.examples.open_group
        if one_group:  # as large as the account: the worst case
            for record in monogoto._world.things.values():
                record.group_id = group_id
        if seconds:
            monogoto.fail_at_rate(("*", "/"), "latency", rate=1.0, seconds=seconds)
        environ = environment(slack, monogoto, database_url="", transport="socket", rate=1000)
        pipe.send(Vendor(monogoto.url, monogoto.username, monogoto.password, group_id, environ))
        await asyncio.to_thread(pipe.recv)
    await slack.stop()
