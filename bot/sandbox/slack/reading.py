"""What each person has read, and from that what is new to them: in channels, and in threads they follow."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.sandbox.slack.answers import JSON
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.workspace import Channel, Workspace


@dataclass(slots=True)
class Thread:
    """A parent and its replies, as one person sees them."""

    parent: Message
    replies: list[Message]
    unread: int
    followed: bool

    def summary(self) -> JSON:
        """What stands under the parent in the channel."""
        return {
            "reply_count": len(self.replies),
            "reply_users": list(dict.fromkeys(reply.user for reply in self.replies)),
            "latest_reply": self.replies[-1].ts,
            "unread_replies": self.unread if self.followed else 0,
            "followed": self.followed,
        }


@dataclass(slots=True)
class ReadMarks:
    """How far everybody has read. A mark only moves on."""

    _marks: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def read(self, user_id: str, channel: str, ts: str, thread_ts: str = "") -> None:
        """They have seen everything up to this message."""
        key = (user_id, channel, thread_ts)
        self._marks[key] = max(ts, self._marks.get(key, ""))

    def is_new(self, user_id: str, message: Message, thread_ts: str = "") -> bool:
        """Whether somebody else wrote it after what they last read there."""
        return message.user != user_id and message.ts > self._marks.get(
            (user_id, message.channel, thread_ts), ""
        )


def names(space: Workspace, user_id: str, message: Message) -> bool:
    """Whether the message mentions this person, or a user group that they are in."""
    written = message.text + json.dumps(message.blocks)
    groups = [group.id for group in space.groups.values() if user_id in group.users]
    told = [f"<@{user_id}", *(f"<!subteam^{group}" for group in groups)]
    picked = [f'"user_id": "{user_id}"', *(f'"usergroup_id": "{group}"' for group in groups)]
    return any(mark in written for mark in (*told, *picked))


def threads_of(space: Workspace, marks: ReadMarks, user_id: str, seen: Iterable[Message]) -> list[Thread]:
    """The threads among these messages; followed are those that they write in or are named in."""
    parents: dict[str, Message] = {}
    replies: defaultdict[str, list[Message]] = defaultdict(list)
    for message in seen:
        if message.thread_ts and message.thread_ts != message.ts:
            replies[message.thread_ts].append(message)
        else:
            parents[message.ts] = message
    return [
        _thread(space, marks, user_id, parents[ts], found) for ts, found in replies.items() if ts in parents
    ]


def _thread(
    space: Workspace, marks: ReadMarks, user_id: str, parent: Message, replies: list[Message]
) -> Thread:
    new = [reply for reply in replies if marks.is_new(user_id, reply, parent.ts)]
    everything = (parent, *replies)
    followed = any(each.user == user_id or names(space, user_id, each) for each in everything)
    return Thread(parent, replies, len(new), followed)


def unread_in(
    space: Workspace, marks: ReadMarks, user_id: str, channel: Channel, seen: list[Message]
) -> JSON:
    """How much is new in a channel: messages, those that name the person, replies in followed threads."""
    if user_id not in channel.members:
        return {"unread": 0, "mentions": 0, "unread_replies": 0}
    outside = [message for message in seen if not message.thread_ts or message.broadcast]
    new = [message for message in outside if marks.is_new(user_id, message)]
    personal = channel.im_with is not None
    return {
        "unread": len(new),
        "mentions": sum(personal or names(space, user_id, message) for message in new),
        "unread_replies": sum(
            thread.unread for thread in threads_of(space, marks, user_id, seen) if thread.followed
        ),
    }
