"""What a bot is that shares one PostgreSQL database with others like it: a chapter of `app.build`.

Imported only where the database is PostgreSQL: its libraries are an extra.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable
from datetime import timedelta

from bot.config import Config
from bot.dispatch.cluster import ClusterDispatcher, Heartbeat
from bot.dispatch.schema import migrate
from bot.running import Shared
from bot.services.inventory import InventoryReader
from bot.services.ports import Clock
from bot.services.replica_ports import Once
from bot.services.tenure import Duty, Tenure
from bot.slack import listeners
from bot.slack.api import LeasedApi, SlackApi
from bot.slack.desk import Desk
from bot.slack.dispatch import Dispatch
from bot.slack.messenger import PACE_SECONDS
from bot.slack.notifier import SlackNotifier
from bot.slack.once import DispatchedOnce
from bot.storage.engine import Engine
from bot.storage.leases import PRESENCE, SqlLease
from bot.storage.notices import POSTED, ROLES, TO_TELL, Notices
from bot.storage.once import SqlOnce

log = logging.getLogger(__name__)

SERVING = "serving"
"""The lease of the replica that tells Slack, reads the inventory, and looks after what dead ones left."""
ABANDONED_AFTER = timedelta(minutes=15)
"""A file whose rows have come for so long belongs to a replica that is no more."""


def name_of_replica() -> str:
    """Host, process, and a word of chance: no two processes ever have the same."""
    return f"{socket.gethostname()[:32]}-{os.getpid()}-{secrets.token_hex(3)}"


async def join(config: Config, engine: Engine, clock: Clock) -> Replica:
    """One more, not started; procrastinate's tables are brought up to date. Raises `StoreUnavailable`."""
    await migrate_queue(config.database_url.reveal())
    return Replica(config, engine, clock, config.database_url.reveal())


async def migrate_queue(database_url: str) -> None:
    """procrastinate's tables, beside ours. Raises `StoreUnavailable`."""
    await migrate(database_url)


class Replica:
    """As `Alone`, for `app.build`: what is kept in this process there is in rows here."""

    settling = PACE_SECONDS

    def __init__(self, config: Config, engine: Engine, clock: Clock, address: str) -> None:
        self.name = name_of_replica()
        self._config = config
        self._clock = clock
        self._address = address
        self._heartbeat = Heartbeat(config.replica_heartbeat, config.replica_timeout)
        self._presence = SqlLease(engine, PRESENCE + self.name, self.name, self._heartbeat.timeout)
        self.fence = SqlLease(engine, SERVING, self.name, self._heartbeat.timeout)
        self._notices = Notices(engine, address)
        self.once = SqlOnce(engine, self.name)
        self.replays: Once = SqlOnce(engine, self.name, for_good=True)

    def dispatcher(self) -> ClusterDispatcher:
        """Jobs in the database."""
        return ClusterDispatcher(
            database_url=self._address,
            clock=self._clock,
            replica=self.name,
            heartbeat=self._heartbeat,
        )

    def telling(self, api: SlackApi) -> LeasedApi:
        """What posts messages, while this replica is the one that tells."""
        return LeasedApi(api, self.fence.is_held)

    def dispatch(self, dispatch: Dispatch) -> Dispatch:
        """Each payload once, whichever replicas it comes to."""
        return DispatchedOnce(dispatch, self.once)

    def forgetting(self, forget: Callable[[], None]) -> Callable[[], None]:
        """Roles are forgotten by all replicas: the event that says so comes to one."""

        def heard(text: str) -> None:
            if text:
                log.info("roles are read anew: a user group has changed")
            forget()

        self._notices.on(ROLES, heard)

        def forget_everywhere() -> None:
            forget()
            self._notices.call_out(ROLES, "changed")

        return forget_everywhere

    def shared(self, notifier: SlackNotifier, reader: InventoryReader | None, desk: Desk) -> Shared:
        """What this replica does for all while it holds the lease, and what each does at every beat."""
        self._notices.on(TO_TELL, lambda _: notifier.wake())
        self._notices.on(POSTED, notifier.heard_posted)

        async def forms(serving: bool) -> None:
            if serving:
                await listeners.take_up(desk, unread_for=ABANDONED_AFTER)
                await self.once.drop_old()

        async def sightings(serving: bool) -> None:
            if reader and not serving:
                await reader.keep_sightings()

        duties: list[Duty] = [notifier, _Reading(reader)] if reader else [notifier]
        tenure = Tenure(
            replica=self.name,
            presence=self._presence,
            lease=self.fence,
            duties=duties,
            chores=[forms, sightings],
            clock=self._clock,
            every=self._heartbeat.interval,
        )
        return Shared(self.name, tenure, self._notices)


class _Reading:
    """The inventory's reader as a duty."""

    def __init__(self, reader: InventoryReader) -> None:
        self._reader = reader

    async def start(self) -> None:
        """Go on where the one before stopped."""
        self._reader.start()

    async def stop(self, patience: float) -> None:  # noqa: ARG002  it ends at once
        """What the page in hand would have brought is read again."""
        await self._reader.stop()
