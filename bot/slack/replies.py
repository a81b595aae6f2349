"""The replies in a card's thread: decisions and outcomes, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bot.domain.changes import Bulk, GroupChange, noun
from bot.domain.planned import plan_of
from bot.domain.requests import ChangeRequest, ItemState, Status
from bot.domain.things import Thing, is_readable
from bot.slack import blocks as b
from bot.slack.bulk_replies import bulk_reply, rest_of_undo
from bot.slack.cards import Drawn, only_clears
from bot.slack.census_block import sums
from bot.slack.locks import after_words

ROWS = "📄 Row by row: what would be done, whom it hurts, and what is left out."
"""Above the file for whoever decides on a bulk."""


def reply(request: ChangeRequest, what: str, about: Mapping[str, str]) -> Drawn:
    """A decision or an outcome, told in the thread. `what` names it; `about` carries its details."""
    text = _text(request, what, about)
    return Drawn(text, [b.section(text)])


def audit_line(request: ChangeRequest, what: str, about: Mapping[str, str]) -> Drawn:
    """The same, for the audit channel, where no card stands above it."""
    target = request.seen.target
    named = f"…{target.iccid[-4:]}" if isinstance(target, Thing) else noun(request.change)
    name = b.escape(target.name if is_readable(target.name) else "(no name)", 60)
    said = _text(request, what, about)
    text = f"`{request.id}` {name} ({named}): {said}"
    return Drawn(text, [b.section(text)])


def _text(request: ChangeRequest, what: str, about: Mapping[str, str]) -> str:
    if what == "rows":
        return ROWS
    return bulk_reply(request, what, about) or _reply_text(request, what, about)


def _reply_text(request: ChangeRequest, what: str, about: Mapping[str, str]) -> str:
    requester = b.mention(request.requester.user_id)
    by = b.mention(about["by"]) if about.get("by") else ""
    match what:
        case "approved":
            left = int(about.get("left", "0"))
            more = f" {left} more needed." if left else " It is applied now."
            return f"👍 Approved by {by}.{more}"
        case "counted" | "counting":
            return _of_a_count(request, what, by, about)
        case "denied":
            reason = b.escape(about.get("reason", ""), 500)
            return f"🚫 Denied by {by}: {reason}\n{requester}, nothing was changed."
        case "cancelled":
            return f"↩️ Cancelled by {by}. Nothing was changed."
        case "expired":
            return f"⌛ {requester}, nobody decided in time. Nothing was changed; ask again if still wanted."
        case "planned":
            return _planned(request, requester)
        case "redrawn":
            moved = "rules have" if isinstance(request.change, Bulk) else f"{noun(request.change)} has"
            return (
                f"♻️ The {moved} changed since this was asked, so the card was redrawn "
                "and earlier approvals no longer count. Please look at it again."
            )
        case "undone":
            undo = b.escape(about.get("id", ""), 40)
            return f"↩️ Undone by {by} with request `{undo}`.{rest_of_undo(about)}"
        case "delayed":
            return f"⏳ {b.escape(about.get('explanation', ''), 900)}{_until(about)}"
        case _:
            return _outcome(request, requester, about)


def _of_a_count(request: ChangeRequest, what: str, by: str, about: Mapping[str, str]) -> str:
    if what == "counted":
        return _counted(request, about.get("deciders", "").split())
    fallen = " Earlier approvals no longer count." if about.get("voided") else ""
    return f"🔎 {by} had it counted again.{fallen}"


def _counted(request: ChangeRequest, deciders: Sequence[str]) -> str:
    """It may be told late: only while somebody has to decide, anybody is asked to."""
    if not (counts := sums(request)):
        return "🔎 It is being counted again."
    if request.status is not Status.PENDING:
        return f"🔎 Counted: {b.escape(counts)}."
    who = f"{b.mentions(deciders)}, please" if deciders else "Please"
    return f"🔎 Counted: {b.escape(counts)}. {who} decide on the card above."


def _planned(request: ChangeRequest, requester: str) -> str:
    """Above the file with one verdict a row."""
    rows = plan_of(request).rows
    if not rows.ready:
        return f"📄 {requester}, all rows are checked and none is ready. The file says why, row by row."
    return f"📄 {requester}, all rows are checked; the file has one verdict a row. What now? The card asks."


def _until(about: Mapping[str, str]) -> str:
    if not about.get("until"):
        return ""
    until = datetime.fromtimestamp(int(about["until"]), UTC)
    return f" I keep trying until {b.moment(until)}."


def _outcome(request: ChangeRequest, requester: str, about: Mapping[str, str]) -> str:
    explanation = b.escape(about.get("explanation", ""), 900)
    state = about.get("state", "")
    if state == ItemState.DONE and not isinstance(request.change, Bulk):
        mark = "⚠️" if about.get("alarm") else "✅"
        return f"{mark} {requester}, done. {_done(request)}. {explanation}"
    mark = (
        {ItemState.DONE: "✅", ItemState.ALREADY: "✅", ItemState.FAILED: "❌"}.get(ItemState(state), "⚠️")
        if state
        else "⚠️"
    )
    return f"{mark} {requester}, {explanation[:1].lower() + explanation[1:]}"


def _done(request: ChangeRequest) -> str:
    if only_clears(request):
        stored = "TAC" if isinstance(request.change, GroupChange) else "IMEI"
        return f"Stored {stored} cleared; the {noun(request.change)} was not locked before and is not now"
    after = b.escape(after_words(request.single, request.before))
    return after[:1].upper() + after[1:]
