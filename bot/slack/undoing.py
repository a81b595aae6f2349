"""Undo, from the button on a card to a request of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.changes import Bulk, Kind, SingleChange, noun
from bot.domain.errors import AlreadyOpen, Refusal, StoreUnavailable
from bot.domain.requests import ChangeRequest, Origin
from bot.services.ports import Submission
from bot.services.undoing import WayBack
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.answering import posted, show_or_not
from bot.slack.api import SlackError
from bot.slack.bulk_asking import planned
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.dispatch import log_unexpected
from bot.slack.errors import words
from bot.slack.form_state import id_of, kept_in, text_of, typed_in
from bot.slack.letting_go import let_go
from bot.slack.locks import after_words
from bot.slack.looking_up import open_request_line

TITLE = "Undo a request"
KIND = "undo"
"""What a submission of this form is called in the database."""
TOO_SLOW = "⚠️ Slack was too slow to open the form. Nothing was asked for; press Undo again."


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the form; the button stands in the table of actions."""

    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _sent(desk, ack, body)

    app.view(ids.UNDO_SUBMIT)(listen)


async def undo(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Undo: says what would be put back, and asks why."""
    try:
        way = await desk.undoing.may_open(call.person, call.origin, value)
    except AlreadyOpen as error:
        await desk.whisper(call, f"⚠️ {await open_request_line(desk, error.request_id, 'bulk')}")
        return
    form = UndoForm(
        way.request.id, _about(way), call.origin.channel, desk.new_id(), many=way.kind is Kind.BULK
    )
    view = form.view()
    try:
        await desk.api.call("views.open", trigger_id=call.trigger_id, view=view)
    except SlackError as error:
        if "trigger" not in error.code:
            raise
        await desk.whisper(call, TOO_SLOW)


def _about(way: WayBack) -> str:
    return _about_bulk(way) if way.change is None else _about_single(way.request, way.change)


def _about_bulk(way: WayBack) -> str:
    name = b.escape(way.request.seen.target.title, 80)
    sims, it = ("The 1 SIM", "it") if way.rows == 1 else (f"The {way.rows:,} SIMs", "each of them")
    return (
        f"{sims} that *{name}* has changed would go back to what {it} was before request "
        f"`{way.request.id}`. They are checked first: a SIM that somebody has touched since stays as it is, "
        "and is listed. It is a bulk of its own: you send it on, and it needs the approvals of one."
    )


def _about_single(request: ChangeRequest, change: SingleChange) -> str:
    name = b.escape(request.seen.target.title, 80)
    back = b.escape(after_words(change, request.before))
    return (
        f"Puts the {noun(change)} *{name}* back to what it was before request `{request.id}`: *{back}*. "
        "It is a request of its own, and needs the same approvals as any such change."
    )


@dataclass(frozen=True, slots=True)
class UndoForm:
    """The form that asks why. Travels in `private_metadata`."""

    request_id: str
    about: str
    channel: str
    nonce: str
    """Unique to one showing: a second press on the same showing makes nothing new."""
    many: bool = False
    """Of a bulk: approval is asked for once its SIMs are checked."""

    def view(self, reason: str = "", top: str = "") -> forms.View:
        """The form; after a failure with what was typed, and the sentence about it on top."""
        kept = {"request": self.request_id, "about": self.about, "channel": self.channel, "nonce": self.nonce}
        kept |= {"many": "1"} if self.many else {}
        field = b.text_input(
            ids.REASON_BLOCK,
            "Reason",
            "reason",
            initial=reason,
            placeholder="For the approver, and for whoever reads the audit log",
            multiline=True,
            most=b.REASON_LIMIT,
        )
        return forms.modal(
            TITLE,
            [*(b.section(text) for text in (top, self.about) if text), field],
            callback_id=ids.UNDO_SUBMIT,
            metadata=json.dumps(kept),
            submit="Check the SIMs" if self.many else "Ask for approval",
        )


def read_form(view: Mapping[str, Any]) -> UndoForm:
    """The form behind a view, as far as its metadata can be read; never raises on a forged one."""
    kept = kept_in(view)
    return UndoForm(
        text_of(kept, "request"),
        text_of(kept, "about", 900),
        id_of(kept, "channel"),
        text_of(kept, "nonce"),
        bool(text_of(kept, "many")),
    )


async def _sent(desk: Desk, ack: AsyncAck, body: dict[str, Any]) -> None:
    """Keep it, ack it, then ask for it. Pressing again makes nothing new."""
    call, view = Call.of(body), body["view"]
    form = read_form(view)
    submission = Submission(
        id=desk.new_id(),
        key=f"{call.person.team_id}:{call.person.user_id}:{view.get('id')}:{form.nonce}",
        person=call.person,
        origin=Origin(form.channel),
        view_id=str(view.get("id")),
        kind=KIND,
        fields={
            "undoes": form.request_id,
            "about": form.about,
            "many": "1" if form.many else "",
            "reason": typed_in(view).get(ids.REASON_BLOCK, ""),
        },
        at=desk.clock.now(),
    )
    try:
        new = await desk.submissions.keep(submission)
    except StoreUnavailable as error:
        sentence = words(error, submission.person, log_unexpected("Keeping a submission", error))
        await ack(response_action="errors", errors={ids.REASON_BLOCK: sentence})
        return
    if not new:
        sentence = "This form was sent already. Its answer appears here, or in the channel where you asked."
        await ack(response_action="update", view=forms.notice(TITLE, sentence))
        return
    checking = "⏳ *Checking with Monogoto…* You can close this; the answer reaches you all the same."
    await ack(response_action="update", view=forms.notice(TITLE, checking))
    work = check(desk, submission)
    desk.start(work, Call(submission.person, submission.origin), name=f"submission {submission.id}")


async def check(desk: Desk, submission: Submission) -> None:
    """Everything after the ack. Always ends in an answer."""
    try:
        request = await desk.undoing.submit(submission)
    except Exception as error:  # noqa: BLE001  every failure is worded; the unknown ones get a reference
        await _give_back(desk, submission, error)
        let_go(desk, submission, error)
    else:
        if isinstance(request.change, Bulk):
            await planned(desk, submission, request, TITLE)
        else:
            await posted(desk, submission, request, ())


async def _give_back(desk: Desk, submission: Submission, error: Exception) -> None:
    """The form again with the reason typed, or why not; ephemerally where the modal was closed."""
    reference = "" if isinstance(error, EXPECTED) else log_unexpected("An undo", error)
    call = Call(submission.person, submission.origin)
    sentence = words(error, call.person, reference)
    if isinstance(error, AlreadyOpen):
        what = "bulk" if submission.fields.get("many") else "SIM or group"
        sentence = f"⚠️ {await open_request_line(desk, error.request_id, what)}"
    fields, channel = submission.fields, submission.origin.channel
    reason = fields.get("reason", "")
    view = forms.notice(TITLE, sentence, channel=channel)
    if not isinstance(error, Refusal):
        again = UndoForm(
            fields.get("undoes", ""),
            fields.get("about", ""),
            channel,
            desk.new_id(),
            many=bool(fields.get("many")),
        )
        view = again.view(reason, top=sentence)
    if not await show_or_not(desk, submission.view_id, view):
        copy = f"\n\nYou wrote:\n{forms.quoted(reason)}" if reason.strip() else ""
        await desk.whisper(call, f"{sentence}{copy}")


async def take_up(desk: Desk, submission: Submission, recent: bool) -> None:
    """It was sent before the bot was started: after too long a while the person decides anew."""
    if recent:
        await check(desk, submission)
        return
    await desk.submissions.give_back(submission)
    sentence = (
        f"⚠️ The undo that you asked for {b.moment(submission.at)} could not be taken up in time. "
        "Nothing was asked for or changed. If it is still wanted, press Undo on the card again."
    )
    await desk.whisper(Call(submission.person, submission.origin), sentence)
