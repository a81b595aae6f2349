"""Links to messages. They never change, so each is asked for once."""

from __future__ import annotations

from cachetools import LRUCache

from bot.slack.api import SlackApi, SlackError

KEPT_AT_MOST = 5000


class Permalinks:
    """chat.getPermalink, remembered."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._known: LRUCache[tuple[str, str], str] = LRUCache(KEPT_AT_MOST)

    async def to(self, channel: str, ts: str) -> str:
        """A link to the message, "" where Slack gives none: it is gone, or the bot can't see it."""
        if known := self._known.get((channel, ts)):
            return known
        try:
            answer = await self._api.call("chat.getPermalink", get=True, channel=channel, message_ts=ts)
        except SlackError:
            return ""
        link = str(answer.get("permalink") or "")
        if link:
            self._known[channel, ts] = link
        return link
