"""From a slash command to a posted request: open the form, look up, check what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.changes import Change, Kind, LockThing, UnlockThing
from bot.domain.errors import (
    AlreadyOpen,
    NotAllowed,
    Proposed,
    StoreUnavailable,
    Unfit,
)
from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    Valid,
    group_imei,
    parse_iccid,
    parse_imei,
)
from bot.domain.requests import ChangeRequest
from bot.services.ports import Submission
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.api import SlackError
from bot.slack.desk import EXPECTED, Call, Desk, reopen
from bot.slack.dispatch import log_unexpected
from bot.slack.errors import words
from bot.slack.forms import Form

ROLES_PATIENCE = 0.6
"""Seconds that the answer about roles may take before a loading modal is shown instead."""
LINK_PATIENCE = 4.0


@dataclass(frozen=True, slots=True)
class Read:
    """What the fields say: a change, or what is wrong under which field."""

    change: Change | None
    errors: Mapping[str, str]
    proposals: Mapping[str, list[b.Block]]


# --- reading the fields --------------------------------------------------------------------------


def read_fields(shown: Form, typed: Mapping[str, str]) -> Read:
    """Digit checks only: instant, so that they answer beside the field."""
    errors: dict[str, str] = {}
    proposals: dict[str, list[b.Block]] = {}
    iccid = parse_iccid(typed.get(ids.ICCID_BLOCK, ""))
    if isinstance(iccid, Rejection):
        errors[ids.ICCID_BLOCK] = iccid.why
    change: Change | None = None
    if shown.kind is Kind.LOCK_THING:
        imei = _read_imei(shown, typed, iccid, errors, proposals)
        if imei and isinstance(iccid, Valid):
            change = LockThing(iccid.value, imei)
    elif typed.get(ids.KEEP_BLOCK) not in forms.KEEP_TEXTS:
        errors[ids.KEEP_BLOCK] = "Choose whether the stored IMEI is kept or cleared."
    elif isinstance(iccid, Valid):
        change = UnlockThing(iccid.value, keep=typed[ids.KEEP_BLOCK] == "keep")
    return Read(None if errors else change, errors, proposals)


def _read_imei(
    shown: Form,
    typed: Mapping[str, str],
    iccid: Valid[Iccid] | Rejection,
    errors: dict[str, str],
    proposals: dict[str, list[b.Block]],
) -> Imei | None:
    same_thing = isinstance(iccid, Valid) and iccid.value.digits == shown.looked_up
    read = parse_imei(typed.get(ids.IMEI_BLOCK, ""), last_seen=shown.last_seen if same_thing else "")
    if isinstance(read, Valid):
        return read.value
    errors[ids.IMEI_BLOCK] = read.why
    if isinstance(read, Proposal):
        digits = read.value.digits
        errors[ids.IMEI_BLOCK] = f"{read.why} Did you mean {group_imei(digits)}? Press the button below."
        sentence = f"{read.why} Is it {group_imei(digits)}?"
        proposals[ids.IMEI_BLOCK] = forms.proposal(sentence, group_imei(digits), ids.TAKE_IMEI, digits)
    return None


def split_arguments(text: str, kind: Kind) -> dict[str, str]:
    """`[ICCID] [IMEI]` as people type them: in groups or not, in either order; else kept as typed."""
    tokens = text.split()
    if not tokens:
        return {}
    if kind is Kind.UNLOCK_THING:
        return {ids.ICCID_BLOCK: " ".join(tokens)}
    halves = [(" ".join(tokens[:at]), " ".join(tokens[at:])) for at in range(1, len(tokens))]
    for good in (Valid, Proposal):
        for left, right in halves:
            for iccid, imei in ((left, right), (right, left)):
                if isinstance(parse_iccid(iccid), Valid) and isinstance(parse_imei(imei), good):
                    return {ids.ICCID_BLOCK: iccid, ids.IMEI_BLOCK: imei}
    if isinstance(parse_iccid(text), Valid):
        return {ids.ICCID_BLOCK: " ".join(tokens)}
    return {ids.ICCID_BLOCK: tokens[0], ids.IMEI_BLOCK: " ".join(tokens[1:])}


# --- opening -------------------------------------------------------------------------------------


async def open_form(desk: Desk, call: Call, kind: Kind, typed: Mapping[str, str]) -> None:
    """The form at once where the roles are known, else a loading modal that becomes the form."""
    shown = Form(kind, call.origin.channel, desk.new_id(), typed)
    asked = asyncio.create_task(desk.authority.to_open(call.person, call.origin, kind))
    form = forms.form(shown, under=_wrong_already(shown))
    if await _in_time(desk, asked):
        await asked
        view = await _open(desk, call, shown, form)
    else:
        view = await _open_loading(desk, call, shown, asked, form)
    if view and typed.get(ids.ICCID_BLOCK):
        await look_up(desk, call, view, typed[ids.ICCID_BLOCK])


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
    return desk.on_screen(answer)


def _wrong_already(shown: Form) -> dict[str, list[b.Block]]:
    """What the digit checks say of a command's arguments, shown when the form opens."""
    given = {key: value for key, value in shown.typed.items() if value}
    read = read_fields(shown, {ids.KEEP_BLOCK: "keep", **given})
    under = {key: forms.wrong(why) for key, why in read.errors.items() if given.get(key)}
    return {**under, **{key: blocks for key, blocks in read.proposals.items() if given.get(key)}}


# --- looking up ----------------------------------------------------------------------------------


async def look_up(desk: Desk, call: Call, view: Mapping[str, Any], typed: str) -> None:
    """Facts about the Thing, under the ICCID field. What was typed stays: no field's ids change."""
    iccid = parse_iccid(typed)
    if isinstance(iccid, Rejection):
        wrong = forms.wrong(iccid.why)
        await desk.edit(view, lambda newest: _found(newest, wrong, looking_up=""))
        return
    latest = iccid.value.digits
    waiting = [b.section("⏳ Looking it up at Monogoto…")]
    now = await desk.edit(view, lambda newest: _found(newest, waiting, looking_up=latest))
    if now is None:
        return
    blocks, facts = await _facts(desk, call, forms.KINDS[now["callback_id"]], iccid.value)

    def show(newest: Mapping[str, Any]) -> forms.View | None:
        return _found(newest, blocks, **facts) if forms.looking_up(newest) == latest else None

    await desk.edit(now, show)


def _found(view: Mapping[str, Any], blocks: list[b.Block], **facts: str) -> forms.View | None:
    """The form with what was found; None where the form has given way to something else."""
    if view.get("callback_id") not in forms.KINDS:
        return None
    return forms.with_under(view, {ids.LOOK_UP_BLOCK: blocks}, **facts)


async def _facts(desk: Desk, call: Call, kind: Kind, iccid: Iccid) -> tuple[list[b.Block], dict[str, str]]:
    """What to show, and what the form is to remember of it."""
    try:
        await desk.authority.to_open(call.person, call.origin, kind)
        thing = await desk.previews.find(iccid)
        seen = await desk.previews.look(thing, None)
        holder = await desk.store.open_request(thing.thing_id)
    except Proposed as other:
        return forms.proposal(other.reason, other.value, ids.TAKE_ICCID, other.value), {}
    except (*EXPECTED, StoreUnavailable) as error:
        return [b.section(words(error, call.person))], {}
    line = await open_request_line(desk, holder.id) if holder else ""
    offer = kind is Kind.LOCK_THING
    blocks = forms.found(seen, desk.clock.now(), open_request=line, offer_last_seen=offer)
    return blocks, {"looked_up": iccid.digits, "last_seen": thing.last_seen_imei}


async def open_request_line(desk: Desk, request_id: str) -> str:
    """A sentence that links to the open request's card."""
    place = await desk.notifier.visible_place(request_id)
    link = await desk.notifier.link(place) if place else ""
    where = f"<{link}|request {request_id}>" if link else f"request `{request_id}`"
    return f"Another request for this SIM is still open: {where}."


# --- checking what was sent ----------------------------------------------------------------------


async def check(desk: Desk, submission: Submission, shown: Form, change: Change) -> None:
    """Everything that only the vendor or the roles can tell, after the ack. Always ends in an answer."""
    call = Call(submission.person, submission.origin)
    try:
        request = await desk.submissions.submit(submission, change)
    except Exception as error:  # noqa: BLE001  every failure is worded; the unknown ones get a reference
        await _give_back(desk, call, submission, shown, error)
    else:
        await _posted(desk, submission, request)


async def _posted(desk: Desk, submission: Submission, request: ChangeRequest) -> None:
    place = await desk.notifier.posted(request.id, LINK_PATIENCE)
    link = await desk.notifier.link(place) if place else ""
    where = f"<{link}|See it in Slack>" if link else "Its card follows in a moment"
    cancel = b.button("Cancel request", ids.CANCEL, f"{request.id}.{request.fingerprint}")
    buttons = [cancel] if request.approvals_needed else []
    view = forms.notice(
        "Request posted",
        f"✅ *Request posted* as `{request.id}`. {where}.",
        "Nothing is changed until it is approved."
        if buttons
        else "No approval is needed: it is applied now.",
        buttons=buttons,
        channel=submission.origin.channel,
    )
    await _shown(desk, submission.view_id, view)


async def _give_back(desk: Desk, call: Call, submission: Submission, shown: Form, error: Exception) -> None:
    """The form again with everything typed, or the reason why not; ephemerally where the modal was closed."""
    reference = "" if isinstance(error, EXPECTED) else log_unexpected("A request", error)
    sentence = words(error, call.person, reference)
    if isinstance(error, AlreadyOpen):
        sentence = f"⚠️ {await open_request_line(desk, error.request_id)}"
    again = shown.showing(submission.fields, desk.new_id())
    if not await _shown(desk, submission.view_id, _returned(again, error, sentence)):
        await desk.whisper(call, sentence, *_offer(again, error))


async def _shown(desk: Desk, view_id: str, view: forms.View) -> bool:
    """Whether the modal could show it: it may be closed, and Slack may say no."""
    try:
        return await desk.show(view_id, view) is not None
    except SlackError:
        return False


def _returned(again: Form, error: Exception, sentence: str) -> forms.View:
    match error:
        case Proposed():
            action = ids.TAKE_ICCID if error.field == ids.ICCID_BLOCK else ids.TAKE_IMEI
            proposal = forms.proposal(error.reason, error.value, action, error.value)
            return forms.form(again, under={error.field: proposal})
        case Unfit() if error.field:
            return forms.form(again, under={error.field: forms.wrong(error.reason)})
        case NotAllowed() | AlreadyOpen():
            return forms.notice(forms.TITLES[again.kind], sentence)
        case _:
            return forms.form(again, top=sentence)


def _offer(again: Form, error: Exception) -> list[b.Block]:
    return [] if isinstance(error, (NotAllowed, AlreadyOpen)) else [reopen(again, again.typed)]


async def resume(desk: Desk) -> None:
    """Take up the forms that were sent but not answered when an earlier process ended."""
    for submission in await desk.store.unfinished_submissions():
        fields = submission.fields
        shown = Form(
            Kind(submission.kind),
            submission.origin.channel,
            desk.new_id(),
            fields,
            last_seen=fields.get("last_seen", ""),
            looked_up=fields.get("looked_up", ""),
        )
        read = read_fields(shown, fields)
        if read.change is not None:
            work = check(desk, submission, shown, read.change)
            desk.background.start(work, name=f"submission {submission.id}")
