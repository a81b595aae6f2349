"""`kill -9` in the middle of a bulk, of a real process: nothing is lost, and no write is repeated."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.policy_file import parse_policy
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.stage import POLICY
from bot.sandbox.wiring import environment
from bot.storage.engine import open_engine
from tests.scenarios import bulks, crashing_bot
from tests.scenarios.evidence import entries, standing
from tests.scenarios.test_crash_anywhere import PRELOADED

ROWS = 100
KILLED_AT = 40
POLL_SECONDS = 0.01
PATIENCE_SECONDS = 100.0


@pytest.mark.timeout(240)
async def test_a_bulk_killed_at_two_fifths_goes_on_after_a_restart(
    tmp_path: Path, new_database: Path
) -> None:
    database = tmp_path / "imei-lock.db"
    shutil.copyfile(new_database, database)
    slack, monogoto = LocalSlack(SystemClock()), LocalMonogoto(SystemClock(), things=300)
    await slack.start()
    await monogoto.start()
    try:
        iccids = await _approved(database, monogoto)
        url = f"sqlite:///{database}"
        environ = environment(slack, monogoto, database_url=url, transport="socket", rate=500)
        first = _start(environ, tmp_path)
        await _until(lambda: _written(monogoto) >= KILLED_AT)
        first.kill()
        first.join()
        assert first.exitcode == -signal.SIGKILL
        assert _written(monogoto) < ROWS
        stood = bulks.states_in(database)
        assert stood.get("queued", 0) + stood.get("running", 0) > 0  # rows of which nothing had left yet
        second = _start(environ, tmp_path)
        await _until(lambda: standing(database)[0][0] not in {"approved", "applying"})
        second.terminate()
        await _until(lambda: second.exitcode is not None)
        assert second.exitcode == 0
    finally:
        await slack.stop()
        await monogoto.stop()
    assert bulks.states_in(database) == {"done": ROWS}
    assert standing(database)[0][0] == "succeeded"
    assert [len(monogoto.writes[iccid]) for iccid in iccids] == [1] * ROWS
    found = await entries(database)
    ended = [e["thing_id"] for e in found if e["event"] == "item.end"]
    assert len(ended) == len(set(ended)) == ROWS


async def _approved(database: Path, monogoto: LocalMonogoto) -> list[str]:
    iccids = bulks.unlocked(monogoto, ROWS)
    changes = [bulks.lock_to_last_seen(monogoto, iccid) for iccid in iccids]
    queued = bulks.rows(monogoto, parse_policy(POLICY), changes)
    engine = open_engine(f"sqlite:///{database}")
    try:
        await bulks.insert_approved(engine, queued, now=SystemClock().now())
    finally:
        await engine.close()
    return iccids


def _start(environ: dict[str, str], folder: Path) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    child = context.Process(target=crashing_bot.run, args=(environ, POLICY, str(folder), 0), daemon=True)
    child.start()
    return child


def _written(monogoto: LocalMonogoto) -> int:
    return sum(map(len, monogoto.writes.values()))


async def _until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  another process sets no event here
            await asyncio.sleep(POLL_SECONDS)
