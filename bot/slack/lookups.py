"""`/imei status`, `/imei requests`, `/imei history`: the words, the buttons, and who is answered how."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from bot.services.answers import About, Answer, Choices, Gone, NotFound, read_key
from bot.services.ports import Which
from bot.slack import blocks as b
from bot.slack import ids, listings, statuses
from bot.slack.api import SlackAway, SlackError
from bot.slack.desk import Call, Desk
from bot.slack.listings import Leaf, links_to

T = TypeVar("T")

USAGE = {
    "status": "`/imei status [ICCID | IMEI | name | group]`",
    "requests": "`/imei requests [mine | waiting | all]`",
    "history": "`/imei history [ICCID | group | @person]`",
}
PURPOSES = {
    "status": "What a SIM or group is locked to, its device, open requests, last changes",
    "requests": "Requests, newest first",
    "history": "What was asked about a SIM or group, or by somebody, and who decided",
}
SLOW_SECONDS = 3.0
"""After so long somebody wants to hear that it is still being looked up."""
_MARK = re.compile(r"<((?:https?:|mailto:|tel:|[#@])[^<>|]*)(?:\|([^<>]*))?>")
"""`<http://example.com|example.com>`; a `<` that somebody typed arrives as an entity."""
_UNSEEN = re.compile("[\u200b\u2060\ufeff]")
"""What comes along when a name is copied out of an answer: `escape` sets such marks."""
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


# --- commands --------------------------------------------------------------------------------------


async def status(desk: Desk, call: Call, rest: str) -> None:
    """`/imei status …`"""
    if not rest:
        await desk.whisper(call, f"⚠️ Say what to look up: {USAGE['status']}")
        return
    work = desk.lookups.status(call.person, call.origin, unescaped(rest))
    await _show(desk, call, await _patiently(desk, call, work))


async def requests(desk: Desk, call: Call, rest: str) -> None:
    """`/imei requests [mine | waiting | all]`"""
    mine = Which(asked_by=call.person.user_id)
    lists = {
        "mine": ("Requests that you asked for", mine),
        "waiting": ("Requests that wait for a decision", Which(pending=True)),
        "all": ("All requests", Which()),
    }
    chosen = lists.get(rest.lower() or "mine")
    if chosen is None:
        said = b.escape(unescaped(rest), 40)
        await desk.whisper(call, f"⚠️ There is no list “{said}”. {USAGE['requests']}")
        return
    await _list(desk, call, Leaf("requests", *chosen))


async def history(desk: Desk, call: Call, rest: str) -> None:
    """`/imei history …`"""
    person = _PERSON.fullmatch(rest)
    if person:
        await _list(desk, call, _of_person(person[1]))
    elif rest.startswith("@"):
        said = "⚠️ Slack did not say who that is: type @, and pick the person from the list that opens."
        await desk.whisper(call, f"{said} {USAGE['history']}")
    elif not rest:
        await desk.whisper(call, f"⚠️ Say whose history: {USAGE['history']}")
    else:
        typed = unescaped(rest)
        found = await desk.lookups.target_of(call.person, call.origin, typed)
        if isinstance(found, Choices):
            blocks = statuses.choices(found, desk.clock.now(), ids.HISTORY_SHOW)
            await desk.answer(call, "Several groups match", blocks)
            return
        await _list(desk, call, _of_target(found))


WORDS = {"status": status, "requests": requests, "history": history}


def unescaped(text: str) -> str:
    """What was typed: with `should_escape` Slack sends entities, and links in marks of its own."""
    typed = html.unescape(_MARK.sub(lambda mark: mark[2] or mark[1], text))
    return _UNSEEN.sub("", typed).strip()


# --- buttons ---------------------------------------------------------------------------------------


async def show_status(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """One of several was chosen: the list gives way to it."""
    work = desk.lookups.status_of(call.person, call.origin, read_key(value))
    await _show(desk, call, await _patiently(desk, call, work), replace_=True)


async def share_status(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """For the channel: roles and facts read anew, with the name of whoever shares."""
    once = ":".join(("share", call.origin.channel, call.origin.message_ts, call.person.user_id))
    if not await desk.shares.begin(once):
        await desk.whisper(call, "It is being shared already, or was just now: look in the channel.")
        return
    shared = False
    try:
        shared = await _share(desk, call, value)
    finally:
        if not shared:
            await desk.shares.forget(once)


async def _share(desk: Desk, call: Call, value: str) -> bool:
    """Whether Slack took it."""
    work = desk.lookups.status_to_share(call.person, call.origin, read_key(value))
    answer = await _patiently(desk, call, work)
    if isinstance(answer, Gone):
        await _show(desk, call, answer)
        return False
    links = await links_to(desk.notifier, (*answer.open, *answer.last))
    blocks = statuses.standing(answer, links, desk.clock.now(), shared_by=call.person.user_id)
    said = ""
    try:
        await desk.share(call, f"How {b.escape(answer.seen.target.title, 80)} stands", blocks)
    except SlackAway:
        said = "⚠️ Slack did not say whether it was shared: look in the channel before you share it again."
    except SlackError:
        said = "⚠️ Slack did not take it for this channel; nothing was shared. Look it up again, then share."
    if said:
        await desk.whisper(replace(call, response_url=""), said)
    return not said


async def show_history(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """One of several groups was chosen."""
    about = await desk.lookups.target_chosen(call.person, call.origin, read_key(value))
    await _list(desk, call, _of_target(about), replace_=True)


async def turn(desk: Desk, call: Call, _body: Mapping[str, Any], value: str) -> None:
    """Newer or older, in the place of this page."""
    await _list(desk, call, Leaf.read(value), replace_=True)


ACTIONS = {
    ids.STATUS_SHOW: show_status,
    ids.STATUS_SHARE: share_status,
    ids.HISTORY_SHOW: show_history,
    ids.LOOKUP_NEWER: turn,
    ids.LOOKUP_OLDER: turn,
}


# --- answers ---------------------------------------------------------------------------------------


async def _show(desk: Desk, call: Call, answer: Answer, *, replace_: bool = False) -> None:
    now = desk.clock.now()
    match answer:
        case Choices():
            text, blocks = "Several match", statuses.choices(answer, now, ids.STATUS_SHOW)
        case NotFound():
            text, blocks = "Nothing found", statuses.not_found(answer, now)
        case Gone():
            text, blocks = "It is gone", statuses.gone(answer, now)
        case _:
            links = await links_to(desk.notifier, (*answer.open, *answer.last))
            text = f"How {b.escape(answer.seen.target.title, 80)} stands"
            blocks = statuses.standing(answer, links, now)
    await desk.answer(call, text, blocks, replace=replace_)


async def _list(desk: Desk, call: Call, leaf: Leaf, *, replace_: bool = False) -> None:
    listed = await desk.lookups.page(
        call.person, call.origin, leaf.lookup, leaf.which, leaf.cursor, fresh=replace_
    )
    links = await links_to(desk.notifier, listed.requests)
    blocks = listings.page(leaf, listed, links, desk.clock.now())
    await desk.answer(call, b.escape(leaf.title, 200), blocks, replace=replace_)


def _of_person(user_id: str) -> Leaf:
    return Leaf("history", "What one person asked and decided", Which(person=user_id))


def _of_target(about: About) -> Leaf:
    named = f"{b.clip(about.name, 70)} ({about.identity})" if about.name else about.identity
    return Leaf("history", f"What was asked about {named}", about.which, remark=" ".join(about.remarks))


async def _patiently(desk: Desk, call: Call, work: Coroutine[Any, Any, T]) -> T:
    """What it brings; where that takes long, a word that it is under way."""
    working = asyncio.ensure_future(work)
    alarm = asyncio.ensure_future(desk.clock.sleep(SLOW_SECONDS))
    try:
        await asyncio.wait({working, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await desk.whisper(call, "⏳ Looking it up at Monogoto…")
        return await working
    finally:
        alarm.cancel()
        working.cancel()
