"""The command line's verbs about the audit log: read only, beside a running bot."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from bot import terminal
from bot.domain.audit import GENESIS
from bot.storage import audit
from bot.storage.engine import Engine, open_engine


def noted(text: str) -> tuple[int, str]:
    """`12:9f86d081…` as `audit verify` prints it; part of a digest will do, an empty one proves nothing."""
    found = re.fullmatch(r"(\d+):([0-9a-f]{8,64})", text.strip(), re.ASCII)
    if not found:
        raise argparse.ArgumentTypeError("must be SEQ:DIGEST as `audit verify` prints it")
    return int(found[1]), found[2]


async def verify(database: str, expect: tuple[int, str] | None) -> int:
    """Whether the log holds, and the noted entry is still in it: prints which, and returns the exit code."""
    engine = open_engine(database, read_only=True)
    try:
        fault = await audit.verify(engine)
        seq, digest = await audit.head(engine)
        if fault is None and expect:
            fault = await _missing(engine, *expect)
    finally:
        await engine.close()
    if fault:
        print(f"The audit log does not hold: {fault}.")
        return 1
    print(f"The audit log holds: {seq} entries, head {seq}:{digest}")
    return 0


async def _missing(engine: Engine, seq: int, digest: str) -> str | None:
    if seq == 0 and GENESIS.startswith(digest):
        return None
    async with _entries(engine) as lines:
        async for line in lines:
            entry = json.loads(line)
            if entry["seq"] == seq:
                same = entry["digest"].startswith(digest)
                return None if same else f"entry {seq} is not the one noted earlier"
    return f"entry {seq}, noted earlier, is not there"


def _entries(engine: Engine) -> aclosing[AsyncGenerator[str, None]]:
    """The export, ended in order though its reader stops half-way: its connection is given back first."""
    return aclosing(cast("AsyncGenerator[str, None]", audit.export(engine)))


async def export(database: str) -> int:
    """All entries as JSON lines."""
    engine = open_engine(database, read_only=True)
    try:
        async with _entries(engine) as lines:
            async for line in lines:
                print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has enough
        terminal.nobody_reads()
    finally:
        await engine.close()
    return 0
