"""Things Slack hands out that wear out: trigger_ids (3 s, one use) and response_urls (30 min, 5 uses)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.slack.answers import ApiError
from bot.sandbox.slack.elements import random_id
from bot.services.ports import Clock

TRIGGER_LIFE = timedelta(seconds=3)
URL_LIFE = timedelta(minutes=30)
URL_USES = 5


@dataclass(slots=True)
class Trigger:
    """Permission to open one modal for one person, in the window in which they did something."""

    user_id: str
    made: datetime
    in_modal: bool
    window: str = ""
    exchanged: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Where an answer may be sent: a person in a channel, and the message that was clicked."""

    user_id: str
    channel: str
    made: datetime
    message_ts: str | None = None
    is_ephemeral: bool = False
    thread_ts: str | None = None
    uses: int = 0


class Tickets:
    """Hands out, counts and refuses, by the one clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._triggers: dict[str, Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}

    def trigger(self, user_id: str, *, in_modal: bool = False, window: str = "") -> str:
        """A fresh trigger_id."""
        self._count += 1
        trigger_id = f"{1000000 + self._count}.{2000000 + self._count}.{random_id(32).lower()}"
        self._triggers[trigger_id] = Trigger(user_id, self._clock.now(), in_modal, window)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger_id up. Raises the error that views.open answers."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise ApiError("invalid_trigger_id")
        if trigger.exchanged:
            raise ApiError("exchanged_trigger_id")
        if self._clock.now() - trigger.made > TRIGGER_LIFE:
            raise ApiError("expired_trigger_id")
        trigger.exchanged = True
        return trigger

    def response_url(
        self,
        user_id: str,
        channel: str,
        *,
        message_ts: str | None = None,
        is_ephemeral: bool = False,
        thread_ts: str | None = None,
    ) -> str:
        """The secret last part of a fresh response_url."""
        key = random_id(24)
        self._urls[key] = ResponseUrl(
            user_id, channel, self._clock.now(), message_ts, is_ephemeral, thread_ts
        )
        return key

    def use_url(self, key: str) -> ResponseUrl:
        """Count one use. Raises `expired_url`, `used_url` or `invalid_url`."""
        url = self._urls.get(key)
        if url is None:
            raise ApiError("invalid_url")
        if self._clock.now() - url.made > URL_LIFE:
            raise ApiError("expired_url")
        if url.uses >= URL_USES:
            raise ApiError("used_url")
        url.uses += 1
        return url
