"""The queue of what is to be told, first in, first out at each place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from sqlalchemy import (
    BindParameter,
    Exists,
    Select,
    Update,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import Overtaken
from bot.services.ports import GIVEN_UP, Message, MessageState, Place, PlaceKind
from bot.storage.encoding import encode_texts
from bot.storage.engine import Engine
from bot.storage.rows import to_message, to_place
from bot.storage.tables import DRAWN_KINDS, UNSETTLED, outbox, places, requests

_QUEUED = outbox.alias("queued")


class Fence(Protocol):
    """Whether what is written in a write transaction is still this replica's to write."""

    async def covers(self, connection: AsyncConnection) -> bool:
        """Asked in that very transaction."""
        ...


class SqlOutbox:
    """Implements `Outbox` of the ports.

    With a `fence` nothing is written by a replica whose lease another one has taken since: `Overtaken`.
    """

    def __init__(self, engine: Engine, fence: Fence | None = None) -> None:
        self._engine = engine
        self._fence = fence

    async def due_messages(self, now: datetime) -> tuple[Message, ...]:
        """WAITING and due, oldest first; of each place only the first that is not settled yet.

        Where a card is still to be posted only the card counts: its replies wait for it. A card that is to
        be drawn again, and has to rest before that, holds up no reply.
        """
        return await self._messages(_due(), now=now)

    async def doubtful_messages(self) -> tuple[Message, ...]:
        """SENDING: left behind by a process that ended. Call at start-up only."""
        sending = select(outbox).where(outbox.c.state == MessageState.SENDING)
        return await self._messages(sending.order_by(outbox.c.id))

    async def begin(self, message: Message) -> bool:
        """WAITING → SENDING, attempts + 1; False where somebody else has it, or had it meanwhile."""
        # In its turn: who tells of a change at this moment, and sees a card that waits, counts on its being
        # drawn after that change.
        return await self._moves(_begun(), {"of": message.id, "tried": message.attempts}, at_once=False)

    async def settle(
        self, message: Message, state: MessageState, *, not_before: datetime | None = None
    ) -> None:
        """SENDING → SENT, DROPPED, or WAITING again with `not_before`. Raises `Overtaken` where it isn't
        SENDING."""
        if state is MessageState.SENDING:
            raise ValueError("sending is no end")
        tried = {"of": message.id, "tried": message.attempts}
        if not await self._moves(_settled(), tried | {"ended": state.value, "again_at": not_before}):
            raise Overtaken(f"message {message.id} is not being sent")

    async def remember(self, message: Message, about: Mapping[str, str]) -> None:
        """From now on the message carries this: what a later try has to know of this one."""
        statement = update(outbox).where(outbox.c.id == message.id).values(about=encode_texts(about))
        async with self._writing() as connection:
            await connection.execute(statement)

    async def place(self, place_id: int) -> Place:
        """One place. KeyError where there is none."""
        found = await self._places(_place(), of=place_id)
        if not found:
            raise KeyError(place_id)
        return found[0]

    async def places(self, request_id: str) -> tuple[Place, ...]:
        """All places of a request, in the order in which they were named."""
        return await self._places(_places_of_request(), of=request_id)

    async def drawn(self, place_id: int, *, channel: str, ts: str, rev: int) -> None:
        """The card at this place is message `ts` and shows `rev`. A thread is left with its channel."""
        thread = case((places.c.channel == channel, places.c.thread_ts), else_="")
        values = {"channel": channel, "ts": ts, "drawn_rev": rev, "thread_ts": thread}
        async with self._writing() as connection:
            await connection.execute(update(places).where(places.c.id == place_id).values(values))

    async def leave_thread(self, place_id: int) -> None:
        """What is told at this place from now on stands by itself: its thread takes no reply."""
        async with self._writing() as connection:
            await connection.execute(update(places).where(places.c.id == place_id).values(thread_ts=""))

    async def stale_cards(self) -> tuple[Place, ...]:
        """CARD and TWIN places whose `drawn_rev` is behind, with no card message waiting or on its way."""
        behind = (places.c.drawn_rev < requests.c.rev) & places.c.kind.in_(DRAWN_KINDS)
        joined = select(places).join(requests, requests.c.id == places.c.request_id)
        return await self._places(joined.where(behind, ~_card_in(UNSETTLED)).order_by(places.c.id))

    async def redraw(self, place_id: int) -> None:
        """Queue a card message for this place, unless one waits. A place that shows no card gets none."""
        wanted = (places.c.id == place_id) & places.c.kind.in_(DRAWN_KINDS) & ~waiting_card()
        async with self._writing() as connection:
            request_id = await connection.scalar(select(places.c.request_id).where(wanted))
            if request_id is not None:
                await queue_message(connection, request_id, place_id, "card", {})

    @asynccontextmanager
    async def _writing(self, *, at_once: bool = False) -> AsyncIterator[AsyncConnection]:
        transaction = self._engine.writing_at_once if at_once else self._engine.writing
        async with transaction() as connection:
            if self._fence and not await self._fence.covers(connection):
                raise Overtaken("another replica tells by now")
            yield connection

    async def _messages(self, query: Select[Any], **values: Any) -> tuple[Message, ...]:
        async with self._engine.reading() as connection:
            return tuple(to_message(row) for row in await connection.execute(query, values))

    async def _places(self, query: Select[Any], **values: Any) -> tuple[Place, ...]:
        async with self._engine.reading() as connection:
            return tuple(to_place(row) for row in await connection.execute(query, values))

    async def _moves(self, move: Update, values: dict[str, Any], *, at_once: bool = True) -> bool:
        async with self._writing(at_once=at_once) as connection:
            return (await connection.execute(move, values)).rowcount == 1


async def queue_message(
    connection: AsyncConnection, request_id: str, place_id: int, what: str, about: Mapping[str, str]
) -> None:
    """Add a message at the end of a place's queue, inside the caller's transaction."""
    values = {"request_id": request_id, "place_id": place_id, "what": what, "about": encode_texts(about)}
    state = {"state": MessageState.WAITING.value, "attempts": 0}
    await connection.execute(insert(outbox).values(values | state))


async def drop_waiting(connection: AsyncConnection, request_id: str, what: str) -> None:
    """Messages of that kind that nobody has begun to send, at all places, inside the caller's transaction."""
    waiting = (outbox.c.what == what) & (outbox.c.state == MessageState.WAITING)
    of_it = update(outbox).where(outbox.c.request_id == request_id, waiting)
    await connection.execute(of_it.values(state=MessageState.DROPPED.value))


def waiting_card() -> Exists:
    """Whether a card message waits for the place of the query around this."""
    return _card_in((MessageState.WAITING.value,))


def _card_in(states: tuple[str, ...]) -> Exists:
    here = (_QUEUED.c.place_id == places.c.id) & (_QUEUED.c.what == "card")
    return exists().where(here, _QUEUED.c.state.in_(states)).correlate(places)


@cache
def _due() -> Select[Any]:
    """Asked every few seconds, and after every message: put together once, for any `now`."""
    now = bindparam("now", type_=outbox.c.not_before.type)
    due = or_(outbox.c.not_before.is_(None), outbox.c.not_before <= now)
    waiting = outbox.c.state == MessageState.WAITING
    return (
        select(outbox).where(outbox.c.id.in_(_first_of_each_place(now)), waiting, due).order_by(outbox.c.id)
    )


@cache
def _place() -> Select[Any]:
    return select(places).where(places.c.id == bindparam("of"))


@cache
def _places_of_request() -> Select[Any]:
    return select(places).where(places.c.request_id == bindparam("of")).order_by(places.c.id)


@cache
def _begun() -> Update:
    """Of the message `of`, which was begun `tried` times before."""
    still = (outbox.c.state == MessageState.WAITING) & (outbox.c.attempts == bindparam("tried"))
    begun = update(outbox).where(outbox.c.id == bindparam("of"), still)
    return begun.values(state=MessageState.SENDING.value, attempts=outbox.c.attempts + 1)


@cache
def _settled() -> Update:
    """Of the message `of`; `tried`: how often it was begun, with or without this time."""
    tried = bindparam("tried", type_=outbox.c.attempts.type)
    begun = or_(outbox.c.attempts == tried, outbox.c.attempts == tried + 1)
    settled = update(outbox).where(
        outbox.c.id == bindparam("of"), outbox.c.state == MessageState.SENDING, begun
    )
    return settled.values(state=bindparam("ended"), not_before=bindparam("again_at"))


def _first_of_each_place(now: BindParameter[datetime]) -> Select[Any]:
    there = places.c.ts != ""
    alone = or_(places.c.kind == PlaceKind.AUDIT, places.c.drawn_rev == GIVEN_UP)
    is_card = _QUEUED.c.what == "card"
    rests = (_QUEUED.c.state == MessageState.WAITING) & func.coalesce(_QUEUED.c.not_before > now, false())
    return (
        select(func.min(_QUEUED.c.id))
        .join(places, places.c.id == _QUEUED.c.place_id)
        .where(
            _QUEUED.c.state.in_(UNSETTLED),
            or_(there, alone, is_card),
            ~and_(is_card, or_(there, alone), rests),
        )
        .group_by(_QUEUED.c.place_id)
    )
