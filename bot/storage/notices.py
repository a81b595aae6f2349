"""What replicas call out to each other: PostgreSQL's NOTIFY, heard on a connection of its own.

A notice is a hint to look at the rows at once. It may be lost; whoever hears looks by itself now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import psycopg
from psycopg import sql
from sqlalchemy import func, select

from bot.domain.errors import StoreUnavailable
from bot.storage.engine import Engine

log = logging.getLogger(__name__)

TO_TELL = "imei_lock_to_tell"
"""The outbox holds something new. Sent by a trigger, with the commit."""
POSTED = "imei_lock_posted"
"""A card was posted; with the id of its request. Sent by a trigger, with the commit."""
ROLES = "imei_lock_roles"
"""A user group has changed."""
AGAIN_SECONDS = 1.0
ALIVE_SECONDS = 10.0
"""How often a silent connection is tried."""

Heard = Callable[[str], None]
"""Told what came with the notice; "" where some may have been missed."""


class Notices:
    """Hears, and calls out. PostgreSQL only."""

    def __init__(self, engine: Engine, database_url: str) -> None:
        self._engine = engine
        self._database_url = database_url
        self._heard: dict[str, Heard] = {}
        self._task: asyncio.Task[None] | None = None
        self._calling: set[asyncio.Task[None]] = set()
        self._deaf = False

    def on(self, channel: str, heard: Heard) -> None:
        """Before `start`: what is to happen when a notice comes."""
        self._heard[channel] = heard

    def start(self) -> None:
        """Hear from now on."""
        self._task = asyncio.create_task(self._run(), name="notices")

    async def stop(self) -> None:
        """Hear no more."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, *self._calling, return_exceptions=True)

    def call_out(self, channel: str, text: str = "") -> None:
        """To all replicas, this one too, in a moment."""
        task = asyncio.create_task(self._call_out(channel, text), name=f"calling out {channel}")
        self._calling.add(task)
        task.add_done_callback(self._calling.discard)

    async def _call_out(self, channel: str, text: str) -> None:
        try:
            async with self._engine.writing_at_once() as connection:
                await connection.execute(select(func.pg_notify(channel, text)))
        except StoreUnavailable as error:
            log.warning("a notice to the other replicas was lost: %s", error)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                self._lost(error)
            except Exception:
                log.exception("hearing notices failed")
            await asyncio.sleep(AGAIN_SECONDS)

    def _lost(self, error: Exception) -> None:
        """Said once for each time that the database is away: it is tried every second."""
        if not self._deaf:
            log.warning("notices are not heard for a while: %s", type(error).__name__)
        self._deaf = True

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._database_url, autocommit=True) as connection:
            for channel in self._heard:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            if self._deaf:
                log.info("notices are heard again")
            self._deaf = False
            for heard in self._heard.values():
                heard("")
            while True:
                async for notice in connection.notifies(timeout=ALIVE_SECONDS):
                    self._heard[notice.channel](notice.payload)
                await connection.execute("SELECT 1")
