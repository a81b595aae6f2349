"""One round of the demo: fresh stand-ins and a bot on an empty database, from a start to the next reset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import yaml
from aiohttp import web

from bot.app import ID_LETTERS, Seams, build
from bot.clock import SystemClock
from bot.config import Config
from bot.policy_file import PolicyError, load_policy
from bot.running import Bot
from bot.sandbox.demo.answering import JSON, acts, looks
from bot.sandbox.demo.calls import CallLog
from bot.sandbox.demo.clock import FastClock
from bot.sandbox.demo.folder import Folder
from bot.sandbox.demo.guide import Guide
from bot.sandbox.demo.options import Options
from bot.sandbox.demo.pane import Pane
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.listing import Listing
from bot.sandbox.wiring import environment
from bot.services.ports import Clock
from bot.slack.http import HttpTransport

MANIFEST: Final = Path(__file__).parents[3] / "manifest.yml"
CALLS_A_SECOND: Final = 50
STOP_SECONDS: Final = 2.0
FEED_KIND: Final = "monogoto"


class Round:
    """Everything that lives from one start to the next. `reset` asks whoever made it for another round."""

    def __init__(self, options: Options, folder: Folder, *, number: int, reset: Callable[[], None]) -> None:
        self._options = options
        self._folder = folder
        self._number = number
        self._reset = reset
        self._clock = _clock(options)
        self.monogoto = LocalMonogoto(self._clock, seed=options.seed, things=options.things)
        manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
        self.slack = LocalSlack(self._clock, listing=Listing.from_manifest(manifest))
        self.slack.feed.begin(number, FEED_KIND)
        calls = CallLog(self._changed)
        self.monogoto.watch(calls.hear)
        self.guide = Guide(self.slack, self.monogoto, calls, folder)
        self.slack.add_routes(Pane(self.monogoto, calls, self._changed).routes())
        self.slack.add_routes(self._routes())
        self._bot: Bot | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._ready = False
        """Whether the bot hears what people do; the page is there a little earlier."""

    async def start(self, port: int) -> None:
        """Both stand-ins, then the bot. Raises OSError where the port is taken; then call `stop`."""
        if isinstance(self._clock, FastClock):
            self._clock.is_busy = self._is_busy
            self._clock.is_held = self._is_at_its_records
            self._ticking = asyncio.create_task(self._clock.run(), name="fast clock")
        await self.slack.start(port)
        await self.monogoto.start()
        env = environment(
            self.slack,
            self.monogoto,
            database_url=self._folder.database_url,
            transport="http" if self._options.http else "socket",
            rate=CALLS_A_SECOND,
        )
        self._folder.keep_environment(env)
        policy = load_policy(self._folder.policy)
        seams = Seams(new_id=_ids(self._options.seed))
        self._bot = await build(Config.from_env(env), policy, clock=self._clock, seams=seams)
        await self._bot.start()
        if isinstance(self._bot.transport, HttpTransport):
            self.slack.deliver_http(f"http://127.0.0.1:{self._bot.transport.port}/slack/events")
        self._ready = True

    async def stop(self) -> None:
        """The bot first, as SIGTERM does; then what it stood on."""
        try:
            if self._bot is not None:
                await self._bot.stop(patience=STOP_SECONDS)
        finally:
            await self.slack.stop()
            await self.monogoto.stop()
            if self._ticking is not None:
                self._ticking.cancel()
                await asyncio.gather(self._ticking, return_exceptions=True)

    def _is_busy(self) -> bool:
        return bool(self.slack.in_flight or self.monogoto.in_flight)

    def _is_at_its_records(self) -> bool:
        """Also when it only sweeps: no sign that somebody waits, but time must not run away from it."""
        return self._bot is not None and self._bot.is_at_its_records

    def _changed(self) -> None:
        self.slack.feed.announce(FEED_KIND)

    def _routes(self) -> list[web.RouteDef]:
        return [
            looks("/control/demo", lambda _: self._facts()),
            acts("/control/demo/reset", self._start_over, self._changed),
            looks("/control/guide", lambda _: self.guide.look()),
            acts("/control/guide/dismiss", self._dismiss, self._changed),
        ]

    def _facts(self) -> JSON:
        return {
            "round": self._number,
            "ready": self._ready,
            "seed": self._options.seed,
            "things": len(self.monogoto.iccids),
            "fast": self._options.fast,
            "transport": "signed HTTP" if self._options.http else "Socket Mode",
            "now": self._clock.now().isoformat(),
        }

    def _start_over(self, _body: JSON) -> JSON:
        """Answered before it begins: the page asks until another `round` is ready."""
        try:
            load_policy(self._folder.policy)
        except PolicyError as wrong:
            raise ValueError(f"policy.toml can't be used: {wrong}") from None
        self._reset()
        return {"round": self._number}

    def _dismiss(self, body: JSON) -> JSON:
        self.guide.dismiss(away=body["dismissed"] is True)
        return self.guide.look()


def _clock(options: Options) -> Clock:
    return FastClock(datetime.now(UTC), options.fast) if options.fast > 1 else SystemClock()


def _ids(seed: int) -> Callable[[], str]:
    """Request numbers that come again with the seed; the database is empty at the start."""
    random = Random(seed)  # noqa: S311  no secret hangs on it
    return lambda: "".join(random.choice(ID_LETTERS) for _ in range(10))
