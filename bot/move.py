"""The verb `move`: all records into another database, with what is to be seen of it meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.config import DatabaseUrl
from bot.storage.engine import open_engine
from bot.storage.moving import Moved, NotMoved, move

_EVERY_SECONDS = 2.0


async def run(source: DatabaseUrl, target: DatabaseUrl, say: Callable[[str], None]) -> str:
    """Move them; what came of it, in lines. Raises `NotMoved` and `StoreUnavailable`: nothing was moved."""
    if source == target:
        raise NotMoved("the records are in that database already")
    there = open_engine(source.reveal())
    try:
        here = open_engine(target.reveal())
        try:
            moved = await move(there, here, _Progress(say))
        finally:
            await here.close()
    finally:
        await there.close()
    return _text(moved, source, target)


class _Progress:
    """A line now and then, for a table that takes long."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said_at = time.monotonic()

    def __call__(self, table: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self._said_at >= _EVERY_SECONDS:
            self._said_at = now
            self._say(f"{table}: {done:,} of {total:,} rows")


def _text(moved: tuple[Moved, ...], source: DatabaseUrl, target: DatabaseUrl) -> str:
    names = max(len(each.table) for each in moved)
    counts = max(len(f"{each.rows:,}") for each in moved)
    lines = [f"  {each.table:<{names}}  {each.rows:>{counts},}" for each in moved]
    return "\n".join(
        [
            f"Everything was moved from {source.shown} to {target.shown}; rows of each table:",
            *lines,
            "The audit log holds there. The old database stays as it was.",
            "Set DATABASE_URL to the new one before the bot starts again.",
        ]
    )
