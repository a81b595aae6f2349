"""Fills a world: groups, the odd Things by name, and as many ordinary ones as are asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final

from bot.sandbox.monogoto import digits, odd_cases
from bot.sandbox.monogoto.devices import NO_IMEI
from bot.sandbox.monogoto.examples import Examples
from bot.sandbox.monogoto.group_cases import seeded_groups
from bot.sandbox.monogoto.groups import GroupRecord
from bot.sandbox.monogoto.names import PARTS, PLACES, ROLES, TACS
from bot.sandbox.monogoto.records import ABSENT, ThingRecord
from bot.sandbox.monogoto.ticks import cas_at, location_time, milliseconds, usage_time
from bot.sandbox.monogoto.world import World

GROUPS: Final = 40
_DAYS: Final = 30


def populate(world: World, *, now: datetime, seed: int, things: int, groups: int = GROUPS) -> Examples:
    """Fill `world` the same way for the same arguments; at least the odd Things and groups are made."""
    random = Random(seed)  # noqa: S311  made-up data, no secret
    seeded = seeded_groups(random, now=now, count=groups)

    def ordinary(number: int, iccid: str, group: GroupRecord) -> ThingRecord:
        return _ordinary(random, now, number, iccid, group)

    records, examples = odd_cases.odd_things(ordinary, seeded)
    for number in range(1_000, 1_000 + max(0, things - odd_cases.COUNT)):
        iccid = digits.iccid_19(number) if number % 3 else digits.iccid_20(number)
        record = ordinary(number, iccid, seeded.all[int(random.random() * len(seeded.all))])
        _vary(random, record)
        records.append(record)
    world.fill(seeded.all, records)
    return examples


def _ordinary(random: Random, now: datetime, number: int, iccid: str, group: GroupRecord) -> ThingRecord:
    seen = now - timedelta(minutes=random.random() * _DAYS * 24 * 60)
    tac = _range_of(group) or TACS[int(random.random() * len(TACS))]
    role, part = ROLES[int(random.random() * len(ROLES))], PARTS[int(random.random() * len(PARTS))]
    return ThingRecord(
        iccid=iccid,
        name=f"{role} {number} – {PLACES[int(random.random() * len(PLACES))]} {part}",
        group_id=group.group_id,
        cas=cas_at(seen),
        modified_ms=milliseconds(seen) - 3_600_000,
        imei=digits.imei(tac, number),
        last_data_ms=milliseconds(seen),
        last_location=location_time(seen),
        last_usage=usage_time(seen),
    )


def _range_of(group: GroupRecord) -> str:
    return group.prefix if isinstance(group.prefix, str) else ""


def _vary(random: Random, record: ThingRecord) -> None:
    record.online = random.random() < 0.3
    dice = random.random()
    if dice < 0.04:
        record.state, record.online = ("SUSPENDED" if dice < 0.025 else "RETIRED"), False
    elif dice < 0.07:
        record.state = "PROVISIONED" if dice < 0.055 else "TEST_ACTIVE"
    _vary_device(random.random(), record)
    _vary_lock(random.random(), record)


def _vary_device(dice: float, record: ThingRecord) -> None:
    if dice < 0.05:
        record.imei = None if dice < 0.03 else ABSENT
        record.last_data_ms = record.last_location = record.last_usage = None
        record.online = False
    elif dice < 0.07:
        record.imei, record.carrier_hides_imei = NO_IMEI, True
    elif dice < 0.09:
        record.imei = digits.imei("35909999", int(record.iccid[-8:-1]))


def _vary_lock(dice: float, record: ThingRecord) -> None:
    if dice < 0.05:
        record.master_imei = ""
    elif dice < 0.2 and isinstance(record.imei, str) and record.imei != NO_IMEI:
        record.master_imei, record.lock = record.imei, True
