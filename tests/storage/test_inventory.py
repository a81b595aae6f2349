"""What the inventory keeps of listings, and what it finds in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.domain.things import GroupRow, ThingLock, ThingRow
from bot.services.inventory import Part, Reading
from bot.services.ports import KnownThing
from bot.storage import tables
from bot.storage.engine import Engine
from bot.storage.inventory import SqlInventory, _upserting
from bot.storage.straight import insert_straight
from tests.storage.samples import IMEI, NOW, OTHER_IMEI

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def inventory(engine: Engine) -> SqlInventory:
    return SqlInventory(engine)


def row(number: int, name: str = "", imei: str = "", group: str | None = "G1") -> ThingRow:
    iccid = f"8944476500000{number:06d}"
    return ThingRow(f"ThingId_ICCID_{iccid}", iccid, name or f"Thing {number}", imei, group)


async def names(inventory: SqlInventory, text: str, limit: int = 10) -> list[str]:
    return [known.row.name for known in (await inventory.things_matching(text, limit)).best]


async def test_text_that_no_store_can_hold_is_kept_without_what_is_wrong_with_it(
    inventory: SqlInventory,
) -> None:
    bad = "a\0b\ud800c"
    lock = ThingLock(imei_lock=True, locked_imei=bad)
    await inventory.keep_things([ThingRow(bad, bad, bad, f"1{bad}", bad, lock)], NOW)
    [known] = (await inventory.things_matching("a", 10)).best
    good = "a\ufffdb\ufffdc"
    held = ThingLock(imei_lock=True, locked_imei=good)
    assert known.row == ThingRow(good, good, good, f"1{good}", good, held)


async def test_a_statement_with_more_than_its_columns_is_no_way_straight_to_the_driver(
    engine: Engine,
) -> None:
    with_a_word_of_its_own = _upserting(tables.things_groups)
    with pytest.raises(ValueError, match="more than the columns"):
        async with engine.writing() as connection:
            await insert_straight(connection, with_a_word_of_its_own, [("G1", "x", "x", 1)])


@pytest.mark.parametrize("things", [82, 83, 84, 300])
async def test_many_at_once_are_all_kept_and_the_newer_ones_hold(
    inventory: SqlInventory, things: int
) -> None:
    await inventory.keep_things([row(n) for n in range(things)], NOW)
    await inventory.keep_things([row(n, f"Pump {n}") for n in range(things)], LATER)
    await inventory.keep_things([row(n, f"Valve {n}") for n in range(things)], NOW)
    found = await inventory.things_matching("Pump", things)
    expected = {row(n, f"Pump {n}") for n in range(things)}
    assert ({known.row for known in found.best}, found.total) == (expected, things)


async def test_of_one_thing_twice_among_many_the_last_row_holds(inventory: SqlInventory) -> None:
    rows = [row(n) for n in range(200)]
    await inventory.keep_things([*rows, row(7, "Pump"), row(150, "Pump")], NOW)
    assert (await names(inventory, "Pump"), (await inventory.stock()).things) == (["Pump", "Pump"], 200)


async def test_a_thing_comes_back_as_it_was_kept(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, "Pump 1", IMEI.digits)], NOW)
    found = await inventory.things_matching("Pump 1", 10)
    assert [(known.row, known.read_at) for known in found.best] == [(row(1, "Pump 1", IMEI.digits), NOW)]


async def test_names_match_whatever_their_case_and_the_best_come_first(inventory: SqlInventory) -> None:
    things = ["Old pump", "PUMP", "Pump 2", "Valve", "Straße  Pumpwerk"]
    await inventory.keep_things([row(n, name) for n, name in enumerate(things)], NOW)
    assert await names(inventory, "pump") == ["PUMP", "Pump 2", "Old pump", "Straße  Pumpwerk"]
    assert await names(inventory, "STRASSE PUMP") == ["Straße  Pumpwerk"]


@pytest.mark.parametrize("text", ["%", "_", "100%", "a_b", "\\", "/"])
async def test_what_sql_reads_as_a_wildcard_is_a_letter_like_any_other(
    inventory: SqlInventory, text: str
) -> None:
    await inventory.keep_things([row(1, f"x{text}y"), row(2, "xay 100 ab")], NOW)
    assert await names(inventory, text) == [f"x{text}y"]


@pytest.mark.parametrize("text", ["", "  "])
async def test_no_name_matches_no_thing(inventory: SqlInventory, text: str) -> None:
    await inventory.keep_things([row(1)], NOW)
    assert (await inventory.things_matching(text, 10)).total == 0


async def test_it_says_how_many_there_are_beyond_those_it_gives(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(n) for n in range(50)], NOW)
    found = await inventory.things_matching("thing", 10)
    assert (len(found.best), found.total) == (10, 50)


async def test_a_device_is_found_by_its_first_14_digits(inventory: SqlInventory) -> None:
    other_check_digit = IMEI.digits[:14] + "0"
    await inventory.keep_things([row(1, imei=other_check_digit), row(2, imei=OTHER_IMEI.digits)], NOW)
    [known] = (await inventory.things_of_device(IMEI, 10)).best
    assert known.row == row(1, imei=other_check_digit)


async def test_zeros_are_no_device(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, imei="0" * 15)], NOW)
    async with inventory._engine.reading() as connection:
        assert (await connection.scalars(select(tables.inventory.c.device))).all() == [""]


async def test_an_older_reading_does_not_overwrite_a_newer_one(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, "New")], LATER)
    await inventory.keep_things([row(1, "Old")], NOW)
    assert await names(inventory, "new") == ["New"]
    await inventory.keep_things([row(1, "Newest")], LATER)
    assert await names(inventory, "newest") == ["Newest"]


async def test_a_listing_without_groups_does_not_take_a_thing_out_of_its_group(
    inventory: SqlInventory,
) -> None:
    await inventory.keep_things([row(1, group="G1"), row(2, group="G1")], NOW)
    await inventory.keep_things([row(1, group=None), row(2, group="")], LATER)
    assert await inventory.things_in_group("G1") == 1


async def test_a_row_that_tells_neither_group_nor_lock_renews_the_time_of_neither(
    inventory: SqlInventory,
) -> None:
    told = replace(row(1, "Pump"), own_lock=ThingLock(True, IMEI.digits))
    await inventory.keep_things([told], NOW)
    await inventory.keep_things([row(1, "Pump", group=None)], LATER)
    [known] = (await inventory.things_matching("Pump", 10)).best
    assert known == KnownThing(told, LATER, group_read_at=NOW, lock_read_at=NOW)


async def test_how_many_are_in_a_group_is_not_known_where_no_listing_said_of_all(
    inventory: SqlInventory,
) -> None:
    assert await inventory.things_in_group("G1") == 0
    await inventory.keep_things([row(1, group="G1"), row(2, group=None)], NOW)
    assert await inventory.things_in_group("G1") is None


async def test_a_page_that_holds_a_thing_twice_is_kept(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, "First"), row(1, "Second"), row(2)], NOW)
    assert (await inventory.stock()).things == 2


async def test_what_no_database_can_hold_is_kept_as_far_as_it_can_be(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, "A\0B\ud800" + "x" * 5000), ThingRow("T", "", "No number", "")], NOW)
    assert [len(name) for name in await names(inventory, "A")] == [500]
    assert (await inventory.stock()).things == 1


async def test_groups_are_found_by_id_and_by_name_best_first(inventory: SqlInventory) -> None:
    groups = [GroupRow("id-pumps", "Field"), GroupRow("G2", "Old pumps"), GroupRow("G3", "Pumps")]
    await inventory.keep_groups([*groups, GroupRow("Pumps", "Zebra"), GroupRow("G5", "Valves")], NOW)
    found = await inventory.groups_matching("PUMPS", 10)
    assert [group.things_group_id for group in found] == ["Pumps", "G3", "G2"]
    assert [group.name for group in await inventory.groups_matching("", 2)] == ["Field", "Old pumps"]
    assert await inventory.groups_matching("%", 10) == ()


async def test_a_piece_of_an_id_counts_from_eight_characters_on_and_behind_every_name(
    inventory: SqlInventory,
) -> None:
    one, other = GroupRow("ThingsGroupId_78e5bad0-2026", "Pumps"), GroupRow("G2", "Row 78e5bad0")
    await inventory.keep_groups([one, other], NOW)
    for piece in ("78e5", "bad", "2026", "78e5bad", "group", "ThingsGroupId", "ThingsGroupId_"):
        found = await inventory.groups_matching(piece, 10)
        assert one not in found, piece
        assert await inventory.count_groups(piece) == len(found)
    assert await inventory.groups_matching("78e5BAD0", 10) == (other, one)
    assert await inventory.groups_matching("5bad0-2026", 10) == (one,)
    assert await inventory.groups_matching("ThingsGroupId_78e5bad0", 10) == (one,)
    assert await inventory.count_groups("78e5bad0") == 2


async def test_marks_that_nobody_sees_do_not_keep_a_name_from_being_found(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, "Pump_7"), row(2, "Va\u200blve\u2060")], NOW)
    assert await names(inventory, "pump_\u20607") == ["Pump_7"]
    assert await names(inventory, "valve") == ["Va\u200blve\u2060"]


async def test_it_tells_when_a_thing_or_a_group_was_last_listed_and_as_what(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, "Pump")], NOW)
    await inventory.keep_groups([GroupRow("G1", "Depot")], LATER)
    assert await inventory.last_listed(row(1).iccid) == ("Pump", NOW)
    assert await inventory.last_listed("G1") == ("Depot", LATER)
    assert await inventory.last_listed("G2") is None


async def test_one_group_is_known_by_its_very_id(inventory: SqlInventory) -> None:
    await inventory.keep_groups([GroupRow("G1", "Pumps")], NOW)
    assert await inventory.group_row("G1") == GroupRow("G1", "Pumps")
    assert await inventory.group_row("G") is None


async def test_a_known_name_is_not_lost_to_a_row_without_one(inventory: SqlInventory) -> None:
    await inventory.keep_groups([GroupRow("G1", "Pumps")], NOW)
    await inventory.keep_groups([GroupRow("G1", "")], LATER)
    assert await inventory.group_row("G1") == GroupRow("G1", "Pumps")


async def test_a_group_of_things_that_nobody_named_is_pointed_out(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(1, group="G1"), row(2, group=""), row(3, group=None)], NOW)
    assert await inventory.nameless_group(NOW) == "G1"
    await inventory.keep_groups([GroupRow("G1", "")], NOW)
    assert await inventory.nameless_group(NOW) is None
    assert await inventory.nameless_group(LATER) == "G1"


async def test_what_was_not_seen_since_is_dropped_a_few_at_a_time(inventory: SqlInventory) -> None:
    await inventory.keep_things([row(n, group="G1") for n in range(5)], NOW)
    await inventory.keep_things([row(9, group="G2")], LATER)
    await inventory.keep_groups([GroupRow(f"G{n}", "") for n in (1, 2, 3)], NOW)
    dropped = [await inventory.drop_unseen(LATER, LATER, 3) for _ in range(3)]
    assert sum(dropped) == 5 + 2
    assert max(dropped) <= 3 + 1
    stock = await inventory.stock()
    assert (stock.things, stock.groups) == (1, 1)
    assert await inventory.group_row("G2") is not None


async def test_a_page_and_how_far_it_brings_the_reading_are_kept_together(inventory: SqlInventory) -> None:
    assert await inventory.reading() == Reading()
    there = Reading(Part.THINGS, 50, NOW, NOW - timedelta(hours=1), NOW - timedelta(hours=2))
    await inventory.keep_things([row(1)], NOW, there)
    assert await inventory.reading() == there
    assert (await inventory.stock()).read_at == NOW - timedelta(hours=1)


async def test_a_group_id_that_is_too_long_to_be_kept_is_not_pointed_out_for_ever(
    inventory: SqlInventory,
) -> None:
    await inventory.keep_things([row(1, group="G" * 500)], NOW)
    await inventory.keep_groups([GroupRow("G" * 500, "Long")], NOW)
    assert await inventory.nameless_group(NOW) is None
    assert (await inventory.stock()).groups == 0
