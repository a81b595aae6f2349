"""From `python -m bot` to ready, and what it weighs then, against a Bolt app that does nothing.

Both are started in turn, as processes of their own, against the same local Slack; the bot's database is there
already. What only developers have installed (rich, by which httpx would load a command line) is hidden from
both: nobody's installation has it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.lines import Line, load, met
from bench.vendor import vendor
from bot.sandbox.stage import POLICY

ROOT = Path(__file__).parent.parent
MOST_TIMES = 2.0
MOST_MEGABYTES = 120
SETTLED_SECONDS = 2.0
_HIDE = "import sys\nfor name in ('rich', 'click', 'pygments'): sys.modules[name] = None\n"
BOT = f"{_HIDE}import runpy; runpy.run_module('bot', run_name='__main__')"
BARE = f"""{_HIDE}
import asyncio, os
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

async def main():
    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(client=client)
    @app.command("/lock-thing")
    async def command(ack): await ack()
    await client.auth_test()  # which Bolt itself would do within the first person's three seconds
    handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], web_client=client)
    hello = asyncio.Event()
    async def greet(_client, message, _raw=None):
        if message.get("type") == "hello": hello.set()
    handler.client.message_listeners.append(greet)
    await handler.connect_async()
    await hello.wait()
    print(" ready: ", file=sys.stderr, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Start:
    """One process, once it was ready."""

    seconds: float
    cpu: float
    megabytes: float


def starting(times: int) -> str:
    """Two lines of the table."""
    with vendor(things=2_000, seconds=0) as there, tempfile.TemporaryDirectory() as folder:
        environ = _environ(there.environ, Path(folder))
        _start(BOT, environ, Path(folder))  # makes the database, and compiles what isn't yet
        _start(BARE, environ, Path(folder))
        runs = [
            (_start(BARE, environ, Path(folder)), _start(BOT, environ, Path(folder))) for _ in range(times)
        ]
    bare, ours = zip(*runs, strict=True)
    return f"{_time(bare, ours)}\n{_weight(bare, ours)}"


def _time(bare: Sequence[Start], ours: Sequence[Start]) -> str:
    seconds = [statistics.median(one.seconds for one in side) for side in (bare, ours)]
    cpu = [statistics.median(one.cpu for one in side) for side in (bare, ours)]
    name = f"start to ready, median of {len(ours)}"
    return str(Line(name, *seconds, goal=MOST_TIMES, bare_cpu=cpu[0], ours_cpu=cpu[1], at_most=True))


def _weight(bare: Sequence[Start], ours: Sequence[Start]) -> str:
    weight = [max(one.megabytes for one in side) for side in (bare, ours)]
    cells = ["resident memory once ready", *(f"{each:.0f} MB" for each in weight), ""]
    cells += [f"≤ {MOST_MEGABYTES} MB", met(weight[1] <= MOST_MEGABYTES), "", load()]
    return f"| {' | '.join(cells)} |"


def _environ(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    policy = folder / "policy.toml"
    policy.write_text(_policy())
    kept = {key: os.environ[key] for key in ("PATH", "PYTHONPYCACHEPREFIX") if key in os.environ}
    own = {"PYTHONPATH": str(ROOT), "POLICY_FILE": str(policy)}
    return kept | dict(given) | own | {"DATABASE_URL": f"sqlite:///{folder / 'imei-lock.db'}"}


def _policy() -> str:
    """As much of the stand-in's policy as a start reads."""
    rule = POLICY["rules"][0]
    lines = [f'team = "{POLICY["team"]}"', "[roles]"]
    lines += [f"{role} = {members}" for role, members in POLICY["roles"].items()]
    approvals = ", ".join(f"{key} = {value}" for key, value in rule["approvals"].items())
    lines += [
        "[[rules]]",
        *(f"{key} = {rule[key]}" for key in ("changes", "request", "approve", "many_from")),
    ]
    lines += [f"approvals = {{ {approvals} }}"]
    lines += [f'{key} = "{rule[key]}"' for key in ("expires", "apply_within")]
    return "\n".join(lines)


def _start(code: str, environ: Mapping[str, str], folder: Path) -> Start:
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603  our own code
        [sys.executable, "-c", code], cwd=folder, env=dict(environ), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            said = []
            for line in process.stderr or ():
                said.append(line)
                if " ready: " in line:
                    break
            else:
                raise RuntimeError("".join(said))
            seconds, cpu = time.perf_counter() - began, _cpu(process.pid)
            time.sleep(SETTLED_SECONDS)
            return Start(seconds, cpu, _resident(process.pid))
        finally:
            process.terminate()
            process.communicate()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
