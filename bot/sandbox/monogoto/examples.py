"""Things and groups that tests and the demo name: one for every odd case, alike for every seed and size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One Thing, and what is odd about it."""

    iccid: str
    """As the platform holds it."""
    printed: str
    """As printed on the SIM: may differ by the last digit."""
    imei: str
    """Last seen at start; "" where never."""
    group_id: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Examples:
    """Stable by name; the platform's state is as described until somebody changes it."""

    fresh: Example
    never_seen: Example
    imei_absent: Example
    zeros: Example
    locked: Example
    locked_elsewhere: Example
    cleared: Example
    lock_without_imei: Example
    in_locked_group: Example
    outside_locked_group: Example
    retired: Example
    suspended: Example
    short_iccid: Example
    long_iccid: Example
    twenty_digits: Example
    wrong_check_digit: Example
    shared_imei: Example
    shared_imei_twin: Example
    odd_time: Example
    online: Example
    hostile_name: Example
    hostile_bold: Example
    hostile_formula: Example
    hostile_long: Example
    hostile_emoji: Example
    hostile_right_to_left: Example
    hostile_markup: Example
    locked_in_locked_group: Example
    locked_elsewhere_in_locked_group: Example
    never_seen_in_locked_group: Example
    open_group: str
    """A group without a lock, by id."""
    locked_group: str
    locked_group_tac: str
    hostile_group: str
    """Its name, description and a nested text mention a channel; no lock."""
    twin_groups: tuple[str, str]
    """Two groups of the same name; no lock."""
    never_locked_group: str
    """IMEIPrefix and LockMasterImei are null."""
    keyless_group: str
    """IMEIPrefix and LockMasterImei are left out."""
    rangeless_group: str
    """LockMasterImei is true, IMEIPrefix empty."""
    unused_imeis: tuple[str, ...]
    """Right IMEIs that no SIM was ever seen in."""
    unknown_iccid: str
    """A well-formed ICCID that nobody holds."""
