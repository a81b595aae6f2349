"""How a SIM or a group stands, several to choose from, or that nothing was found: pure builders."""

from __future__ import annotations

from datetime import datetime

from bot.domain.changes import noun
from bot.domain.impact import SeenThing
from bot.domain.requests import ChangeRequest
from bot.services.answers import Choice, Choices, GroupKey, NotFound, Standing, key_text
from bot.services.ports import Stock
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.listings import Links, line
from bot.slack.locks import Rows, b_iccid, thing_rows, things_group_rows

ONLINE = {True: "yes", False: "no", None: "could not be read"}


def standing(answer: Standing, links: Links, now: datetime, *, shared_by: str = "") -> list[b.Block]:
    """How it stands. What is shared has no buttons, and says who shared it."""
    lock, name = answer.seen.target.lock, b.escape(answer.seen.target.title, 150)
    what = "SIM" if isinstance(answer.seen, SeenThing) else "Group"
    drawn = [b.section(f"{'🔒' if lock.imei_lock else '🔓'} *{what} {name}*")]
    drawn += [b.context(b.escape(remark, 400)) for remark in answer.remarks]
    drawn.append(b.facts(_rows(answer, now)))
    if isinstance(answer.seen, SeenThing) and answer.seen.group and answer.seen.group.imei_lock:
        both = "The SIM's lock and its group's both count; which wins, Monogoto documents nowhere."
        drawn.append(b.context(both))
    drawn += _changes(answer, links, now, names=not shared_by)
    counts = "; “ago” counts from then" if shared_by else ""
    shared = f"Shared by {b.mention(shared_by)}. " if shared_by else ""
    drawn.append(b.context(f"{shared}Read from Monogoto {b.moment(answer.seen.read_at)}{counts}."))
    if not shared_by:
        drawn.append(b.actions(b.button("Share in channel", ids.STATUS_SHARE, key_text(answer.key))))
    return drawn


def _changes(answer: Standing, links: Links, now: datetime, *, names: bool) -> list[b.Block]:
    """Open requests, then the last ones that have ended."""

    def drawn(request: ChangeRequest) -> str:
        return line(request, links.get(request.id, ""), now, names=names)

    opened = [b.section(f"*Open, on the {noun(r.change)}:*\n{drawn(r)}") for r in answer.open]
    if answer.last:
        return [*opened, b.section("*Last changes*"), *(b.section(drawn(r)) for r in answer.last)]
    return opened or [b.section("No change was asked for here before.")]


def _rows(answer: Standing, now: datetime) -> Rows:
    if isinstance(answer.seen, SeenThing):
        return [*thing_rows(answer.seen, "lock"), ("online", ONLINE[answer.seen.online])]
    known = f"{answer.things} known, {_listed(answer.stock, now)}"
    return [*things_group_rows(answer.seen, "lock"), ("SIMs", known)]


def choices(answer: Choices, now: datetime, action_id: str) -> list[b.Block]:
    """Several match: one row and one button each."""
    drawn = [b.section(f"“{b.escape(answer.typed, 80)}” could be one of {answer.total}. Which?")]
    drawn += [b.context(b.escape(remark, 400)) for remark in answer.remarks]
    drawn += [_row(choice, now, action_id) for choice in answer.choices]
    more = answer.total - len(answer.choices)
    if more > 0:
        drawn.append(b.context(f"and {more} more: type more of the name."))
    return drawn


def _row(choice: Choice, now: datetime, action_id: str) -> b.Block:
    if isinstance(choice.key, GroupKey):
        said = f"group `{choice.key.things_group_id.text}`"
    else:
        said = f"ICCID {b_iccid(choice.key.iccid.digits)}"
    ways = [*choice.found_by, *([f"listed {b.age(choice.read_at, now)}"] if choice.read_at else [])]
    text = f"*{b.escape(choice.title, 100)}*\n{said}\n{' · '.join(ways)}".rstrip()
    key = key_text(choice.key)
    return b.section(text, block_id=key) | {"accessory": b.button("Show", action_id, key)}


def not_found(answer: NotFound, now: datetime) -> list[b.Block]:
    """Nothing matches; where it was looked for, and how old that is."""
    stock = answer.stock
    looked = f"Looked through {stock.things} SIMs and {stock.groups} groups, {_listed(stock, now)}."
    drawn = [b.section(f"🔍 Nothing found for “{b.escape(answer.typed, 80)}”. {looked}")]
    return drawn + [b.context(b.escape(remark, 400)) for remark in answer.remarks]


def _listed(stock: Stock | None, now: datetime) -> str:
    """The age of the inventory."""
    if stock is None or stock.read_at is None:
        return "not yet listed whole"
    return f"listed {b.age(stock.read_at, now)}"
