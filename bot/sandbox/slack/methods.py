"""What a Web API method is: its work, the scope it needs, how often it may be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.slack.answers import JSON, ApiError
from bot.sandbox.slack.limits import TIERS
from bot.sandbox.slack.state import State
from bot.sandbox.slack.workspace import BOT_USER_ID, Channel

Work = Callable[[State, JSON], JSON]


@dataclass(frozen=True, slots=True)
class Method:
    """A row of the method table. `scopes`: any one of them suffices; none needed when empty."""

    work: Work
    scopes: tuple[str, ...] = ()
    calls_a_minute: int | None = None
    app_token: bool = False


def method(work: Work, *scopes: str, tier: int | None = None) -> Method:
    """A method for the bot token, of one of Slack's tiers (None: special, checked elsewhere)."""
    return Method(work, scopes, TIERS[tier] if tier is not None else None)


def need_scope(state: State, *scopes: str) -> None:
    """Raises `missing_scope` unless one of these was granted."""
    if scopes and not state.scopes.intersection(scopes):
        provided = ",".join(sorted(state.scopes))
        raise ApiError("missing_scope", needed=",".join(scopes), provided=provided)


def seen_channel(state: State, channel_id: str) -> Channel:
    """A conversation that the bot can see at all. Raises `channel_not_found`."""
    channel = state.workspace.channels.get(channel_id)
    if channel is None or (_is_closed(channel) and BOT_USER_ID not in channel.members):
        raise ApiError("channel_not_found")
    return channel


def joined_channel(state: State, channel_id: str) -> Channel:
    """A conversation that the bot is in. Raises `channel_not_found` or `not_in_channel`."""
    channel = seen_channel(state, channel_id)
    if BOT_USER_ID not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def need_scope_for(state: State, channel: Channel, verb: str) -> None:
    """The scope depends on the kind of conversation: `channels:`, `groups:` or `im:` plus the verb."""
    kind = "im" if channel.im_with is not None else "groups" if channel.is_private else "channels"
    need_scope(state, f"{kind}:{verb}")


def _is_closed(channel: Channel) -> bool:
    return channel.is_private or channel.im_with is not None
