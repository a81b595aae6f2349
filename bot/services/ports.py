"""The seams: what the use cases need of the world, in domain words. Adapters implement these."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.domain.identifiers import Iccid, Imei
from bot.domain.things import Thing, ThingRow, ThingsGroup


class Clock(Protocol):
    """Time is an argument."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""


class Platform(Protocol):
    """The vendor's platform. Every method may raise `PlatformError`s; reads never raise `OutcomeUnknown`."""

    async def thing(self, iccid: Iccid) -> Thing:
        """Read one Thing, fresh. Raises `ThingNotFound`."""

    async def things_group(self, things_group_id: str) -> ThingsGroup:
        """Read one Things Group, fresh. Raises `ThingNotFound`."""

    async def things_last_seen_in(self, imei: Imei) -> tuple[ThingRow, ...]:
        """Things whose last-seen IMEI is this one, by the vendor's filter (at most one page)."""

    async def is_online(self, thing: Thing) -> bool | None:
        """Whether the Thing has a session now; None where the vendor's answer doesn't say."""

    async def write_thing_lock(self, thing: Thing, *, imei_lock: bool, locked_imei: str) -> None:
        """One PUT with the `cas` of `thing`, never repeated. Returning is no proof: read back.

        Raises `Refused`, `NotReached`, `RateLimited`, `LoginFailed` (nothing was written by this call)
        or `OutcomeUnknown` (it may have been).
        """
