"""From a slash command to a posted request: open the form, look up, check what was sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.changes import Kind, SingleChange, noun
from bot.domain.errors import AlreadyOpen, NotAllowed, Proposed, Unfit
from bot.services.ports import Submission
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.answering import cancel_button, posted, show_or_not
from bot.slack.api import SlackError
from bot.slack.choosing import show_group
from bot.slack.desk import EXPECTED, Call, Desk, reopen
from bot.slack.dispatch import log_unexpected
from bot.slack.errors import words
from bot.slack.form_state import Form
from bot.slack.letting_go import let_go
from bot.slack.locks import b_iccid
from bot.slack.looking_up import look_up, open_request_line
from bot.slack.reading import read_fields

log = logging.getLogger(__name__)

ROLES_PATIENCE = 0.6
"""Seconds that the answer about roles may take before a loading modal is shown instead."""
RESUME_WITHIN = timedelta(minutes=15)
"""A form sent longer ago than this is not taken up by itself: its sender may have asked anew since."""


# --- opening -------------------------------------------------------------------------------------


async def open_form(
    desk: Desk, call: Call, kind: Kind, typed: Mapping[str, str], under: forms.Under | None = None
) -> None:
    """The form at once where the roles are known, else a loading modal that becomes the form."""
    shown = Form(
        kind,
        call.origin.channel,
        desk.new_id(),
        typed,
        message_ts=call.origin.message_ts,
        thread_ts=call.origin.thread_ts,
    )
    asked = asyncio.create_task(desk.authority.to_open(call.person, call.origin, kind))
    form = forms.form(shown, under={**(under or {}), **_wrong_already(shown)})
    if await _in_time(desk, asked):
        await asked
        view = await _open(desk, call, shown, form)
    else:
        view = await _open_loading(desk, call, shown, asked, form)
    if view and typed.get(ids.ICCID_BLOCK):
        await look_up(desk, call, view, typed[ids.ICCID_BLOCK])
    elif view and typed.get(ids.THINGS_GROUP_BLOCK):
        await show_group(desk, call, view, typed[ids.THINGS_GROUP_BLOCK])


async def _in_time(desk: Desk, asked: asyncio.Task[None]) -> bool:
    patience = asyncio.ensure_future(desk.clock.sleep(ROLES_PATIENCE))
    await asyncio.wait({asked, patience}, return_when=asyncio.FIRST_COMPLETED)
    patience.cancel()
    return asked.done()


async def _open_loading(
    desk: Desk, call: Call, shown: Form, asked: asyncio.Task[None], form: forms.View
) -> dict[str, Any]:
    """A modal within Slack's 3 s, whatever the roles take; {} where there is no form to go on with."""
    title = forms.TITLES[shown.kind]
    view = await _open(desk, call, shown, forms.notice(title, "⏳ Asking Slack which roles you hold…"))
    try:
        await asked
    except EXPECTED as refusal:
        sentence = words(refusal, call.person)
        if not view or not await desk.show(str(view.get("id")), forms.notice(title, sentence)):
            await desk.whisper(call, sentence)
        return {}
    return (view and await desk.show(str(view.get("id")), form, hash_=view.get("hash"))) or {}


async def _open(desk: Desk, call: Call, shown: Form, view: forms.View) -> dict[str, Any]:
    try:
        answer = await desk.api.call("views.open", trigger_id=call.trigger_id, view=view)
    except SlackError as error:
        if "trigger" not in error.code:
            raise
        sentence = "⚠️ Slack was too slow to open the form. Nothing of what you typed is lost:"
        await desk.whisper(call, sentence, reopen(shown, shown.typed))
        return {}
    return desk.on_screen(answer, view)


def _wrong_already(shown: Form) -> dict[str, list[b.Block]]:
    """What the digit checks say of a command's arguments, shown when the form opens."""
    given = {key: value for key, value in shown.typed.items() if value}
    if shown.kind is Kind.BULK:
        return {}
    read = read_fields(shown, {ids.KEEP_BLOCK: "keep", **given})
    remarks = {key: forms.remark(said) for key, said in read.remarks.items()}
    errors = {key: forms.wrong(why) for key, why in read.errors.items()}
    under = {**remarks, **errors, **read.proposals}
    return {key: blocks for key, blocks in under.items() if given.get(key) and blocks}


# --- checking what was sent ----------------------------------------------------------------------


async def check(
    desk: Desk, submission: Submission, shown: Form, change: SingleChange, remarks: Iterable[str] = ()
) -> None:
    """Everything that only the vendor or the roles can tell, after the ack. Always ends in an answer.

    `remarks` are what the person is to know of numbers that were good.
    """
    call = Call(submission.person, submission.origin)
    try:
        submission = await _with_link(desk, submission)
        request = await desk.submissions.submit(submission, change)
    except Exception as error:  # noqa: BLE001  every failure is worded; the unknown ones get a reference
        await _give_back(desk, call, submission, shown, error)
        let_go(desk, submission, error)
    else:
        await posted(desk, submission, request, remarks)


async def _with_link(desk: Desk, submission: Submission) -> Submission:
    """With the permalink of the message that it was asked from: kept, since that message may go."""
    origin = submission.origin
    if not origin.message_ts:
        return submission
    link = await desk.notifier.links.to(origin.channel, origin.message_ts)
    return replace(submission, origin=replace(origin, link=link))


async def _give_back(desk: Desk, call: Call, submission: Submission, shown: Form, error: Exception) -> None:
    """The form again with everything typed, or the reason why not; ephemerally where the modal was closed."""
    reference = "" if isinstance(error, EXPECTED) else log_unexpected("A request", error)
    sentence = words(error, call.person, reference)
    again = shown.showing(submission.fields, desk.new_id())
    buttons = [reopen(again, again.typed)]
    if isinstance(error, AlreadyOpen):
        line = await open_request_line(desk, error.request_id, noun(shown.kind))
        sentence = f"⚠️ {line} It has to be decided or cancelled first."
        buttons = await _own(desk, call, error.request_id)
    elif isinstance(error, NotAllowed):
        buttons = []
    view = _returned(again, error, sentence, buttons)
    if not await show_or_not(desk, submission.view_id, view):
        await desk.whisper(call, sentence, *buttons)


async def _own(desk: Desk, call: Call, request_id: str) -> list[b.Block]:
    """Who asked for the open request can take it back here: its card may stand where they can't see it."""
    holder = await desk.store.request(request_id)
    return [cancel_button(holder)] if holder and holder.requester == call.person else []


def _returned(again: Form, error: Exception, sentence: str, buttons: list[b.Block]) -> forms.View:
    match error:
        case Proposed():
            proposal = forms.proposal(error.reason, b_iccid(error.value), ids.TAKE_ICCID, error.value)
            return forms.form(again, under={error.field: proposal})
        case Unfit() if error.field:
            return forms.form(again, under={error.field: forms.wrong(error.reason)})
        case NotAllowed() | AlreadyOpen():
            return forms.notice(forms.TITLES[again.kind], sentence, buttons=buttons, channel=again.channel)
        case _:
            return forms.form(again, top=sentence)


TakeUp = Callable[[Desk, Submission, bool], Coroutine[Any, Any, None]]
"""(desk, what was sent, whether that was recently)"""


async def resume(desk: Desk, others: Mapping[str, TakeUp]) -> None:
    """Take up the forms that were sent but not answered when an earlier process ended.

    `others` take up the forms that ask for something else than one change.
    """
    for submission in await desk.store.claim_submissions():
        recent = desk.clock.now() - submission.at <= RESUME_WITHIN
        if submission.kind not in set(Kind):
            if take_up := others.get(submission.kind):
                work = take_up(desk, submission, recent)
                desk.background.start(work, name=f"submission {submission.id}")
            else:  # of a newer version, say
                log.error("form %s is of a kind that is not known here: %s", submission.id, submission.kind)
            continue
        fields = submission.fields
        shown = Form(
            Kind(submission.kind),
            submission.origin.channel,
            desk.new_id(),
            fields,
            last_seen=fields.get("last_seen", ""),
            looked_up=fields.get("looked_up", ""),
            message_ts=submission.origin.message_ts,
            thread_ts=submission.origin.thread_ts,
        )
        read = read_fields(shown, fields)
        if read.change is not None and recent:
            work = check(desk, submission, shown, read.change, read.all_remarks())
        else:
            work = _too_late(desk, submission, shown)
        desk.background.start(work, name=f"submission {submission.id}")


async def _too_late(desk: Desk, submission: Submission, shown: Form) -> None:
    """The bot was away for too long: the person decides whether it is still wanted."""
    await desk.submissions.give_back(submission)
    again = shown.showing(submission.fields, desk.new_id())
    sentence = (
        f"⚠️ The form that you sent {b.moment(submission.at)} could not be taken up in time. "
        "Nothing was asked for or changed. If it is still wanted:"
    )
    await desk.whisper(Call(submission.person, submission.origin), sentence, reopen(again, again.typed))
