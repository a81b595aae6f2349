"""What a check found: one line each, in words that a person can act on and a script can read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

CLOCKS_MAY_DIFFER = 60.0
"""Seconds. A signature counts for five minutes, and times in the audit are taken from our clock."""
SIGNATURES_LAST = 300.0


class Level(StrEnum):
    """How it stands."""

    OK = "ok"
    REMARK = "remark"
    """Good enough; worth knowing."""
    WARNING = "warning"
    """It runs, but not as somebody will expect."""
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    """Something that it depends on failed, or nobody would tell."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at. Holds no secret, and no data of people or SIMs."""

    name: str
    """Stays the same from one version to the next: scripts look for it. Mistakes of a policy share one."""
    level: Level
    detail: str
    fix: str = ""
    """What to do about it; never empty for FAILED and WARNING."""


def ok(name: str, detail: str) -> Checked:
    """As it should be."""
    return Checked(name, Level.OK, detail)


def remark(name: str, detail: str, fix: str = "") -> Checked:
    """Good enough; worth knowing."""
    return Checked(name, Level.REMARK, detail, fix)


def warning(name: str, detail: str, fix: str) -> Checked:
    """It runs, but not as somebody will expect."""
    return Checked(name, Level.WARNING, detail, fix)


def failed(name: str, detail: str, fix: str) -> Checked:
    """The bot won't do its work like this."""
    return Checked(name, Level.FAILED, detail, fix)


def not_checked(name: str, because: str) -> Checked:
    """It hangs on something that failed."""
    return Checked(name, Level.NOT_CHECKED, because)


def clocks(name: str, theirs: datetime | None, ours: datetime, *, signed: bool) -> Checked:
    """Our clock against the time that an answer tells. `signed`: Slack's requests carry a signature."""
    if theirs is None:
        return not_checked(name, "its answer did not tell the time")
    apart = (ours - theirs).total_seconds()
    if abs(apart) <= CLOCKS_MAY_DIFFER:
        return ok(name, f"within {CLOCKS_MAY_DIFFER:.0f} s")
    said = f"our clock is {abs(apart):.0f} s {'ahead' if apart > 0 else 'behind'}"
    fix = "Let this machine keep its time from the network (NTP): signatures and expiry depend on it."
    bad = signed or abs(apart) > SIGNATURES_LAST
    return failed(name, said, fix) if bad else warning(name, said, fix)
