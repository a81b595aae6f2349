"""What readings bring to the inventory in passing."""

from __future__ import annotations

from typing import cast

from bot.domain.identifiers import Iccid, Imei
from bot.domain.things import GroupRow, Thing, ThingRow, ThingsGroup
from bot.sandbox.clock import ManualClock
from bot.services.ports import Permit, Platform
from bot.services.sightings import Sightings
from tests.storage import samples


class Readable:
    """A platform of which only the three readings are wanted."""

    async def thing(self, iccid: Iccid, *, urgent: bool = True, permit: Permit | None = None) -> Thing:
        assert permit is None
        assert iccid
        assert urgent
        return samples.thing(1)

    async def things_group(self, things_group_id: str, *, urgent: bool = True) -> ThingsGroup:
        assert urgent
        return ThingsGroup(things_group_id, "Pumps", imei_lock=False, tac="")

    async def things_last_seen_in(self, imei: Imei) -> tuple[ThingRow, ...]:
        return (ThingRow("T2", "8944476500008870002", "Second", imei.digits, None),)


async def test_every_reading_of_a_thing_or_a_group_is_noted_whole_and_with_its_time(
    clock: ManualClock,
) -> None:
    sightings, thing = Sightings(clock), samples.thing(1)
    watched = sightings.watching(cast("Platform", Readable()))
    at = clock.now()
    assert await watched.thing(Iccid(thing.iccid)) == thing
    assert (await watched.things_group("G1")).name == "Pumps"
    [row] = await watched.things_last_seen_in(samples.IMEI)
    clock.advance(60)
    assert thing.things_group_id
    names = (thing.thing_id, thing.iccid, thing.name, thing.last_seen_imei, thing.things_group_id)
    noted = ThingRow(*names, thing.lock)
    assert sightings.take() == ([(at, noted), (at, row)], [(at, GroupRow("G1", "Pumps"))])
