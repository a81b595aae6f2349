"""What a spare SIM was and is, in which ways trying things on it ends early, and how it was left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.things import Thing
from bot.monogoto import models

MOVED_BY_A_WRITE: Final = models.KEYS_OF_A_WRITE | {"DateModified"}
MOVED_BY_A_SESSION: Final = frozenset({"IMEI", "Last_DATA_Time", "LastLocationUpdateTime", "Last_Usage_Time"})
"""The device in it may go on-line at any moment: no write is to blame for these."""


class NotSpare(Exception):
    """Nothing may be tried on this SIM; nothing was written. The message is for the person."""


class SomebodyElse(Exception):
    """The SIM became something that was not written here: hands off."""


class Harmed(Exception):
    """A write did more than it was to: nothing more is tried."""


class Stopped(Exception):
    """The person, or the system, asked for the end."""


@dataclass(frozen=True, slots=True)
class State:
    """The SIM as read just now."""

    thing: Thing
    record: Mapping[str, object] = field(repr=False)
    """All keys. Holds PINs and the like: only names of keys may leave."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """How it ended."""

    done: bool
    said: str
    state: State | None = None


def changed_keys(one: State, other: State) -> set[str]:
    """Names of the keys that differ, or that only one of them has. Values stay here."""
    missing = object()
    keys = set(one.record) | set(other.record)
    return {key for key in keys if one.record.get(key, missing) != other.record.get(key, missing)}


def as_it_was(before: State, after: State) -> str:
    """How the SIM is told to be put back."""
    was, now = models.spelling_of_none(before.record), models.spelling_of_none(after.record)
    if was and now and was != now:
        return f"The lock fields are as they were; no IMEI was {was} and is {now} now: both mean none."
    return "The lock fields are as they were."
