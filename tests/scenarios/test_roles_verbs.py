"""The verbs of the command line: whoever has a shell on the host gets no role by it.

A new verb needs a row here, or a test fails.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import _parser
from bot.sandbox.stage import Stage
from tests import warm
from tests.conftest import OpenStage
from tests.scenarios.acts import audited
from tests.scenarios.roles import (
    ground,
    state,
    with_outsiders,
)


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await with_outsiders(open_stage)


ROOT = Path(__file__).parents[2]
SILENT = ("check", "health", "audit verify", "audit export")
"""Verbs that work beside a running bot, and change nothing."""
REFUSED = ("migrate", "move --to sqlite:///elsewhere.db")
"""Verbs that a bot keeps out while it runs on a file. On a server, where replicas of several versions
run side by side, `migrate` finds nothing to do, and changes nothing either."""
VERBS = {*SILENT, "migrate", "move", "run", "probe"}
"""`run` is the bot itself, who listens to Slack; `probe` wants a person at a terminal."""


def test_every_verb_of_the_command_line_has_a_row() -> None:
    assert sorted(verbs(_parser())) == sorted(VERBS)


def verbs(parser: argparse.ArgumentParser, before: str = "") -> Iterator[str]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for name, inner in action.choices.items():
            yield from verbs(inner, f"{before}{name} ")
    if not below:
        yield before.strip()


async def test_no_verb_of_the_command_line_decides_changes_or_writes_anything(stage: Stage) -> None:
    """Whoever has a shell on the host gets no role by it."""
    await ground(stage)
    before = [*await state(stage), *await audited(stage)]
    environment = stage.environment()
    for verb in (*SILENT, *REFUSED):
        code = await asyncio.to_thread(_run_verb, verb.split(), environment, stage.folder)
        beside = verb in SILENT or (verb == "migrate" and not stage.database_url.startswith("sqlite"))
        assert code == 2 or beside, f"{verb}: a bot runs"
        assert [*await state(stage), *await audited(stage)] == before, verb


def _run_verb(arguments: list[str], environment: dict[str, str], folder: Path) -> int:
    return subprocess.run(
        warm.bot(*arguments),
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        timeout=50,
        check=False,
    ).returncode
