"""Approving what affects many: a form repeats the numbers and asks for the number affected to be typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.changes import Bulk
from bot.domain.errors import PlatformError
from bot.domain.requests import ChangeRequest, Origin
from bot.services.requests import as_typed
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.api import SlackError
from bot.slack.census_block import is_lock, short_sums
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.dispatch import log_unexpected
from bot.slack.errors import platform_words, words
from bot.slack.form_state import id_of, kept_in, text_of, typed_in

TITLE = "Approve for many"
NOT_COUNTED = "Your approval was not counted, and nothing was changed."
TYPED_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Approval:
    """The form that asks for the number. Travels in `private_metadata`."""

    request_id: str
    fingerprint: str
    wanted: str
    about: str
    channel: str
    message_ts: str

    def form(self, *, typed: str = "", top: str = "") -> forms.View:
        """The form; after a failure with what was typed, and the sentence about it on top."""
        what = "How many SIMs are affected?" if self.wanted.isdigit() else "Type: unknown"
        field = b.text_input(
            ids.TYPED_BLOCK,
            what,
            "typed",
            initial=typed,
            hint="Type it to say that you have read it; then the approval counts.",
            most=TYPED_LIMIT,
        )
        said = [b.section(text) for text in (top, self.about) if text]
        return {
            "type": "modal",
            "callback_id": ids.APPROVE_MANY_SUBMIT,
            "title": b.plain(TITLE, 24),
            "submit": b.plain("Approve", 24),
            "close": b.plain("Go back", 24),
            "blocks": [*said, field],
            "private_metadata": json.dumps(
                {
                    "request": self.request_id,
                    "fingerprint": self.fingerprint,
                    "wanted": self.wanted,
                    "about": self.about,
                    "channel": self.channel,
                    "ts": self.message_ts,
                }
            ),
        }


def read_approval(view: Mapping[str, Any]) -> Approval:
    """The Approval behind a view, as far as its metadata can be read; never raises on a forged one."""
    kept = kept_in(view)
    return Approval(
        text_of(kept, "request"),
        text_of(kept, "fingerprint", 64),
        text_of(kept, "wanted", TYPED_LIMIT),
        text_of(kept, "about", 1000),
        id_of(kept, "channel"),
        id_of(kept, "ts"),
    )


async def ask_for_number(desk: Desk, call: Call, request_id: str, fingerprint: str, wanted: str) -> None:
    """Open the form, for somebody who may approve."""
    request = await desk.requests.may_approve(call.person, call.origin, request_id)
    approval = Approval(
        request.id, fingerprint, wanted, _about(request), call.origin.channel, call.origin.message_ts
    )
    try:
        await desk.api.call("views.open", trigger_id=call.trigger_id, view=approval.form())
    except SlackError as error:
        if "trigger" not in error.code:
            raise
        await desk.whisper(call, f"⚠️ Slack was too slow to open the form. {NOT_COUNTED} Press Approve again.")


def _about(request: ChangeRequest) -> str:
    """The numbers once more."""
    name = b.escape(request.seen.target.title, 80)
    counts = request.impact.counts
    if counts is None:
        read = short_sums(request)
        return f"*{name}*: how many SIMs it affects is *not known*. It may be all of them. {read}".strip()
    affected = request.impact.affected or 0
    what = _what_they_lose(request)
    said = [f"{counts.loses:,} {'loses' if counts.loses == 1 else 'lose'} {what}"] if counts.loses else []
    said += [f"{counts.unknown:,} may: it is not known"] if counts.unknown else []
    said += [f"{counts.keeps:,} {'does' if counts.keeps == 1 else 'do'} not"] if counts.keeps else []
    return f"*{name}*: *{affected:,}* affected. {', '.join(said)}.".strip()


def _what_they_lose(request: ChangeRequest) -> str:
    """Of a bulk the rows differ."""
    if isinstance(request.change, Bulk):
        return "service or protection"
    return "service" if is_lock(request) else "protection"


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the form."""
    app.view(ids.APPROVE_MANY_SUBMIT)(_Typed(desk).listen)


class _Typed:
    """The number that was typed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def listen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A wrong number stays in its field; the right one is checked once more, like a click."""
        view = body["view"]
        approval, typed = read_approval(view), typed_in(view).get(ids.TYPED_BLOCK, "")
        if as_typed(typed) != approval.wanted:
            await ack(response_action="errors", errors={ids.TYPED_BLOCK: _wrong(approval, typed)})
            return
        call = Call(Call.of(body).person, Origin(approval.channel, approval.message_ts))
        await ack(response_action="update", view=forms.notice(TITLE, "⏳ Approving…"))
        self._desk.start(self._approve(call, approval, typed, str(view.get("id"))), call, name="approval")

    async def _approve(self, call: Call, approval: Approval, typed: str, view_id: str) -> None:
        try:
            await self._desk.requests.approve(
                call.person, call.origin, approval.request_id, approval.fingerprint, typed
            )
        except Exception as error:  # noqa: BLE001  every failure is worded; the unknown ones get a reference
            reference = "" if isinstance(error, EXPECTED) else log_unexpected("An approval", error)
            said = words(error, call.person, reference)
            shown = forms.notice(TITLE, said)
            if isinstance(error, PlatformError):
                said = f"⚠️ {platform_words(error, NOT_COUNTED)}"
                shown = approval.form(typed=typed, top=said)
            if not await self._shown(view_id, shown):
                await self._desk.whisper(call, said)
        else:
            await self._shown(
                view_id, forms.notice(TITLE, "👍 Your approval counts. The card shows the rest.")
            )

    async def _shown(self, view_id: str, view: forms.View) -> bool:
        try:
            return await self._desk.show(view_id, view) is not None
        except SlackError:
            return False


def _wrong(approval: Approval, typed: str) -> str:
    if not approval.wanted.isdigit():
        return "How many it is nobody knows: type the word unknown to say that you have read that."
    written = b.clip(typed, TYPED_LIMIT) or "nothing"
    return f"{int(approval.wanted):,} SIMs are affected, and you typed {written}: look at the numbers again."
