"""The bot between its two stand-ins, over real HTTP and WebSockets: for the story and for the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app import Seams, build
from bot.config import Config
from bot.domain.policy import Policy
from bot.policy_file import parse_policy
from bot.running import Bot
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.quiet import nothing_stirs
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.wiring import environment
from bot.slack.http import HttpTransport

SINGLE_RULE: dict[str, Any] = {
    "changes": ["lock_thing", "unlock_thing"],
    "request": ["engineer", "admin"],
    "approve": ["approver", "admin"],
    "approvals": {"none": 1, "some": 1, "many": 2},
    "many_from": 25,
    "expires": "24h",
    "apply_within": "1h",
}
GROUP_RULE: dict[str, Any] = SINGLE_RULE | {
    "changes": ["lock_things_group", "unlock_things_group"],
    "approvals": {"none": 2, "some": 2, "many": 2},
}
POLICY: dict[str, Any] = {
    "team": "T0TEAM",
    "roles": {
        "engineer": ["S0ENGINEERS"],
        "support": ["S0SUPPORT"],
        "approver": ["S0APPROVERS"],
        "admin": ["U0ADMIN"],
    },
    "lookups": {
        "status": ["engineer", "support", "approver", "admin"],
        "requests": ["engineer", "support", "approver", "admin"],
        "history": ["support", "approver", "admin"],
    },
    "rules": [SINGLE_RULE, GROUP_RULE],
}
STOP_SECONDS = 6.0
"""Of the clock, while a bot ends: enough for paces, too little for a vendor's deadline to pass."""
LONGEST_HOP_SECONDS = 1.0
"""Of the clock at once: a condition that hangs on the time is met to the second."""
PATIENCE_SECONDS = 40.0
"""Of real time, for something to come of what is under way: the clock stands still meanwhile."""


class Stage:
    """Both stand-ins and the bot. `clock` is shared; where it is manual, `until` moves it.

    With `inventory` the bot reads Things and groups in the background, as in production.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: ManualClock,
        policy: dict[str, Any] | None = None,
        transport: str = "socket",
        things: int = 120,
        seams: Seams | None = None,
        settings: dict[str, str] | None = None,
        inventory: bool = False,
        database_url: str | None = None,
    ) -> None:
        self.clock = clock
        self.folder = folder
        self.policy: Policy = parse_policy(policy or POLICY)
        self.slack = LocalSlack(clock)
        self.monogoto = LocalMonogoto(clock, things=things)
        self.seams = replace(seams or Seams(), inventory=inventory)
        self._transport = transport
        self._settings = settings or {}
        self.database_url = database_url or f"sqlite:///{folder / 'imei-lock.db'}"
        self.bot: Bot | None = None

    async def __aenter__(self) -> Stage:
        await self.slack.start()
        await self.monogoto.start()
        await self.start_bot()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_bot()
        await self.slack.stop()
        await self.monogoto.stop()

    def config(self) -> Config:
        """The bot's configuration against these stand-ins, read as from an environment."""
        env = environment(
            self.slack,
            self.monogoto,
            database_url=self.database_url,
            transport=self._transport,
            rate=500,
        )
        return Config.from_env(env | self._settings)

    async def start_bot(self) -> Bot:
        """Build and start a bot on the stage's database, as a fresh process would."""
        self.bot = await build(self.config(), self.policy, clock=self.clock, seams=self.seams)
        await self.bot.start()
        if isinstance(self.bot.transport, HttpTransport):
            self.slack.deliver_http(f"http://127.0.0.1:{self.bot.transport.port}/slack/events")
        return self.bot

    async def stop_bot(self) -> None:
        """End it as SIGTERM does."""
        bot, self.bot = self.bot, None
        if bot is not None:
            stopping = asyncio.create_task(bot.stop(patience=2.0))
            patient_until = self.clock.now() + timedelta(seconds=STOP_SECONDS)
            while not stopping.done():
                if self.clock.now() >= patient_until:
                    break
                if await nothing_stirs(lambda: bot.is_at_its_records or stopping.done()):
                    self.clock.hop(LONGEST_HOP_SECONDS)
            await stopping

    def person(self, user_id: str) -> Person:
        """Somebody who acts and looks."""
        return self.slack.person(user_id)

    async def until(self, condition: Callable[[], Any], *, within: float = 90.0) -> Any:
        """Wait until the condition is truthy and return it, moving a still clock past paces and pauses.

        `within` bounds the clock's seconds. Raises TimeoutError with what the condition last was.
        """
        deadline = self.clock.now() + timedelta(seconds=within)
        give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not (result := condition()):
            if await nothing_stirs(self._is_working) and not condition():
                if self.clock.now() > deadline:
                    raise TimeoutError(f"it did not come to be within {within} seconds of the clock")
                self._move_clock(condition, deadline)
            elif asyncio.get_running_loop().time() > give_up_at:
                raise TimeoutError("something has been under way for too long")
        return result

    async def settle(self, seconds: float = 20.0) -> None:
        """Let that many seconds of the clock pass, with everything that happens in them."""
        end = self.clock.now() + timedelta(seconds=seconds)
        await self.until(lambda: self.clock.now() >= end, within=seconds * 2 + 60)

    def _is_working(self) -> bool:
        """Whether a call is under way or a record is being kept: no moment to move the clock."""
        at_records = self.bot is not None and self.bot.is_at_its_records
        return bool(self.slack.in_flight or self.monogoto.in_flight or at_records)

    def _move_clock(self, condition: Callable[[], Any], deadline: datetime) -> None:
        """On until somebody wakes: whoever asks for the time itself is asked at every hop."""
        while not self.clock.hop(LONGEST_HOP_SECONDS):
            if condition() or self.clock.now() > deadline:
                return

    # --- what a test or the story wants to see ---------------------------------------------------

    def cards(self, channel: str) -> list[Message]:
        """The bot's own top-level messages in a channel, oldest first."""
        found = self.slack.messages(channel)
        return [m for m in found if m.from_bot and not m.thread_ts and not m.ephemeral_to and not m.deleted]

    def replies(self, card: Message) -> list[Message]:
        """What the bot wrote in a card's thread."""
        found = self.slack.messages(card.channel)
        return [m for m in found if m.from_bot and m.thread_ts == card.ts and m.ts != card.ts]

    def whispers(self, user_id: str) -> list[Message]:
        """What only this person was told."""
        return self.slack.ephemerals(user_id)


def everything_in(blocks: Any) -> str:
    """All text that a person can read in blocks, a view or a message."""
    if isinstance(blocks, dict):
        own = [blocks["text"]] if isinstance(blocks.get("text"), str) else []
        return "\n".join([*own, *(everything_in(v) for v in blocks.values() if isinstance(v, (dict, list)))])
    if isinstance(blocks, list):
        return "\n".join(filter(None, (everything_in(block) for block in blocks)))
    return ""
