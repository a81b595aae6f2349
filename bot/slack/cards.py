"""The card: drawn from the request as it is now, never edited by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.changes import GroupChange, LockThing, LockThingsGroup, noun, wanted
from bot.domain.impact import SeenThing
from bot.domain.plans import SeenPlan
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.domain.undo import can_be_undone
from bot.services.outcomes import Outcomes
from bot.services.ports import PlaceKind
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.census_block import census_blocks, census_of, short_sums
from bot.slack.locks import Rows, after_words, thing_rows, things_group_rows
from bot.slack.verdicts import any_device, impact, verdict

HEADLINES: Mapping[Status, str] = {
    Status.PREVIEWING: "🔎",
    Status.PENDING: "❓",
    Status.APPROVED: "⏳",
    Status.APPLYING: "⏳",
    Status.PAUSED: "⏸️",
    Status.UNCONFIRMED: "⚠️",
    Status.SUCCEEDED: "✅",
    Status.PARTLY_FAILED: "⚠️",
    Status.FAILED: "❌",
    Status.DENIED: "🚫",
    Status.CANCELLED: "↩️",
    Status.EXPIRED: "⌛",
    Status.OUTDATED: "⚠️",
}
ALARM = "⚠️"
COUNTING = "*Counting whom it hurts.* Nobody can approve it before that is known."
LEFT_TO_PEOPLE = frozenset({ItemState.CONFLICT, ItemState.UNCONFIRMED})
"""Not as asked, or not known: somebody has to look at it."""
AHEAD = frozenset({Status.PREVIEWING, Status.PENDING, Status.APPROVED, Status.APPLYING, Status.PAUSED})
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
    types_number: bool = False
    """Whether an approver has to type how many are affected: a form asks for it."""


def draw(request: ChangeRequest, kind: PlaceKind, audience: Audience, note: str = "") -> Drawn:
    """The whole card. Buttons only while it waits, and only at a place of kind CARD.

    Nothing on it counts from now: a card stands for hours, and every “ago” on it would grow wrong.
    """
    headline = f"{mark(request)} *{_headline(request)}*"
    drawn = [b.section(headline), b.facts(_rows(request))]
    if request.status is Status.PENDING:
        drawn.append(b.section(impact(request)))
        drawn += census_blocks(request)
    elif explanation := _explanation(request):
        drawn.append(b.section(b.escape(explanation, 900)))
    elif request.status is Status.PREVIEWING:
        drawn.append(b.section(f"{COUNTING} {b.escape(request.note, 300)}".strip()))
    drawn.append(b.quote("Reason", request.reason or "none given"))
    if request.asked_in.link:
        drawn.append(b.context(f"From <{request.asked_in.link}|this message>"))
    drawn.append(b.context(people(request, kind, audience)))
    drawn.append(b.context(_read_at(request)))
    if note:
        drawn.append(b.context(note))
    if request.status is Status.PENDING and kind is PlaceKind.CARD:
        drawn.append(decision_buttons(request, audience, _plain_verdict(request)))
    elif request.status is Status.PREVIEWING and kind is PlaceKind.CARD:
        drawn.append(b.actions(*_endings(request), block_id="decision"))
    elif can_be_undone(request):
        drawn.append(b.actions(b.button("Undo", ids.UNDO, request.id), block_id="undo"))
    name = b.escape(request.seen.target.title, 80)
    return Drawn(f"{_headline(request)} ({name})", drawn)


def _explanation(request: ChangeRequest) -> str:
    """What is to be said of the outcome besides the headline."""
    said = (request.item.explanation if request.item else "") or request.note
    say = Outcomes(noun(request.change))
    if request.status is Status.SUCCEEDED:
        return said.removeprefix(say.done).lstrip()
    if request.status in {Status.FAILED, Status.OUTDATED}:
        return said.removeprefix(say.not_changed).lstrip()
    return said


def mark(request: ChangeRequest) -> str:
    """The one emoji at the front."""
    item = request.item
    if item and (item.alarm or item.state in LEFT_TO_PEOPLE):
        return ALARM
    return HEADLINES[request.status]


def _headline(request: ChangeRequest) -> str:
    said = _headline_alone(request)
    return f"{said}; but other fields have changed" if request.item and request.item.alarm else said


def _headline_alone(request: ChangeRequest) -> str:
    item = request.item.state if request.item else None
    special: dict[tuple[Status, ItemState | None], str] = {
        (Status.SUCCEEDED, ItemState.ALREADY): "Nothing had to be changed",
        (Status.FAILED, ItemState.CONFLICT): "Changed by somebody else meanwhile",
        (Status.FAILED, ItemState.UNCONFIRMED): "Given up: not known whether it was changed",
    }
    words = {
        Status.PREVIEWING: f"{_question(request)} First I find out whom it hurts",
        Status.PENDING: _question(request),
        Status.APPROVED: "Approved; not applied yet",
        Status.APPLYING: "Approved; being applied",
        Status.PAUSED: "Paused; nothing more is sent",
        Status.SUCCEEDED: f"{_done(request)}: configured and read back",
        Status.PARTLY_FAILED: "Partly applied",
        Status.FAILED: "Not changed",
        Status.OUTDATED: "Not changed",
        Status.UNCONFIRMED: "Not known yet whether it was changed",
        Status.DENIED: "Denied; nothing was changed",
        Status.CANCELLED: "Cancelled; nothing was changed",
        Status.EXPIRED: "Expired undecided; nothing was changed",
    }
    return special.get((request.status, item)) or words[request.status]


def _question(request: ChangeRequest) -> str:
    if request.undoes:
        return f"Put this {noun(request.change)}'s lock back to what it was before request {request.undoes}?"
    match request.change:
        case LockThing():
            return "Lock this SIM to one device?"
        case LockThingsGroup():
            return "Lock this group to one range of devices?"
    if only_clears(request):
        return f"Clear the stored {_stored(request)}?"
    if isinstance(request.change, GroupChange):
        return "Unlock this group?"
    return f"Unlock this SIM, for {any_device(request)}?"


def _done(request: ChangeRequest) -> str:
    if request.undoes:
        return "Undone"
    if wanted(request.single, request.before).imei_lock:
        return "Locked"
    return f"Stored {_stored(request)} cleared" if only_clears(request) else "Unlocked"


def _stored(request: ChangeRequest) -> str:
    return "TAC" if isinstance(request.change, GroupChange) else "IMEI"


def only_clears(request: ChangeRequest) -> bool:
    """Whether it was not locked anyway, and only the IMEI or TAC stored with it goes."""
    before = request.before
    after = wanted(request.single, before)
    return not before.imei_lock and not after.imei_lock and before.bound_to != after.bound_to


def _rows(request: ChangeRequest) -> Rows:
    ahead = request.status in AHEAD
    now = "now" if ahead else "before"
    after = ("after" if ahead else "asked", after_words(request.single, request.before))
    if isinstance(request.seen, SeenThing):
        return thing_rows(request.seen, now, after)
    if isinstance(request.seen, SeenPlan):
        raise TypeError(f"request {request.id} is a bulk: its card is drawn elsewhere")
    counted = [("SIMs", short_sums(request))] if request.seen.census else []
    return [*things_group_rows(request.seen, now, after), *counted]


def people(request: ChangeRequest, kind: PlaceKind, audience: Audience) -> str:
    """Who asked, who decided or may, until when."""
    asked = f"Asked by {b.mention(request.requester.user_id)} {b.moment(request.created_at)}"
    if request.status is not Status.PENDING:
        return f"{asked} · request `{request.id}`{_decided(request)}{chain(request)}"
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
    seen = request.seen
    has_age = isinstance(seen, SeenThing) and seen.thing.last_seen_at
    counts = "; “ago” counts from then" if has_age else ""
    return f"The {noun(request.change)} as read {b.moment(seen.read_at)}{counts}."


def _decided(request: ChangeRequest) -> str:
    if request.status is Status.DENIED and request.last_decision:
        return f" · denied by {b.mention(request.last_decision.person.user_id)}"
    if request.approvals:
        return f" · approved by {b.mentions(a.person.user_id for a in request.approvals)}"
    return ""


def chain(request: ChangeRequest) -> str:
    """Which request it took back, and which took it back."""
    undoes = f" · undoes `{request.undoes}`" if request.undoes else ""
    partly = "partly " if request.undone_partly else ""
    return undoes + (f" · {partly}undone by `{request.undone_by}`" if request.undone_by else "")


def decision_buttons(request: ChangeRequest, audience: Audience, verdict_: str) -> b.Block:
    """Approve, deny, cancel; `verdict_` is what the "sure?" says, where anybody is affected.

    Where a number has to be typed, the form that asks for it is question enough.
    """
    value = f"{request.id}.{request.fingerprint}"
    approve_sure = None
    if request.impact.affected != 0 and not audience.types_number:
        approve_sure = b.sure("Approve this?", verdict_, "Approve")
    approve = "Approve…" if audience.types_number else "Approve"
    again = [b.button("Count again", ids.COUNT_AGAIN, value)] if census_of(request) else []
    return b.actions(
        b.button(approve, ids.APPROVE, value, style="primary", sure=approve_sure),
        *_endings(request),
        *again,
        block_id="decision",
    )


def _endings(request: ChangeRequest) -> list[b.Block]:
    """The buttons that end it, while it is being counted too."""
    value = f"{request.id}.{request.fingerprint}"
    return [
        b.button("Deny", ids.DENY, value, style="danger"),
        b.button(
            "Cancel request",
            ids.CANCEL,
            value,
            sure=b.sure(
                "Cancel this request?", "Only the person who asked can. Nothing is changed.", "Cancel it"
            ),
        ),
    ]


def _plain_verdict(request: ChangeRequest) -> str:
    name = b.clip(request.seen.target.title, 60)
    return f"{name}: {verdict(request).replace('*', '')}"
