"""Everything one local Slack knows, in one place: its modules get this and nothing else."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.elements import random_id
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.feed import Feed
from bot.sandbox.slack.limits import Limits
from bot.sandbox.slack.listing import Listing
from bot.sandbox.slack.messages import Message, MessageBook
from bot.sandbox.slack.reading import ReadMarks
from bot.sandbox.slack.tickets import Tickets
from bot.sandbox.slack.views import ViewBook
from bot.sandbox.slack.workspace import Workspace
from bot.services.ports import Clock

DEFAULT_SCOPES = frozenset(
    {
        "chat:write",
        "commands",
        "users:read",
        "usergroups:read",
        "channels:read",
        "groups:read",
        "im:read",
        "mpim:read",
        "im:write",
        "channels:history",
        "groups:history",
        "files:read",
        "files:write",
    }
)


@dataclass(slots=True, eq=False)
class ApiRequest:
    """One Web API call as it came in, and what it was told."""

    method: str
    args: JSON
    at: datetime
    status: int = 0
    answer: JSON = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether Slack said yes (and said it: a lost answer has status 0)."""
        return bool(self.answer.get("ok"))


@dataclass(slots=True, eq=False)
class Delivery:
    """One payload sent to the bot, and how that went."""

    kind: str
    """slash_commands, interactive or events_api."""
    payload: JSON = field(repr=False)
    at: datetime
    acked: bool = False
    seconds: float | None = None
    """From sending to the ack (or to giving up), by the one clock."""
    status: int | None = None
    body: Any = None
    """What came with the ack: a dict, a text, or None."""
    code: str | None = None
    """Slack's word for the failure: operation_timeout, dispatch_failed, http_client_error, …"""
    error: str | None = None
    """What the person sees of it."""
    attempt: int = 0
    outcome: Any = None
    """For a submission: what the ack did to the modal."""


@dataclass(slots=True)
class Uploaded:
    """A file: bytes and what Slack tells of it."""

    id: str
    name: str
    mimetype: str
    user_id: str
    title: str
    made: datetime
    length: int | None = None
    """How many bytes an app announced; a person's browser announces nothing."""
    content: bytes = b""
    complete: bool = False
    shared_in: list[Message] = field(default_factory=list)


class State:
    """The world of one local Slack."""

    def __init__(self, clock: Clock, workspace: Workspace, listing: Listing) -> None:
        self.clock = clock
        self.workspace = workspace
        self.listing = listing
        self.commands = [entry.command for entry in listing.commands]
        self.events = list(listing.events)
        self.feed = Feed()
        self.scopes: set[str] = set(listing.scopes or DEFAULT_SCOPES)
        self.tells_scopes = True
        """Whether answers carry X-OAuth-Scopes: a proxy on the way may drop it."""
        self.bot_token = f"xoxb-local-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-local-{secrets.token_hex(12)}"
        self.signing_secret = secrets.token_hex(16)
        self.verification_token = secrets.token_hex(12)
        self.root_url = ""
        self.messages = MessageBook(self.next_ts)
        self.views = ViewBook()
        self.marks = ReadMarks()
        self.tickets = Tickets(clock)
        self.limits = Limits(clock)
        self.faults = Faults()
        self.files: dict[str, Uploaded] = {}
        self.requests: list[ApiRequest] = []
        self.deliveries: list[Delivery] = []
        self.calls_in_flight = 0
        self.unacked = 0
        self.closing = asyncio.Event()
        self._last_ts = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._changed = asyncio.Event()

    def next_ts(self) -> str:
        """A message id: the time, made unique and never going back."""
        now = int(self.clock.now().timestamp() * 1_000_000)
        self._last_ts = max(now, self._last_ts + 100)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """An id such as F0ABC…, of Slack's kind."""
        return prefix + "0" + random_id(9).upper()

    @contextmanager
    def handling_call(self) -> Iterator[Callable[[], None]]:
        """Count a Web API call as in flight; the yielded function ends the count early."""
        self.calls_in_flight += 1
        self._note()
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self.calls_in_flight -= 1
                self._note()

        try:
            yield end
        finally:
            end()

    @contextmanager
    def awaiting_ack(self) -> Iterator[None]:
        """Count a payload as being handled."""
        self.unacked += 1
        self._note()
        try:
            yield
        finally:
            self.unacked -= 1
            self._note()

    async def quiet(self) -> None:
        """Wait until no call and no payload is being handled."""
        await self._quiet.wait()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds; it is looked at whenever a call or an ack has come in."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def touch(self) -> None:
        """Something that people see may have changed: open pages look again."""
        self.feed.announce()

    def _note(self) -> None:
        self.touch()
        self._changed.set()
        if self.calls_in_flight + self.unacked:
            self._quiet.clear()
        else:
            self._quiet.set()
