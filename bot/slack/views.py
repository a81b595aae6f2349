"""Modal submissions: digit checks answer beside the field, the rest comes after the ack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import Refusal, StoreUnavailable
from bot.domain.requests import Origin
from bot.services.ports import Submission
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.api import SlackError
from bot.slack.asking import check
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.dispatch import log_unexpected
from bot.slack.errors import words
from bot.slack.form_state import Form, read_metadata, typed_in
from bot.slack.reading import Read, read_fields


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to every submission."""
    for callback_id in forms.KINDS:
        app.view(callback_id)(_Form(desk, callback_id).listen)
    app.view(ids.DENY_SUBMIT)(_Denial(desk).listen)


class _Form:
    """One of the request forms."""

    def __init__(self, desk: Desk, callback_id: str) -> None:
        self._desk = desk
        self._kind = forms.KINDS[callback_id]

    async def listen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Keep it, ack it, then check it. Pressing again makes nothing new."""
        view = body["view"]
        shown = read_metadata(view, self._kind)
        typed = typed_in(view)
        read = read_fields(shown, typed)
        if read.change is None:
            await ack(response_action="errors", errors=dict(read.errors))
            self._desk.start(self._tidy(view, read), Call.of(body), name="errors beside fields")
            return
        submission = self._submission(body, shown, typed)
        try:
            new = await self._desk.submissions.keep(submission)
        except StoreUnavailable as error:
            sentence = words(error, submission.person, log_unexpected("Keeping a submission", error))
            plain = sentence.removeprefix("⚠️ ").replace(
                "`", ""
            )  # Slack marks errors itself, and draws no mrkdwn
            await ack(response_action="errors", errors={forms.FIRST_FIELD[self._kind]: plain})
            return
        if not new:
            await ack(response_action="update", view=_sent_already(shown))
            return
        await ack(response_action="update", view=forms.checking(shown))
        work = check(self._desk, submission, shown, read.change, read.all_remarks())
        call = Call(submission.person, submission.origin)
        self._desk.start(work, call, name=f"submission {submission.id}")

    async def _tidy(self, view: Mapping[str, Any], read: Read) -> None:
        """A button under the field, which an error can't hold; and no sentence there that it says anyway."""
        under = {field_id: _clickable(read.proposals.get(field_id, ())) for field_id in read.errors}

        def tidied(newest: Mapping[str, Any]) -> forms.View | None:
            changed = forms.with_under(newest, under)
            return changed if changed["blocks"] != newest.get("blocks") else None

        await self._desk.edit(view, tidied)

    def _submission(self, body: Mapping[str, Any], shown: Form, typed: dict[str, str]) -> Submission:
        call = Call.of(body)
        view = body["view"]
        facts = {"last_seen": shown.last_seen, "looked_up": shown.looked_up}
        return Submission(
            id=self._desk.new_id(),
            key=f"{call.person.team_id}:{call.person.user_id}:{view.get('id')}:{shown.nonce}",
            person=call.person,
            origin=shown.origin,
            view_id=str(view.get("id")),
            kind=self._kind.value,
            fields=typed | facts,
            at=self._desk.clock.now(),
        )


def _clickable(proposed: Iterable[b.Block]) -> list[b.Block]:
    return [block for block in proposed if block["type"] == "actions"]


def _sent_already(shown: Form) -> forms.View:
    sentence = "This form was sent already. Its answer appears here, or in the channel where you asked."
    return forms.notice(forms.TITLES[shown.kind], sentence)


class _Denial:
    """The reason for a denial."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def listen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Without a reason it stays open; with one it ends the request."""
        view = body["view"]
        reason = typed_in(view).get(ids.REASON_BLOCK, "")
        if not reason.strip():
            errors = {ids.REASON_BLOCK: "Say why: the person who asked reads it."}
            await ack(response_action="errors", errors=errors)
            return
        denial = forms.read_denial(view)
        call = Call(Call.of(body).person, Origin(denial.channel, denial.message_ts))
        await ack(response_action="update", view=forms.notice(forms.DENIAL_TITLE, "⏳ Denying…"))
        self._desk.start(self._deny(call, denial, reason, str(view.get("id"))), call, name="denial")

    async def _deny(self, call: Call, denial: forms.Denial, reason: str, view_id: str) -> None:
        try:
            await self._desk.requests.deny(call.person, call.origin, denial.request_id, reason)
        except Exception as error:  # noqa: BLE001  every failure is worded; the unknown ones get a reference
            await self._give_back(call, denial, reason, view_id, error)
        else:
            done = "🚫 Denied. Nothing was changed; the thread tells the person who asked."
            await self._shown(view_id, forms.notice(forms.DENIAL_TITLE, done))

    async def _give_back(
        self, call: Call, denial: forms.Denial, reason: str, view_id: str, error: Exception
    ) -> None:
        """A refusal with the text to copy, or the form again where trying again may help."""
        reference = "" if isinstance(error, EXPECTED) else log_unexpected("A denial", error)
        sentence = words(error, call.person, reference)
        copy = f"{sentence}\n\nYou wrote:\n{forms.quoted(reason)}"
        final = isinstance(error, Refusal)
        view = forms.notice(forms.DENIAL_TITLE, copy) if final else denial.form(typed=reason, top=sentence)
        if not await self._shown(view_id, view):
            await self._desk.whisper(call, copy)

    async def _shown(self, view_id: str, view: forms.View) -> bool:
        try:
            return await self._desk.show(view_id, view) is not None
        except SlackError:
            return False
