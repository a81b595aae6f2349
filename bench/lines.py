"""A line of the table, and the vendor's process that it was measured against."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One ratio: bare seconds through ours, so that 1 is as fast as a bare loop."""

    name: str
    bare: float
    ours: float
    goal: float

    @property
    def ratio(self) -> float:
        """Higher is better."""
        return self.bare / self.ours

    def __str__(self) -> str:
        met = "yes" if self.ratio >= self.goal else "**no**"
        seconds = f"{self.bare:.1f} s | {self.ours:.1f} s"
        return f"| {self.name} | {seconds} | {self.ratio:.2f} | {self.goal:.2f} | {met} |"


HEADER = "| what | bare loop | the bot | ratio | goal | met |\n|---|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Vendor:
    """Where the local Monogoto is, how to log in, and the group that all its Things are in."""

    url: str
    username: str
    password: str
    group_id: str


@asynccontextmanager
async def vendor(things: int) -> AsyncIterator[Vendor]:
    """A local Monogoto in a process of its own, which ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.group_vendor",
        str(things),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a process without pipes")
    try:
        told = await asyncio.wait_for(process.stdout.readline(), 60)
        yield Vendor(*told.decode().split())
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 15)
