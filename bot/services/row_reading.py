"""The SIMs of a bulk's rows, read from the platform: a few at a time, and each group once in a slice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.errors import PlatformError, Proposed, ThingNotFound, Unfit
from bot.domain.identifiers import Iccid
from bot.domain.impact import SeenThing
from bot.domain.planned import decided, iccid_of
from bot.domain.plans import RowVerdict
from bot.domain.rows import BulkRow
from bot.domain.things import Thing, ThingsGroup
from bot.services.ports import Clock, Platform
from bot.services.preview import Previews

CONCURRENCY = 4

Read = tuple[BulkRow, SeenThing]
"""A row, and its Thing with the group."""


@dataclass(slots=True)
class Slice:
    """What came of the rows that there was time for."""

    things: list[Read] = field(default_factory=list)
    done: list[BulkRow] = field(default_factory=list)
    """Rows whose verdict is out: there is no such Thing, or none of exactly that ICCID."""
    failed: list[BulkRow] = field(default_factory=list)
    """Rows for which the vendor didn't answer."""
    groups: dict[str, asyncio.Task[ThingsGroup | None]] = field(default_factory=dict)

    @property
    def is_fruitless(self) -> bool:
        """Whether the vendor answered nothing at all."""
        return bool(self.failed) and not self.things and not self.done

    @property
    def is_away(self) -> bool:
        """Whether it can only be the vendor: of rows that failed before, the rows may be the reason."""
        return self.is_fruitless and any(not row.item.attempts for row in self.failed)


class RowReader:
    """Costs one call a row. `platform`, and that of `previews`, waits its turn behind what is urgent."""

    def __init__(self, *, platform: Platform, previews: Previews, clock: Clock) -> None:
        self._platform = platform
        self._previews = previews
        self._clock = clock

    async def read(self, rows: Sequence[BulkRow], until: datetime) -> Slice:
        """As many as there is time for; none is begun after `until`, nor while nothing is answered."""
        found, waiting = Slice(), iter(rows)
        await asyncio.gather(*(self._read_rows(found, waiting, until) for _ in range(CONCURRENCY)))
        return found

    async def _read_rows(self, slice_: Slice, waiting: Iterator[BulkRow], until: datetime) -> None:
        for row in waiting:
            await self._read_row(slice_, row)
            if self._clock.now() >= until or slice_.is_fruitless:
                return

    async def _read_row(self, slice_: Slice, row: BulkRow) -> None:
        try:
            thing = await self._previews.find(iccid_of(row), patient=True)
            group, readable = await self._group(slice_, thing)
        except Proposed as other:
            grouped = Iccid(other.value).grouped
            why = f"ICCID: {other.reason} If that is the SIM, write {grouped}."
            slice_.done.append(decided(row, RowVerdict.LOOK, why))
        except Unfit as unfit:
            slice_.done.append(decided(row, RowVerdict.REFUSED, f"ICCID: {unfit.reason}"))
        except PlatformError:
            slice_.failed.append(row)
        else:
            seen = SeenThing(thing, group, readable, (), None, self._clock.now())
            slice_.things.append((row, seen))

    async def _group(self, slice_: Slice, thing: Thing) -> tuple[ThingsGroup | None, bool]:
        """Read once in a slice, however many Things are in it; (None, False) where Monogoto holds none."""
        group_id = thing.things_group_id
        if group_id is None:
            return None, True
        if group_id not in slice_.groups:
            slice_.groups[group_id] = asyncio.ensure_future(self._read_group(group_id))
        group = await slice_.groups[group_id]
        return group, group is not None

    async def _read_group(self, group_id: str) -> ThingsGroup | None:
        try:
            return await self._platform.things_group(group_id)
        except ThingNotFound:
            return None
