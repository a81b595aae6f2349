"""Ends a test's PostgreSQL once nobody uses it any more, however its users ended: a program of its own.

Every user holds a shared lock on one file, which the system takes away from whoever dies. Whoever gets it
for himself is the last one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 30.0


def pid_of(data: Path) -> int | None:
    """The server that runs on this folder."""
    try:
        return int((data / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and not only its remains."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return _state_and_parent(pid)[0] not in {"Z", "X"}


def children(pid: int) -> list[int]:
    """Of a process, where the system tells of them."""
    processes = [int(each.name) for each in Path("/proc").glob("[0-9]*")]
    return [each for each in processes if _state_and_parent(each)[1] == str(pid)]


def _state_and_parent(pid: int) -> tuple[str, str]:
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except OSError:
        return "", ""
    state, parent = told.split()[:2]
    return state, parent


def end(data: Path, how: signal.Signals = signal.SIGQUIT) -> None:
    """End the server on this folder and wait for that. SIGQUIT: at once; SIGINT: in order."""
    pid = pid_of(data)
    if pid is None or not is_alive(pid):
        return
    for each in (how, signal.SIGCONT):
        with suppress(ProcessLookupError):
            os.kill(pid, each)
    until = time.monotonic() + PATIENCE_SECONDS
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)


def main(users: str, note: str, folder: str) -> None:
    """Wait for the last one, by oneself and in silence, then clear all away."""
    if os.fork():
        return
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    with open(users, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            os.unlink(note)
        end(Path(folder) / "data")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
