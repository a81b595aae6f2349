"""Both stand-ins and the database of one round."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox.monogoto import LocalMonogoto, Settings
from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack import LocalSlack
from bot.services.ports import Clock

THINGS = 60
GROUPS = 12


class World:
    """What stays when the bot dies."""

    def __init__(self, clock: Clock, database: Path, seed: int) -> None:
        self.database = database
        self.slack = LocalSlack(clock)
        self.monogoto = LocalMonogoto(clock, seed, THINGS, Settings(), groups=GROUPS)
        self.jumped = False
        """Whether the bot's clock was ever wrong."""

    async def start(self) -> None:
        """Both listen."""
        await self.slack.start()
        await self.monogoto.start()

    async def stop(self) -> None:
        """Neither does."""
        await self.slack.stop()
        await self.monogoto.stop()

    def sim(self, name: str) -> Example:
        """An example of the local Monogoto."""
        found: Example = getattr(self.monogoto.examples, name)
        return found

    def group(self, name: str) -> str:
        """The id of one of its groups."""
        return str(getattr(self.monogoto.examples, name))

    @contextmanager
    def foreign_connection(self) -> Iterator[sqlite3.Connection]:
        """Another program at the bot's database."""
        connection = sqlite3.connect(self.database, timeout=0, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()
