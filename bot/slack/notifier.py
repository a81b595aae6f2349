"""Tells what the outbox holds: cards drawn from the database as they are sent, replies in their threads.

One lane a channel, one new message a second. A post whose answer was lost is looked for by its metadata;
where that can't be done, a new one says that it replaces an earlier one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from bot.domain.errors import StoreUnavailable
from bot.domain.policy import Policy
from bot.domain.requests import ChangeRequest
from bot.services.ports import Clock, Message, MessageState, Outbox, Place, PlaceKind, Store
from bot.slack.api import SlackApi, SlackAway, SlackBusy, SlackError
from bot.slack.blocks import context
from bot.slack.cards import Audience, Drawn, draw
from bot.slack.replies import audit_line, reply

log = logging.getLogger(__name__)

PACE_SECONDS = 1.05
"""Between two new messages in one channel; Slack allows one a second."""
LOOK_SECONDS = 5.0
LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
NO_PLACE = frozenset(
    {"channel_not_found", "not_in_channel", "is_archived", "channel_is_archived", "is_inactive"}
)
TRIES = 20
REPLACES = "This card replaces an earlier one that is gone or may not have arrived."
REPEATS = "You may read this twice: Slack did not say whether it arrived the first time."


class SlackNotifier:
    """The `Notifier` port, and the one place where messages of requests are posted."""

    def __init__(self, *, api: SlackApi, outbox: Outbox, store: Store, policy: Policy, clock: Clock) -> None:
        self._api = api
        self._outbox = outbox
        self._store = store
        self._policy = policy
        self._clock = clock
        self._woken = asyncio.Event()
        self._free_at: dict[str, datetime] = {}
        """When each channel may take its next new message."""
        self._lanes: dict[str, asyncio.Lock] = {}
        self._active: dict[int, asyncio.Task[None]] = {}
        self._posted: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._begun: set[int] = set()
        """Messages that may have left, and are not settled in the database yet."""
        self._replaced: set[int] = set()
        """Places whose card stands for one that is gone, or may stand there twice."""
        self._repeated: set[int] = set()
        """Replies that may have been posted before."""

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def start(self) -> None:
        """Take up what an earlier process left: posts in doubt, and cards that disagree with the database."""
        for message in await self._outbox.doubtful_messages():
            self._begun.add(message.id)
            self._begin_task(message, self._resolve(message, wait=0.0))
        for place in await self._outbox.stale_cards():
            await self._outbox.redraw(place.id)
        self._woken.set()
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._tick())]

    async def stop(self, patience: float) -> None:
        """Let messages in hand arrive; what is left is in the outbox."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
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
                await asyncio.wait_for(event.wait(), patience)
                place = await self.visible_place(request_id)
        except TimeoutError:
            return None
        finally:
            self._posted.pop(request_id, None)
        return place

    async def visible_place(self, request_id: str) -> Place | None:
        """The twin where there is one, else the card; None where it is not posted yet."""
        places = [p for p in await self._outbox.places(request_id) if p.kind is not PlaceKind.AUDIT]
        twins = [p for p in places if p.kind is PlaceKind.TWIN]
        return next((p for p in twins or places if p.ts), None)

    async def link(self, place: Place) -> str:
        """A permalink to the card, "" where Slack gives none."""
        try:
            answer = await self._api.call(
                "chat.getPermalink", get=True, channel=place.channel, message_ts=place.ts
            )
        except SlackError:
            return ""
        return str(answer.get("permalink") or "")

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
                    self._begin_task(message, self._deliver(message))

    def _begin_task(self, message: Message, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guard(message, work), name=f"message-{message.id}")
        self._active[message.id] = task

    async def _guard(self, message: Message, work: Coroutine[Any, Any, None]) -> None:
        """Go on until it is settled, or still waits: one that was begun and then left blocks its place."""
        faults = 0
        try:
            while not await self._attempt(message, work):
                wait = min(60.0, LOOK_SECONDS * 2 ** min(faults, 10))
                faults += 1
                work = self._resolve(message, wait=wait)
        finally:
            self._active.pop(message.id, None)

    async def _attempt(self, message: Message, work: Coroutine[Any, Any, None]) -> bool:
        """Whether nothing is left in doubt."""
        try:
            await work
        except StoreUnavailable as error:
            log.warning("message %s waits: %s", message.id, error)
        except Exception:
            log.exception("message %s failed", message.id)
        else:
            self._woken.set()  # not after a failure: it would be tried again without a pause
        return message.id not in self._begun

    async def _settle(
        self, message: Message, state: MessageState, *, not_before: datetime | None = None
    ) -> None:
        await self._outbox.settle(message, state, not_before=not_before)
        self._begun.discard(message.id)

    # --- one message -----------------------------------------------------------------------------

    async def _deliver(self, message: Message) -> None:
        place = await self._outbox.place(message.place_id)
        posts = message.what != "card" or not place.ts
        async with self._lanes.setdefault(place.channel, asyncio.Lock()):
            if posts:
                await self._pace(place.channel)
            if not await self._outbox.begin(message):
                return
            self._begun.add(message.id)
            await self._send(message, place)

    async def _pace(self, channel: str) -> None:
        while (
            wait := (self._free_at.get(channel, self._clock.now()) - self._clock.now()).total_seconds()
        ) > 0:
            await self._clock.sleep(wait)

    async def _send(self, message: Message, place: Place) -> None:
        request = await self._store.request(message.request_id)
        if request is None:
            await self._settle(message, MessageState.DROPPED)
            return
        try:
            if message.what == "card":
                await self._send_card(message, place, request)
            else:
                await self._send_reply(message, place, request)
        except SlackBusy as busy:
            await self._postpone(message, busy.retry_after)
        except SlackAway:
            await self._resolve(message, wait=2.0)
        except SlackError as error:
            await self._refused(message, place, request, error)
        else:
            await self._settle(message, MessageState.SENT)

    async def _send_card(self, message: Message, place: Place, request: ChangeRequest) -> None:
        drawn = self._draw(request, place)
        body: dict[str, Any] = {"text": drawn.text, "blocks": drawn.blocks}
        if place.ts:
            await self._api.call("chat.update", channel=place.channel, ts=place.ts, **body)
            await self._outbox.drawn(place.id, channel=place.channel, ts=place.ts, rev=request.rev)
            return
        channel = await self._open(place.channel)
        answer = await self._post(message, channel, **body)
        await self._drawn(place, channel, str(answer["ts"]), request)

    async def _send_reply(self, message: Message, place: Place, request: ChangeRequest) -> None:
        audit = place.kind is PlaceKind.AUDIT
        drawn = (audit_line if audit else reply)(request, message.what, message.about)
        said = [*drawn.blocks, context(REPEATS)] if message.id in self._repeated else drawn.blocks
        thread = None if audit else place.ts or None
        channel = await self._open(place.channel)
        await self._post(message, channel, text=drawn.text, blocks=said, thread_ts=thread)

    async def _post(self, message: Message, channel: str, **body: Any) -> dict[str, Any]:
        """The one place where something new is posted; the metadata is what a lost post is found by."""
        metadata = {"event_type": "imei_lock_message", "event_payload": {"message": message.id}}
        try:
            return await self._api.call(
                "chat.postMessage",
                channel=channel,
                metadata=metadata,
                unfurl_links=False,
                unfurl_media=False,
                **body,
            )
        finally:  # counted from the answer: when Slack counted it is known only then
            self._free_at[channel] = self._clock.now() + timedelta(seconds=PACE_SECONDS)

    async def _drawn(self, place: Place, channel: str, ts: str, request: ChangeRequest) -> None:
        await self._outbox.drawn(place.id, channel=channel, ts=ts, rev=request.rev)
        event = self._posted.get(request.id)
        if event and await self.visible_place(request.id):
            event.set()

    def _draw(self, request: ChangeRequest, place: Place) -> Drawn:
        kind, group_id = request.change.kind, request.seen.thing.things_group_id
        roles = self._policy.approver_roles(kind, group_id)
        audience = Audience(
            ids=self._policy.approver_ids(kind, group_id),
            roles=tuple(dict.fromkeys(name for names in roles for name in names)),
        )
        note = REPLACES if place.id in self._replaced else ""
        return draw(request, place.kind, audience, self._clock.now(), note)

    async def _open(self, channel: str) -> str:
        """A direct message is opened first; channels are as they are."""
        if not channel.startswith(("U", "W")):
            return channel
        answer = await self._api.call("conversations.open", users=channel)
        return str(answer["channel"]["id"])

    # --- when Slack says no, or nothing ----------------------------------------------------------

    async def _postpone(self, message: Message, seconds: float) -> None:
        later = self._clock.now() + timedelta(seconds=seconds)
        await self._settle(message, MessageState.WAITING, not_before=later)

    async def _refused(
        self, message: Message, place: Place, request: ChangeRequest, error: SlackError
    ) -> None:
        log.warning("request %s: Slack refused a message: %s", request.id, error)
        if place.ts and error.code in LOST:
            await self._anew(message, place, place.channel)
        elif error.code in NO_PLACE and (other := self._other_channel(place, request)):
            await self._anew(message, place, other)
        elif message.attempts >= TRIES:
            await self._settle(message, MessageState.DROPPED)
        else:
            await self._postpone(message, min(600.0, 5.0 * 2**message.attempts))

    async def _anew(self, message: Message, place: Place, channel: str) -> None:
        """The card was deleted, or its channel can't be posted to: post it anew, and say so."""
        self._replaced.add(place.id)
        await self._outbox.drawn(place.id, channel=channel, ts="", rev=0)
        if message.what == "card":
            await self._pace(channel)
            await self._send(message, await self._outbox.place(place.id))
            return
        await self._outbox.redraw(place.id)
        await self._postpone(message, 2.0)

    def _other_channel(self, place: Place, request: ChangeRequest) -> str | None:
        """Where else this place's card can go: never silently nowhere."""
        if place.kind is PlaceKind.AUDIT:
            return None
        choices = [request.requester.user_id]
        if place.kind is PlaceKind.CARD:
            asked = request.asked_in.channel
            choices = [c for c in (self._policy.approvals_channel, asked) if c] + choices
        tried = choices.index(place.channel) if place.channel in choices else -1
        rest = choices[tried + 1 :]
        return rest[0] if rest else None

    async def _resolve(self, message: Message, *, wait: float) -> None:
        """The answer of a call was lost: look whether the message is there, before anything is posted."""
        await self._clock.sleep(wait)
        place = await self._outbox.place(message.place_id)
        if message.what == "card" and place.ts:
            await self._settle(message, MessageState.WAITING, not_before=None)
            return
        try:
            channel, ts = await self._find(message, place)
        except (SlackAway, SlackBusy):
            await self._resolve(message, wait=min(60.0, max(2.0, wait * 2)))
            return
        request = await self._store.request(message.request_id)
        if ts and request:
            if message.what == "card":
                await self._drawn(place, channel, ts, request)
                await self._outbox.redraw(place.id)
            await self._settle(message, MessageState.SENT)
            return
        if message.what == "card":
            self._replaced.add(place.id)
        else:
            self._repeated.add(message.id)
        await self._pace(place.channel)
        await self._send(message, place)

    async def _find(self, message: Message, place: Place) -> tuple[str, str]:
        """Channel and ts of a message, by its metadata; ts "" where it isn't, or can't be looked for."""
        channel = place.channel
        try:
            channel = await self._open(channel)
            thread = message.what != "card" and place.kind is not PlaceKind.AUDIT
            method = "conversations.replies" if thread else "conversations.history"
            answer = await self._api.call(
                method,
                get=True,
                channel=channel,
                ts=place.ts if thread else None,
                limit=100,
                include_all_metadata=True,
            )
        except (SlackAway, SlackBusy):
            raise
        except SlackError:
            return channel, ""
        for found in answer.get("messages", ()):
            payload = (found.get("metadata") or {}).get("event_payload") or {}
            if str(payload.get("message")) == str(message.id):
                return channel, str(found.get("ts") or "")
        return channel, ""
