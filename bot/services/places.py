"""Where a request is shown: somewhere the bot can post and somebody is who may approve."""

from __future__ import annotations

from bot.domain.policy import Policy
from bot.domain.requests import Origin, Person
from bot.services.ports import Directory, PlaceKind, Room

DIRECT_MESSAGES_AT_MOST = 20

Chosen = list[tuple[PlaceKind, str]]


class Places:
    """Chooses by asking the directory."""

    def __init__(self, *, directory: Directory, policy: Policy) -> None:
        self._directory = directory
        self._policy = policy

    async def choose(self, requester: Person, origin: Origin, approvers: frozenset[str]) -> Chosen:
        """Cards with buttons first, then the twin where it was asked, then the audit channel.

        The approvals channel where there is one, else where it was asked, each only if an approver is
        there; else direct messages to the approvers. The requester always has a place to follow it.
        """
        asked = await self._room(origin.channel)
        cards = await self._cards(asked, approvers)
        places: Chosen = [(PlaceKind.CARD, channel) for channel in cards]
        places += await self._twin(requester, asked, cards)
        if self._policy.audit_channel and self._policy.audit_channel not in cards:
            places.append((PlaceKind.AUDIT, self._policy.audit_channel))
        return places

    async def of_requester(self, requester: Person, origin: Origin) -> Chosen:
        """Where one person follows what only they decide on: where it was asked, else by direct message."""
        asked = await self._room(origin.channel)
        return [(PlaceKind.TWIN, asked.channel if asked else requester.user_id)]

    async def _cards(self, asked: Room | None, approvers: frozenset[str]) -> list[str]:
        channel = self._policy.approvals_channel
        if channel and await self._room(channel) and await self._is_one_there(channel, approvers):
            return [channel]
        if asked and await self._is_one_there(asked.channel, approvers):
            return [asked.channel]
        return sorted(approvers)[:DIRECT_MESSAGES_AT_MOST]

    async def _is_one_there(self, channel: str, approvers: frozenset[str]) -> bool:
        """Whether somebody sees the card who may decide; where Slack doesn't tell, the mention calls them."""
        present = await self._directory.present(channel)
        return not approvers or present is None or bool(approvers & present)

    async def _twin(self, requester: Person, asked: Room | None, cards: list[str]) -> Chosen:
        if asked:
            return [] if asked.channel in cards else [(PlaceKind.TWIN, asked.channel)]
        for channel in cards:
            if requester.user_id == channel:
                return []
            if not channel.startswith("U"):
                present = await self._directory.present(channel)
                if present and requester.user_id in present:
                    return []
        return [(PlaceKind.TWIN, requester.user_id)]

    async def _room(self, channel: str) -> Room | None:
        """The channel if one may post there, else None. Nothing is ever shown outside the company."""
        if not channel or channel.startswith("U"):
            return None
        room = await self._directory.room(channel)
        return room if room.postable and not room.external else None
