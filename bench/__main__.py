"""`python -m bench [--quick] [--only NAME]`: the table of docs/benchmarks.md, anew. Ends by itself."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bench.acks import acks
from bench.approval import approval
from bench.bulk import bulk
from bench.bulk_memory import memory
from bench.lines import HEADER
from bench.preview import preview
from bench.replicas import replicas
from bench.starting import starting


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each."""

    rounds: int
    """Of what one person waits for, bare and ours in turn."""
    things: int
    rows: int
    window: float
    """Seconds of steady work that replicas are watched for."""
    window_rows: int
    """Of each bulk: more than are applied meanwhile."""
    small_plan: int
    large_plan: int
    starts: int
    seconds: int
    """After which a measure has failed."""


FULL = Sizes(20, 100_000, 10_000, 30.0, 2_500, 100, 100_000, 9, 1_800)
QUICK = Sizes(4, 10_000, 400, 10.0, 1_000, 100, 10_000, 3, 300)


async def _start(starts: int) -> AsyncIterator[str]:
    yield await asyncio.to_thread(starting, starts)


MEASURES: dict[str, Callable[[Sizes], AsyncIterator[str]]] = {
    "acks": lambda sizes: acks(sizes.rounds),
    "approval": lambda sizes: approval(sizes.rounds),
    "preview": lambda sizes: preview(sizes.things),
    "bulk": lambda sizes: bulk(sizes.rows),
    "replicas": lambda sizes: replicas(sizes.window, sizes.window_rows),
    "memory": lambda sizes: memory(sizes.small_plan, sizes.large_plan),
    "start": lambda sizes: _start(sizes.starts),
}


async def main(sizes: Sizes, only: str) -> None:
    """Print the table as it grows."""
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n\n{HEADER}", flush=True)
    for name, measure in MEASURES.items():
        if only in {"", name}:
            async with asyncio.timeout(sizes.seconds):
                async for line in measure(sizes):
                    print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--quick", action="store_true", help="small sizes: some minutes")
    parser.add_argument("--only", choices=sorted(MEASURES), default="")
    given = parser.parse_args()
    gc.freeze()  # as the bot does once it is loaded: what was loaded is not looked through again and again
    asyncio.run(main(QUICK if given.quick else FULL, given.only))
