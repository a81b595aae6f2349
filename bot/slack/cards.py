"""The card: drawn from the request as it is now, never edited by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.changes import LockThing, wanted
from bot.domain.identifiers import group_imei, is_reported
from bot.domain.impact import Finding, Verdict
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.domain.things import Thing, ThingLock, ThingsGroup
from bot.services.ports import PlaceKind
from bot.slack import blocks as b
from bot.slack import ids

HEADLINES: Mapping[Status, str] = {
    Status.PENDING: "❓",
    Status.APPROVED: "⏳",
    Status.APPLYING: "⏳",
    Status.UNCONFIRMED: "⚠️",
    Status.SUCCEEDED: "✅",
    Status.FAILED: "❌",
    Status.DENIED: "🚫",
    Status.CANCELLED: "↩️",
    Status.EXPIRED: "⌛",
    Status.OUTDATED: "⚠️",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A message: blocks, and the text for notifications and screen readers."""

    text: str
    blocks: list[b.Block]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may approve: ids for the card that mentions them, role names for the twin that doesn't."""

    ids: tuple[str, ...]
    roles: tuple[str, ...]


def draw(request: ChangeRequest, kind: PlaceKind, audience: Audience, now: datetime, note: str = "") -> Drawn:
    """The whole card. Buttons only while it waits, and only at a place of kind CARD."""
    headline = f"{HEADLINES[request.status]} *{_headline(request)}*"
    drawn = [b.section(headline), b.facts(_rows(request))]
    if request.status is Status.PENDING:
        drawn.append(b.section(_impact(request, now)))
    elif request.item and request.item.explanation:
        drawn.append(b.section(b.escape(request.item.explanation, 900)))
    drawn.append(b.quote("Reason", request.reason or "none given"))
    drawn.append(b.context(_people(request, kind, audience)))
    if note:
        drawn.append(b.context(note))
    if request.status is Status.PENDING and kind is PlaceKind.CARD:
        drawn.append(_buttons(request))
    name = b.escape(request.seen.thing.name or request.seen.thing.iccid, 80)
    return Drawn(f"{_headline(request)} ({name})", drawn)


def _headline(request: ChangeRequest) -> str:
    lock = isinstance(request.change, LockThing)
    item = request.item.state if request.item else None
    special: dict[tuple[Status, ItemState | None], str] = {
        (Status.SUCCEEDED, ItemState.ALREADY): "Nothing had to be changed",
        (Status.FAILED, ItemState.CONFLICT): "Changed by somebody else meanwhile",
    }
    words = {
        Status.PENDING: "Lock this SIM to one device?" if lock else "Unlock this SIM, for any device?",
        Status.APPROVED: "Approved; not applied yet",
        Status.APPLYING: "Approved; being applied",
        Status.SUCCEEDED: f"{'Locked' if lock else 'Unlocked'}: configured and read back",
        Status.FAILED: "Not changed",
        Status.OUTDATED: "Not changed",
        Status.UNCONFIRMED: "Not known yet whether it was changed",
        Status.DENIED: "Denied; nothing was changed",
        Status.CANCELLED: "Cancelled; nothing was changed",
        Status.EXPIRED: "Expired undecided; nothing was changed",
    }
    return special.get((request.status, item)) or words[request.status]


def _rows(request: ChangeRequest) -> list[tuple[str, str]]:
    thing = request.seen.thing
    after = wanted(request.change, thing.lock)
    ended = request.status in {Status.SUCCEEDED, Status.FAILED, Status.OUTDATED, Status.UNCONFIRMED}
    rows = [
        ("Thing", thing.name or "(no name)"),
        ("ICCID", b_iccid(thing.iccid)),
        ("before" if ended else "now", lock_words(thing.lock)),
        ("asked" if ended else "after", lock_words(after)),
    ]
    rows.append(("seen in", device_words(thing, request.seen.read_at)))
    rows += group_rows(request.seen.group, readable=request.seen.group_readable)
    rows.append(("state", thing.state or "unknown"))
    return rows


def b_iccid(iccid: str) -> str:
    """An ICCID in groups of four."""
    return " ".join(iccid[i : i + 4] for i in range(0, len(iccid), 4))


def lock_words(lock: ThingLock) -> str:
    """Lock fields in as few words as a phone is wide."""
    if lock.imei_lock:
        return group_imei(lock.locked_imei) if lock.locked_imei else "locked, no IMEI stored"
    return f"unlocked ({group_imei(lock.locked_imei)} kept)" if lock.locked_imei else "unlocked"


def device_words(thing: Thing, now: datetime) -> str:
    """The device last seen, and how long before this reading; a line of a phone's width."""
    if not is_reported(thing.last_seen_imei):
        return "no device reported"
    age = f", {b.age(thing.last_seen_at, now)}" if thing.last_seen_at else ""
    return group_imei(thing.last_seen_imei) + age


def group_rows(group: ThingsGroup | None, *, readable: bool) -> list[tuple[str, str]]:
    """The group and its own lock, beside the Thing's: which of the two wins is documented nowhere."""
    if not readable:
        return [("group", "could not be read")]
    if group is None:
        return [("group", "none")]
    lock = f"locked to TAC {group.tac or '(none)'}" if group.imei_lock else "not locked"
    return [("group", group.name or group.things_group_id), ("its lock", lock)]


def _impact(request: ChangeRequest, now: datetime) -> str:
    verdict = _verdict(request)
    lines = [f"• {line}" for finding in request.impact.findings if (line := _finding(finding, request, now))]
    return "\n".join([f"*Impact:* {verdict}", *lines])


def _verdict(request: ChangeRequest) -> str:
    lock = isinstance(request.change, LockThing)
    match request.impact.verdict:
        case Verdict.KEEPS:
            return "the device in use keeps service." if lock else "nothing was locked, so nothing is lost."
        case Verdict.LOSES:
            if lock:
                return "*the device in use loses service.*"
            return "*the SIM loses its protection:* it will work in any device."
        case Verdict.UNKNOWN:
            return "*unknown:* the device in use may lose service."


def _finding(finding: Finding, request: ChangeRequest, now: datetime) -> str:
    seen = request.seen
    thing = seen.thing
    when = b.age(thing.last_seen_at, now)
    last = group_imei(thing.last_seen_imei)
    elsewhere = b.escape(", ".join((seen.elsewhere or ())[:5]), 200)
    ours = b.escape(", ".join(seen.locked_elsewhere[:5]), 200)
    tac = seen.group.tac if seen.group else ""
    lines = {
        Finding.SAME_DEVICE: f"Last seen in this very device, {when}.",
        Finding.OTHER_DEVICE: f"Last seen in *another* device: {last}, {when}.",
        Finding.NEVER_SEEN: "Never seen in any device, so nothing confirms the IMEI.",
        Finding.ZEROS: "The carrier reports no IMEI (zeros): even a correct lock may never match.",
        Finding.SEEN_ELSEWHERE: f"This IMEI was last seen on *another* SIM: {elsewhere}.",
        Finding.LOCKED_ELSEWHERE: f"Another SIM is locked to this IMEI: {ours}.",
        Finding.ELSEWHERE_UNKNOWN: "Whether another SIM uses this IMEI could not be read.",
        Finding.GROUP_CONTRADICTS: f"The group is locked to TAC {b.escape(tac or '(none)')}, which this IMEI "
        "is outside of. Which lock wins is not documented.",
        Finding.GROUP_ALSO_LOCKS: f"The group's own lock (TAC {b.escape(tac or '(none)')}) stays in force.",
        Finding.GROUP_UNREADABLE: "The Things Group could not be read, so its lock is unknown.",
        Finding.NOT_ACTIVE: f"The SIM is {b.escape(thing.state)}, not active.",
        Finding.ONLINE_NOW: "It is online right now.",
        Finding.ALREADY_SO: "Somebody has done the same elsewhere meanwhile: approving would change nothing.",
    }
    return lines.get(finding, "")


def _people(request: ChangeRequest, kind: PlaceKind, audience: Audience) -> str:
    asked = f"Asked by {b.mention(request.requester.user_id)} {b.moment(request.created_at)}"
    if request.status is not Status.PENDING:
        return f"{asked} · request `{request.id}`{_decided(request)}"
    left = request.approvals_left
    more = "more " if request.approvals else ""
    who = b.mentions(audience.ids) if kind is PlaceKind.CARD else b.escape(" or ".join(audience.roles))
    needed = f"{left} {more}approval{'s' * (left != 1)} needed from {who}"
    given = f" · approved by {b.mentions(a.person.user_id for a in request.approvals)}" if more else ""
    elsewhere = "" if kind is PlaceKind.CARD else " · decided in the approvals channel or by direct message"
    return (
        f"{asked} · {needed}{given} · until {b.moment(request.expires_at)} · "
        f"request `{request.id}`{elsewhere}"
    )


def _decided(request: ChangeRequest) -> str:
    if request.status is Status.DENIED and request.last_decision:
        return f" · denied by {b.mention(request.last_decision.person.user_id)}"
    if request.approvals:
        return f" · approved by {b.mentions(a.person.user_id for a in request.approvals)}"
    return ""


def _buttons(request: ChangeRequest) -> b.Block:
    value = f"{request.id}.{request.fingerprint}"
    approve_sure = None
    if request.impact.affected:
        approve_sure = b.sure("Approve this?", _plain_verdict(request), "Approve")
    return b.actions(
        b.button("Approve", ids.APPROVE, value, style="primary", sure=approve_sure),
        b.button("Deny", ids.DENY, value, style="danger"),
        b.button(
            "Cancel request",
            ids.CANCEL,
            value,
            sure=b.sure(
                "Cancel this request?", "Only the person who asked can. Nothing is changed.", "Cancel it"
            ),
        ),
        block_id="decision",
    )


def _plain_verdict(request: ChangeRequest) -> str:
    name = b.clip(request.seen.thing.name or request.seen.thing.iccid, 60)
    return f"{name}: {_verdict(request).replace('*', '')}"
