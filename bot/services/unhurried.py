"""The vendor's platform for work that nobody waits for: single changes go first at the gate."""

from __future__ import annotations

from typing import Any, cast

from bot.domain.identifiers import Iccid
from bot.domain.things import Thing, ThingsGroup
from bot.services.ports import Platform


def unhurried(platform: Platform) -> Platform:
    """The same platform; its readings wait until nobody's urgent call is owed."""
    return cast("Platform", _Unhurried(platform))


class _Unhurried:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)

    async def thing(self, iccid: Iccid) -> Thing:
        return await self._platform.thing(iccid, urgent=False)

    async def things_group(self, things_group_id: str) -> ThingsGroup:
        return await self._platform.things_group(things_group_id, urgent=False)
