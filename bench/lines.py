"""A line of the table."""

from __future__ import annotations

import os
import resource
from collections.abc import Awaitable
from dataclasses import dataclass

COLUMNS = ("what", "bare", "the bot", "ratio", "goal", "met", "processor: bare, bot", "load")
HEADER = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


@dataclass(frozen=True, slots=True)
class Line:
    """One ratio of two times that were measured side by side."""

    name: str
    bare: float
    """Seconds."""
    ours: float
    goal: float
    bare_cpu: float | None = None
    ours_cpu: float | None = None
    """Seconds of this process's processor time: what a machine that others share moves least."""
    at_most: bool = False
    """Whether the goal is how many times longer it may take: of one act. Else the goal is how near it has to
    come to the pace of the bare loop, of which 1 is all: of much work."""

    @property
    def ratio(self) -> float:
        """As the goal is meant."""
        return self.ours / self.bare if self.at_most else self.bare / self.ours

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def __str__(self) -> str:
        verdict = f"{self.ratio:.2f} | {'≤' if self.at_most else '≥'} {self.goal:.2f} | {met(self.is_met)}"
        processor = "" if self.ours_cpu is None else f"{self.bare_cpu:.1f} s, {self.ours_cpu:.1f} s"
        times = f"{spell(self.bare)} | {spell(self.ours)}"
        return f"| {self.name} | {times} | {verdict} | {processor} | {load()} |"


def spell(seconds: float) -> str:
    """As people read it."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def met(holds: bool) -> str:
    """For a cell of the table."""
    return "yes" if holds else "**no**"


def load() -> str:
    """Of the machine, in the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def cpu() -> float:
    """Seconds of processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def timed(work: Awaitable[float]) -> tuple[float, float]:
    """The seconds that the work tells of itself, and those of the processor that this process used for it."""
    before = cpu()
    took = await work
    return took, cpu() - before
