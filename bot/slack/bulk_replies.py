"""What the thread of a bulk's card says while it is applied, and of its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from bot.domain.requests import ChangeRequest, Status
from bot.domain.tallies import Tally
from bot.slack import blocks as b
from bot.slack.bulk_cards import headline, left_over, shares

MARKS = {Status.SUCCEEDED: "✅", Status.FAILED: "❌"}


def bulk_reply(request: ChangeRequest, what: str, about: Mapping[str, str]) -> str | None:
    """One paragraph; None where `what` is nothing that only bulks know."""
    by = b.mention(about["by"]) if about.get("by") else ""
    match what:
        case "paused" if by:
            return f"⏸️ Paused by {by}. Nothing more is sent until somebody resumes it or cancels the rest."
        case "paused":
            concerned = [request.requester.user_id, *(a.person.user_id for a in request.approvals)]
            why = b.escape(about.get("reason", ""), 500)
            return (
                f"⏸️ {b.mentions(dict.fromkeys(concerned))}, I paused this by myself. {why} Look at those "
                "rows in the file; then resume it, or cancel the rest."
            )
        case "resumed":
            return f"▶️ Resumed by {by}."
        case "rest_cancelled":
            rows = int(about.get("rows", "0"))
            return f"↩️ {by} cancelled the rest. {left_over(rows)} as {'it is' if rows == 1 else 'they are'}."
        case "bulk_outcome":
            return _outcome(request, about)
        case _:
            return None


def _outcome(request: ChangeRequest, about: Mapping[str, str]) -> str:
    """By what was counted then: the request may have moved on since."""
    status = Status(about["status"])
    tally = Tally(**{field.name: int(about.get(field.name, "0")) for field in fields(Tally)})
    said = headline(status, tally)
    counted = ", ".join(f"{number:,} {label}" for label, number in shares(tally) if number)
    more = " I keep reading until it is clear." if status is Status.UNCONFIRMED else ""
    mark = MARKS.get(status, "⚠️")
    return f"{mark} {b.mention(request.requester.user_id)}, {said[:1].lower() + said[1:]}. {counted}.{more}"


def rest_of_undo(about: Mapping[str, str]) -> str:
    """Of a bulk that was undone: whether all of its SIMs are as they were, and which are not."""
    if "rows" not in about:
        return ""
    back, rows = int(about["back"]), int(about["rows"])
    if back == rows:
        return f" All {rows:,} SIMs are as they were before." if rows > 1 else " The SIM is as it was before."
    stay = "1 is not" if rows - back == 1 else f"{rows - back:,} are not"
    return f" Of {rows:,} SIMs, {back:,} are as before and {stay}: the results in its thread list them."
