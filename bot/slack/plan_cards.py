"""The card of a bulk: its plan while its rows are checked and decided on, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.domain.impact import Counts, Finding
from bot.domain.planned import plan_of
from bot.domain.plans import RowCounts
from bot.domain.requests import ChangeRequest, Status
from bot.services.ports import PlaceKind
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.cards import HEADLINES, Audience, Drawn, chain, decision_buttons, people

BAR_CELLS = 18
"""Of all rows: label, number and bar together fit a phone."""
LABEL, NUMBER = 13, 9
FINDINGS: Mapping[Finding, str] = {
    Finding.NEVER_SEEN: "Some SIMs were never seen in any device: nothing confirms their IMEI.",
    Finding.ZEROS: "For some the carrier reports no IMEI (zeros): even a correct lock may never match.",
    Finding.SEEN_ELSEWHERE: "Some IMEIs were last seen on *another* SIM.",
    Finding.LOCKED_ELSEWHERE: "For some another SIM is locked to the IMEI.",
    Finding.GROUP_CONTRADICTS: "Some groups are locked to a TAC that the IMEI is outside of. "
    "Which lock wins is not documented.",
    Finding.GROUP_ALSO_LOCKS: "Some groups have a lock of their own, which stays in force.",
    Finding.GROUP_UNREADABLE: "Some groups could not be read, so their lock is unknown.",
    Finding.NOT_ACTIVE: "Some SIMs are not active.",
    Finding.ONLINE_NOW: "Some are online right now.",
}
"""What stands on the card of what was found in any ready row; which rows they are stands in the file."""
WAITS = frozenset({Status.PREVIEWING, Status.PENDING})


def draw_bulk(request: ChangeRequest, kind: PlaceKind, audience: Audience, note: str = "") -> Drawn:
    """The whole card. The requester's buttons stand where they follow it, the approvers' on their cards."""
    said = headline(request)
    drawn = [b.section(f"{HEADLINES[request.status]} *{said}*"), b.quote("File", plan_of(request).name)]
    drawn.append(_tables(request))
    if request.status in WAITS and plan_of(request).digest:
        drawn.append(b.section(_impact(request)))
    if request.status in WAITS and (notes := plan_of(request).notes):
        drawn.append(b.section("\n".join(f"• {b.escape(sentence, 400)}" for sentence in notes)))
    if request.note:
        drawn.append(b.section(b.escape(request.note, 900)))
    drawn.append(b.quote("Reason", request.reason or "none given"))
    drawn.append(b.context(_people(request, kind, audience)))
    if request.status in WAITS:
        drawn.append(b.context(_checked(request)))
    if note:
        drawn.append(b.context(note))
    drawn += _buttons(request, kind, audience)
    return Drawn(f"{said} ({b.escape(plan_of(request).name, 80)})", drawn)


def headline(request: ChangeRequest) -> str:
    """The question, or the outcome of one that was never approved: `bulk_cards` draws the others."""
    plan = plan_of(request)
    words = {
        Status.PREVIEWING: _previewing(plan.rows, is_checked=bool(plan.digest)),
        Status.PENDING: _question(request),
        Status.OUTDATED: "Not changed",
        Status.DENIED: "Denied; nothing was changed",
        Status.CANCELLED: "Cancelled; nothing was changed",
        Status.EXPIRED: "Expired undecided; nothing was changed",
    }
    return words[request.status]


def _question(request: ChangeRequest) -> str:
    ready = _sims(plan_of(request).rows.ready)
    if request.undoes:
        were = "it was" if plan_of(request).rows.ready == 1 else "they were"
        return f"Put {ready} back to what {were} before request {request.undoes}?"
    return f"Change {ready}, each as its row says?"


def _previewing(rows: RowCounts, *, is_checked: bool) -> str:
    if not is_checked:
        return f"Checking the rows: {rows.total - rows.unchecked:,} of {rows.total:,}"
    if not rows.ready:
        return "None of the rows is ready"
    return f"Send the {rows.ready:,} ready {'row' if rows.ready == 1 else 'rows'} on?"


def _tables(request: ChangeRequest) -> b.Block:
    """The rows by verdict, and the ready ones by impact: aligned numbers, with a bar each."""
    plan = plan_of(request)
    rows = [
        ("ready", plan.rows.ready),
        ("already so", plan.rows.already),
        ("need a look", plan.rows.look),
        ("refused", plan.rows.refused),
    ]
    rows += [("unchecked", plan.rows.unchecked)] if plan.rows.unchecked else []
    tables = [_table(rows, "all rows")]
    if plan.digest and plan.rows.ready and (counts := request.impact.counts):
        hurt = [("lose nothing", counts.keeps), ("LOSE by it", counts.loses), ("unknown", counts.unknown)]
        tables.append(_table(hurt, "ready"))
    return {"type": "rich_text", "elements": tables}


def _table(counted: Sequence[tuple[str, int]], total: str) -> b.Block:
    everything = sum(number for _, number in counted)
    lines = [_line(label, number, everything) for label, number in counted]
    lines.append(_line(total, everything, 0))
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "\n".join(lines)}]}


def _line(label: str, number: int, of: int) -> str:
    cells = max(1, number * BAR_CELLS // of) if of and number else 0
    return f"{label.ljust(LABEL)}{number:>{NUMBER},}  {'█' * cells}".rstrip()


def _impact(request: ChangeRequest) -> str:
    counts = request.impact.counts or Counts()
    if not plan_of(request).rows.ready:
        mend = "" if request.undoes else ": mend it, and send it again"
        return f"Nothing can be sent on. The file in the thread says why{mend}."
    lines = [f"• {FINDINGS[finding]}" for finding in request.impact.findings if finding in FINDINGS]
    hurt = counts.loses + counts.unknown
    verdict = "no SIM loses service or protection." if not hurt else _verdict(counts)
    return "\n".join([f"*Impact:* {verdict}", *lines])


def _verdict(counts: Counts) -> str:
    parts = []
    if counts.loses:
        loses = "loses" if counts.loses == 1 else "lose"
        parts.append(f"{_sims(counts.loses)} {loses} service or protection")
    if counts.unknown:
        parts.append(f"of {_sims(counts.unknown)} it can't be known")
    return f"*{'; '.join(parts)}.*"


def _sims(number: int) -> str:
    return "1 SIM" if number == 1 else f"{number:,} SIMs"


def _people(request: ChangeRequest, kind: PlaceKind, audience: Audience) -> str:
    if request.status is not Status.PREVIEWING:
        return people(request, kind, audience)
    asked = f"Asked by {b.mention(request.requester.user_id)} {b.moment(request.created_at)}"
    if not plan_of(request).digest:
        return f"{asked} · request `{request.id}`{chain(request)}"
    until = b.moment(request.expires_at)
    return f"{asked} · only they can send it on, until {until} · request `{request.id}`{chain(request)}"


def _checked(request: ChangeRequest) -> str:
    if request.status is Status.PENDING:
        return (
            f"Rows as read until {b.moment(request.seen.read_at)}; each is compared again when applied. "
            f"Approved, it has to be done within {span(request.apply_within)}."
        )
    if not plan_of(request).digest:
        return "Nothing is asked for yet."
    if request.undoes:
        return "SIMs that are not ready stay as they are; the file in the thread lists them."
    return "Rows that are not ready are left out. To mend them: cancel this, and send the mended file."


def span(length: timedelta) -> str:
    """A length of time in hours and minutes."""
    minutes = max(1, round(length.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)


def _buttons(request: ChangeRequest, kind: PlaceKind, audience: Audience) -> list[b.Block]:
    if request.status is Status.PENDING and kind is PlaceKind.CARD:
        return [decision_buttons(request, audience, _hurt(request))]
    if request.status is not Status.PREVIEWING:
        return []
    plan = plan_of(request)
    sure = b.sure("Cancel this?", "Only the person who asked can. Nothing is changed.", "Cancel it")
    cancel = b.button("Cancel", ids.CANCEL, f"{request.id}.", sure=sure)
    if not plan.digest or not plan.rows.ready:
        return [b.actions(cancel)]
    ready = "Send the 1 ready one" if plan.rows.ready == 1 else f"Send the {plan.rows.ready:,} ready ones"
    send = b.button(ready, ids.BULK_SEND, f"{request.id}.{plan.digest}", style="primary")
    return [b.actions(send, cancel, block_id="plan")]


def _hurt(request: ChangeRequest) -> str:
    counts = request.impact.counts or Counts()
    ready = _sims(plan_of(request).rows.ready)
    return f"{ready}; {counts.loses:,} lose service or protection, of {counts.unknown:,} it is unknown."
