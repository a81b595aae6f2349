"""The vendor's records as the domain sees them. Vendor spellings live only in `monogoto/models.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ThingLock:
    """A Thing's lock fields: what a request is about, and what the read-back compares."""

    imei_lock: bool
    locked_imei: str
    """"" stands for null too: both mean that none is stored."""


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


@dataclass(frozen=True, slots=True)
class ThingsGroup:
    """A group's lock. `tac` is "" where no range is stored."""

    things_group_id: str
    name: str
    imei_lock: bool
    tac: str


@dataclass(frozen=True, slots=True)
class ThingRow:
    """A row of a listing: enough to name another Thing that a device was last seen on."""

    thing_id: str
    iccid: str
    name: str
    last_seen_imei: str
