"""Something in a process of its own that does what it is asked to: as far from the bot as a real one is."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")
Opening = Callable[..., AbstractAsyncContextManager[tuple[Any, Any]]]
"""Opens it: what it says of itself, and the thing that jobs are done with. A function of a module."""


@dataclass(frozen=True)
class Apart:
    """The other process, while it runs."""

    said: Any
    """Where it is to be found."""
    _pipe: Connection

    async def do(self, job: Callable[..., Awaitable[T]], *given: Any) -> T:
        """What comes of the job there. EOFError where it failed: it has said why."""
        self._pipe.send((job, given))
        done: T = await asyncio.to_thread(self._pipe.recv)
        return done


@contextmanager
def apart(opening: Opening, *given: Any) -> Iterator[Apart]:
    """Run it until the end of the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(theirs, opening, given), daemon=True)
    child.start()
    theirs.close()
    try:
        yield Apart(ours.recv(), ours)
    finally:
        if child.is_alive():
            ours.send(None)
        child.join(15)
        child.kill()


def _serve(pipe: Connection, opening: Opening, given: tuple[Any, ...]) -> None:
    asyncio.run(_run(pipe, opening, given))


async def _run(pipe: Connection, opening: Opening, given: tuple[Any, ...]) -> None:
    async with opening(*given) as (said, thing):
        pipe.send(said)
        while (asked := await asyncio.to_thread(pipe.recv)) is not None:
            job, about = asked
            pipe.send(await job(thing, *about))
