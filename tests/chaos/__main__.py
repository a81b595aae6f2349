"""`python -m tests.chaos --rounds 10000 --seed 1`: exit code 0 where every round held, else 1.

The last line is `N rounds, 0 violations`. A round is a function of its seed: the same seed breaks again.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.chaos.campaign import Campaign, Workshop, say, verdicts, work


def main() -> int:
    """Play them all."""
    if sys.argv[1:2] == ["--worker"]:
        folder, keep, *seeds = sys.argv[2:]
        work(Path(folder), Path(keep) if keep else None, map(int, seeds))
        return 0
    given = _given()
    os.environ["PYTHONHASHSEED"] = "0"  # the order of sets is part of a round: all are played by children
    workshop = Workshop(given.keep.absolute() if given.keep else None)
    campaign = Campaign(given.rounds)
    try:
        for verdict in verdicts(range(given.seed, given.seed + given.rounds), given.jobs, workshop):
            campaign.hear(verdict)
    finally:
        workshop.close()
    say(campaign.sums())
    print(campaign.last_line())
    return 0 if campaign.last_line().endswith(" 0 violations") else 1


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--keep", type=Path, help="a folder for each round's database, logs and messages")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
