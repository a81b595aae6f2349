"""Processes of the bot that need not load it first: that takes most of the time of a short one.

Each is a process of its own all the same, with its own environment, folder, streams, signals and end. It is
forked from a server that has loaded the bot and done nothing else. What a test finds out about loading
itself needs `cold`.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


def cold(*arguments: str) -> list[str]:
    """The command that runs the bot as people do."""
    return [sys.executable, "-m", "bot", *arguments]


def bot(*arguments: str) -> list[str]:
    """The command that runs the bot from what is loaded already, wherever the system lets that be."""
    if "COVERAGE_PROCESS_START" in os.environ or not hasattr(os, "pidfd_open"):
        return cold(*arguments)
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("process.py")), _server(), *arguments]


@lru_cache(maxsize=1)
def _server() -> str:
    """The name of the socket where this process's server listens; it ends with this process."""
    name = f"imei-lock-tests-{os.getpid()}"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm.server", name],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    server.stdout.close()
    atexit.register(server.wait)
    atexit.register(server.stdin.close)
    return name
