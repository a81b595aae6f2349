"""Pause, resume, cancel the rest: what people decide while a bulk is applied. One winner, always."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.domain.changes import Bulk
from bot.domain.errors import NoSuchRequest, Overtaken, Unfit
from bot.domain.requests import ChangeRequest, Origin, Person, Status
from bot.services import traces
from bot.services.authority import Authority
from bot.services.bulk_records import BulkRecords
from bot.services.in_vain import InVain
from bot.services.ports import Clock, Dispatcher, Notifier, Store

TRIES = 5
UNDER_WAY = frozenset({Status.APPLYING})
STOPPABLE = frozenset({Status.APPLYING, Status.PAUSED})
PAUSED_BY_HAND = "Somebody pressed Pause."
SAID = {
    Status.APPROVED: "It has not begun yet; try again in a moment.",
    Status.APPLYING: "It is being applied already.",
    Status.PAUSED: "It is paused already: nothing more is sent.",
    Status.UNCONFIRMED: "Everything has been sent already; I only read what came of it.",
}
ENDED = "It has ended already; the card shows how."
Turn = Callable[[ChangeRequest], Awaitable[ChangeRequest]]


class Steering:
    """The requester may, and whoever may approve it: a brake is for all who answer for the bulk."""

    def __init__(
        self,
        *,
        store: Store,
        records: BulkRecords,
        authority: Authority,
        dispatcher: Dispatcher,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._store = store
        self._records = records
        self._authority = authority
        self._dispatcher = dispatcher
        self._notifier = notifier
        self._clock = clock
        self._in_vain = InVain(store, clock)

    async def pause(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """Nothing more is sent until somebody resumes it. Raises `NotAllowed`, `Unfit`."""
        return await self._turn(
            person,
            origin,
            request_id,
            "pause",
            lambda bulk: self._records.pause(bulk, PAUSED_BY_HAND, person, origin),
        )

    async def resume(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """Go on, canary first. Raises `NotAllowed`, `Unfit`."""
        return await self._turn(
            person, origin, request_id, "resume", lambda bulk: self._records.resume(bulk, person, origin)
        )

    async def cancel_rest(self, person: Person, origin: Origin, request_id: str) -> ChangeRequest:
        """What has not left never will. Raises `NotAllowed`, `Unfit`."""
        return await self._turn(
            person,
            origin,
            request_id,
            "cancel_rest",
            lambda bulk: self._records.cancel_rest(bulk, person, origin),
        )

    async def _turn(
        self, person: Person, origin: Origin, request_id: str, verb: str, turn: Turn
    ) -> ChangeRequest:
        try:
            async with self._in_vain.audited(person, origin, f"bulk.{verb}", request_id):
                return await self._turned(person, origin, request_id, verb, turn)
        finally:
            self._notifier.wake()
            self._dispatcher.wake()

    async def _turned(
        self, person: Person, origin: Origin, request_id: str, verb: str, turn: Turn
    ) -> ChangeRequest:
        for _ in range(TRIES):
            bulk = await self._known(request_id)
            await self._authority.to_steer(person, origin, bulk, verb)
            if bulk.status not in FROM[verb]:
                raise Unfit(SAID.get(bulk.status, ENDED))
            try:
                return await turn(bulk)
            except Overtaken:
                continue
        raise Unfit("It moves too quickly just now; try again.")

    async def _known(self, request_id: str) -> ChangeRequest:
        bulk = await self._store.request(request_id)
        if bulk is None or not isinstance(bulk.change, Bulk):
            raise NoSuchRequest("I don't know this bulk: the card may be of another installation of the bot.")
        traces.about_request(bulk.id)
        return bulk


FROM = {"pause": UNDER_WAY, "resume": frozenset({Status.PAUSED}), "cancel_rest": STOPPABLE}
"""Where each verb leads on from."""
