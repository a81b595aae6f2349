"""How a SIM or a group stands, several to choose from, or that nothing was found: pure builders."""

from __future__ import annotations

from datetime import datetime

from bot.domain.changes import noun
from bot.domain.impact import SeenGroup, SeenThing
from bot.domain.requests import ChangeRequest
from bot.services.answers import Choice, Choices, Gone, GroupKey, NotFound, Standing, key_text
from bot.services.ports import Stock
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.listings import Links, line
from bot.slack.locks import Rows, b_iccid, thing_rows, things_group_rows

ONLINE = {True: "yes", False: "no", None: "could not be read"}


def standing(answer: Standing, links: Links, now: datetime, *, shared_by: str = "") -> list[b.Block]:
    """How it stands. What is shared has no buttons, and says who shared it."""
    name = b.escape(answer.seen.target.title, 150)
    what = "SIM" if isinstance(answer.seen, SeenThing) else "Group"
    drawn = [b.section(f"{_mark(answer.seen)} *{what} {name}*")]
    drawn += [b.context(b.escape(remark, 400)) for remark in answer.remarks]
    drawn.append(b.facts(_rows(answer, now)))
    if isinstance(answer.seen, SeenThing) and answer.seen.thing.imei_lock and _group_locks(answer.seen):
        drawn.append(b.context("Its group is locked too; which of the two wins is documented nowhere."))
    drawn += _changes(answer, links, now, names=not shared_by)
    counts = "; “ago” counts from then" if shared_by else ""
    shared = f"Shared by {b.mention(shared_by)}. " if shared_by else ""
    drawn.append(b.context(f"{shared}Read from Monogoto {b.moment(answer.seen.read_at)}{counts}."))
    if not shared_by:
        drawn.append(b.actions(b.button("Share in channel", ids.STATUS_SHARE, key_text(answer.key))))
    return drawn


def _mark(seen: SeenThing | SeenGroup) -> str:
    """Closed where either lock is on; neither open nor closed where the group's can't be read."""
    if seen.target.lock.imei_lock or (isinstance(seen, SeenThing) and _group_locks(seen)):
        return "🔒"
    return "❔" if isinstance(seen, SeenThing) and not seen.group_readable else "🔓"


def _group_locks(seen: SeenThing) -> bool:
    return seen.group is not None and seen.group.imei_lock


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
    if answer.things is None:
        known = "not known: the list doesn't tell"
    return [*things_group_rows(answer.seen, "lock"), ("SIMs", known)]


def choices(answer: Choices, now: datetime, action_id: str) -> list[b.Block]:
    """Several match: one row and one button each."""
    which = f"one of {answer.total}. Which?" if answer.total > 1 else "this one."
    drawn = [b.section(f"“{b.escape(answer.typed, 80)}” could be {which}")]
    drawn += [b.context(b.escape(remark, 400)) for remark in answer.remarks]
    drawn += [_row(choice, now, action_id) for choice in answer.choices]
    more = answer.total - len(answer.choices)
    if more > 0:
        drawn.append(b.context(f"and {more} more: {answer.narrow}."))
    return drawn


def _row(choice: Choice, now: datetime, action_id: str) -> b.Block:
    if isinstance(choice.key, GroupKey):
        said = f"group `{choice.key.things_group_id.text}`"
    else:
        said = b_iccid(choice.key.iccid.digits)  # with its label it would fill two lines of a phone
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


def gone(answer: Gone, now: datetime) -> list[b.Block]:
    """It was known, and Monogoto holds it no longer."""
    name = b.escape(answer.title, 150)
    if answer.listed_at is None:
        return [b.section(f"🔍 It is *{name}* in our own requests, but Monogoto no longer holds it.")]
    listed = f"It was listed {b.age(answer.listed_at, now)} as *{name}*"
    return [b.section(f"🔍 {listed}, but Monogoto no longer holds it.")]


def _listed(stock: Stock | None, now: datetime) -> str:
    """The age of the inventory."""
    if stock is None or stock.read_at is None:
        return "not yet listed whole"
    return f"listed {b.age(stock.read_at, now)}"
