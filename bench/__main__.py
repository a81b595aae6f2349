"""`python -m bench [things]`: the table of docs/benchmarks.md, anew. Ends by itself."""

from __future__ import annotations

import asyncio
import os
import sys

from bench.lines import HEADER
from bench.preview import preview

THINGS = 100_000
LONGEST_SECONDS = 240


async def main(things: int) -> None:
    """Print the table as it grows."""
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n\n{HEADER}", flush=True)
    async with asyncio.timeout(LONGEST_SECONDS):
        print(await preview(things), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else THINGS))
