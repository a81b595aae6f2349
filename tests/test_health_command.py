"""`python -m bot health`: exit code and one line for each part that isn't good; without loading the bot."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.health import BAD, GOOD, UNSET, health
from bot.services.watching import Part
from bot.watch.server import HealthServer

ROOT = Path(__file__).parent.parent
NO_DOTENV = Path("there-is-no-such-file")


async def asked(*parts: Part, alive: bool = False) -> int:
    """The verb, against a server that tells of these parts."""

    async def told() -> tuple[Part, ...]:
        return parts

    async def numbers() -> tuple[str, bytes]:
        return "text/plain", b""

    server = HealthServer(host="127.0.0.1", port=0, parts=told, render=numbers)
    port = await server.start()
    try:
        environ = {"HEALTH_PORT": str(port)}
        return await asyncio.to_thread(health, environ, NO_DOTENV, alive=alive)
    finally:
        await server.stop()


async def test_a_ready_bot_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert await asked(Part("slack", is_good=True)) == GOOD
    assert capsys.readouterr().out == "ok\n"


async def test_each_failing_part_is_a_line_and_the_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    parts = Part("slack", is_good=False, says="not connected"), Part("audit", is_good=True)
    assert await asked(*parts, Part("vendor", is_good=False, says="refused")) == BAD
    assert capsys.readouterr().out == "slack: not connected\nvendor: refused\n"


async def test_a_bot_that_is_not_ready_may_still_be_alive() -> None:
    assert await asked(Part("slack", is_good=False), alive=True) == GOOD


def test_where_nothing_answers_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert health({"HEALTH_PORT": "9"}, NO_DOTENV, alive=False) == BAD
    assert "127.0.0.1:9 does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("port", "says"),
    [("", "HEALTH_PORT is not set"), ("0", "the system chose the port"), ("x", "HEALTH_PORT must be")],
)
def test_without_a_port_it_names_the_setting(
    capsys: pytest.CaptureFixture[str], port: str, says: str
) -> None:
    assert health({"HEALTH_PORT": port}, NO_DOTENV, alive=False) == UNSET
    assert says in capsys.readouterr().err


def test_the_verb_loads_neither_slack_nor_a_database(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bot", "health"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HEALTH_PORT": "9"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == BAD
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "bot.health" in loaded
    assert not loaded & {"sqlalchemy", "slack_bolt", "aiohttp", "httpx", "bot.app"}
    assert os.listdir(tmp_path) == []
