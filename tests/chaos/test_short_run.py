"""A few of the rounds of `make chaos`, and the bot broken on purpose: the one holds, the other is noticed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.chaos.sabotage import SABOTAGES

ROOT = Path(__file__).parent.parent.parent
CHUNKS, ROUNDS = 6, 6
"""So many processes, which may run side by side, and rounds in each. Every 50th round kills a real process:
none of these, `test_crash_anywhere` does that."""
FIRST = 1


async def _run(module: str, *arguments: str) -> tuple[int | None, str, str]:
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_nothing_breaks_in_the_rounds(chunk: int) -> None:
    seed = FIRST + chunk * ROUNDS
    code, out, err = await _run("tests.chaos", f"--rounds={ROUNDS}", f"--seed={seed}", "--jobs=1")
    assert out.splitlines()[-1:] == [f"{ROUNDS} rounds, 0 violations"], err
    assert code == 0


@pytest.mark.timeout(300)
async def test_a_bot_that_is_broken_on_purpose_is_noticed() -> None:
    code, out, err = await _run("tests.chaos.sabotage")
    assert code == 0, err
    found = {name: (sound, broken) for name, sound, broken in map(json.loads, out.splitlines())}
    assert set(found) == {sabotage.act.__name__ for sabotage in SABOTAGES}
    for sabotage in SABOTAGES:
        sound, broken = found[sabotage.act.__name__]
        assert sound == [], sabotage.act.__name__
        assert set(sabotage.breaks) <= set(broken), (sabotage.act.__name__, broken)


@pytest.mark.timeout(120)
async def test_a_kept_round_can_be_searched_and_is_the_same_each_time(tmp_path: Path) -> None:
    kept = []
    for name in ("once", "again"):
        arguments = ("--rounds=1", "--seed=2", "--jobs=1", f"--keep={tmp_path / name}")
        code, _, err = await _run("tests.chaos", *arguments)
        assert code == 0, err
        folder = tmp_path / name / "round-2"
        kept.append(json.loads((folder / "vendor.json").read_text()))
        files = {path.name for path in folder.iterdir()}
        assert {"imei-lock.db", "bot.log", "slack.json", "vendor.json", "plan.txt"} <= files
        assert "ready: Slack at" in (folder / "bot.log").read_text()
    assert [_told(call) for call in kept[0]] == [_told(call) for call in kept[1]]


def _told(call: dict[str, object]) -> tuple[object, ...]:
    return call["method"], call["path"], call["at"], call["fault"], call["status"]
