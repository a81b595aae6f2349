"""What the rows of a plan become, and what they are together: counts, impact, digest, fingerprint, time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.bulk_rows import WORDS, RefusedRow, Row
from bot.domain.changes import LockThing, ThingChange, holds
from bot.domain.identifiers import Iccid, Valid, is_reported, parse_imei
from bot.domain.impact import Counts, Finding, Impact, Verdict
from bot.domain.plans import Plan, RowVerdict, SeenPlan
from bot.domain.requests import ChangeRequest, Item, ItemState
from bot.domain.rows import BulkRow
from bot.domain.things import Thing

CALLS_A_ROW = 4
"""Read, write, read back, and a group now and then."""
GENEROUS = 2
"""Times the estimated duration is added to the time in which a bulk may be applied."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one line asks for, before anything was read about it. `change` None: "last seen", or refused."""

    line: int
    typed: tuple[str, ...]
    change: ThingChange | None
    verdict: RowVerdict = RowVerdict.UNCHECKED
    why: str = ""

    def row(self, request_id: str, position: int) -> BulkRow:
        """As it is kept."""
        item = Item(request_id, ItemState.PLANNED, explanation=self.why, position=position)
        return BulkRow(item, self.line, self.typed, self.verdict, self.change)


def asked(row: Row) -> Asked:
    """What a line of a file asks for. What only resembles a number waits for a person: LOOK."""
    if isinstance(row, RefusedRow):
        verdict = RowVerdict.LOOK if row.needs_a_look else RowVerdict.REFUSED
        return Asked(row.line, row.typed, None, verdict, row.reason)
    if row.change is None:
        return Asked(row.line, (row.iccid.digits, WORDS[row.want]), None)
    return Asked(row.line, row.typed, row.change)


def iccid_of(row: BulkRow) -> Iccid:
    """The SIM that an unchecked row names. ValueError where it names none."""
    return row.change.iccid if row.change else Iccid(row.typed[0])


def decided(row: BulkRow, verdict: RowVerdict, why: str = "") -> BulkRow:
    """The row once the plan knows what to say of it."""
    item = replace(row.item, attempts=0, next_at=None, explanation=why)
    return replace(row, item=item, verdict=verdict)


def frozen(row: BulkRow, thing: Thing) -> ThingChange | str:
    """What the row asks of this Thing, "last seen" being an IMEI by now; else why a person has to look."""
    if row.change is None:
        return _last_seen(thing)
    change = row.change
    if isinstance(change, LockThing):
        read = parse_imei(change.imei.digits, last_seen=thing.last_seen_imei)
        if not isinstance(read, Valid):
            return f"IMEI: {read.why}"
    return change


def _last_seen(thing: Thing) -> ThingChange | str:
    if not thing.last_seen_imei:
        return "Last seen: this SIM was never seen in any device. Write the IMEI."
    if not is_reported(thing.last_seen_imei):
        return "Last seen: the carrier reports no IMEI for this SIM (zeros). Write the IMEI."
    read = parse_imei(thing.last_seen_imei, last_seen=thing.last_seen_imei)
    if isinstance(read, Valid):
        return LockThing(Iccid(thing.iccid), read.value)
    return f"Last seen: {read.why} Write the IMEI."


def is_already(change: ThingChange, thing: Thing) -> bool:
    """Whether nothing is left to do."""
    return holds(change, thing.lock)


def impact_of(impacts: Iterable[tuple[Impact, int]]) -> Impact:
    """Whom the ready rows hurt together: the worst verdict, what was found in any, and how many."""
    by_verdict: Counter[Verdict] = Counter()
    findings: Counter[Finding] = Counter()
    for impact, number in impacts:
        by_verdict[impact.verdict] += number
        findings.update(dict.fromkeys(impact.findings, number))
    worst = next((v for v in reversed(Verdict) if by_verdict[v]), Verdict.KEEPS)
    counts = Counts(by_verdict[Verdict.KEEPS], by_verdict[Verdict.LOSES], by_verdict[Verdict.UNKNOWN])
    return Impact(worst, tuple(f for f in Finding if findings[f]), counts)


def plan_of(request: ChangeRequest) -> Plan:
    """The plan that a bulk is about; TypeError for a single."""
    if not isinstance(request.seen, SeenPlan):
        raise TypeError(f"request {request.id} is no bulk")
    return request.seen.plan


class Digest:
    """SHA-256 over the ready rows, in their order.

    A row's fingerprint covers its Thing, its change, the lock fields of Thing and group, and its verdict.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, position: int, fingerprint: str) -> None:
        """The next ready row."""
        self._hash.update(f"{position}:{fingerprint},".encode())

    def text(self) -> str:
        """In hex."""
        return self._hash.hexdigest()


def plan_fingerprint(team: str, plan: Plan, impact: Impact, rules: Iterable[str]) -> str:
    """SHA-256, in hex, over exactly what an approver of a bulk agrees to: these rows, with this impact."""
    counts = impact.counts or Counts()
    parts = [team, plan.bulk_id, plan.digest, str(plan.rows.ready)]
    parts += [str(counts.keeps), str(counts.loses), str(counts.unknown), *rules]
    framed = "".join(f"{len(part.encode())}:{part}," for part in parts)
    return hashlib.sha256(framed.encode()).hexdigest()


def time_needed(rows: int, rate: float) -> timedelta:
    """About how long so many rows take at so many calls a second."""
    return timedelta(seconds=rows * CALLS_A_ROW / rate)
