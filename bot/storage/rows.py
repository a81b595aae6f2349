"""Rows and the domain values that they hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from bot.domain.changes import Change, LockThing, RestoreThing
from bot.domain.requests import (
    ChangeRequest,
    Item,
    ItemState,
    Origin,
    Person,
    PersonDecision,
    Status,
    Vote,
)
from bot.services.ports import Message, MessageState, Place, PlaceKind, Submission
from bot.storage.encoding import (
    decode_change,
    decode_impact,
    decode_seen,
    decode_texts,
    encode_change,
    encode_impact,
    encode_seen,
    encode_texts,
)


def request_values(request: ChangeRequest) -> dict[str, Any]:
    """The columns of a request's row. Its decisions and its item have rows of their own."""
    target = request.seen.target
    return {
        "id": request.id,
        "rev": request.rev,
        "status": request.status.value,
        "kind": request.change.kind.value,
        "target_id": target.target_id,
        "target_title": target.title,
        "device": device_of(request.change),
        "requester_user": request.requester.user_id,
        "requester_team": request.requester.team_id,
        "asked_channel": request.asked_in.channel,
        "asked_ts": request.asked_in.message_ts,
        "reason": request.reason,
        "change": encode_change(request.change),
        "seen": encode_seen(request.seen),
        "impact": encode_impact(request.impact),
        "fingerprint": request.fingerprint,
        "approvals_needed": request.approvals_needed,
        "created_at": request.created_at,
        "expires_at": request.expires_at,
        "apply_within": request.apply_within,
        "approved_at": request.approved_at,
        "asked_thread": request.asked_in.thread_ts,
        "asked_link": request.asked_in.link,
        "undoes": request.undoes,
        "note": request.note,
        "next_at": request.next_at,
    }


def device_of(change: Change) -> str:
    """The device (14 digits) that a Thing is to be locked to, "" where it is to none."""
    match change:
        case LockThing(imei=imei):
            return imei.device
        case RestoreThing(lock=lock) if lock.imei_lock:
            return lock.locked_imei[:14]
    return ""


def to_request(row: Row[Any], decisions: tuple[PersonDecision, ...], item: Item | None) -> ChangeRequest:
    """A request from its row."""
    return ChangeRequest(
        id=row.id,
        rev=row.rev,
        status=Status(row.status),
        change=decode_change(row.change),
        requester=Person(row.requester_user, row.requester_team),
        asked_in=Origin(row.asked_channel, row.asked_ts, row.asked_thread, row.asked_link),
        reason=row.reason,
        seen=decode_seen(row.seen),
        impact=decode_impact(row.impact),
        fingerprint=row.fingerprint,
        approvals_needed=row.approvals_needed,
        created_at=row.created_at,
        expires_at=row.expires_at,
        apply_within=row.apply_within,
        approved_at=row.approved_at,
        decisions=decisions,
        item=item,
        undoes=row.undoes,
        note=row.note,
        undone_by=row.undone_wholly_by or row.undone_by or "",
        undone_partly=bool(row.undone_by) and not row.undone_wholly_by,
        next_at=row.next_at,
    )


def decision_values(request_id: str, decision: PersonDecision) -> dict[str, Any]:
    """The columns of a decision's row."""
    return {
        "request_id": request_id,
        "user_id": decision.person.user_id,
        "team_id": decision.person.team_id,
        "vote": decision.vote.value,
        "at": decision.at,
        "reason": decision.reason,
        "counts": decision.counts,
    }


def to_decision(row: Row[Any]) -> PersonDecision:
    """A decision from its row."""
    return PersonDecision(
        person=Person(row.user_id, row.team_id),
        vote=Vote(row.vote),
        at=row.at,
        reason=row.reason,
        counts=row.counts,
    )


def item_values(item: Item) -> dict[str, Any]:
    """The columns of an item's row."""
    return {
        "request_id": item.request_id,
        "state": item.state.value,
        "attempts": item.attempts,
        "next_at": item.next_at,
        "sent_before": item.sent_before,
        "explanation": item.explanation,
        "alarm": item.alarm,
        "position": item.position,
        "run": item.run,
        "unseen_since": item.unseen_since,
    }


def to_item(row: Row[Any]) -> Item:
    """An item from its row."""
    return Item(
        request_id=row.request_id,
        state=ItemState(row.state),
        attempts=row.attempts,
        next_at=row.next_at,
        sent_before=row.sent_before,
        explanation=row.explanation,
        alarm=row.alarm,
        position=row.position,
        run=row.run,
        unseen_since=row.unseen_since,
    )


def submission_values(submission: Submission) -> dict[str, Any]:
    """The columns of a submission's row, but for its state."""
    return {
        "id": submission.id,
        "key": submission.key,
        "user_id": submission.person.user_id,
        "team_id": submission.person.team_id,
        "channel": submission.origin.channel,
        "message_ts": submission.origin.message_ts,
        "view_id": submission.view_id,
        "kind": submission.kind,
        "fields": encode_texts(submission.fields),
        "at": submission.at,
        "thread_ts": submission.origin.thread_ts,
        "link": submission.origin.link,
    }


def to_submission(row: Row[Any]) -> Submission:
    """A submission from its row."""
    return Submission(
        id=row.id,
        key=row.key,
        person=Person(row.user_id, row.team_id),
        origin=Origin(row.channel, row.message_ts, row.thread_ts, row.link),
        view_id=row.view_id,
        kind=row.kind,
        fields=decode_texts(row.fields),
        at=row.at,
    )


def to_message(row: Row[Any]) -> Message:
    """An outbox message from its row."""
    return Message(
        id=row.id,
        request_id=row.request_id,
        place_id=row.place_id,
        what=row.what,
        about=decode_texts(row.about),
        state=MessageState(row.state),
        attempts=row.attempts,
        not_before=row.not_before,
    )


def to_place(row: Row[Any]) -> Place:
    """A place from its row."""
    return Place(
        id=row.id,
        request_id=row.request_id,
        kind=PlaceKind(row.kind),
        channel=row.channel,
        ts=row.ts,
        drawn_rev=row.drawn_rev,
        thread_ts=row.thread_ts,
    )
