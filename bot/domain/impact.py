"""Whom a change hurts: the verdict on the device in use, and what a person should know before deciding."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.changes import Change, LockThing, UnlockThing, holds
from bot.domain.identifiers import in_range, is_reported, same_device
from bot.domain.things import Thing, ThingLock, ThingsGroup


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
    NOT_ACTIVE = "not_active"
    ONLINE_NOW = "online_now"
    LOSES_PROTECTION = "loses_protection"
    ALREADY_SO = "already_so"
    """Somebody did the same elsewhere after this was asked: an approval would write nothing."""


ACTIVE_STATES = frozenset({"ACTIVE", "TEST_ACTIVE"})


@dataclass(frozen=True, slots=True)
class Seen:
    """The live state that a request is about, as read at `read_at`. `group` is None where there is none."""

    thing: Thing
    group: ThingsGroup | None
    group_readable: bool
    elsewhere: tuple[str, ...] | None
    """Names of other Things last seen with the wanted IMEI; None where that couldn't be read."""
    online: bool | None
    read_at: datetime
    locked_elsewhere: tuple[str, ...] = ()
    """Names of other Things that our own records say are locked to the wanted IMEI."""


@dataclass(frozen=True, slots=True)
class Impact:
    """The verdict, and the findings that explain it."""

    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def affected(self) -> int:
        """How many Things lose service or protection, or may: the number that decides the approvals."""
        return 0 if self.verdict is Verdict.KEEPS else 1


def assess(change: Change, seen: Seen) -> Impact:
    """Whom the change hurts, given the live state."""
    match change:
        case LockThing():
            return _assess_lock(change, seen)
        case UnlockThing():
            return _assess_unlock(change, seen)


def _assess_lock(change: LockThing, seen: Seen) -> Impact:
    imei, last_seen = change.imei.digits, seen.thing.last_seen_imei
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


def _assess_unlock(change: UnlockThing, seen: Seen) -> Impact:
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


def _circumstances(change: Change, seen: Seen) -> Iterable[Finding]:
    if holds(change, seen.thing.lock):
        yield Finding.ALREADY_SO
    if seen.thing.state not in ACTIVE_STATES:
        yield Finding.NOT_ACTIVE
    if seen.online:
        yield Finding.ONLINE_NOW


def differences(before: Seen, now: Seen) -> tuple[str, ...]:
    """The names of what was approved and is no longer so, among the fields that a decision rests on."""
    names = []
    if before.thing.thing_id != now.thing.thing_id:
        names.append("thing")
    if before.thing.lock != now.thing.lock:
        names.append("lock")
    if _group_lock(before) != _group_lock(now):
        names.append("group")
    return tuple(names)


def _group_lock(seen: Seen) -> tuple[str, ...]:
    if not seen.group_readable:
        return ("unreadable", seen.thing.things_group_id or "")
    if seen.group is None:
        return ("none",)
    return (seen.group.things_group_id, str(seen.group.imei_lock), seen.group.tac)


def fingerprint(team: str, change: Change, seen: Seen, verdict: Verdict, rules: Iterable[str]) -> str:
    """SHA-256, in hex, over exactly what an approver agrees to: a change in any of it is another question."""
    parts = [team, seen.thing.thing_id, *_change_parts(change), *_lock_parts(seen.thing.lock)]
    parts += [*_group_lock(seen), verdict.value, *rules]
    framed = "".join(f"{len(part.encode())}:{part}," for part in parts)
    return hashlib.sha256(framed.encode()).hexdigest()


def _change_parts(change: Change) -> tuple[str, ...]:
    match change:
        case LockThing(iccid=iccid, imei=imei):
            return (change.kind.value, iccid.digits, imei.digits)
        case UnlockThing(iccid=iccid, keep=keep):
            return (change.kind.value, iccid.digits, str(keep))


def _lock_parts(lock: ThingLock) -> tuple[str, ...]:
    return (str(lock.imei_lock), lock.locked_imei)
