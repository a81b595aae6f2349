"""Taking a request back: the very lock fields that stood there before it, where that may be asked for."""

from __future__ import annotations

import re

from bot.domain.changes import GroupChange, RestoreThing, RestoreThingsGroup, SingleChange, noun, wanted
from bot.domain.errors import Unfit
from bot.domain.identifiers import is_reported
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.domain.things import GroupLock, Lock, ThingLock

_IMEI = re.compile(r"[0-9]{14,16}")
_TAC = re.compile(r"[0-9]{8}")


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
    if before.imei_lock and not _can_be_met(before):
        raise Unfit(_never_sent(change, before))
    if isinstance(change, GroupChange):
        if not isinstance(before, GroupLock):
            raise TypeError(f"request {request.id} is about a group and remembers a Thing's lock")
        return RestoreThingsGroup(change.things_group_id, before)
    if not isinstance(before, ThingLock):
        raise TypeError(f"request {request.id} is about a Thing and remembers a group's lock")
    return RestoreThing(change.iccid, before)


def _can_be_met(lock: Lock) -> bool:
    """A check digit that is wrong or missing is the vendor's to keep: networks compare 14 digits."""
    form = _IMEI if isinstance(lock, ThingLock) else _TAC
    return bool(form.fullmatch(lock.bound_to)) and is_reported(lock.bound_to)


def _never_sent(change: SingleChange, before: Lock) -> str:
    what = "IMEI" if isinstance(before, ThingLock) else "TAC"
    stored = f"“{before.bound_to[:30]}”, which is no {what}" if before.bound_to.strip() else f"no {what}"
    return (
        f"Before this request the {noun(change)} was locked to {stored}. What such a lock does is "
        f"documented nowhere, so it is never sent. Unlock the {noun(change)}, or lock it to the {what} "
        "that it should have."
    )
