"""`kill -9` at any moment: after a restart every request ends, once, in the right state."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import signal
import sqlite3
from contextlib import AsyncExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import POLICY
from tests.scenarios import acts, crashing_bot
from tests.scenarios.evidence import entries, rows, standing, untold

SHARES = 2
"""The points are shared out among this many test items, which may run side by side."""
AT_ONCE = 8
"""Stories, which mostly wait: for Slack's pace, and for people."""
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
PRELOADED = [
    "tests.scenarios.crashing_bot",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "aiosqlite",
    "httpcore",
    "anyio._backends._asyncio",
]
"""What every life needs, imported once; the latter are else imported by the first call of each."""
PEOPLE_TRY_AGAIN_AFTER = 6.0
ENDS = {"succeeded", "failed", "outdated", "denied", "cancelled", "expired"}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("share", range(SHARES))
async def test_a_bot_killed_at_any_point_ends_the_request_once_after_a_restart(
    tmp_path: Path, new_database: Path, share: int
) -> None:
    dry = tmp_path / "dry"
    assert await _story(dry, new_database, kill_at=0) is False
    points = len((dry / "points").read_text().splitlines())
    assert points >= 30
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> bool:
        async with turns:
            return await _story(tmp_path / str(number), new_database, kill_at=number)

    killed = await asyncio.gather(*(one(number) for number in range(1 + share, points + 1, SHARES)))
    assert sum(killed) >= len(killed) - 2  # a run may have a point or two fewer than the dry one


async def _story(folder: Path, new_database: Path, kill_at: int) -> bool:
    """One lock from the command to the last word, with one death on the way; whether it died."""
    async with AsyncExitStack() as stack:
        slack, monogoto = LocalSlack(SystemClock()), LocalMonogoto(SystemClock(), things=30)
        await slack.start()
        stack.push_async_callback(slack.stop)
        await monogoto.start()
        stack.push_async_callback(monogoto.stop)
        world = _World(slack, monogoto, folder, new_database)
        first = await world.live(kill_at)
        if first is not None:
            assert first == -signal.SIGKILL
            assert await world.live(0) is None
        await world.check()
    return first is not None


class _World:
    """The people, both stand-ins, and the bot as one process after the other."""

    def __init__(self, slack: LocalSlack, monogoto: LocalMonogoto, folder: Path, new_database: Path) -> None:
        self.slack = slack
        self.monogoto = monogoto
        self.folder = folder
        folder.mkdir()
        self.database = folder / "imei-lock.db"
        shutil.copyfile(new_database, self.database)
        self.sim = monogoto.examples.fresh

    async def live(self, kill_at: int) -> int | None:
        """One life of the bot, people working with it; its exit code where it died before all was told."""
        child = self._start(kill_at)
        try:
            await self._until(lambda: child.exitcode is not None or self.slack.sockets)
            if not await self._people(child):
                return child.exitcode
            child.terminate()
            await self._until(lambda: child.exitcode is not None)
            assert child.exitcode == 0, (self.folder / "child.log").read_text()
        finally:
            child.kill()
            child.join()
            child.close()
        return None

    def _start(self, kill_at: int) -> BaseProcess:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        given = (self._environ(), POLICY, str(self.folder), kill_at)
        child = context.Process(target=crashing_bot.run, args=given, daemon=True)
        child.start()
        return child

    def _environ(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "MONOGOTO_URL": self.monogoto.url,
            "MONOGOTO_USERNAME": self.monogoto.username,
            "MONOGOTO_PASSWORD": self.monogoto.password,
            "MONOGOTO_MAX_RATE": "500",
            "DATABASE_URL": f"sqlite:///{self.database}",
        }

    async def _until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110  another process sets no event here
                await asyncio.sleep(POLL_SECONDS)

    async def _people(self, child: BaseProcess) -> bool:
        """Ask, approve and wait; what a dead bot did not take is done again. False: it died."""
        loop, again_at = asyncio.get_running_loop(), {"ask": 0.0, "approve": 0.0}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while child.exitcode is None:
                status, card, now = self._status(), self._card(), loop.time()
                if status is None and now >= again_at["ask"]:
                    again_at["ask"] = now + PEOPLE_TRY_AGAIN_AFTER
                    await self._ask(child)
                elif status == "pending" and card and now >= again_at["approve"]:
                    again_at["approve"] = now + PEOPLE_TRY_AGAIN_AFTER
                    await self.slack.person("U0APP1").click(card, "request.approve", confirm=True)
                elif status in ENDS and not untold(self.database):
                    return True
                await asyncio.sleep(POLL_SECONDS)
        return False

    async def _ask(self, child: BaseProcess) -> None:
        engineer = self.slack.person("U0ENG1")
        for modal in engineer.modals:
            await engineer.close(modal)
        await engineer.command("/lock-thing", channel="C0FIELD")
        try:
            async with asyncio.timeout(PEOPLE_TRY_AGAIN_AFTER):
                await self._until(lambda: child.exitcode is not None or acts.form_of(engineer))
        except TimeoutError:
            return
        if form := acts.form_of(engineer):
            values = {"iccid": self.sim.iccid, "imei": self.sim.imei, "reason": "Stolen box"}
            await engineer.submit(form, values)

    def _status(self) -> str | None:
        """The request's; "kept" where a form was taken and waits to be checked; None for nothing."""
        try:
            found = standing(self.database)
            kept = rows(self.database, "select id from submissions where state = 'checking'")
        except sqlite3.OperationalError:
            return None
        return found[-1][0] if found else "kept" if kept else None

    def _messages(self) -> list[Message]:
        return [m for m in self.slack.messages("C0FIELD") if m.from_bot and not m.deleted]

    def _card(self) -> Message | None:
        return next((m for m in self._messages() if "request.approve" in str(m.blocks)), None)

    async def check(self) -> None:
        """One request, one effective write, one card, one reply for each fact, and a whole audit."""
        assert standing(self.database) == [("succeeded", "done")]
        assert len(self.monogoto.writes[self.sim.iccid]) == 1
        assert self.monogoto.thing(self.sim.iccid)["MasterIMEI"] == self.sim.imei
        found = await entries(self.database)
        assert [e["event"] for e in found].count("item.end") == 1
        assert [e["event"] for e in found].count("item.send") >= 1
        cards = [m for m in self._messages() if not m.thread_ts]
        assert len(cards) == 1
        assert "configured and read back" in cards[0].text
        assert "request.approve" not in str(cards[0].blocks)
        replies = [m.text[:1] for m in self._messages() if m.thread_ts == cards[0].ts]
        assert replies == ["👍", "✅"]
