"""Buttons: on cards, and in forms. Each checks who clicks; the state lives in the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import NoSuchRequest, PlatformError
from bot.domain.requests import Origin
from bot.services import traces
from bot.services.in_vain import LONGEST_REQUEST_ID
from bot.slack import blocks as b
from bot.slack import bulk_asking, forms, home, ids, lookups, steering
from bot.slack.api import SlackError
from bot.slack.approving import NOT_COUNTED, ask_for_number
from bot.slack.asking import open_form
from bot.slack.choosing import SELECT, show_group, take_group
from bot.slack.desk import EXPECTED, Call, Desk, read_reopen
from bot.slack.errors import platform_words, words
from bot.slack.form_state import asked_in, typed_in
from bot.slack.looking_up import look_up
from bot.slack.undoing import undo

Handler = Callable[[Desk, Call, Mapping[str, Any], str], Coroutine[Any, Any, None]]
"""(desk, who and where, the whole payload, the button's value)"""


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to every button of the table."""
    for action_id, handler in ACTIONS.items():
        app.action(action_id)(_listener(desk, action_id, handler))
    app.action(SELECT)(_listener(desk, ids.THINGS_GROUP_SELECT, choose_group))


def _listener(
    desk: Desk, action_id: str, handler: Handler
) -> Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]:
    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        call = _call(body)
        await ack()
        desk.start(handler(desk, call, body, _value(body, action_id)), call, name=action_id)

    return listen


def _call(body: Mapping[str, Any]) -> Call:
    """A click in a modal has no channel of its own: the form's metadata names where it was asked."""
    call = Call.of(body)
    view = body.get("view")
    if call.origin.channel or not isinstance(view, dict):
        return call
    return replace(call, origin=Origin(asked_in(view)))


def _value(body: Mapping[str, Any], action_id: str) -> str:
    """What a button carries, or the option chosen in a list, whose action_id ends with a version."""
    for action in body.get("actions") or ():
        if isinstance(action, dict) and str(action.get("action_id")).partition(".v")[0] == action_id:
            option = action.get("selected_option")
            return str((option if isinstance(option, dict) else action).get("value") or "")
    return ""


def _request_and_fingerprint(value: str) -> tuple[str, str]:
    request_id, _, fingerprint = value.partition(".")
    if not request_id:
        raise NoSuchRequest("Nothing was changed: this button carries no request. Ask again.")
    traces.about_request(request_id[:LONGEST_REQUEST_ID])
    return request_id, fingerprint


# --- cards -----------------------------------------------------------------------------------------


async def approve(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Approve: counts only for exactly what the card showed."""
    request_id, fingerprint = _request_and_fingerprint(value)
    request = await desk.store.request(request_id[:LONGEST_REQUEST_ID])
    if request is not None and (wanted := desk.previews.to_type(request)):
        await ask_for_number(desk, call, request_id, fingerprint, wanted)
        return
    try:
        await desk.requests.approve(call.person, call.origin, request_id, fingerprint)
    except PlatformError as error:
        await desk.whisper(call, f"⚠️ {platform_words(error, NOT_COUNTED)}")


async def count_again(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Count again: a group's Things anew; earlier approvals fall."""
    request_id, _ = _request_and_fingerprint(value)
    await desk.requests.count_again(call.person, call.origin, request_id)


async def deny(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Deny: asks for the reason first."""
    request_id, _ = _request_and_fingerprint(value)
    request = await desk.requests.may_deny(call.person, call.origin, request_id)
    name = b.escape(request.seen.target.title, 80)
    about = f"Request `{request.id}` for *{name}*. Denying ends it; nothing is changed."
    denial = forms.Denial(request.id, about, call.origin.channel, call.origin.message_ts)
    try:
        await desk.api.call("views.open", trigger_id=call.trigger_id, view=denial.form())
    except SlackError as error:
        if "trigger" not in error.code:
            raise
        sentence = "⚠️ Slack was too slow to open the form. Nothing was decided; press Deny again."
        await desk.whisper(call, sentence)


async def cancel(desk: Desk, call: Call, body: Mapping[str, Any], value: str) -> None:
    """Cancel request: the requester takes it back, from the card or from the modal that posted it."""
    request_id, _ = _request_and_fingerprint(value)
    view = body.get("view")
    try:
        await desk.requests.cancel(call.person, call.origin, request_id)
    except EXPECTED as error:
        if not isinstance(view, dict) or not await _answered(desk, view, words(error, call.person)):
            raise
    else:
        if isinstance(view, dict):
            done = f"↩️ Request `{request_id}` is cancelled. Nothing was changed."
            await _answered(desk, view, done)


async def _answered(desk: Desk, view: Mapping[str, Any], sentence: str) -> bool:
    """Whether the modal in which the button was pressed could show the answer."""
    try:
        shown = await desk.show(str(view.get("id")), forms.notice("Cancel request", sentence))
    except SlackError:
        return False
    return shown is not None


# --- forms -----------------------------------------------------------------------------------------


async def look_up_thing(desk: Desk, call: Call, body: Mapping[str, Any], _value: str) -> None:
    """Look up: facts under the ICCID, while the person goes on typing."""
    view = _form_of(body)
    await look_up(desk, call, view, typed_in(view).get(ids.ICCID_BLOCK, ""))


async def take_iccid(desk: Desk, call: Call, body: Mapping[str, Any], value: str) -> None:
    """Use the ICCID that the account holds, and look it up."""
    view = _form_of(body)
    now = await desk.edit(view, lambda newest: forms.with_value(newest, ids.ICCID_BLOCK, value))
    if now is not None:
        await look_up(desk, call, now, value)


async def take_tac(desk: Desk, _call: Call, body: Mapping[str, Any], value: str) -> None:
    """Use the TAC of the IMEI that was pasted."""
    await desk.edit(_form_of(body), lambda newest: forms.with_value(newest, ids.TAC_BLOCK, value))


async def choose_group(desk: Desk, call: Call, body: Mapping[str, Any], value: str) -> None:
    """A group was chosen in the list: its facts appear under it."""
    await show_group(desk, call, _form_of(body), value)


async def take_imei(desk: Desk, _call: Call, body: Mapping[str, Any], value: str) -> None:
    """Use this IMEI: the one proposed, last seen, or kept by an earlier unlock. No typing."""
    await desk.edit(_form_of(body), lambda newest: forms.with_value(newest, ids.IMEI_BLOCK, value))


async def reopen(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Open the form again with all that was typed."""
    kept = read_reopen(value, call.origin.channel)
    await open_form(desk, replace(call, origin=kept.origin), kept.kind, kept.typed)


def _form_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    view = body.get("view")
    if not isinstance(view, dict) or view.get("callback_id") not in forms.KINDS:
        raise NoSuchRequest("This form is no longer open. Type the command again.")
    return view


ACTIONS: Mapping[str, Handler] = {
    ids.APPROVE: approve,
    ids.DENY: deny,
    ids.CANCEL: cancel,
    ids.COUNT_AGAIN: count_again,
    ids.UNDO: undo,
    ids.LOOK_UP: look_up_thing,
    ids.TAKE_ICCID: take_iccid,
    ids.TAKE_IMEI: take_imei,
    ids.TAKE_KEPT_IMEI: take_imei,
    ids.TAKE_TAC: take_tac,
    ids.TAKE_GROUP: take_group,
    ids.REOPEN: reopen,
    **bulk_asking.ACTIONS,
    **home.ACTIONS,
    **lookups.ACTIONS,
    **steering.ACTIONS,
}
