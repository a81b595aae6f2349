"""What others have seen of a round: plain facts, without a word of the bot but what its database holds.

The vendor tells what arrived, what took effect and what it answered; at each arrival the database is read
from beside the bot, so that "committed before" is seen and not believed. Slack tells who pressed what, and
what stands in its channels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Lock = tuple[bool, str]
"""Whether it is on, and the IMEI or TAC that is stored; "" for none."""


@dataclass(frozen=True, slots=True)
class Put:
    """A write that arrived at the vendor, whatever came of it."""

    order: int
    """Among all calls, as they arrived."""
    target: str
    at: float
    """Seconds, by the true clock."""
    bot_at: int
    """Microseconds, by the clock of the bot's machine."""
    lock: Lock
    sends: int = 0
    """Audit entries that announce a write to this target, committed when it arrived."""
    request: str = ""
    """Of the latest of them."""
    approvers: tuple[str, ...] = ()
    """Whose approval of that request counted then, in the database."""
    is_unauthorized: bool = False
    """Answered 401: it was not looked at, and comes once more after a new log-in."""
    is_written_over: bool = False
    """Somebody at the console has written over it at once, may be back to what was there before."""
    cas: str = ""
    """As it was sent; "" for a group, which has none."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A write that changed the vendor's record. `put`: the order of the one that it was."""

    target: str
    at: float
    lock: Lock
    put: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the vendor answered to a reading, whole. `head`: how far the audit had come when it was asked."""

    order: int
    target: str
    lock: Lock
    head: int


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed Approve, or sent the form behind it.

    `answered`: when Slack had the answer. It may be lost though the bot acted on the click, and a clock may
    leap by hours while a payload is on its way.
    """

    request: str
    user: str
    at: float
    answered: float


@dataclass(frozen=True, slots=True)
class Request:
    """As the database has it in the end. `approved_at` in microseconds by the bot's clock, 0 where never."""

    id: str
    kind: str
    status: str
    requester: str
    approved_at: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One target of a request, as the database has it in the end."""

    request: str
    target: str
    state: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An audit entry about an item. `lock`: what is to be written, or was found."""

    seq: int
    event: str
    outcome: str
    request: str
    target: str
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What stands in Slack where the database says that a card is ("": nothing), and what it should show."""

    request: str
    where: str
    shown: str
    drawn: str


@dataclass(frozen=True, slots=True)
class Post:
    """A message of the bot that stands in Slack. `message`: which of the outbox's it says it is."""

    where: str
    message: str
    asks: str = ""
    """The request that its buttons ask to decide, "" where it has none."""
    admits: bool = False
    """Whether it says that it may be there twice, or replaces another one."""


@dataclass(frozen=True, slots=True)
class Records:
    """All that is judged."""

    puts: tuple[Put, ...] = ()
    effects: tuple[Effect, ...] = ()
    readings: tuple[Reading, ...] = ()
    clicks: tuple[Click, ...] = ()
    requests: tuple[Request, ...] = ()
    items: tuple[Item, ...] = ()
    entries: tuple[Entry, ...] = ()
    cards: tuple[Card, ...] = ()
    posts: tuple[Post, ...] = ()
    unsettled: tuple[str, ...] = ()
    """What the database still means to tell or to check."""
    fault: str | None = None
    """What is wrong with the audit's chain."""
    digests: dict[int, str] = field(default_factory=dict)
    """Of all entries, in the end."""
    heads: tuple[tuple[int, str], ...] = ()
    """Heads of the chain that were seen on the way."""
    has_expired: bool = True
    """Whether whatever waited for a decision had the time to expire."""
    is_clock_true: bool = True
    """Whether the bot's clock was right all the time."""
