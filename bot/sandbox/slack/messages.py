"""Messages of every channel, ephemeral ones included, and what of them an API answer shows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.elements import normalised
from bot.sandbox.slack.workspace import APP_ID, BOT_ID, BOT_USER_ID, TEAM_ID


@dataclass(slots=True, eq=False)
class Message:
    """One message, live: an update shows in every reference to it."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[JSON] = field(default_factory=list)
    thread_ts: str | None = None
    parent_user: str | None = None
    broadcast: bool = False
    metadata: JSON | None = None
    ephemeral_to: str | None = None
    edited_ts: str | None = None
    deleted: bool = False
    files: list[JSON] = field(default_factory=list)

    @property
    def from_bot(self) -> bool:
        """Whether our app wrote it."""
        return self.user == BOT_USER_ID

    def payload(self, *, with_metadata: bool = False) -> JSON:
        """The message object of the Web API and of payloads."""
        shape: JSON = {
            "user": self.user,
            "type": "message",
            "ts": self.ts,
            "text": self.text,
            "team": TEAM_ID,
        }
        if self.from_bot:
            profile = {
                "id": BOT_ID,
                "app_id": APP_ID,
                "name": "IMEI Lock",
                "deleted": False,
                "team_id": TEAM_ID,
            }
            shape |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": profile}
        if self.blocks:
            shape["blocks"] = copy.deepcopy(self.blocks)
        if self.thread_ts:
            shape["thread_ts"] = self.thread_ts
        if self.parent_user:
            shape["parent_user_id"] = self.parent_user
        if self.broadcast:
            shape["subtype"] = "thread_broadcast"
        if self.edited_ts:
            shape["edited"] = {"user": self.user, "ts": self.edited_ts}
        if self.files:
            shape["files"] = copy.deepcopy(self.files)
        if with_metadata and self.metadata:
            shape["metadata"] = copy.deepcopy(self.metadata)
        return shape


class MessageBook:
    """All messages. `next_ts` gives ids that are unique and never go back."""

    def __init__(self, next_ts: Callable[[], str]) -> None:
        self._next_ts = next_ts
        self._all: list[Message] = []

    def post(
        self,
        channel: str,
        user: str,
        text: str,
        blocks: list[JSON] | None = None,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        metadata: JSON | None = None,
        ephemeral_to: str | None = None,
    ) -> Message:
        """Store a message and return it."""
        parent = self.find(channel, thread_ts) if thread_ts else None
        message = Message(
            channel,
            self._next_ts(),
            user,
            text,
            normalised(blocks or []),
            thread_ts=thread_ts,
            parent_user=parent.user if parent else None,
            broadcast=broadcast,
            metadata=metadata,
            ephemeral_to=ephemeral_to,
        )
        self._all.append(message)
        return message

    def find(self, channel: str, ts: str) -> Message | None:
        """The message of that id; ephemeral and deleted ones are not found."""
        for message in self._all:
            if message.ts == ts and message.channel == channel and not message.deleted:
                return message if message.ephemeral_to is None else None
        return None

    def edit(self, message: Message, text: str | None, blocks: list[JSON] | None) -> None:
        """Replace what is given: text alone removes the blocks."""
        if text is not None:
            message.text = text
            message.blocks = []
        if blocks is not None:
            message.blocks = normalised(blocks)
        message.edited_ts = self._next_ts()

    def in_channel(self, channel: str, viewer: str | None = None) -> list[Message]:
        """What stands in a channel, threads included; with a viewer also what only they see."""
        return [
            message
            for message in self._all
            if message.channel == channel
            and not message.deleted
            and (message.ephemeral_to is None or message.ephemeral_to == viewer)
        ]

    def thread(self, channel: str, ts: str, viewer: str | None = None) -> list[Message]:
        """The parent and its replies, oldest first."""
        return [m for m in self.in_channel(channel, viewer) if ts in (m.ts, m.thread_ts)]

    def thread_summary(self, message: Message) -> JSON:
        """The fields that a parent carries once it has replies."""
        replies = [m for m in self.thread(message.channel, message.ts) if m.ts != message.ts]
        if not replies:
            return {}
        users = list(dict.fromkeys(reply.user for reply in replies))
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
            "reply_users": users,
            "is_locked": False,
            "subscribed": False,
        }
