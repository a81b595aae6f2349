"""Tells what the outbox holds, in lanes: one for each channel, one new message a second.

A message that was begun is always settled: what went wrong on the way puts it back, and it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from bot.domain.errors import Overtaken, StoreUnavailable
from bot.domain.policy import Policy
from bot.services.applying_ports import BulkWork
from bot.services.deadline import within
from bot.services.ports import Clock, Message, MessageState, Outbox, Place, PlaceKind, Store
from bot.slack.api import SlackApi
from bot.slack.files import Files
from bot.slack.messenger import Messenger, is_new
from bot.slack.permalinks import Permalinks

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0


class SlackNotifier:
    """The `Notifier` port."""

    def __init__(
        self,
        *,
        api: SlackApi,
        outbox: Outbox,
        store: Store,
        work: BulkWork,
        policy: Policy,
        clock: Clock,
        files: Files | None = None,
        telling: SlackApi | None = None,
        settling: float = 0.0,
    ) -> None:
        """`telling` posts; `api`, where it is another one, only reads. `settling`: seconds for which each
        channel rests at a start, where another process may have posted to it right before."""
        self._outbox = outbox
        self._clock = clock
        self.links = Permalinks(api)
        self._new_messenger = partial(
            Messenger,
            api=telling or api,
            outbox=outbox,
            store=store,
            work=work,
            policy=policy,
            clock=clock,
            files=files,
            settling=settling,
        )
        self._messenger = self._new_messenger()
        self._woken = asyncio.Event()
        self._lanes: dict[str, asyncio.Lock] = {}
        self._active: dict[int, asyncio.Task[None]] = {}
        self._posted: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._begun: set[int] = set()
        """Messages that may have left, and are not settled in the database yet."""

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def start(self) -> None:
        """Take up what an earlier process left: posts in doubt, and cards that disagree with the database.

        What this one knew of earlier tries may be true no longer.
        """
        self._messenger = self._new_messenger()
        for message in await self._outbox.doubtful_messages():
            await self._outbox.settle(message, MessageState.WAITING)
        for place in await self._outbox.stale_cards():
            await self._outbox.redraw(place.id)
        self._woken.set()
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._tick())]

    async def stop(self, patience: float) -> None:
        """Let messages in hand arrive; what is left is in the outbox."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        pending = set(self._active.values())
        if pending:
            _, pending = await asyncio.wait(pending, timeout=patience)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def posted(self, request_id: str, patience: float) -> Place | None:
        """Where the requester sees the request, once it is posted; None where that takes too long."""
        event = self._posted.setdefault(request_id, asyncio.Event())
        try:
            place = await self.visible_place(request_id)
            if place is None:
                await within(self._clock, patience, event.wait())
                place = await self.visible_place(request_id)
        except TimeoutError:
            return None
        finally:
            self._posted.pop(request_id, None)
        return place

    def heard_posted(self, request_id: str) -> None:
        """Another replica has posted its card; "": any may have been."""
        for waiting, event in self._posted.items():
            if request_id in {"", waiting}:
                event.set()

    async def visible_place(self, request_id: str) -> Place | None:
        """The twin where there is one, else the card; None where it is not posted yet, or can't be told."""
        try:
            found = await self._outbox.places(request_id)
        except StoreUnavailable as error:
            log.warning("the places of request %s could not be read: %s", request_id, error)
            return None
        places = [p for p in found if p.kind is not PlaceKind.AUDIT]
        twins = [p for p in places if p.kind is PlaceKind.TWIN]
        return next((p for p in twins or places if p.ts), None)

    async def link(self, place: Place) -> str:
        """A permalink to the card, "" where Slack gives none."""
        return await self.links.to(place.channel, place.ts)

    # --- the loop --------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            self._woken.set()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                due = await self._outbox.due_messages(self._clock.now())
            except StoreUnavailable as error:
                log.warning("the outbox could not be read: %s", error)
                continue
            except Exception:
                log.exception("the outbox could not be read")
                continue
            for message in due:
                if message.id not in self._active:
                    work = self._tell(message)
                    self._active[message.id] = asyncio.create_task(work, name=f"message-{message.id}")

    async def _tell(self, message: Message) -> None:
        """Deliver it. One that was begun and then left would block its place: it is put back."""
        faults = 0
        try:
            if await self._attempt(message, self._deliver):
                self._woken.set()  # not after a failure: it would be tried again without a pause
            while message.id in self._begun:
                await self._clock.sleep(_patience(faults))
                faults += 1
                await self._attempt(message, self._put_back)
        finally:
            self._active.pop(message.id, None)

    async def _attempt(self, message: Message, step: Callable[[Message], Awaitable[None]]) -> bool:
        """Whether nothing broke."""
        try:
            await step(message)
        except StoreUnavailable as error:
            log.warning("message %s waits: %s", message.id, error)
        except Overtaken as overtaken:
            log.info("message %s is told by another: %s", message.id, overtaken)
        except Exception:
            log.exception("message %s failed", message.id)
        else:
            return True
        return False

    async def _deliver(self, message: Message) -> None:
        place = await self._outbox.place(message.place_id)
        async with self._lanes.setdefault(place.channel, asyncio.Lock()):
            if is_new(message, place):
                await self._messenger.pace(place.channel)
            if await self._outbox.place(message.place_id) != place or not await self._outbox.begin(message):
                return
            self._begun.add(message.id)
            fate = await self._messenger.send(message, place)
            await self._settle(message, fate.state, fate.not_before)
        event = self._posted.get(message.request_id)
        if event and await self.visible_place(message.request_id):
            event.set()

    async def _put_back(self, message: Message) -> None:
        later = self._messenger.later(_patience(message.attempts))
        try:
            await self._settle(message, later.state, later.not_before)
        except Overtaken:
            self._begun.discard(message.id)  # it was settled, though that was not heard

    async def _settle(self, message: Message, state: MessageState, not_before: datetime | None) -> None:
        await self._outbox.settle(message, state, not_before=not_before)
        self._begun.discard(message.id)


def _patience(faults: int) -> float:
    return float(min(60.0, LOOK_SECONDS * 2 ** min(faults, 10)))
