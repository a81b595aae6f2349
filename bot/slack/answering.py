"""What a modal says once its form was taken, or that it is closed by now."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.errors import StoreUnavailable
from bot.domain.requests import ChangeRequest
from bot.services.ports import Submission
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.api import SlackError
from bot.slack.desk import Desk

LINK_PATIENCE = 4.0
"""Real seconds that the modal waits for the card, to link to it."""
APPROVAL_NEEDED = "Without approval nothing is changed. The card shows how the request stands."
NO_APPROVAL_NEEDED = "It needs no approval and is applied at once. The card shows what comes of it."
"""Both stay true however long the modal is left open."""


async def posted(desk: Desk, submission: Submission, request: ChangeRequest, remarks: Iterable[str]) -> None:
    """The modal says where the request stands now."""
    link = await _link(desk, request)
    where = f"<{link}|See it in Slack>" if link else "Its card follows in a moment"
    buttons = [cancel_button(request)] if request.approvals_needed else []
    view = forms.notice(
        "Request posted",
        f"✅ *Request posted* as `{request.id}`. {where}.",
        APPROVAL_NEEDED if buttons else NO_APPROVAL_NEEDED,
        *(f"⚠️ {b.escape(remark, 400)}" for remark in remarks),
        buttons=buttons,
        channel=submission.origin.channel,
    )
    await show_or_not(desk, submission.view_id, view)


async def _link(desk: Desk, request: ChangeRequest) -> str:
    """The request is posted whatever happens here: a link that can't be had is no failure."""
    try:
        place = await desk.notifier.posted(request.id, LINK_PATIENCE)
        return await desk.notifier.link(place) if place else ""
    except StoreUnavailable:
        return ""


def cancel_button(request: ChangeRequest) -> b.Block:
    """The requester takes it back, from the modal that posted it."""
    return b.button("Cancel request", ids.CANCEL, f"{request.id}.{request.fingerprint}")


async def show_or_not(desk: Desk, view_id: str, view: forms.View) -> bool:
    """Whether the modal could show it: it may be closed, and Slack may say no."""
    try:
        return await desk.show(view_id, view) is not None
    except SlackError:
        return False
