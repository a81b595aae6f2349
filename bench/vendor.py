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


@dataclass(frozen=True)
class Vendor:
    """Where both listen, and what a bot needs to log in."""

    url: str
    username: str
    password: str
    environ: dict[str, str]


@contextmanager
def vendor(*, things: int, seconds: float) -> Iterator[Vendor]:
    """A fresh account of that many Things; every call is answered after so many seconds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(theirs, things, seconds), daemon=True)
    child.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        child.join(10)
        child.kill()


def _serve(pipe: Connection, things: int, seconds: float) -> None:
    asyncio.run(_run(pipe, things, seconds))


async def _run(pipe: Connection, things: int, seconds: float) -> None:
    clock = SystemClock()
    slack = LocalSlack(clock)
    await slack.start()
    async with LocalMonogoto(clock, things=things) as monogoto:
        if seconds:
            monogoto.fail_at_rate(("*", "/"), "latency", rate=1.0, seconds=seconds)
        environ = environment(slack, monogoto, database_url="", transport="socket", rate=1000)
        pipe.send(Vendor(monogoto.url, monogoto.username, monogoto.password, environ))
        await asyncio.to_thread(pipe.recv)
    await slack.stop()
