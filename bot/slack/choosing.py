"""Choosing a Things Group: what the list offers, what the words after a command mean, the group's facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.changes import GROUP_KINDS, Kind
from bot.domain.errors import StoreUnavailable
from bot.domain.identifiers import Proposal, Rejection, ThingsGroupId, Valid, parse_things_group_id
from bot.domain.impact import SeenGroup
from bot.domain.things import GroupRow, folded
from bot.services.deadline import within
from bot.slack import blocks as b
from bot.slack import forms, ids
from bot.slack.desk import EXPECTED, Call, Desk
from bot.slack.errors import words
from bot.slack.fields import group_option
from bot.slack.form_state import looking_up
from bot.slack.looking_up import open_request_line
from bot.slack.reading import split_group_arguments

SELECT = re.compile(rf"{re.escape(ids.THINGS_GROUP_SELECT)}\.v[0-9]{{1,9}}")
OFFERED_AT_MOST = 50
ANSWER_WITHIN = 2.0
"""Seconds for the list: Slack waits for three, and the answer has to travel."""


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to what is typed into the list."""

    async def suggest(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(options=await suggestions(desk, Call.of(body), str(body.get("value") or "")))

    app.options(SELECT)(suggest)


async def suggestions(desk: Desk, call: Call, text: str) -> list[b.Block]:
    """The options for what was typed: groups from our own records, never from the vendor, so in time.

    An id that nobody has read yet is offered too. Nothing to whom may not ask for such a change; nothing
    where roles or records don't answer in time.
    """
    try:
        return await within(desk.clock, ANSWER_WITHIN, _suggestions(desk, call, text))
    except (TimeoutError, StoreUnavailable):
        return []


async def _suggestions(desk: Desk, call: Call, text: str) -> list[b.Block]:
    if not await desk.authority.is_one_who_asks(call.person, GROUP_KINDS):
        return []
    rows = list(await desk.inventory.groups_matching(text, OFFERED_AT_MOST))
    typed = _id_in(text)
    if typed and typed not in {row.things_group_id for row in rows}:
        rows.insert(0, GroupRow(typed, ""))
    return [group_option(row) for row in rows if is_an_option(row)]


def is_an_option(row: GroupRow) -> bool:
    """Whether the vendor's id can be chosen at all: it goes into a path, and into an option of Slack's."""
    try:
        ThingsGroupId(row.things_group_id)
    except ValueError:
        return False
    return True


def _id_in(text: str) -> str:
    match parse_things_group_id(text):
        case Valid(value=value) | Proposal(value=value):
            return value.text
        case Rejection():
            return ""


async def split(desk: Desk, text: str) -> tuple[str, str]:
    """`[group] [TAC]` → both. A known name is a name, whatever it ends with."""
    whole = " ".join(text.split())
    group, tac = split_group_arguments(whole)
    if not (group and tac):
        return group, tac
    try:
        rows = await desk.inventory.groups_matching(whole, 1)
    except StoreUnavailable:
        return group, tac
    return (whole, "") if any(folded(row.name) == folded(whole) for row in rows) else (group, tac)


async def resolve(desk: Desk, text: str) -> tuple[dict[str, str], forms.Under]:
    """What the words after a command stand for: the field's value, and what to say under the field.

    An id or a whole name is taken; of a part of a name nothing is chosen for the person.
    """
    if not text:
        return {}, {}
    try:
        found = await desk.inventory.groups_matching(text, OFFERED_AT_MOST)
    except StoreUnavailable:
        found = ()
    rows = tuple(row for row in found if is_an_option(row))
    exact = [r for r in rows if folded(text) in {folded(r.things_group_id), folded(r.name)}]
    typed = _id_in(text)
    if len(exact) == 1:
        return _chosen(exact[0]), {}
    if typed:
        return _chosen(GroupRow(typed, "")), {}
    return {}, {ids.THINGS_GROUP_BLOCK: _choose(text, tuple(exact) or rows)}


def _chosen(row: GroupRow) -> dict[str, str]:
    return {ids.THINGS_GROUP_BLOCK: row.things_group_id, ids.THINGS_GROUP_NAME: row.name}


def _choose(text: str, rows: tuple[GroupRow, ...]) -> list[b.Block]:
    said = b.escape(text, 80)
    if not rows:
        return [
            b.section(
                f"⚠️ You typed “{said}”: no group of that name is known here yet. "
                "Search the list, or paste the group's id there."
            )
        ]
    if len(rows) > 1:
        found = f"{len(rows)}{' or more' if len(rows) == OFFERED_AT_MOST else ''} groups"
        return [b.section(f"⚠️ You typed “{said}”: {found} match. Choose one from the list.")]
    row = rows[0]
    button = b.button(f"Use {b.clip(row.title, 60)}", ids.TAKE_GROUP, row.things_group_id)
    return [b.section(f"⚠️ You typed “{said}”. Is it *{b.escape(row.title, 80)}*?"), b.actions(button)]


async def show_group(desk: Desk, call: Call, view: Mapping[str, Any], group_id: str) -> None:
    """Facts about the group chosen, under the field, while the person goes on typing."""
    waiting = [b.section("⏳ Looking it up at Monogoto…")]
    now = await desk.edit(view, lambda newest: _found(newest, waiting, looking_up=group_id))
    if now is None:
        return
    blocks = await _facts(desk, call, forms.KINDS[now["callback_id"]], group_id)

    def show(newest: Mapping[str, Any]) -> forms.View | None:
        return _found(newest, blocks) if looking_up(newest) == group_id else None

    await desk.edit(now, show)


def _found(view: Mapping[str, Any], blocks: list[b.Block], **facts: str) -> forms.View | None:
    """The form with what was found; None where it has given way to something else."""
    if forms.KINDS.get(str(view.get("callback_id"))) not in GROUP_KINDS:
        return None
    return forms.with_under(view, {ids.THINGS_GROUP_BLOCK: blocks}, **facts)


async def _facts(desk: Desk, call: Call, kind: Kind, group_id: str) -> list[b.Block]:
    try:
        await desk.authority.to_open(call.person, call.origin, kind)
        group = await desk.previews.find_group(ThingsGroupId(group_id))
        holder = await desk.store.open_request(group.target_id)
    except ValueError:
        return forms.wrong("That is no group's id.")
    except (*EXPECTED, StoreUnavailable) as error:
        return [b.section(words(error, call.person))]
    line = await open_request_line(desk, holder.id, "group") if holder else ""
    return forms.found_group(SeenGroup(group, desk.clock.now()), open_request=line)


async def take_group(desk: Desk, call: Call, body: Mapping[str, Any], value: str) -> None:
    """Use the group that was proposed, and look it up."""
    view = body.get("view")
    if not isinstance(view, dict):
        return
    row = await desk.inventory.group_row(value) or GroupRow(value, "")

    def choose(newest: Mapping[str, Any]) -> forms.View | None:
        return forms.with_group(newest, row) if newest.get("callback_id") in forms.KINDS else None

    now = await desk.edit(view, choose)
    if now is not None:
        await show_group(desk, call, now, value)
