"""Makes processes of `python -m bot` that need not load it: copies of this one, which has done so.

`python -m tests.warm.server NAME` listens on the socket of that name until its standard input ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import sys

PRELOADED = (
    "bot.__main__",
    "bot.check",
    "bot.probe",
    "bot.move",
    "bot.storage.moving",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "aiosqlite",
    "httpcore",
    "anyio._backends._asyncio",
)
STANDARD = (0, 1, 2)
LONGEST_ORDER = 1 << 20


def main() -> None:
    """Serve until nobody holds the other end of the standard input."""
    for module in PRELOADED:
        importlib.import_module(module)
    del sys.modules["bot.__main__"]  # each process runs it anew
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{sys.argv[1]}")
        listening.listen(64)
        print("ready", flush=True)
        while 0 not in (ready := select.select([0, listening], [], [])[0]):
            if listening in ready:
                order, _ = listening.accept()
                if os.fork() == 0:
                    listening.close()
                    return _keep(order)
                order.close()
    return None


def _keep(order: socket.socket) -> None:
    """Of one process: it is started as ordered, gets the signals that come, and its end is told."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, given, _, _ = socket.recv_fds(order, LONGEST_ORDER, len(STANDARD))
    while b"\n" not in text:
        text += order.recv(LONGEST_ORDER)
    what, _, early = text.partition(b"\n")
    process = os.fork()
    if process == 0:
        order.close()
        return _be(json.loads(what), given)
    for number in given:
        os.close(number)
    for number in early:
        os.kill(process, number)
    watched = os.pidfd_open(process)
    while watched not in (ready := select.select([order, watched], [], [])[0]):
        if order in ready:
            wanted = order.recv(1)
            os.kill(process, wanted[0] if wanted else signal.SIGKILL)  # nobody is left to order anything else
            if not wanted:
                break
    _, status = os.waitpid(process, 0)
    try:
        order.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    finally:
        os._exit(0)


def _be(order: dict[str, object], given: list[int]) -> None:
    """`python -m bot` with these arguments, in this folder and environment."""
    for number, wanted in zip(given, STANDARD, strict=True):
        os.dup2(number, wanted)
        os.close(number)
    os.chdir(str(order["folder"]))
    os.environ.clear()
    os.environ.update(dict(order["environment"]))  # type: ignore[call-overload]
    sys.argv = ["bot", *list(order["arguments"])]  # type: ignore[call-overload]
    random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.unfreeze()
    runpy.run_module("bot", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
