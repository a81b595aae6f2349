"""Look up: facts about the Thing, in a block of their own, while the person goes on typing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.changes import Kind
from bot.domain.errors import Proposed, StoreUnavailable
from bot.domain.identifiers import Iccid, Rejection, parse_iccid
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.errors import words
from bot.slack.form_state import looking_up
from bot.slack.locks import b_iccid


async def look_up(desk: Desk, call: Call, view: Mapping[str, Any], typed: str) -> None:
    """Facts about the Thing, under the ICCID field. What was typed stays: no field's ids change."""
    iccid = parse_iccid(typed)
    if isinstance(iccid, Rejection):
        wrong = forms.wrong(iccid.why)
        await desk.edit(view, lambda newest: _found(newest, wrong, [], looking_up=""))
        return
    latest = iccid.value.digits
    remarks = forms.remark(iccid.notes + iccid.warnings)
    waiting = [b.section("⏳ Looking it up at Monogoto…")]
    now = await desk.edit(view, lambda newest: _found(newest, remarks, waiting, looking_up=latest))
    if now is None:
        return
    blocks, facts = await _facts(desk, call, forms.KINDS[now["callback_id"]], iccid.value)

    def show(newest: Mapping[str, Any]) -> forms.View | None:
        return _found(newest, remarks, blocks, **facts) if looking_up(newest) == latest else None

    await desk.edit(now, show)


def _found(
    view: Mapping[str, Any], said: list[b.Block], blocks: list[b.Block], **facts: str
) -> forms.View | None:
    """The form with what is said of the ICCID under its field, and what was found under the button.

    None where the form has given way to something else.
    """
    if view.get("callback_id") not in forms.KINDS:
        return None
    return forms.with_under(view, {ids.ICCID_BLOCK: said, ids.LOOK_UP_BLOCK: blocks}, **facts)


async def _facts(desk: Desk, call: Call, kind: Kind, iccid: Iccid) -> tuple[list[b.Block], dict[str, str]]:
    """What to show, and what the form is to remember of it."""
    try:
        await desk.authority.to_open(call.person, call.origin, kind)
        thing = await desk.previews.find(iccid)
        seen = await desk.previews.look_around(thing, None)
        holder = await desk.store.open_request(thing.thing_id)
    except Proposed as other:
        return forms.proposal(other.reason, b_iccid(other.value), ids.TAKE_ICCID, other.value), {}
    except (*EXPECTED, StoreUnavailable) as error:
        return [b.section(words(error, call.person))], {}
    line = await open_request_line(desk, holder.id) if holder else ""
    lock = kind is Kind.LOCK_THING
    blocks = forms.found(seen, desk.clock.now(), open_request=line, offer_imei=lock)
    return blocks, {"looked_up": iccid.digits, "last_seen": thing.last_seen_imei}


async def open_request_line(desk: Desk, request_id: str, what: str = "SIM") -> str:
    """A sentence that links to the open request's card."""
    place = await desk.notifier.visible_place(request_id)
    link = await desk.notifier.link(place) if place else ""
    where = f"<{link}|request {request_id}>" if link else f"request `{request_id}`"
    return f"Another request for this {what} is still open: {where}."
