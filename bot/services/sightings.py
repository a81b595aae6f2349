"""What is read of Things and groups anyway, on its way to the inventory: remembered, and written later."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from bot.domain.identifiers import Iccid, Imei
from bot.domain.things import GroupRow, Thing, ThingRow, ThingsGroup
from bot.services.ports import Clock, Permit, Platform

MOST = 500
"""Kept until they are taken; what is more is left to the next reading."""


class Sightings:
    """Costs a person who waits nothing: no write happens before `take`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._things: dict[str, tuple[datetime, ThingRow]] = {}
        self._groups: dict[str, tuple[datetime, GroupRow]] = {}

    def thing(self, row: ThingRow) -> None:
        """A Thing was read just now."""
        if len(self._things) < MOST or row.iccid in self._things:
            self._things[row.iccid] = (self._clock.now(), row)

    def group(self, row: GroupRow) -> None:
        """A group was read just now."""
        if len(self._groups) < MOST or row.things_group_id in self._groups:
            self._groups[row.things_group_id] = (self._clock.now(), row)

    def take(self) -> tuple[list[tuple[datetime, ThingRow]], list[tuple[datetime, GroupRow]]]:
        """All that came since the last time, with when it was read."""
        taken = list(self._things.values()), list(self._groups.values())
        self._things, self._groups = {}, {}
        return taken

    def watching(self, platform: Platform) -> Platform:
        """The same platform; what its readings bring is noted in passing."""
        return cast("Platform", _Watched(platform, self))


class _Watched:
    """Lets everything through as it is: the three readings below are heard, nothing else is touched."""

    def __init__(self, platform: Platform, sightings: Sightings) -> None:
        self._platform = platform
        self._sightings = sightings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)

    async def thing(self, iccid: Iccid, *, urgent: bool = True, permit: Permit | None = None) -> Thing:
        thing = await self._platform.thing(iccid, urgent=urgent, permit=permit)
        group_id = thing.things_group_id or ""
        seen_in = thing.last_seen_imei
        row = ThingRow(thing.thing_id, thing.iccid, thing.name, seen_in, group_id, thing.lock)
        self._sightings.thing(row)
        return thing

    async def things_group(self, things_group_id: str, *, urgent: bool = True) -> ThingsGroup:
        group = await self._platform.things_group(things_group_id, urgent=urgent)
        self._sightings.group(GroupRow(group.things_group_id, group.name))
        return group

    async def things_last_seen_in(self, imei: Imei) -> tuple[ThingRow, ...]:
        rows = await self._platform.things_last_seen_in(imei)
        for row in rows:
            self._sightings.thing(row)
        return rows
