"""Whom a change hurts: the verdict on the device in use, and what a person should know before deciding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.census import Census
from bot.domain.changes import (
    Change,
    GroupChange,
    LockThing,
    LockThingsGroup,
    RestoreThing,
    RestoreThingsGroup,
    ThingChange,
    UnlockThing,
    UnlockThingsGroup,
    holds,
    wanted,
)
from bot.domain.identifiers import in_range, is_reported, same_device
from bot.domain.plans import SeenPlan
from bot.domain.things import Thing, ThingsGroup


class Verdict(StrEnum):
    """What happens to the device now in the field, best first."""

    KEEPS = "keeps"
    """Keeps service; for an unlock: nothing was protected, so nothing is lost."""
    UNKNOWN = "unknown"
    LOSES = "loses"
    """Loses service; for an unlock: loses its protection."""

    def worse_than(self, other: Verdict) -> bool:
        """Whether somebody who agreed to `other` has not agreed to this."""
        order = list(Verdict)
        return order.index(self) > order.index(other)


class Finding(StrEnum):
    """Facts worth a line on the card."""

    SAME_DEVICE = "same_device"
    OTHER_DEVICE = "other_device"
    NEVER_SEEN = "never_seen"
    ZEROS = "zeros"
    SEEN_ELSEWHERE = "seen_elsewhere"
    LOCKED_ELSEWHERE = "locked_elsewhere"
    ELSEWHERE_UNKNOWN = "elsewhere_unknown"
    GROUP_CONTRADICTS = "group_contradicts"
    GROUP_ALSO_LOCKS = "group_also_locks"
    GROUP_UNREADABLE = "group_unreadable"
    GROUP_REQUEST_OPEN = "group_request_open"
    """A request on the Thing's group is open too."""
    NUMBER_UNKNOWN = "number_unknown"
    """How many Things of the group are affected hasn't been found out."""
    OWN_LOCKS = "own_locks"
    """Things of the group may have locks of their own."""
    NOT_ACTIVE = "not_active"
    ONLINE_NOW = "online_now"
    LOSES_PROTECTION = "loses_protection"
    ALREADY_SO = "already_so"
    """Somebody did the same elsewhere after this was asked: an approval would write nothing."""


ACTIVE_STATES = frozenset({"ACTIVE", "TEST_ACTIVE"})


@dataclass(frozen=True, slots=True)
class SeenThing:
    """A Thing's live state as read at `read_at`. `group` is None where there is none."""

    thing: Thing
    group: ThingsGroup | None
    group_readable: bool
    elsewhere: tuple[str, ...] | None
    """Names of other Things last seen with the wanted IMEI; None where that couldn't be read."""
    online: bool | None
    read_at: datetime
    locked_elsewhere: tuple[str, ...] = ()
    """Names of other Things that our own records say are locked to the wanted IMEI."""
    group_request: str = ""
    """Id of an open request on the Thing's group, "" where there is none."""

    @property
    def target(self) -> Thing:
        """What would be changed."""
        return self.thing

    @property
    def things_group_id(self) -> str | None:
        """The group whose rules hold."""
        return self.thing.things_group_id

    @property
    def is_whole(self) -> bool:
        """Whether all was read that a decision rests on."""
        return self.group_readable


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """A Things Group's live state as read at `read_at`."""

    group: ThingsGroup
    read_at: datetime
    census: Census | None = None
    """Its Things, counted; None before that, and where nobody can be hurt."""

    def counted_as(self, other: Seen) -> SeenGroup:
        """This reading, with the count that belongs to an earlier one."""
        return replace(self, census=other.census) if isinstance(other, SeenGroup) else self

    @property
    def target(self) -> ThingsGroup:
        """What would be changed."""
        return self.group

    @property
    def things_group_id(self) -> str | None:
        """The group whose rules hold."""
        return self.group.things_group_id

    @property
    def is_whole(self) -> bool:
        """Whether all was read that a decision rests on."""
        return True


SeenTarget = SeenThing | SeenGroup
"""The live state of one Thing or group."""
Seen = SeenTarget | SeenPlan
"""The live state that a request is about."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Things by what happens to them, where there are many."""

    keeps: int = 0
    loses: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.keeps + self.loses + self.unknown


@dataclass(frozen=True, slots=True)
class Impact:
    """The verdict, and the findings that explain it."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    counts: Counts | None = None
    """Of a group or a bulk, once all its Things were read."""

    @property
    def affected(self) -> int | None:
        """How many Things lose service or protection, or may: the number that decides the approvals.

        None: more than one, and nobody knows how many.
        """
        if self.counts is not None:
            return self.counts.loses + self.counts.unknown
        if self.verdict is Verdict.KEEPS:
            return 0
        return None if Finding.NUMBER_UNKNOWN in self.findings else 1


def assess(change: Change, seen: Seen) -> Impact:
    """Whom the change hurts, given the live state."""
    match change, seen:
        case ((LockThing() | UnlockThing() | RestoreThing()), SeenThing()):
            after = wanted(change, seen.thing.lock)
            if after.imei_lock:
                return _assess_lock(change, after.bound_to, seen)
            return _assess_unlock(change, seen)
        case ((LockThingsGroup() | UnlockThingsGroup() | RestoreThingsGroup()), SeenGroup()):
            if wanted(change, seen.group.lock).imei_lock:
                return _of_group(change, seen, Verdict.UNKNOWN)
            verdict = Verdict.LOSES if seen.group.imei_lock else Verdict.KEEPS
            return _of_group(change, seen, verdict)
        case _:
            raise TypeError(f"{change.kind} is not about a {type(seen).__name__}")


def _of_group(change: GroupChange, seen: SeenGroup, verdict: Verdict) -> Impact:
    """As counted; where not all its Things could be, it counts as many."""
    counts = _counts(seen.census) if verdict is not Verdict.KEEPS else None
    findings = [Finding.OWN_LOCKS]
    if counts is not None:
        verdict = Verdict.LOSES if counts.loses else Verdict.UNKNOWN if counts.unknown else Verdict.KEEPS
    elif verdict is not Verdict.KEEPS:
        findings.insert(0, Finding.NUMBER_UNKNOWN)
    if verdict is Verdict.LOSES and not wanted(change, seen.group.lock).imei_lock:
        findings.insert(0, Finding.LOSES_PROTECTION)
    if holds(change, seen.group.lock):
        findings.append(Finding.ALREADY_SO)
    return Impact(verdict, tuple(findings), counts)


def _counts(census: Census | None) -> Counts | None:
    if census is None or not census.is_complete:
        return None
    return Counts(census.keeps, census.loses, census.unknown)


def _assess_lock(change: ThingChange, imei: str, seen: SeenThing) -> Impact:
    last_seen = seen.thing.last_seen_imei
    verdict, finding = _device_in_use(imei, last_seen)
    findings = [finding]
    if seen.elsewhere is None:
        findings.append(Finding.ELSEWHERE_UNKNOWN)
    elif seen.elsewhere:
        findings.append(Finding.SEEN_ELSEWHERE)
    if seen.locked_elsewhere:
        findings.append(Finding.LOCKED_ELSEWHERE)
    if not seen.group_readable:
        findings.append(Finding.GROUP_UNREADABLE)
        verdict = max(verdict, Verdict.UNKNOWN, key=list(Verdict).index)
    elif seen.group and seen.group.imei_lock:
        contradicts = not in_range(imei, seen.group.tac)
        findings.append(Finding.GROUP_CONTRADICTS if contradicts else Finding.GROUP_ALSO_LOCKS)
        if contradicts:
            verdict = max(verdict, Verdict.UNKNOWN, key=list(Verdict).index)
    return Impact(verdict, (*findings, *_circumstances(change, seen)))


def _device_in_use(imei: str, last_seen: str) -> tuple[Verdict, Finding]:
    if not last_seen:
        return Verdict.UNKNOWN, Finding.NEVER_SEEN
    if not is_reported(last_seen):
        return Verdict.UNKNOWN, Finding.ZEROS
    if same_device(imei, last_seen):
        return Verdict.KEEPS, Finding.SAME_DEVICE
    return Verdict.LOSES, Finding.OTHER_DEVICE


def _assess_unlock(change: ThingChange, seen: SeenThing) -> Impact:
    findings: list[Finding] = []
    verdict = Verdict.KEEPS
    if seen.thing.imei_lock:
        verdict = Verdict.LOSES
        findings.append(Finding.LOSES_PROTECTION)
    if not seen.group_readable:
        findings.append(Finding.GROUP_UNREADABLE)
    elif seen.group and seen.group.imei_lock:
        findings.append(Finding.GROUP_ALSO_LOCKS)
    return Impact(verdict, (*findings, *_circumstances(change, seen)))


def _circumstances(change: ThingChange, seen: SeenThing) -> Iterable[Finding]:
    if holds(change, seen.thing.lock):
        yield Finding.ALREADY_SO
    if seen.group_request:
        yield Finding.GROUP_REQUEST_OPEN
    if seen.thing.state not in ACTIVE_STATES:
        yield Finding.NOT_ACTIVE
    if seen.online:
        yield Finding.ONLINE_NOW
