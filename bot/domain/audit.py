"""Who did what, to which request, when, and what came of it: chained, so that no entry changes quietly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.requests import THE_BOT, Origin, Person

GENESIS = "0" * 64
"""What the first entry is chained to."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One fact. `event` is `object.verb` ("request.approve", "item.sent"); texts are short and plain.

    `before` and `after` hold lock fields with full identifiers: the audit is evidence, not a log.
    """

    at: datetime
    event: str
    outcome: str
    """"ok", "refused", or the state that was reached."""
    person: Person = THE_BOT
    origin: Origin = field(default_factory=Origin)
    request_id: str = ""
    thing_id: str = ""
    things_group_id: str = ""
    """Of a change to a group; then there is no `thing_id`."""
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    """The vendor's answer in short."""
    reason: str = ""
    fingerprint: str = ""
    """Of a decision: exactly what it was about."""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry's place in the chain, as stored: `body` is the canonical bytes, seq included."""

    seq: int
    body: bytes
    previous: str
    digest: str


def chain(previous: str, body: bytes) -> str:
    """The digest that binds `body` to all that came before it: SHA-256 in hex."""
    return hashlib.sha256(previous.encode() + b"\n" + body).hexdigest()


def first_fault(links: Iterable[Link], head: tuple[int, str]) -> str | None:
    """The first thing wrong with a chain, in words, or None. `head`: the head row's (seq, digest)."""
    expected, previous = 1, GENESIS
    for link in links:
        if link.seq != expected:
            return f"entry {expected} is missing (the next one found is {link.seq})"
        if link.previous != previous:
            return f"entry {link.seq} is not chained to the entry before it"
        if chain(previous, link.body) != link.digest:
            return f"entry {link.seq} was changed after it was written"
        expected, previous = link.seq + 1, link.digest
    if head[0] != expected - 1:
        return f"the chain ends at entry {expected - 1}, but {head[0]} entries were written"
    if head[1] != previous:
        return f"the chain ends at entry {expected - 1}, whose digest is not the one in the head"
    return None
