"""An installation that is all right, against both stand-ins; each test spoils one thing."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.check import Report, check
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.services.checked import Checked, Level
from bot.services.ports import Clock
from tests.conftest import no_thread_left

POLICY = """
team = "T0TEAM"
approvals_channel = "C0APPROVALS"
audit_channel = "C0AUDIT"
[roles]
engineer = ["S0ENGINEERS"]
approver = ["S0APPROVERS"]
admin = ["U0ADMIN"]
[[rules]]
changes = ["lock_thing", "unlock_thing"]
request = ["engineer", "admin"]
approve = ["approver", "admin"]
approvals = { none = 1, some = 1, many = 2 }
"""


@dataclass
class Installation:
    """Where the bot is to run, and how it is set up."""

    folder: Path
    slack: LocalSlack
    monogoto: LocalMonogoto
    clock: ManualClock
    environment: dict[str, str] = field(default_factory=dict)

    async def check(self, clock: Clock | None = None, dotenv: Path | None = None) -> Report:
        """What `python -m bot check` finds."""
        return await check(self.environment, clock=clock or self.clock, dotenv=dotenv)

    def policy(self, old: str, new: str) -> None:
        """Write another policy."""
        assert old in POLICY
        (self.folder / "policy.toml").write_text(POLICY.replace(old, new))

    @property
    def database(self) -> Path:
        """The bot's file."""
        return self.folder / "imei-lock.db"


def bad(report: Report) -> dict[str, Level]:
    """What is not as it should be, by name."""
    return {one.name: one.level for one in report.lines if one.level is not Level.OK}


def line(report: Report, name: str) -> Checked:
    """The one line of that name."""
    (found,) = [one for one in report.lines if one.name == name]
    return found


def in_json(report: Report) -> dict[str, Any]:
    """As a script reads it."""
    read: dict[str, Any] = json.loads(report.as_json())
    return read


@pytest.fixture
async def installed(tmp_path: Path, new_database: Path, clock: ManualClock) -> AsyncIterator[Installation]:
    shutil.copyfile(new_database, tmp_path / "imei-lock.db")
    (tmp_path / "policy.toml").write_text(POLICY)
    async with AsyncExitStack() as stack:
        slack = LocalSlack(clock)
        await slack.start()
        stack.push_async_callback(slack.stop)
        monogoto = await stack.enter_async_context(LocalMonogoto(clock, things=60))
        yield Installation(
            tmp_path,
            slack,
            monogoto,
            clock,
            {
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_APP_TOKEN": slack.app_token,
                "SLACK_API_URL": slack.api_url,
                "MONOGOTO_URL": monogoto.url,
                "MONOGOTO_USERNAME": monogoto.username,
                "MONOGOTO_PASSWORD": monogoto.password,
                "MONOGOTO_MAX_RATE": "10000000",
                "DATABASE_URL": f"sqlite:///{tmp_path / 'imei-lock.db'}",
                "POLICY_FILE": str(tmp_path / "policy.toml"),
            },
        )
    await no_thread_left()
