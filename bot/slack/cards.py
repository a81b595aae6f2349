"""The card: drawn from the request as it is now, never edited by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.changes import Change, LockThing, wanted
from bot.domain.identifiers import group_imei, is_reported
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.domain.things import Thing, ThingLock, ThingsGroup
from bot.services.outcomes import is_an_imei
from bot.services.ports import PlaceKind
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.verdicts import any_device, impact, verdict

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
AHEAD = frozenset({Status.PENDING, Status.APPROVED, Status.APPLYING})
"""While the change lies ahead a card says “now” and “after”; then what was before, and what was asked."""


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


def draw(request: ChangeRequest, kind: PlaceKind, audience: Audience, note: str = "") -> Drawn:
    """The whole card. Buttons only while it waits, and only at a place of kind CARD.

    Nothing on it counts from now: a card stands for hours, and every “ago” on it would grow wrong.
    """
    headline = f"{HEADLINES[request.status]} *{_headline(request)}*"
    drawn = [b.section(headline), b.facts(_rows(request))]
    if request.status is Status.PENDING:
        drawn.append(b.section(impact(request)))
    elif request.item and request.item.explanation:
        drawn.append(b.section(b.escape(request.item.explanation, 900)))
    drawn.append(b.quote("Reason", request.reason or "none given"))
    drawn.append(b.context(_people(request, kind, audience)))
    drawn.append(b.context(_read_at(request)))
    if note:
        drawn.append(b.context(note))
    if request.status is Status.PENDING and kind is PlaceKind.CARD:
        drawn.append(_buttons(request))
    name = b.escape(request.seen.thing.name or request.seen.thing.iccid, 80)
    return Drawn(f"{_headline(request)} ({name})", drawn)


def _headline(request: ChangeRequest) -> str:
    item = request.item.state if request.item else None
    special: dict[tuple[Status, ItemState | None], str] = {
        (Status.SUCCEEDED, ItemState.ALREADY): "Nothing had to be changed",
        (Status.FAILED, ItemState.CONFLICT): "Changed by somebody else meanwhile",
    }
    words = {
        Status.PENDING: _question(request),
        Status.APPROVED: "Approved; not applied yet",
        Status.APPLYING: "Approved; being applied",
        Status.SUCCEEDED: f"{_done(request)}: configured and read back",
        Status.FAILED: "Not changed",
        Status.OUTDATED: "Not changed",
        Status.UNCONFIRMED: "Not known yet whether it was changed",
        Status.DENIED: "Denied; nothing was changed",
        Status.CANCELLED: "Cancelled; nothing was changed",
        Status.EXPIRED: "Expired undecided; nothing was changed",
    }
    return special.get((request.status, item)) or words[request.status]


def _question(request: ChangeRequest) -> str:
    if isinstance(request.change, LockThing):
        return "Lock this SIM to one device?"
    if only_clears(request):
        return "Clear the stored IMEI?"
    return f"Unlock this SIM, for {any_device(request)}?"


def _done(request: ChangeRequest) -> str:
    if isinstance(request.change, LockThing):
        return "Locked"
    return "Stored IMEI cleared" if only_clears(request) else "Unlocked"


def only_clears(request: ChangeRequest) -> bool:
    """Whether the SIM was not locked anyway, and only the IMEI stored with it goes."""
    before = request.seen.thing.lock
    after = wanted(request.change, before)
    return not before.imei_lock and not after.imei_lock and before.locked_imei != after.locked_imei


def _rows(request: ChangeRequest) -> list[tuple[str, str]]:
    thing = request.seen.thing
    ahead = request.status in AHEAD
    rows = [
        ("SIM", thing.name or "(no name)"),
        ("ICCID", b_iccid(thing.iccid)),
        ("now" if ahead else "before", lock_words(thing.lock)),
        ("after" if ahead else "asked", after_words(request.change, thing.lock)),
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
    stored = group_imei(lock.locked_imei)
    if not stored:
        return "locked, no IMEI stored" if lock.imei_lock else "unlocked"
    if not is_an_imei(lock.locked_imei):
        stored = "zeros" if set(lock.locked_imei) == {"0"} else stored
        return f"locked, to no IMEI: {stored}" if lock.imei_lock else f"unlocked (kept, no IMEI: {stored})"
    return f"locked to {stored}" if lock.imei_lock else f"unlocked ({stored} kept)"


def after_words(change: Change, before: ThingLock) -> str:
    """The lock fields as the change leaves them; that a stored IMEI goes is said."""
    after = wanted(change, before)
    cleared = bool(before.locked_imei) and not after.locked_imei
    return lock_words(after) + (", IMEI cleared" if cleared else "")


def device_words(thing: Thing, now: datetime) -> str:
    """The device last seen, and how long before this reading; a line of a phone's width."""
    if not thing.last_seen_imei:
        return "never in any device"
    if not is_reported(thing.last_seen_imei):
        return "carrier reports none"
    age = b.age(thing.last_seen_at, now) if thing.last_seen_at else "time unknown"
    return f"{group_imei(thing.last_seen_imei)}, {age}"


def group_rows(group: ThingsGroup | None, *, readable: bool) -> list[tuple[str, str]]:
    """The group and its own lock, beside the Thing's: which of the two wins is documented nowhere."""
    if not readable:
        return [("group", "could not be read")]
    if group is None:
        return [("group", "none")]
    lock = f"locked to TAC {group.tac or '(none)'}" if group.imei_lock else "not locked"
    return [("group", group.name or group.things_group_id), ("its lock", lock)]


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


def _read_at(request: ChangeRequest) -> str:
    """What every “ago” on the card counts from."""
    counts = "; “ago” counts from then" if request.seen.thing.last_seen_at else ""
    return f"The SIM as read {b.moment(request.seen.read_at)}{counts}."


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
    return f"{name}: {verdict(request).replace('*', '')}"
