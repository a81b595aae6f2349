"""Values to store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.audit import AuditEntry
from bot.domain.changes import Change, GroupChange, LockThing, UnlockThing
from bot.domain.identifiers import Iccid, Imei
from bot.domain.impact import Finding, Impact, SeenGroup, SeenThing, Verdict, assess
from bot.domain.requests import ChangeRequest, Origin, Person, PersonDecision, Status, Vote
from bot.domain.things import Thing, ThingsGroup
from bot.services.ports import Submission

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ICCID = Iccid("8944476500008878576")
IMEI = Imei("490154203237518")
OTHER_IMEI = Imei("353053110000009")
ANN = Person("U0ANN", "T0TEAM")
BOB = Person("U0BOB", "T0TEAM")


def thing(number: int = 1, **fields: Any) -> Thing:
    """A Thing of its own for each number."""
    plain = Thing(
        thing_id=f"ThingId_ICCID_894447650000887{number:04d}",
        iccid=f"894447650000887{number:04d}",
        name=f"Pump {number}",
        state="ACTIVE",
        cas="1718900000000065536",
        imei_lock=False,
        locked_imei="",
        things_group_id="ThingsGroupId_1",
        last_seen_imei=IMEI.digits,
        last_seen_at=NOW - timedelta(minutes=3, microseconds=7),
    )
    return replace(plain, **fields)


def request(number: int = 1, *, on: Thing | None = None, change: Change | None = None) -> ChangeRequest:
    """A pending request; number n is on Thing n unless another is given."""
    seen = SeenThing(
        thing=on or thing(number),
        group=ThingsGroup("ThingsGroupId_1", "Pumps", imei_lock=True, tac="49015420"),
        group_readable=True,
        elsewhere=("Pump 9",),
        online=None,
        read_at=NOW,
    )
    return ChangeRequest(
        id=f"R{number}",
        rev=1,
        status=Status.PENDING,
        change=change or LockThing(ICCID, IMEI),
        requester=ANN,
        asked_in=Origin("C0OPS", "1.2"),
        reason="Stolen twice",
        seen=seen,
        impact=Impact(Verdict.KEEPS, (Finding.SAME_DEVICE, Finding.SEEN_ELSEWHERE)),
        fingerprint="f" * 64,
        approvals_needed=2,
        created_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        apply_within=timedelta(hours=1),
    )


def things_group(number: int = 1, **fields: Any) -> ThingsGroup:
    """A group of its own for each number."""
    return replace(
        ThingsGroup(f"ThingsGroupId_{number}", f"Pumps {number}", imei_lock=False, tac=""), **fields
    )


def group_request(change: GroupChange, *, on: ThingsGroup | None = None, number: int = 1) -> ChangeRequest:
    """A pending request about a group, with the impact that it truly has."""
    seen = SeenGroup(on or things_group(number), NOW)
    return replace(request(number, change=change), seen=seen, impact=assess(change, seen))


def unlock() -> UnlockThing:
    """A change that leaves no device behind."""
    return UnlockThing(ICCID, keep=True)


def approval(by: Person = BOB, **fields: Any) -> PersonDecision:
    """A yes."""
    return replace(PersonDecision(by, Vote.APPROVED, NOW, "fine"), **fields)


def submission(number: int = 1, **fields: Any) -> Submission:
    """A form that was sent."""
    plain = Submission(
        id=f"S{number}",
        key=f"V{number}",
        person=ANN,
        origin=Origin("C0OPS"),
        view_id=f"V{number}",
        kind="lock_thing",
        fields={"iccid": ICCID.digits, "reason": "“ütf” \ud800\0"},
        at=NOW + timedelta(seconds=number),
    )
    return replace(plain, **fields)


def entry(number: int = 1, **fields: Any) -> AuditEntry:
    """Something that happened."""
    plain = AuditEntry(
        at=NOW + timedelta(seconds=number),
        event="request.approve",
        outcome="ok",
        person=BOB,
        origin=Origin("C0OPS", "1.2"),
        request_id=f"R{number}",
        thing_id=thing(number).thing_id,
        before={"locked_imei": ""},
        after={"locked_imei": IMEI.digits},
        reason="because “ü” & <b>",
    )
    return replace(plain, **fields)
