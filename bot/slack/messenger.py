"""Sends one message: a card drawn from the database as it is sent, or a reply in its thread.

A post whose answer was lost is looked for by its metadata when it is tried again; where that can't be done,
a new one says that it replaces an earlier one. A card that Slack refuses goes elsewhere, never nowhere.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.changes import Bulk
from bot.domain.policy import Policy
from bot.domain.requests import ChangeRequest, Status
from bot.services.applying_ports import BulkWork
from bot.services.ports import GIVEN_UP, Clock, Message, MessageState, Outbox, Place, PlaceKind, Store
from bot.slack import blocks as b
from bot.slack import ids
from bot.slack.api import SlackApi, SlackAway, SlackBusy, SlackError
from bot.slack.bulk_cards import draw_progress
from bot.slack.cards import Audience, Drawn, draw
from bot.slack.files import Files
from bot.slack.plan_cards import draw_bulk
from bot.slack.replies import audit_line, reply

log = logging.getLogger(__name__)

PACE_SECONDS = 1.05
"""Between two new messages in one channel; Slack allows one a second."""
LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
NO_PLACE = frozenset(
    {"channel_not_found", "not_in_channel", "is_archived", "channel_is_archived", "is_inactive"}
)
NO_THREAD = frozenset(
    {"thread_not_found", "message_not_found", "cannot_reply_to_message", "invalid_thread_ts", "thread_locked"}
)
"""The thread of the message that it was asked from takes no reply: the message is gone, or locked."""
NOT_US = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"}
)
"""The bot itself is refused: no other place would take the message."""
PATIENCE = 2
"""Refusals by an unexpected error before another place is tried."""
AWAY_SECONDS = 60.0
"""At most between two tries while Slack doesn't answer."""
TRIES = 20
TRIES_UNSHOWN = 6
"""Where even the plain message is refused."""
CLOCKS_APART = timedelta(minutes=5)
"""Slack's and ours, at most."""
REPLACES = "This card replaces an earlier one that is gone or may not have arrived."
REPEATS = "You may read this twice: Slack did not say whether it arrived the first time."
UNSHOWN = "⚠️ Slack refused to show the card of request `{id}`."
UNSEEN = (
    " Whoever could approve it may not have seen it. Cancel it here and ask again later; undecided, it "
    "expires {at}. What comes of it is told below."
)
FOLLOWS = " What comes of it is told below."
NO_FILE = "The list could not be attached as a file: Slack refused it."


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message that was being sent."""

    state: MessageState
    not_before: datetime | None = None


SENT, DROPPED = Fate(MessageState.SENT), Fate(MessageState.DROPPED)
AT_ONCE = Fate(MessageState.WAITING)


class Messenger:
    """The one place where messages of requests are posted."""

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
        settling: float = 0.0,
    ) -> None:
        self._files = files
        self._fileless: set[int] = set()
        """Messages whose file Slack refused: what they say goes out alone."""
        self._api = api
        self._outbox = outbox
        self._work = work
        self._store = store
        self._policy = policy
        self._clock = clock
        self._settled_at = clock.now() + timedelta(seconds=settling)
        self._free_at: dict[str, datetime] = {}
        """When each channel may take its next new message."""
        self._surely_not: set[int] = set()
        """Messages tried before that are surely not there: Slack said so."""
        self._refusals: Counter[int] = Counter()
        self._replaced: set[int] = set()
        """Places whose card stands for one that is gone, or may stand there twice."""
        self._repeated: set[int] = set()
        """Replies that may have been posted before."""
        self._unshown: set[int] = set()
        """Places whose whole card was refused everywhere."""

    async def pace(self, channel: str) -> None:
        """Wait until the channel may take a new message."""
        while (
            wait := (self._free_at.get(channel, self._settled_at) - self._clock.now()).total_seconds()
        ) > 0:
            await self._clock.sleep(wait)

    async def send(self, message: Message, place: Place) -> Fate:
        """Try once. Whatever is raised leaves it in doubt, and the next try looks before it posts."""
        request = await self._store.request(message.request_id)
        if request is None:
            return DROPPED
        fate = await self._try(message, place, request)
        if fate.state is not MessageState.WAITING:
            self._surely_not.discard(message.id)
            self._refusals.pop(message.id, None)
            self._repeated.discard(message.id)
            self._fileless.discard(message.id)
        return fate

    def later(self, seconds: float) -> Fate:
        """It waits that long."""
        return Fate(MessageState.WAITING, self._clock.now() + timedelta(seconds=seconds))

    async def _try(self, message: Message, place: Place, request: ChangeRequest) -> Fate:
        blind = False
        doubtful = message.attempts and message.id not in self._surely_not
        if doubtful and is_new(message, place) and not self._brings_file(message, place):
            try:
                channel, ts, blind = await self._find(message, place, request.created_at)
            except SlackBusy as busy:
                return self.later(busy.retry_after)
            except SlackAway:
                return self.later(min(AWAY_SECONDS, _pause(message.attempts + 1)))
            if ts:
                return await self._found(message, place, channel, ts)
            self._doubted(message, place)
        self._surely_not.discard(message.id)
        try:
            await self._send(message, place, request)
        except SlackBusy as busy:
            self._surely_not.add(message.id)
            return self.later(busy.retry_after)
        except SlackAway:
            return await self._unanswered(message, place, request, blind=blind)
        except SlackError as error:
            self._surely_not.add(message.id)
            log.warning("request %s: Slack refused a message: %s", request.id, error)
            return await self._refused(message, place, request, error.code)
        return SENT

    async def _send(self, message: Message, place: Place, request: ChangeRequest) -> None:
        if message.what == "card":
            await self._send_card(message, place, request)
        elif self._brings_file(message, place):
            await self._send_file(message, place, request)
        else:
            await self._send_reply(message, place, request)

    def _brings_file(self, message: Message, place: Place) -> bool:
        wanted = message.what == "file" and place.kind is not PlaceKind.AUDIT
        return wanted and self._files is not None and message.id not in self._fileless

    async def _send_file(self, message: Message, place: Place, request: ChangeRequest) -> None:
        if self._files is None:
            raise ValueError("this messenger shares no files")
        said = self._said(message, place, request)
        channel = await self._open(place.channel)
        try:
            shared = await self._files.share(
                message, request, channel, _thread(message, place) or None, said.text
            )
        finally:
            self._posted(channel, place.channel)
        if not shared:
            await self._send_reply(message, place, request)

    def _said(self, message: Message, place: Place, request: ChangeRequest) -> Drawn:
        """A reply, or what stands above a file."""
        what = message.about.get("says", "") if message.what == "file" else message.what
        about = message.about
        if place.kind is PlaceKind.CARD:  # an edited card calls nobody: the reply below it has to
            about = {**about, "deciders": " ".join(self._policy.approver_ids(request.scopes))}
        return (reply if _thread(message, place) else audit_line)(request, what, about)

    async def _send_card(self, message: Message, place: Place, request: ChangeRequest) -> None:
        drawn = await self._draw(request, place)
        body: dict[str, Any] = {"text": drawn.text, "blocks": drawn.blocks}
        channel, ts = place.channel, place.ts
        if ts:
            await self._api.call("chat.update", channel=channel, ts=ts, **body)
        else:
            channel = await self._open(channel)
            thread = _thread(message, place)
            posted = await self._post(message, place, channel, **body, thread_ts=thread or None)
            ts = str(posted["ts"])
            if thread and not (posted.get("message") or {}).get("thread_ts", thread):
                await self._outbox.leave_thread(place.id)
        await self._outbox.drawn(place.id, channel=channel, ts=ts, rev=request.rev)

    async def _send_reply(self, message: Message, place: Place, request: ChangeRequest) -> None:
        thread = _thread(message, place)
        drawn = self._said(message, place, request)
        said = [*drawn.blocks, b.context(REPEATS)] if message.id in self._repeated else [*drawn.blocks]
        if message.id in self._fileless:
            said.append(b.context(NO_FILE))
        channel = await self._open(place.channel)
        await self._post(message, place, channel, text=drawn.text, blocks=said, thread_ts=thread or None)

    async def _post(self, message: Message, place: Place, channel: str, **body: Any) -> dict[str, Any]:
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
        finally:
            self._posted(channel, place.channel)

    def _posted(self, *channels: str) -> None:
        """Counted from the answer: when Slack counted it is known only then."""
        free_at = self._clock.now() + timedelta(seconds=PACE_SECONDS)
        self._free_at.update(dict.fromkeys(channels, free_at))

    async def _draw(self, request: ChangeRequest, place: Place) -> Drawn:
        if place.id in self._unshown and not place.ts:
            return _unshown(request, place.kind)
        if isinstance(request.change, Bulk) and request.approved_at:
            tally, run = await self._work.tally(request)
            return draw_progress(request, tally, run, self._clock.now(), self._note(place))
        roles = self._policy.approver_roles(request.scopes)
        audience = Audience(
            ids=self._policy.approver_ids(request.scopes),
            roles=tuple(dict.fromkeys(name for names in roles for name in names)),
            types_number=bool(
                self._policy.to_type(request.change.kind, request.scopes, request.impact.affected)
            ),
        )
        drawing = draw_bulk if isinstance(request.change, Bulk) else draw
        return drawing(request, place.kind, audience, self._note(place))

    def _note(self, place: Place) -> str:
        return REPLACES if place.id in self._replaced else ""

    async def _open(self, channel: str) -> str:
        """A direct message is opened first; channels are as they are."""
        if not channel.startswith(("U", "W")):
            return channel
        answer = await self._api.call("conversations.open", users=channel)
        return str(answer["channel"]["id"])

    # --- when Slack says no ----------------------------------------------------------------------

    async def _refused(self, message: Message, place: Place, request: ChangeRequest, code: str) -> Fate:
        self._refusals[message.id] += 1
        refusals = self._refusals[message.id]
        if self._brings_file(message, place) and (code == "missing_scope" or refusals >= PATIENCE):
            self._fileless.add(message.id)
            return AT_ONCE
        if code in NOT_US:
            return self.later(_pause(refusals))
        new = is_new(message, place)
        tried_enough = refusals >= PATIENCE and not place.ts
        if new and place.thread_ts and (code in NO_THREAD or tried_enough):
            await self._outbox.leave_thread(place.id)
            return await self._anew(message, place, place.channel) if place.ts else AT_ONCE
        if place.ts and code in LOST:
            return await self._anew(message, place, place.channel)
        if code in NO_PLACE or (new and refusals >= PATIENCE):
            if other := self._other_channel(place, request):
                return await self._anew(message, place, other)
            if new and message.what == "card" and place.id not in self._unshown:
                self._unshown.add(place.id)
                return AT_ONCE
        if refusals >= (TRIES_UNSHOWN if place.id in self._unshown and new else TRIES):
            return await self._give_up(message, place, request)
        return self.later(_pause(refusals))

    async def _anew(self, message: Message, place: Place, channel: str) -> Fate:
        """The card was deleted, or can't be posted where it belongs: post it anew, and say so."""
        self._replaced.add(place.id)
        self._refusals.pop(message.id, None)
        await self._outbox.drawn(place.id, channel=channel, ts="", rev=0)
        if message.what == "card":
            return AT_ONCE
        await self._outbox.redraw(place.id)
        return self.later(2.0)

    async def _give_up(self, message: Message, place: Place, request: ChangeRequest) -> Fate:
        """A card that is nowhere keeps no reply waiting: they go to the requester, each by itself."""
        log.error("request %s: message %s is given up", request.id, message.id)
        if message.what == "card" and not place.ts:
            requester = request.requester.user_id
            await self._outbox.drawn(place.id, channel=requester, ts="", rev=GIVEN_UP)
        return DROPPED

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

    # --- when Slack says nothing -----------------------------------------------------------------

    async def _unanswered(
        self, message: Message, place: Place, request: ChangeRequest, *, blind: bool
    ) -> Fate:
        """Posted or not, nobody knows. Where it can't be looked for, each try may add a copy: be slow."""
        if not blind:
            return self.later(min(AWAY_SECONDS, _pause(message.attempts + 1)))
        if message.attempts >= TRIES:
            return await self._give_up(message, place, request)
        return self.later(min(1800.0, 60.0 * 2**message.attempts))

    def _doubted(self, message: Message, place: Place) -> None:
        if message.what == "card":
            self._replaced.add(place.id)
        else:
            self._repeated.add(message.id)

    async def _found(self, message: Message, place: Place, channel: str, ts: str) -> Fate:
        """It had arrived. A card may have changed since: it is drawn again."""
        if message.what == "card":
            await self._outbox.drawn(place.id, channel=channel, ts=ts, rev=0)
            await self._outbox.redraw(place.id)
        return SENT

    async def _find(self, message: Message, place: Place, since: datetime) -> tuple[str, str, bool]:
        """Channel and ts of a message, by its metadata; ts "" where it isn't, True where it can't be told.

        A thread is read from its beginning, and people may have written much there before `since`.
        """
        channel = place.channel
        try:
            channel = await self._open(channel)
            thread = _thread(message, place) or None
            answer = await self._api.call(
                "conversations.replies" if thread else "conversations.history",
                get=True,
                channel=channel,
                ts=thread,
                oldest=f"{(since - CLOCKS_APART).timestamp():.6f}" if thread else None,
                limit=100,
                include_all_metadata=True,
            )
        except (SlackAway, SlackBusy):
            raise
        except SlackError:
            return channel, "", True
        for found in answer.get("messages", ()):
            payload = (found.get("metadata") or {}).get("event_payload") or {}
            if str(payload.get("message")) == str(message.id):
                return channel, str(found.get("ts") or ""), False
        return channel, "", False


def is_new(message: Message, place: Place) -> bool:
    """Whether something new is posted: a reply, or a card that isn't there yet."""
    return message.what != "card" or not place.ts


def _thread(message: Message, place: Place) -> str:
    """The thread that it goes into: of the message that was asked from, else below the card; "" for none."""
    if place.kind is PlaceKind.AUDIT:
        return ""
    if message.what == "card":
        return place.thread_ts
    return (place.thread_ts or place.ts) if place.ts else ""


def _pause(tries: int) -> float:
    return float(min(600.0, 2.5 * 2 ** min(tries, 10)))


def _unshown(request: ChangeRequest, kind: PlaceKind) -> Drawn:
    """The least that can be said, where Slack takes nothing else."""
    undecided = request.status is Status.PENDING and kind is PlaceKind.CARD
    expires = b.moment(request.expires_at)
    text = UNSHOWN.format(id=request.id) + (UNSEEN.format(at=expires) if undecided else FOLLOWS)
    cancel = b.button("Cancel request", ids.CANCEL, f"{request.id}.{request.fingerprint}")
    return Drawn(text, [b.section(text), *([b.actions(cancel)] if undecided else [])])
