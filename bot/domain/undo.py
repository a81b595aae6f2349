"""Taking a request back: the very lock fields that stood there before it, where that may be asked for."""

from __future__ import annotations

import re

from bot.domain.changes import (
    GroupChange,
    RestoreThing,
    RestoreThingsGroup,
    SingleChange,
    holds,
    noun,
    wanted,
)
from bot.domain.errors import Unfit
from bot.domain.identifiers import is_reported
from bot.domain.plans import RowVerdict
from bot.domain.requests import OPEN, ChangeRequest, ItemState, Status
from bot.domain.rows import BulkRow
from bot.domain.things import GroupLock, Lock, ThingLock

_IMEI = re.compile(r"[0-9]{14,16}")
_TAC = re.compile(r"[0-9]{8}")
TOOK_BACK = frozenset({Status.SUCCEEDED, Status.PARTLY_FAILED})
"""Of a request that undoes another one: it has put something back."""


def can_be_undone(request: ChangeRequest) -> bool:
    """Whether it changed something of one Thing or group, and nobody has taken that back yet."""
    written = request.item is not None and request.item.state is ItemState.DONE
    return request.status is Status.SUCCEEDED and written and not request.undone_by


def left_behind(request: ChangeRequest) -> Lock:
    """The lock fields that a request which succeeded has written."""
    return wanted(request.single, request.before)


def undo_of(request: ChangeRequest) -> SingleChange:
    """The change that puts back what stood there before the request.

    Raises `Unfit` where nothing was changed by it, where it was undone already, or where what stood
    there is nothing that may be sent: a lock that no device can meet.
    """
    if request.undone_by:
        raise Unfit(f"Request {request.id} was undone already, by request {request.undone_by}.")
    if not can_be_undone(request):
        raise Unfit(f"Request {request.id} has changed nothing that could be undone.")
    before, change = request.before, request.single
    if not may_be_sent(before):
        raise Unfit(never_sent(change, before, "Before this request"))
    if isinstance(change, GroupChange):
        if not isinstance(before, GroupLock):
            raise TypeError(f"request {request.id} is about a group and remembers a Thing's lock")
        return RestoreThingsGroup(change.things_group_id, before)
    if not isinstance(before, ThingLock):
        raise TypeError(f"request {request.id} is about a Thing and remembers a group's lock")
    return RestoreThing(change.iccid, before)


def may_be_sent(lock: Lock) -> bool:
    """Whether a device can meet it. A check digit that is wrong or missing is the vendor's to keep:
    networks compare 14 digits."""
    if not lock.imei_lock:
        return True
    form = _IMEI if isinstance(lock, ThingLock) else _TAC
    return bool(form.fullmatch(lock.bound_to)) and is_reported(lock.bound_to)


def never_sent(change: SingleChange, before: Lock, when: str) -> str:
    """Why such a lock can't be put back. `when` begins the sentence: "Before this request"."""
    what = "IMEI" if isinstance(before, ThingLock) else "TAC"
    stored = f"“{before.bound_to[:30]}”, which is no {what}" if before.bound_to.strip() else f"no {what}"
    return (
        f"{when} the {noun(change)} was locked to {stored}. What such a lock does is "
        f"documented nowhere, so it is never sent. Unlock the {noun(change)}, or lock it to the {what} "
        "that it should have."
    )


# --- bulks -----------------------------------------------------------------------------------------


def bulk_can_be_undone(bulk: ChangeRequest, changed: int) -> bool:
    """Whether it has ended, some of its rows changed their Thing, and they are not all taken back yet."""
    taken_back = bulk.undone_by and not bulk.undone_partly
    return bulk.status not in OPEN and changed > 0 and not taken_back


def undo_of_row(row: BulkRow) -> RestoreThing:
    """What puts the Thing of a row that is done back. ValueError for a row that was never planned."""
    if row.change is None or row.seen is None:
        raise ValueError(f"row {row.item.position} of {row.item.request_id} was never planned")
    return RestoreThing(row.change.iccid, row.seen.thing.lock)


def left_by_row(row: BulkRow) -> ThingLock | None:
    """The lock fields that a row has written; None for one that has written nothing."""
    if row.item.state is not ItemState.DONE or row.change is None or row.seen is None:
        return None
    left = wanted(row.change, row.seen.thing.lock)
    return left if isinstance(left, ThingLock) else None


def judge_undo(change: RestoreThing, now: ThingLock, left: ThingLock | None) -> RowVerdict:
    """Whether a row may be put back: only while the vendor still shows what was written to its Thing.

    `left`: what that was; None where nothing is known of it. LOOK: somebody has touched the Thing since.
    """
    if holds(change, now):
        return RowVerdict.ALREADY
    if not may_be_sent(change.lock):
        return RowVerdict.REFUSED
    return RowVerdict.READY if now == left else RowVerdict.LOOK
