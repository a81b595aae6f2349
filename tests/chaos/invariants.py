"""What must hold of every round, whatever went wrong in it. Each returns what it found broken, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from tests.chaos.records import Entry, Put, Records

APPROVALS: Mapping[str, int] = {
    "lock_thing": 1,
    "unlock_thing": 1,
    "bulk": 1,
    "lock_things_group": 2,
    "unlock_things_group": 2,
}
"""The least that the rounds' policy asks for, by kind of change."""
APPLY_WITHIN_SECONDS = 3600
BULK_SECONDS = 60
"""More than that for a bulk: the policy's hour does not count the calls that its rows need."""
SLACK_SECONDS = 15.0
"""So long after a click its payload may still be on its way."""
ENDED = frozenset({"done", "already", "outdated", "conflict", "failed", "skipped"})
CLOSED = frozenset(
    {"succeeded", "partly_failed", "failed", "denied", "cancelled", "expired", "outdated"}
)  # fmt: skip
Invariant = Callable[[Records], Iterator[str]]


def one_effect(records: Records) -> Iterator[str]:
    """Never two effective writes for one item, but for one that somebody has written over at once.

    Whoever puts back what was there makes it look as if nothing had been written.
    """
    by_order = {put.order: put for put in records.puts}
    standing = [e for e in records.effects if e.put in by_order and not by_order[e.put].is_written_over]
    effects = Counter((by_order[effect.put].request, effect.target) for effect in standing)
    for (request, target), count in effects.items():
        if count > 1:
            yield f"{count} effective writes of request {request or '(none)'} to {target}"
    for effect in records.effects:
        if effect.put not in by_order:
            yield f"an effective write to {effect.target} at {effect.at} that no call made"


def announced(records: Records) -> Iterator[str]:
    """Never a write without an earlier audit entry of its own, about just that write."""
    seen: Counter[str] = Counter()
    sends = defaultdict(list)
    for entry in records.entries:
        if entry.event == "item.send":
            sends[entry.target].append(entry)
    for put in records.puts:
        seen[put.target] += not put.is_unauthorized
        if put.sends < seen[put.target]:
            yield f"write {seen[put.target]} to {put.target} arrived after {put.sends} audit entries of one"
            continue
        said = sends[put.target][put.sends - 1] if len(sends[put.target]) >= put.sends else None
        if said is None or said.lock != put.lock or said.request != put.request:
            yield f"a write of {put.lock} to {put.target}, of which the audit says {said}"


def approved(records: Records) -> Iterator[str]:
    """Never a write without enough distinct approvers, none of them the requester, who really pressed."""
    requests = {request.id: request for request in records.requests}
    for put in records.puts:
        request = requests.get(put.request)
        if request is None:
            yield f"a write to {put.target} that belongs to no request"
            continue
        pressed = {c.user for c in records.clicks if c.request == request.id and c.at <= put.at}
        counted = set(put.approvers) & pressed - {request.requester}
        if len(counted) < APPROVALS[request.kind]:
            yield (
                f"a write of request {request.id} ({request.kind}, by {request.requester}) to {put.target} "
                f"with approvals of {sorted(put.approvers)}, of whom {sorted(pressed)} pressed Approve"
            )


def read_back(records: Records) -> Iterator[str]:
    """Never "done" without a reading after the write that showed it, before "done" was said."""
    for item in records.items:
        if item.state in {"done", "already"}:
            yield from _read_back(records, item.request, item.target, item.state)
    done = {item.request for item in records.items if item.state in {"done", "already"}}
    for request in records.requests:
        if request.status == "succeeded" and request.id not in done:
            yield f"request {request.id} has succeeded, and none of its items is done"


def _read_back(records: Records, request: str, target: str, state: str) -> Iterator[str]:
    mine = [e for e in records.entries if (e.request, e.target) == (request, target)]
    end = next((entry for entry in reversed(mine) if entry.event == "item.end"), None)
    if end is None or end.outcome != state:
        yield f"request {request} says {state} of {target}, and the audit says {end}"
        return
    wrote = [put.order for put in records.puts if (put.request, put.target) == (request, target)]
    if state == "done" and not wrote:
        yield f"request {request} says done of {target}, to which it wrote nothing"
    if not any(
        reading.target == target
        and reading.order > max(wrote, default=0)
        and reading.head < end.seq
        and reading.lock == _asked(mine, end)
        for reading in records.readings
    ):
        yield f"request {request} says {state} of {target}, and no reading after its write showed that"


def _asked(mine: list[Entry], end: Entry) -> object:
    """Of what was sent, just that; what was so already may be another spelling: as it was found."""
    sent = next((entry for entry in reversed(mine) if entry.event == "item.send"), None)
    return sent.lock if sent and end.outcome == "done" else end.lock


def comes_to_an_end(records: Records) -> Iterator[str]:
    """Never an approved item without an end, nor a request, a form or a message left hanging."""
    closed = {request.id for request in records.requests if request.status in CLOSED}
    for request in records.requests:
        waits = request.status in {"previewing", "pending"} and not records.has_expired
        if request.id not in closed and not waits:
            yield f"request {request.id} ({request.kind}) is still {request.status}"
    for item in records.items:
        if item.state not in ENDED and not (item.state == "unconfirmed" and item.request in closed):
            if item.state == "planned" and item.request in closed:
                continue
            yield f"an item of request {item.request} on {item.target} is still {item.state}"
    for left in records.unsettled:
        yield f"left hanging: {left}"


def in_time(records: Records) -> Iterator[str]:
    """Never anything applied late: neither by the bot's clock, nor by that of whoever pressed Approve."""
    requests = {request.id: request for request in records.requests}
    for put in records.puts:
        request = requests.get(put.request)
        if request is None:
            continue
        waited = (put.bot_at - request.approved_at) / 1_000_000
        most = APPLY_WITHIN_SECONDS + (BULK_SECONDS if request.kind == "bulk" else 0)
        if not request.approved_at or waited > most:
            yield f"a write of request {request.id} {waited:.0f} s after its approval"
        if records.is_clock_true and (late := _since_click(records, put)) > most:
            yield f"a write of request {request.id} {late:.0f} s after the last click that approved it"


def _since_click(records: Records, put: Put) -> float:
    clicks = [c.answered for c in records.clicks if c.request == put.request and c.user in put.approvers]
    return put.at - max((at for at in clicks if at <= put.at), default=put.at) - SLACK_SECONDS


def cards_agree(records: Records) -> Iterator[str]:
    """Cards show what the database holds, and no decision can be pressed that was made."""
    for card in records.cards:
        if card.shown != card.drawn:
            yield f"the card of {card.request} at {card.where} shows\n{card.shown}\nand should\n{card.drawn}"
    statuses = {request.id: request.status for request in records.requests}
    for post in records.posts:
        if post.asks and statuses.get(post.asks) != "pending":
            yield f"{post.where} still asks to decide {post.asks}, which is {statuses.get(post.asks)}"
    shown = {card.request for card in records.cards}
    for request in records.requests:
        if request.id not in shown:
            yield f"request {request.id} ({request.status}) has no card"


def said_once(records: Records) -> Iterator[str]:
    """Nothing stands in Slack twice without saying so."""
    by_message = defaultdict(list)
    for post in records.posts:
        if post.message:
            by_message[post.message].append(post)
    for message, posts in by_message.items():
        if sum(not post.admits for post in posts) > 1:
            yield f"message {message} stands at {', '.join(post.where for post in posts)}"


def audit_holds(records: Records) -> Iterator[str]:
    """The audit's chain verifies, and nothing that was ever in it is gone."""
    if records.fault:
        yield f"the audit does not hold: {records.fault}"
    for seq, digest in records.heads:
        if seq and records.digests.get(seq) != digest:
            yield f"entry {seq} of the audit, seen on the way, is gone"


INVARIANTS: tuple[Invariant, ...] = (
    one_effect,
    announced,
    approved,
    read_back,
    comes_to_an_end,
    in_time,
    cards_agree,
    said_once,
    audit_holds,
)


def violations(records: Records) -> list[str]:
    """All that is broken, each with the name of what it breaks."""
    return [f"{invariant.__name__}: {found}" for invariant in INVARIANTS for found in invariant(records)]
