"""Bulks that were approved, put straight into the records: here they are applied, not asked for."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bot.domain.changes import Bulk, LockThing, ThingChange
from bot.domain.fingerprints import fingerprint
from bot.domain.identifiers import Iccid, Imei
from bot.domain.impact import Impact, SeenThing, Verdict, assess
from bot.domain.plans import Plan, RowCounts, RowVerdict, SeenPlan
from bot.domain.policy import Policy
from bot.domain.requests import (
    ChangeRequest,
    Event,
    Item,
    ItemState,
    Origin,
    Person,
    PersonDecision,
    Status,
    Vote,
)
from bot.domain.rows import BulkRow
from bot.monogoto.models import group_from, thing_from
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import Stage
from bot.services.ports import PlaceKind
from bot.storage.bulk_rows import bulk_row_values
from bot.storage.engine import Engine
from bot.storage.tables import holds, items
from bot.storage.transaction import SqlTx
from tests.scenarios import acts, evidence

ID = "BBBBBBBBBB"
REQUESTER = Person("U0ENG1", "T0TEAM")
APPROVER = Person("U0APP1", "T0TEAM")


def unlocked(monogoto: LocalMonogoto, count: int) -> list[str]:
    """ICCIDs of so many SIMs that are in a device and not locked to one."""
    found = []
    for iccid in monogoto.iccids:
        thing = thing_from(monogoto.thing(iccid), iccid)
        if not thing.imei_lock and not thing.locked_imei and _is_device(thing.last_seen_imei):
            found.append(iccid)
        if len(found) == count:
            return found
    raise ValueError(f"the local Monogoto holds only {len(found)} such SIMs")


def _is_device(imei: str) -> bool:
    return len(imei) == 15 and imei.isdigit() and set(imei) != {"0"}


def lock_to_last_seen(monogoto: LocalMonogoto, iccid: str) -> LockThing:
    """To the device that it is in."""
    return LockThing(Iccid(iccid), Imei(str(monogoto.thing(iccid)["IMEI"])))


def rows(
    monogoto: LocalMonogoto, policy: Policy, changes: Sequence[ThingChange], *, bulk_id: str = ID
) -> list[BulkRow]:
    """Each as planned on what Monogoto shows now, and queued."""
    now = monogoto.clock.now()
    made = []
    for position, change in enumerate(changes, start=1):
        thing = thing_from(monogoto.thing(change.iccid.digits), change.iccid.digits)
        group_id = thing.things_group_id
        group = group_from(monogoto.group(group_id), group_id) if group_id else None
        seen = SeenThing(thing, group, True, (), None, now)
        impact = assess(change, seen)
        terms = policy.terms(change.kind, group_id, impact.affected)
        mark = fingerprint(policy.team, change, seen, impact.verdict, terms.rules)
        item = Item(bulk_id, ItemState.QUEUED, position=position)
        typed = (change.iccid.digits, change.imei.digits if isinstance(change, LockThing) else "unlock keep")
        made.append(BulkRow(item, position + 1, typed, RowVerdict.READY, change, seen, impact, mark))
    return made


async def insert_approved(
    engine: Engine,
    queued: Sequence[BulkRow],
    *,
    now: Any,
    channel: str = "C0FIELD",
    apply_within: timedelta = timedelta(hours=1),
    bulk_id: str = ID,
) -> ChangeRequest:
    """The request with its rows, holds and approval, as if people had asked for it and approved it."""
    scopes = tuple(
        dict.fromkeys(
            (row.change.kind, row.seen.things_group_id) for row in queued if row.change and row.seen
        )
    )
    digest = hashlib.sha256("".join(row.fingerprint for row in queued).encode()).hexdigest()
    plan = Plan(f"bulk:{bulk_id}", "depot-7.csv", RowCounts(ready=len(queued)), digest, scopes)
    asked = ChangeRequest(
        id=bulk_id,
        rev=1,
        status=Status.PENDING,
        change=Bulk("depot-7.csv"),
        requester=REQUESTER,
        asked_in=Origin(channel),
        reason="New boxes in depot 7",
        seen=SeenPlan(plan, now),
        impact=Impact(Verdict.KEEPS, ()),
        fingerprint=digest,
        approvals_needed=1,
        created_at=now,
        expires_at=now + timedelta(hours=24),
        apply_within=apply_within,
    )
    held = [{"target_id": row.seen.thing.thing_id, "request_id": bulk_id} for row in queued if row.seen]
    async with engine.writing() as connection:
        tx = SqlTx(connection)
        await tx.add_request(asked, [(PlaceKind.CARD, channel)])
        await connection.execute(insert(items), [bulk_row_values(row) for row in queued])
        await connection.execute(insert(holds), held)
        await tx.decide(bulk_id, PersonDecision(APPROVER, Vote.APPROVED, now))
        return await tx.advance(asked, asked.after(Event.APPROVE, approved_at=now))


async def approved(stage: Stage, changes: Sequence[ThingChange], **fields: Any) -> list[BulkRow]:
    """A bulk on the stage, approved just now; nothing of it is applied before the next sweep."""
    assert stage.bot
    bulk_id = fields.get("bulk_id", ID)
    queued = rows(stage.monogoto, stage.policy, changes, bulk_id=bulk_id)
    await insert_approved(stage.bot._engine, queued, now=stage.clock.now(), **fields)
    return queued


async def locks(stage: Stage, count: int, **fields: Any) -> list[str]:
    """A bulk that locks so many SIMs to the devices that they are in; their ICCIDs."""
    iccids = unlocked(stage.monogoto, count)
    await approved(stage, [lock_to_last_seen(stage.monogoto, iccid) for iccid in iccids], **fields)
    return iccids


# --- reading -------------------------------------------------------------------------------------


def status(stage: Stage, bulk_id: str = ID) -> str:
    """Where the bulk stands."""
    return str(
        evidence.rows(evidence.database(stage), "select status from requests where id = ?", bulk_id)[0][0]
    )


def states(stage: Stage, bulk_id: str = ID) -> dict[str, int]:
    """Its rows, counted by state."""
    return states_in(evidence.database(stage), bulk_id)


def states_in(path: Path, bulk_id: str = ID) -> dict[str, int]:
    """The same, of a database whose bot may be another process."""
    query = "select state, count(*) from items where request_id = ? group by state"
    return dict(evidence.rows(path, query, bulk_id))


def holds_left(stage: Stage) -> int:
    """Things that an open request holds."""
    return int(evidence.rows(evidence.database(stage), "select count(*) from holds")[0][0])


async def until_status(
    stage: Stage, *wanted: str, within: float = evidence.PATIENCE, bulk_id: str = ID
) -> str:
    """Once the bulk is there, and all of it was told."""

    def there() -> bool:
        return status(stage, bulk_id) in wanted and not evidence.untold(evidence.database(stage))

    await evidence.until(stage, there, within=within, at_rest=True)
    return status(stage, bulk_id)


def card(stage: Stage, bulk_id: str = ID) -> Message:
    """Its card."""
    [found] = acts.cards_of(stage, bulk_id)
    return found


def thread(stage: Stage, bulk_id: str = ID) -> list[str]:
    """What was said under its card so far."""
    return [reply.text for found in acts.cards_of(stage, bulk_id) for reply in stage.replies(found)]


def after_calls(stage: Stage, count: int, do: Callable[[], Any]) -> None:
    """Do it once the vendor has answered so many more PUTs."""
    seen = 0

    def watch(call: Any, _body: bytes) -> None:
        nonlocal seen
        if call.method == "PUT":
            seen += 1
            if seen == count:
                do()

    stage.monogoto.watch(watch)


async def until_done(stage: Stage, count: int) -> None:
    """Once so many rows are done: the clock moves on a little at a time: the rest is still to come."""
    await evidence.until(stage, lambda: states(stage).get("done", 0) >= count, step=0.1)


def results(stage: Stage, bulk_id: str = ID) -> list[dict[str, str]]:
    """The last table in the thread, line by line."""
    files = [file for reply in stage.replies(card(stage, bulk_id)) for file in reply.files]
    text = stage.slack._state.files[files[-1]["id"]].content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))
