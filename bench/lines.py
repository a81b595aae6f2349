"""A line of the table."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass

HEADER = (
    "| what | bare loop | the bot | ratio | goal | met | processor: bare, bot | load |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One ratio: bare seconds through ours, so that 1 is as fast as a bare loop."""

    name: str
    bare: float
    ours: float
    goal: float
    bare_cpu: float
    ours_cpu: float
    """Seconds of this process's processor time: what a machine that others share moves least."""

    @property
    def ratio(self) -> float:
        """Higher is better."""
        return self.bare / self.ours

    def __str__(self) -> str:
        seconds = f"{self.bare:.1f} s | {self.ours:.1f} s"
        verdict = f"{self.ratio:.2f} | {self.goal:.2f} | {met(self.ratio >= self.goal)}"
        processor = f"{self.bare_cpu:.1f} s, {self.ours_cpu:.1f} s"
        return f"| {self.name} | {seconds} | {verdict} | {processor} | {load()} |"


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
