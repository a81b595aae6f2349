"""Requests in a list: what was asked, what became of it, who asked and who decided, linked to the cards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.changes import Bulk, Kind
from bot.domain.errors import Unfit
from bot.domain.impact import SeenThing
from bot.domain.planned import plan_of
from bot.domain.requests import ChangeRequest, Status, Vote
from bot.services.ports import FIRST, Cursor, Listed, PlaceKind, Which
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.cards import AHEAD, chain, mark
from bot.slack.locks import Rows, after_words, b_iccid, lock_words
from bot.slack.notifier import SlackNotifier

VERBS: Mapping[Kind, str] = {
    Kind.LOCK_THING: "Lock SIM",
    Kind.UNLOCK_THING: "Unlock SIM",
    Kind.LOCK_THINGS_GROUP: "Lock group",
    Kind.UNLOCK_THINGS_GROUP: "Unlock group",
    Kind.BULK: "Many SIMs",
}
VOTES: Mapping[Vote, str] = {
    Vote.APPROVED: "approved",
    Vote.DENIED: "denied",
    Vote.CANCELLED: "cancelled",
}
Links = Mapping[str, str]
"""Permalinks of cards, by request id."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list as its buttons carry it on: which list, of what, and from where."""

    lookup: str
    """`requests` or `history`: the look-up that the policy is asked about."""
    title: str
    which: Which
    cursor: Cursor = FIRST
    remark: str = ""

    def value(self, cursor: Cursor) -> str:
        """For a button: the same list, from elsewhere."""
        which = {"a": self.which.asked_by, "p": self.which.person, "t": self.which.target}
        carried: dict[str, object] = {key: value for key, value in which.items() if value}
        carried |= {"w": 1} if self.which.pending else {}
        carried |= {"l": self.lookup, "h": b.clip(self.title, 200)}
        carried |= {"r": b.clip(self.remark, 300)} if self.remark else {}
        return json.dumps(carried | {"o": cursor.older_than, "n": cursor.newer_than}, ensure_ascii=False)

    @classmethod
    def read(cls, value: str) -> Leaf:
        """Raises `Unfit` on a broken button."""
        try:
            carried = json.loads(value)
            which = Which(
                str(carried.get("a", "")),
                str(carried.get("p", "")),
                str(carried.get("t", "")),
                bool(carried.get("w")),
            )
            cursor = Cursor(_number(carried.get("o")), _number(carried.get("n")))
            lookup = "history" if carried["l"] == "history" else "requests"
            return cls(lookup, str(carried["h"]), which, cursor, str(carried.get("r", "")))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Unfit("This button is broken. Type the command again.") from None


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 62:
        return None
    return value


def page(leaf: Leaf, listed: Listed, links: Links, now: datetime) -> list[b.Block]:
    """A page of a list, with buttons to the pages beside it."""
    person = leaf.which.person
    title = (
        f"What {b.mention(b.escape(person, 40))} asked and decided" if person else b.escape(leaf.title, 250)
    )
    drawn = [b.section(f"*{title}*")]
    if leaf.remark:
        drawn.append(b.context(b.escape(leaf.remark, 400)))
    if not listed.requests:
        drawn.append(b.section("There are none."))
    for request in listed.requests:
        drawn += entry(request, links.get(request.id, ""), now)
    beside = []
    if listed.newer:
        beside.append(b.button("Newer", ids.LOOKUP_NEWER, leaf.value(listed.newer)))
    if listed.older:
        beside.append(b.button("Older", ids.LOOKUP_OLDER, leaf.value(listed.older)))
    if beside:
        drawn.append(b.actions(*beside))
    return [*drawn, b.context(f"As of {b.moment(now)}. Only you see this.")]


def entry(request: ChangeRequest, link: str, now: datetime) -> list[b.Block]:
    """One request: what became of it, before → after, and the people."""
    return [b.section(_headline(request, link, now)), b.facts(_rows(request)), b.context(_people(request))]


def line(request: ChangeRequest, link: str, now: datetime, *, names: bool = True) -> str:
    """One request in a line or two, for the answer about a SIM. Slack calls whom a shared one names."""
    people = _people(request) if names else f"asked {b.moment(request.created_at)} · `{request.id}`"
    return f"{_headline(request, link, now)}\n{_change(request)}\n{people}"


def _change(request: ChangeRequest) -> str:
    if isinstance(request.change, Bulk):
        return f"{b.escape(request.change.name, 80)}: {_row_counts(request)}"
    before = request.before
    return f"{b.escape(lock_words(before), 80)} → {b.escape(after_words(request.single, before), 80)}"


def _row_counts(request: ChangeRequest) -> str:
    rows = plan_of(request).rows
    return f"{rows.ready:,} {'approved' if request.approved_at else 'ready'} of {rows.total:,} rows"


def _headline(request: ChangeRequest, link: str, now: datetime) -> str:
    words = f"{VERBS[request.change.kind]}: {request.status.value.replace('_', ' ')}"
    linked = f"<{link}|{words}>" if link else words
    return f"{mark(request)} *{linked}* · {b.age(request.created_at, now)}"


def _rows(request: ChangeRequest) -> Rows:
    if isinstance(request.change, Bulk):
        return [("file", request.change.name), ("rows", _row_counts(request))]
    target, before = request.seen.target, request.before
    if isinstance(request.seen, SeenThing):
        about = [("SIM", target.title), ("ICCID", b_iccid(request.seen.thing.iccid))]
    else:
        about = [("group", target.title)]
    done = "after" if request.status in AHEAD | {Status.SUCCEEDED} else "asked"
    return [*about, ("before", lock_words(before)), (done, after_words(request.single, before))]


def _people(request: ChangeRequest) -> str:
    asked = f"asked by {b.mention(request.requester.user_id)} {b.moment(request.created_at)}"
    votes: dict[str, list[str]] = {}
    for decision in request.decisions:
        if decision.counts:
            votes.setdefault(VOTES[decision.vote], []).append(decision.person.user_id)
    decided = "".join(f" · {verb} by {b.mentions(people)}" for verb, people in votes.items())
    nobody = " · nobody decided" + (" yet" if request.status is Status.PENDING else "")
    return f"{asked}{decided or nobody} · `{request.id}`{chain(request)}"


async def links_to(
    notifier: SlackNotifier, requests: Iterable[ChangeRequest], reader: str = ""
) -> dict[str, str]:
    """Permalinks to where this person sees the requests, asked for side by side; "" where they see none.

    Whoever asked is led to where that was, others to the card with buttons. Without a reader: for a channel.
    """

    async def link(request: ChangeRequest) -> tuple[str, str]:
        first = PlaceKind.TWIN if reader in {"", request.requester.user_id} else PlaceKind.CARD
        return request.id, await notifier.link_for(request.id, reader, first=first)

    return dict(await asyncio.gather(*map(link, requests)))
