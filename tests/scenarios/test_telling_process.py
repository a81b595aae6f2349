"""`python -m bot` as a process of its own: what it says, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.messages import Message
from tests import warm
from tests.scenarios import acts
from tests.scenarios.evidence import WRITE, entries, really, standing, untold

ROOT = Path(__file__).parents[2]
POLICY_TEXT = """
team = "T0TEAM"
[roles]
engineer = ["S0ENGINEERS"]
approver = ["S0APPROVERS"]
[[rules]]
changes = ["lock_thing", "unlock_thing"]
request = ["engineer"]
approve = ["approver"]
approvals = { none = 1, some = 1, many = 2 }
many_from = 25
expires = "24h"
apply_within = "1h"
"""


class World:
    """Both stand-ins in real time, and the bot as processes on one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slack = LocalSlack(SystemClock())
        self.monogoto = LocalMonogoto(SystemClock(), things=30)
        self.database = folder / "imei-lock.db"
        self.running: list[Process] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[World]:
        """The stand-ins run; no process outlives them."""
        async with AsyncExitStack() as stack:
            for stand_in in (self.slack, self.monogoto):
                await stand_in.start()
                stack.push_async_callback(stand_in.stop)
            try:
                yield self
            finally:
                for process in self.running:
                    if process.returncode is None:
                        process.kill()
                    await process.communicate()

    async def start(self, **changes: str) -> Process:
        """`python -m bot`, in a folder without an .env."""
        process = await asyncio.create_subprocess_exec(
            *warm.bot(), cwd=self.folder, env=self._environ() | changes, stderr=PIPE
        )
        self.running.append(process)
        return process

    async def started(self, **changes: str) -> Process:
        """The same, once people can use it."""
        process = await self.start(**changes)
        await really(lambda: self.slack.sockets or process.returncode is not None)
        assert process.returncode is None, await said(process)
        return process

    def _environ(self) -> dict[str, str]:
        return {
            **{key: os.environ[key] for key in ("PYTHONPYCACHEPREFIX",) if key in os.environ},
            "PYTHONPATH": str(ROOT),
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "MONOGOTO_URL": self.monogoto.url,
            "MONOGOTO_USERNAME": self.monogoto.username,
            "MONOGOTO_PASSWORD": self.monogoto.password,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "POLICY_FILE": str(self.folder / "policy.toml"),
        }

    async def asked(self) -> Message:
        """A lock asked for; its card."""
        engineer, sim = self.slack.person("U0ENG1"), self.monogoto.examples.fresh
        await engineer.command("/lock-thing", channel="C0FIELD")
        form = await really(lambda: acts.form_of(engineer))
        await engineer.submit(form, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
        cards = await really(lambda: [m for m in self.slack.messages("C0FIELD") if m.from_bot])
        return cards[0]


async def said(process: Process) -> str:
    """All that it wrote, once it has ended."""
    assert process.stderr is not None
    async with asyncio.timeout(40):
        return (await process.stderr.read()).decode()


async def ended(process: Process) -> tuple[int, str]:
    """Exit code and all that it wrote."""
    text = await said(process)
    return await process.wait(), text


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "policy.toml").write_text(POLICY_TEXT)
    async with World(tmp_path).open() as world:
        yield world


async def test_it_says_in_one_line_what_it_is_connected_to_and_lets_no_second_one_in(world: World) -> None:
    first = await world.started()
    code, refused = await ended(await world.start())
    assert code == 2
    assert "another process has the database imei-lock.db open" in refused
    assert "Traceback" not in refused
    first.terminate()
    code, text = await ended(first)
    assert code == 0, text
    (ready,) = [line for line in text.splitlines() if " ready: " in line]
    assert world.slack.api_url in ready
    assert "Socket Mode" in ready
    assert world.monogoto.url in ready
    assert f"records in sqlite:///{world.database}" in ready
    assert "T0TEAM" in ready
    assert "Traceback" not in text
    assert world.slack.bot_token not in text


@pytest.mark.parametrize(
    ("key", "token", "says"),
    [
        ("SLACK_APP_TOKEN", "xapp-1-nobody", "The app token was refused: invalid_auth"),
        ("SLACK_BOT_TOKEN", "xoxb-nobody", "The bot token was refused: invalid_auth"),
    ],
)
async def test_a_refused_token_ends_it_with_one_line_that_names_the_setting(
    world: World, key: str, token: str, says: str
) -> None:
    code, text = await ended(await world.start(**{key: token}))
    assert code == 2
    assert says in text
    assert f"Check {key}" in text
    assert "Traceback" not in text
    assert token not in text


async def test_work_in_hand_is_finished_before_it_ends(world: World) -> None:
    sim = world.monogoto.examples.fresh
    process = await world.started()
    card = await world.asked()
    world.monogoto.fail(WRITE, "latency", seconds=1.5)
    await world.slack.person("U0APP1").click(card, "request.approve", confirm=True)
    await really(lambda: any(call.method == "PUT" for call in world.monogoto.calls))
    process.send_signal(signal.SIGINT)
    code, text = await ended(process)
    assert code == 0, text
    assert standing(world.database) == [("succeeded", "done")]
    assert len(world.monogoto.writes[sim.iccid]) == 1
    assert "Traceback" not in text


async def test_work_that_takes_longer_than_its_patience_is_resumed_by_the_next_process(
    world: World,
) -> None:
    sim = world.monogoto.examples.fresh
    process = await world.started()
    card = await world.asked()
    world.monogoto.fail(WRITE, "hang_after")
    await world.slack.person("U0APP1").click(card, "request.approve", confirm=True)
    await really(lambda: world.monogoto.writes[sim.iccid])
    process.terminate()
    code, text = await ended(process)
    assert code == 0, text
    assert standing(world.database) == [("applying", "sent")]
    second = await world.started()
    await really(lambda: standing(world.database) == [("succeeded", "done")] and not untold(world.database))
    second.terminate()
    assert (await ended(second))[0] == 0
    assert len(world.monogoto.writes[sim.iccid]) == 1
    assert [e["event"] for e in await entries(world.database)][-1] == "item.end"
    texts = [m.text for m in world.slack.messages("C0FIELD") if m.from_bot]
    assert len([text for text in texts if "a later reading confirms it" in text]) == 1


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("apps.connections.open", "The app token was refused: token_revoked (it was revoked)"),
        ("*", "The bot token was refused: token_revoked"),
    ],
)
async def test_a_token_revoked_while_it_runs_ends_it_with_one_clear_line(
    world: World, method: str, says: str
) -> None:
    process = await world.started()
    world.slack.fail(method, error="token_revoked", times=1_000)
    if method == "*":
        await world.slack.person("U0ENG1").command("/lock-thing", channel="C0FIELD")
    else:
        world.slack.drop_sockets()
    code, text = await ended(process)
    assert code == 2
    (line,) = [line for line in text.splitlines() if says in line]
    assert "Check SLACK_" in line
    assert "Traceback" not in text


async def test_one_odd_answer_about_the_bot_token_ends_nothing(world: World) -> None:
    process = await world.started()
    world.slack.fail("views.open", error="invalid_auth")
    await world.slack.person("U0ENG1").command("/lock-thing", channel="C0FIELD")
    await really(lambda: len(world.slack.calls("auth.test")) == 2)
    await world.asked()
    assert process.returncode is None
    process.terminate()
    assert (await ended(process))[0] == 0


async def test_a_log_in_that_the_vendor_refuses_ends_nothing_and_the_health_verb_names_it(
    world: World,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = str(free.getsockname()[1])
    process = await world.started(MONOGOTO_PASSWORD="wrong", HEALTH_PORT=port)

    async def verb() -> tuple[int | None, str]:
        asking = await asyncio.create_subprocess_exec(
            *warm.bot("health"),
            cwd=world.folder,
            env=world._environ() | {"HEALTH_PORT": port},
            stdout=PIPE,
        )
        out, _ = await asking.communicate()
        return asking.returncode, out.decode()

    await really(lambda: world.monogoto.calls)
    code, out = await verb()
    assert code == 1
    assert "vendor: Monogoto refused our log-in" in out
    assert process.returncode is None
    assert {call.path for call in world.monogoto.calls} == {"/Auth"}
    assert len(world.monogoto.calls) <= 2
    process.terminate()
    code, text = await ended(process)
    assert code == 0, text
    assert f"health on 127.0.0.1:{port}" in text


async def test_a_health_port_that_is_taken_ends_the_start_with_one_line(world: World) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        code, text = await ended(await world.start(HEALTH_PORT=port))
    assert code == 2
    assert f"HEALTH_HOST, HEALTH_PORT: can't listen on 127.0.0.1:{port}" in text
    assert "Traceback" not in text
