"""The vendor's records as the domain sees them. Vendor spellings live only in `monogoto/models.py`."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ThingLock:
    """A Thing's lock fields: what a request is about, and what the read-back compares."""

    imei_lock: bool
    locked_imei: str
    """"" stands for null too: both mean that none is stored."""

    @property
    def bound_to(self) -> str:
        """The stored IMEI, "" where there is none."""
        return self.locked_imei


@dataclass(frozen=True, slots=True)
class GroupLock:
    """A Things Group's lock fields."""

    imei_lock: bool
    tac: str
    """"" stands for null too: both mean that no range is stored."""

    @property
    def bound_to(self) -> str:
        """The stored TAC, "" where there is none."""
        return self.tac


Lock = ThingLock | GroupLock


@dataclass(frozen=True, slots=True)
class Thing:
    """One SIM as read just now. Free text (`name`) is hostile until escaped; secrets never get here."""

    thing_id: str
    """Exactly as the vendor returned it; sent back unchanged."""
    iccid: str
    name: str
    state: str
    """PROVISIONED, TEST_ACTIVE, ACTIVE, SUSPENDED, RETIRED, or whatever the vendor says."""
    cas: str
    """Version token; a string end to end. Stale at any moment: never held while a person thinks."""
    imei_lock: bool
    locked_imei: str
    """As stored by the vendor; "" stands for null too: both mean none."""
    things_group_id: str | None
    last_seen_imei: str
    """As reported; "" where never seen; may be all zeros where the carrier reports none."""
    last_seen_at: datetime | None
    """UTC; best reading of the vendor's several times, None where there is none."""

    @property
    def lock(self) -> ThingLock:
        """The lock fields alone."""
        return ThingLock(self.imei_lock, self.locked_imei)

    @property
    def target_id(self) -> str:
        """What an open request holds."""
        return self.thing_id

    @property
    def title(self) -> str:
        """What people call it: the name, else the ICCID."""
        return self.name if is_readable(self.name) else self.iccid


@dataclass(frozen=True, slots=True)
class ThingsGroup:
    """A group as read just now. `tac` is "" where no range is stored."""

    things_group_id: str
    name: str
    imei_lock: bool
    tac: str
    others: tuple[tuple[str, str], ...] = ()
    """All other fields of the vendor's record by name, each as JSON text: what a write must leave alone.

    A group has no `cas`, so this copy is the only proof of what stood there before.
    """
    sent_back: tuple[tuple[str, str], ...] = ()
    """Those of them that a write has to repeat, exactly as read."""

    @property
    def lock(self) -> GroupLock:
        """The lock fields alone."""
        return GroupLock(self.imei_lock, self.tac)

    @property
    def target_id(self) -> str:
        """What an open request holds."""
        return self.things_group_id

    @property
    def title(self) -> str:
        """What people call it: the name, else the id."""
        return self.name if is_readable(self.name) else self.things_group_id


def is_readable(name: str) -> bool:
    """Whether anything of a name can be seen: it may be blanks, or marks without a width."""
    return any(c.isprintable() and not c.isspace() for c in name)


Target = Thing | ThingsGroup


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group in a list: enough to choose it by."""

    things_group_id: str
    name: str
    """"" where none is known."""

    @property
    def title(self) -> str:
        """What people call it: the name, else the id."""
        return self.name if is_readable(self.name) else self.things_group_id


def side_effects(before: ThingsGroup, after: ThingsGroup) -> dict[str, tuple[str, str]]:
    """Fields besides the lock that differ, with both values as JSON text; "" where there was none."""
    was, now = dict(before.others), dict(after.others)
    names = sorted(was.keys() | now.keys())
    return {n: (was.get(n, ""), now.get(n, "")) for n in names if was.get(n, "") != now.get(n, "")}


@dataclass(frozen=True, slots=True)
class ThingRow:
    """A row of a listing: enough to name another Thing that a device was last seen on."""

    thing_id: str
    iccid: str
    name: str
    last_seen_imei: str
    things_group_id: str | None = None
    """"" where it is in no group; None where the listing doesn't say."""
    own_lock: ThingLock | None = None
    """None where the listing doesn't say."""


def folded(name: str) -> str:
    """The form in which names are compared: case, width, blanks and marks that nobody sees don't count."""
    seen = name if name.isascii() else unicodedata.normalize("NFKC", name).translate(_SEEN)
    return " ".join(seen.casefold().split())


class _Seen(dict[int, int | None]):
    """For `str.translate`: marks that nobody sees go. Each character is looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code)) == "Cf" else code
        return self[code]


_SEEN = _Seen()
