"""`python -m bench [--quick]`: the table of docs/benchmarks.md, anew. Ends by itself."""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import dataclass

from bench.bulk import bulk
from bench.bulk_memory import memory
from bench.lines import HEADER
from bench.preview import preview
from bench.starting import starting


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each."""

    things: int
    rows: int
    small_plan: int
    large_plan: int
    starts: int
    seconds: int
    """After which a measure has failed."""


FULL = Sizes(things=100_000, rows=10_000, small_plan=100, large_plan=100_000, starts=9, seconds=1_200)
QUICK = Sizes(things=10_000, rows=500, small_plan=100, large_plan=10_000, starts=3, seconds=240)


async def main(sizes: Sizes, only: str) -> None:
    """Print the table as it grows."""
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n\n{HEADER}", flush=True)
    if only in {"", "preview"}:
        async with asyncio.timeout(sizes.seconds):
            print(await preview(sizes.things), flush=True)
    if only in {"", "bulk"}:
        async with asyncio.timeout(sizes.seconds):
            print(await bulk(sizes.rows), flush=True)
    if only in {"", "memory"}:
        print(memory(sizes.small_plan, sizes.large_plan), flush=True)
    if only in {"", "start"}:
        print(await asyncio.to_thread(starting, sizes.starts), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--quick", action="store_true", help="small sizes: a minute or two")
    parser.add_argument("--only", choices=["preview", "bulk", "memory", "start"], default="")
    given = parser.parse_args()
    asyncio.run(main(QUICK if given.quick else FULL, given.only))
