"""The whole bot while it runs: the order in which its parts start, and in which they end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import aiohttp

from bot.monogoto.client import Monogoto
from bot.services.inventory import InventoryReader
from bot.services.sweep import Sweep
from bot.services.tenure import Tenure
from bot.slack import listeners
from bot.slack.api import FATAL_AUTH, SlackAway, SlackError
from bot.slack.desk import Desk
from bot.slack.notifier import SlackNotifier
from bot.slack.socket import SocketTransport, TransportFailed
from bot.storage.engine import Engine

if TYPE_CHECKING:
    from bot.watch.watch import Watch  # loaded only where somebody watches

log = logging.getLogger(__name__)


class Transport(Protocol):
    """Socket Mode or signed HTTP: the same payloads reach the same dispatch."""

    async def start(self) -> None:
        """Return when payloads can arrive."""
        ...

    async def stop(self) -> None:
        """Take no more; let the answers in hand go out."""
        ...


class Runner(Protocol):
    """Runs what is due, here or on any replica."""

    def start(self, sweep: Sweep) -> None:
        """Begin: what an earlier process left behind is due at once."""
        ...

    async def stop(self, patience: float) -> None:
        """Take nothing new; give work in hand `patience` seconds of real time. The rest is in rows."""
        ...


class Ears(Protocol):
    """Hears what other replicas call out."""

    def start(self) -> None:
        """From now on."""
        ...

    async def stop(self) -> None:
        """No more."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """What a replica does for all, and how it hears of the others."""

    name: str
    tenure: Tenure
    ears: Ears


class Bot:
    """The whole bot, built and not started. With `shared` it is one of several replicas."""

    def __init__(
        self,
        *,
        transport: Transport,
        desk: Desk,
        notifier: SlackNotifier,
        dispatcher: Runner,
        sweep: Sweep,
        session: aiohttp.ClientSession,
        platform: Monogoto,
        engine: Engine,
        reader: InventoryReader | None,
        shared: Shared | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.watch = watch
        self.transport = transport
        self.desk = desk
        self._notifier = notifier
        self._dispatcher = dispatcher
        self._sweep = sweep
        self._session = session
        self._platform = platform
        self._engine = engine
        self._reader = reader
        self.shared = shared

    async def start(self) -> None:
        """Take up what an earlier process left, then let payloads in."""
        if self.watch:
            await self.watch.start()
        await self._who_am_i()
        await (self._join(self.shared) if self.shared else self._begin_alone())
        if self.watch:
            self.watch.hinder("")

    async def _begin_alone(self) -> None:
        await self._notifier.start()
        self._dispatcher.start(self._sweep)
        await listeners.take_up(self.desk)
        await self.transport.start()
        if self._reader:
            self._reader.start()

    async def _join(self, shared: Shared) -> None:
        """As one of several: the first beat tells the others that this one lives, before payloads come."""
        log.info("replica %s begins", shared.name)
        shared.ears.start()
        await shared.tenure.start()
        self._dispatcher.start(self._sweep)
        await self.transport.start()

    @property
    def is_at_its_records(self) -> bool:
        """Whether the database is being read or written right now: whoever moves the clock waits for that."""
        return self._engine.in_use

    async def failed(self) -> TransportFailed:
        """Wait until Slack refuses one of the tokens for good; returns what to say."""
        waiting = [asyncio.create_task(self._bot_token_refused())]
        if isinstance(self.transport, SocketTransport):
            waiting.append(asyncio.create_task(self.transport.failed()))
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in waiting:
                task.cancel()

    async def _bot_token_refused(self) -> TransportFailed:
        """A word that a token is refused is asked about once more before it is believed."""
        while True:
            await self.desk.api.refused.wait()
            try:
                await self._who_am_i()
            except TransportFailed as refused:
                return refused
            self.desk.api.refused.clear()

    async def stop(self, patience: float = 10.0) -> None:
        """Take nothing new, finish what is in hand; what isn't finished is in the database."""
        if self.watch:
            self.watch.hinder("it is ending")
        await self.transport.stop()
        if self._reader and not self.shared:
            await self._reader.stop()
        left = await self.desk.background.drain(patience)
        if left:
            log.warning("left to the next start: %s", ", ".join(left))
        self._sweep.end_soon()
        await self._dispatcher.stop(patience)
        if self.shared:
            await self.shared.tenure.stop(patience / 2)
            await self.shared.ears.stop()
        else:
            await self._notifier.stop(patience / 2)
        await self._platform.aclose()
        await self._session.close()
        if self.watch:
            await self.watch.stop()
        await self._engine.close()

    async def _who_am_i(self) -> None:
        """One call, before anybody waits: a refused token ends the process, a silent Slack doesn't."""
        try:
            me = await self.desk.api.call("auth.test")
        except SlackAway as away:
            log.warning("Slack did not say who I am yet: %s", away)
            return
        except SlackError as error:
            if error.code in FATAL_AUTH:
                raise TransportFailed(
                    f"The bot token was refused: {error.code}. Check SLACK_BOT_TOKEN."
                ) from None
            log.warning("Slack did not say who I am: %s", error)
            return
        if me.get("team_id") != self.desk.policy.team:
            log.error(
                "the policy is for team %s, but the bot token belongs to team %s: everybody will be refused",
                self.desk.policy.team,
                me.get("team_id"),
            )
