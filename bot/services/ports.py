"""The seams: what the use cases need of the world, in domain words. Adapters implement these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from bot.domain.audit import AuditEntry
from bot.domain.identifiers import Iccid, Imei
from bot.domain.policy import Actor
from bot.domain.requests import ChangeRequest, Item, Origin, Person, PersonDecision
from bot.domain.things import GroupRow, Thing, ThingRow, ThingsGroup
from bot.services.applying_ports import RowSteps
from bot.services.bulk_ports import RowsTx

T = TypeVar("T")
Permit = AbstractAsyncContextManager[None]
"""To have one call to the vendor under way."""


class Clock(Protocol):
    """Time is an argument."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...


class Platform(Protocol):
    """The vendor's platform. Every method may raise `PlatformError`s; reads never raise `OutcomeUnknown`."""

    async def thing(self, iccid: Iccid, *, urgent: bool = True, permit: Permit | None = None) -> Thing:
        """Read one Thing, fresh. Raises `ThingNotFound`. Not urgent: what somebody waits for goes first.

        `permit` is held from before the call waits its turn at the gate until its answer is here.
        """
        ...

    async def things_group(self, things_group_id: str, *, urgent: bool = True) -> ThingsGroup:
        """Read one Things Group, fresh. Raises `ThingNotFound`. Not urgent: as above."""
        ...

    async def things_last_seen_in(self, imei: Imei) -> tuple[ThingRow, ...]:
        """Things whose last-seen IMEI is this one, by the vendor's filter (at most one page)."""
        ...

    async def is_online(self, thing: Thing) -> bool | None:
        """Whether the Thing has a session now; None where the vendor's answer doesn't say."""
        ...

    async def write_thing_lock(
        self,
        thing: Thing,
        *,
        imei_lock: bool,
        locked_imei: str,
        not_after: datetime,
        urgent: bool = True,
        permit: Permit | None = None,
    ) -> None:
        """One PUT with the `cas` of `thing`, never repeated. Returning is no proof: read back.

        It doesn't leave later than `not_after`, however long it has to wait its turn: `NotReached`.
        Raises `Refused`, `NotReached`, `RateLimited`, `LoginFailed` (nothing was written by this call)
        or `OutcomeUnknown` (it may have been).
        """
        ...

    async def write_group_lock(
        self, group: ThingsGroup, *, imei_lock: bool, tac: str, not_after: datetime
    ) -> None:
        """One PUT with the name and profile of `group` exactly as read, never repeated. Else as above.

        There is no `cas`: the last writer wins.
        """
        ...


class Directory(Protocol):
    """Who people are and where one can speak. Raises `DirectoryUnavailable` where it can't be told."""

    async def actor(self, person: Person, roles: Iterable[str], *, fresh: bool = False) -> Actor:
        """The person, with those of `roles` that they hold; `fresh` means read in the last 10 seconds."""
        ...

    async def holders(self, principal_ids: Iterable[str]) -> frozenset[str]:
        """User ids behind user groups (S…) and people (U…)."""
        ...

    async def room(self, channel: str) -> Room:
        """What is known of a channel. One that the bot can't see is not an error: it is not postable."""
        ...

    async def present(self, channel: str) -> frozenset[str] | None:
        """User ids of who is in a channel; None where that can't be told."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """A channel as the bot sees it."""

    channel: str
    postable: bool
    """The bot is a member, and it is not archived."""
    external: bool | None = False
    """Shared with another company; None where the bot can't see that."""


class PlaceKind(StrEnum):
    """What a request's message at a place is for."""

    CARD = "card"
    """With buttons."""
    TWIN = "twin"
    """Read-only, where it was asked."""
    AUDIT = "audit"
    """The audit channel: one line for each decision and outcome, no card."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is shown. `channel` is C…/G…/D…, or U… for a direct message not opened yet."""

    id: int
    request_id: str
    kind: PlaceKind
    channel: str
    ts: str = ""
    """The card's message; "" until posted."""
    drawn_rev: int = 0
    """The request's `rev` that the card shows, or `GIVEN_UP`."""
    thread_ts: str = ""
    """The thread of somebody's message in which the card is posted; "": in the channel itself."""


GIVEN_UP = -1
"""No card could be posted: the replies of this place wait for none, and go out each by itself."""


class MessageState(StrEnum):
    """Where an outbox message stands."""

    WAITING = "waiting"
    SENDING = "sending"
    """Committed before the call leaves: after a crash it is in doubt, and is not repeated blindly."""
    SENT = "sent"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell at one place. A "card" is drawn from the database when it is sent."""

    id: int
    request_id: str
    place_id: int
    what: str
    """"card", "file" (see `services.documents`), or the name of the reply ("approved", "outcome", …)."""
    about: Mapping[str, str] = field(default_factory=dict)
    state: MessageState = MessageState.WAITING
    attempts: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that was sent, kept before its ack: pressing again makes nothing new."""

    id: str
    key: str
    """Unique for one showing of one form to one person."""
    person: Person
    origin: Origin
    view_id: str
    kind: str
    fields: Mapping[str, str]
    """What was typed, by block id."""
    at: datetime


class Tx(RowSteps, RowsTx, Protocol):
    """One write transaction: all of it is committed, or nothing. Writers are serialised."""

    async def add_submission(self, submission: Submission) -> bool:
        """Keep it; False where its key is known already. What the same modal sent before is over with it."""
        ...

    async def end_submission(self, submission_id: str, state: str, request_id: str = "") -> bool:
        """From "checking" to "posted", "returned" or "refused", once; False where it has ended already."""
        ...

    async def add_request(self, request: ChangeRequest, places: Iterable[tuple[PlaceKind, str]]) -> None:
        """Insert it with its places. Raises `AlreadyOpen` where an open request holds its target.

        Card and twin in the channel where it was asked stand in that message's thread, if it names one.
        """
        ...

    async def add_places(self, request: ChangeRequest, places: Iterable[tuple[PlaceKind, str]]) -> None:
        """More places for a request that has some already."""
        ...

    async def advance(self, old: ChangeRequest, new: ChangeRequest) -> ChangeRequest:
        """Move the row from `old` to `new` where it still is `old` (id, status, rev); returns it as stored.

        Raises `Overtaken`.
        """
        ...

    async def decide(self, request_id: str, decision: PersonDecision) -> None:
        """Add a decision. Raises `Overtaken` where this person's vote of that kind counts already."""
        ...

    async def void_approvals(self, request_id: str) -> None:
        """Earlier approvals no longer count: what they approved is no longer what is shown."""
        ...

    async def unsay(self, request_id: str, what: str) -> None:
        """Drop the messages of that kind that still wait: what they would tell is no longer so."""
        ...

    async def put_item(self, old: Item | None, new: Item) -> Item:
        """Insert, or move the row where it still is `old` (state, attempts). Raises `Overtaken`."""
        ...

    async def audit(self, entry: AuditEntry) -> int:
        """Append to the chain; returns its seq."""
        ...

    async def tell(
        self,
        request_id: str,
        what: str,
        about: Mapping[str, str] | None = None,
        *,
        to: PlaceKind | None = None,
    ) -> None:
        """Queue a message for each place of the request: "card" for CARD and TWIN (once while one waits),
        any other for every place. `to`: for its places of this kind alone."""
        ...


class Store(Protocol):
    """The truth. Raises `StoreUnavailable` where it can't be read or written."""

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Open a write transaction; commits at the end of the block, rolls back on any exception."""
        ...

    async def request(self, request_id: str) -> ChangeRequest | None:
        """One request, with its decisions and item."""
        ...

    async def open_request(self, target_id: str) -> ChangeRequest | None:
        """The open request that holds this Thing or Things Group."""
        ...

    async def locked_to(self, imei: Imei) -> tuple[str, ...]:
        """Names of Things that our own succeeded requests left locked to this device (latest per Thing)."""
        ...

    async def written_since(self, request_id: str, target_ids: Iterable[str]) -> Mapping[str, str]:
        """By target: the newest request that wrote to it after this one and was not taken back."""
        ...

    async def due(self, now: datetime, request_id: str = "") -> tuple[ChangeRequest, ...]:
        """Requests that the sweep must look at: undecided and past `expires_at`; previewing, approved,
        applying or unconfirmed whose `next_at`, and whose only item's, is None or has come; paused whose
        `next_at` has come. `request_id`: of this one alone."""
        ...

    async def submission(self, submission_id: str) -> Submission | None:
        """A form that was sent, whatever became of it."""
        ...

    async def unfinished_submissions(self) -> tuple[Submission, ...]:
        """Those still "checking"."""
        ...

    async def claim_submissions(self) -> tuple[Submission, ...]:
        """Of those the ones that no living replica works on: from now on this one does."""
        ...


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a vendor's listing."""

    rows: tuple[T, ...]
    size: int
    """How many rows the vendor sent, those that make no sense too: the next page begins after them."""
    is_last: bool


@dataclass(frozen=True, slots=True)
class KnownThing:
    """A Thing as the inventory knows it, and since when."""

    row: ThingRow
    read_at: datetime
    group_read_at: datetime | None = None
    """When its group was told last, which not every reading does; None: never."""
    lock_read_at: datetime | None = None
    """When its own lock was told last; None: never."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The best of what matches, and how many there are."""

    best: tuple[T, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Stock:
    """How much the inventory knows, and how old that is."""

    things: int
    groups: int
    read_at: datetime | None
    """When the last complete reading ended; None before the first."""


class Inventory(Protocol):
    """Things and groups by name, as they were listed some time ago: to find, never to decide on.

    Raises `StoreUnavailable`.
    """

    async def groups_matching(self, text: str, limit: int) -> tuple[GroupRow, ...]:
        """Groups by part of the name, by id, or by eight characters of it and more, best first.

        "" gives the first ones by name.
        """
        ...

    async def count_groups(self, text: str) -> int:
        """How many `groups_matching` would give without a limit."""
        ...

    async def last_listed(self, key: str) -> tuple[str, datetime] | None:
        """Name and time of the last reading of a Thing (by ICCID) or a group (by id); None where unknown."""
        ...

    async def group_row(self, things_group_id: str) -> GroupRow | None:
        """One group, None where the inventory knows none of that id."""
        ...

    async def things_matching(self, text: str, limit: int) -> Found[KnownThing]:
        """Things by part of the name, best first; "" matches none."""
        ...

    async def things_of_device(self, imei: Imei, limit: int) -> Found[KnownThing]:
        """Things last seen in this device (14 digits), by name."""
        ...

    async def things_in_group(self, things_group_id: str) -> int | None:
        """How many Things of that group it knows; None where the listing doesn't tell groups."""
        ...

    async def stock(self) -> Stock:
        """How much it knows."""
        ...


@dataclass(frozen=True, slots=True)
class Which:
    """Which requests: all that is named holds; what is empty doesn't count."""

    asked_by: str = ""
    """User id of the requester."""
    person: str = ""
    """User id of somebody who asked or decided."""
    target: str = ""
    """Id of a Thing or Things Group, as requests on it hold it."""
    pending: bool = False
    open: bool = False
    """Those that have not ended."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of requests begins: older than a number, or newer than one; else with the newest."""

    older_than: int | None = None
    newer_than: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of requests, newest first, and where the pages beside it begin; None where there is none."""

    requests: tuple[ChangeRequest, ...]
    newer: Cursor | None = None
    older: Cursor | None = None


FIRST = Cursor()


class Archive(Protocol):
    """Requests of any state, to be looked at. Raises `StoreUnavailable`."""

    async def page(self, which: Which, limit: int, cursor: Cursor = FIRST) -> Listed:
        """At most `limit` of them; where none is left there, the page beside it."""
        ...

    async def left_locked_to(self, imei: Imei) -> tuple[ChangeRequest, ...]:
        """Our succeeded requests that left a Thing locked to this device, the latest of each Thing."""
        ...

    async def thing_id_of(self, iccid: Iccid) -> str | None:
        """The id under which requests were made on the Thing of this ICCID, None where none was."""
        ...


class Outbox(Protocol):
    """What is to be told, and where it was: the notifier's side of the store."""

    async def due_messages(self, now: datetime) -> tuple[Message, ...]:
        """WAITING and due, oldest first; of each place only the first that is not settled yet.

        Replies wait for their card to be posted, but not for one that rests before it is drawn again.
        """
        ...

    async def doubtful_messages(self) -> tuple[Message, ...]:
        """SENDING: left behind by a process that ended. Call at start-up only."""
        ...

    async def begin(self, message: Message) -> bool:
        """WAITING → SENDING, attempts + 1; False where somebody else has it."""
        ...

    async def settle(
        self, message: Message, state: MessageState, *, not_before: datetime | None = None
    ) -> None:
        """SENDING → SENT, DROPPED, or WAITING again with `not_before`."""
        ...

    async def remember(self, message: Message, about: Mapping[str, str]) -> None:
        """From now on the message carries this: what a later try has to know of this one."""
        ...

    async def place(self, place_id: int) -> Place:
        """One place."""
        ...

    async def places(self, request_id: str) -> tuple[Place, ...]:
        """All places of a request."""
        ...

    async def drawn(self, place_id: int, *, channel: str, ts: str, rev: int) -> None:
        """The card at this place is message `ts` and shows `rev`. A thread is left with its channel."""
        ...

    async def leave_thread(self, place_id: int) -> None:
        """What is told at this place from now on stands by itself: its thread takes no reply."""
        ...

    async def stale_cards(self) -> tuple[Place, ...]:
        """CARD and TWIN places whose `drawn_rev` is behind, with no card message waiting."""
        ...

    async def redraw(self, place_id: int) -> None:
        """Queue a card message for this place, unless one waits."""
        ...


class Dispatcher(Protocol):
    """Who runs approved work."""

    def wake(self) -> None:
        """There may be something to do: look now, not at the next sweep."""
        ...


class Notifier(Protocol):
    """Who tells."""

    def wake(self) -> None:
        """There may be something to tell: look now."""
        ...
