"""What the store promises about the rows of bulks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.changes import Bulk, LockThing
from bot.domain.identifiers import Iccid, Imei
from bot.domain.impact import Impact, Verdict
from bot.domain.plans import Plan, RowCounts, RowVerdict, SeenPlan
from bot.domain.requests import ChangeRequest, Event, Item, ItemState, Status
from bot.domain.rows import BulkRow
from bot.services.ports import PlaceKind, Store, Which
from bot.storage.archive import SqlArchive
from bot.storage.bulk_store import SqlBulkRows
from bot.storage.engine import Engine
from tests.storage import samples
from tests.storage.samples import NOW

BULK = "BULK"
TWIN = [(PlaceKind.TWIN, "C0OPS")]


def bulk(request_id: str = BULK, status: Status = Status.PREVIEWING) -> ChangeRequest:
    plan = Plan(f"bulk:{request_id}", "sims.csv")
    whole = samples.request(1)
    return replace(
        whole, id=request_id, status=status, change=Bulk("sims.csv"), seen=SeenPlan(plan, NOW), item=None
    )


def row(position: int, verdict: RowVerdict = RowVerdict.READY, *, of: str = BULK, thing: int = 0) -> BulkRow:
    """A row about the Thing of that number; its line is one further down than its position."""
    thing = thing or position
    imei = Imei(f"4901542032{thing:04d}0"[:15])
    change = LockThing(Iccid(f"89444765000088{thing:05d}"), imei)
    seen = replace(samples.request(1).seen, thing=samples.thing(thing))
    planned = verdict in {RowVerdict.READY, RowVerdict.ALREADY}
    return BulkRow(
        Item(of, ItemState.PLANNED, position=position),
        line=position + 1,
        typed=(change.iccid.digits, imei.digits),
        verdict=verdict,
        change=change,
        seen=seen if planned else None,
        impact=Impact(Verdict.LOSES, ()) if planned else None,
        fingerprint=f"print {position}" if planned else "",
    )


async def add(store: Store, *rows: BulkRow, of: str = BULK) -> ChangeRequest:
    request = bulk(of)
    async with store.transaction() as tx:
        await tx.add_request(request, TWIN)
        await tx.add_rows(rows)
    return request


@pytest.fixture
def kept(engine: Engine) -> SqlBulkRows:
    return SqlBulkRows(engine)


async def test_rows_come_back_as_they_were_added_page_by_page(store: Store, kept: SqlBulkRows) -> None:
    rows = [row(n, list(RowVerdict)[n % 5]) for n in range(1, 8)]
    await add(store, *rows)
    assert await kept.rows(BULK, limit=100) == tuple(rows)
    assert await kept.rows(BULK, after=3, limit=2) == tuple(rows[3:5])
    looks = [r for r in rows if r.verdict is RowVerdict.LOOK]
    assert await kept.rows(BULK, limit=100, verdict=RowVerdict.LOOK) == tuple(looks)


async def test_adding_rows_again_changes_none_of_them(store: Store, kept: SqlBulkRows) -> None:
    await add(store, row(1), row(2))
    async with store.transaction() as tx:
        await tx.add_rows([row(2, RowVerdict.REFUSED), row(3)])
    assert [r.verdict for r in await kept.rows(BULK, limit=9)] == [RowVerdict.READY] * 3


async def test_a_row_that_rests_is_not_due_before_its_time(store: Store, kept: SqlBulkRows) -> None:
    later = NOW + timedelta(seconds=30)
    resting = row(1, RowVerdict.UNCHECKED)
    await add(store, replace(resting, item=replace(resting.item, next_at=later)))
    assert await kept.rows(BULK, limit=9, due=NOW) == ()
    assert await kept.next_row_at(BULK) == later
    assert len(await kept.rows(BULK, limit=9, due=later)) == 1
    async with store.transaction() as tx:
        await tx.add_rows([row(2, RowVerdict.UNCHECKED), row(3, RowVerdict.UNCHECKED)])
    due = await kept.rows(BULK, limit=9, due=later)
    assert [r.item.position for r in due] == [2, 3, 1], "those never tried come first"
    assert [r.item.position for r in await kept.rows(BULK, limit=2, due=later)] == [2, 3]


async def test_the_counts_are_of_all_rows_and_the_totals_of_the_ready_ones(
    store: Store, kept: SqlBulkRows
) -> None:
    await add(store, row(1), row(2), row(3, RowVerdict.ALREADY), row(4, RowVerdict.LOOK))
    totals = await kept.totals(BULK)
    assert totals.rows == RowCounts(ready=2, already=1, look=1)
    assert totals.impacts == ((Impact(Verdict.LOSES, ()), 2),)
    assert totals.scopes == ((row(1).change.kind, row(1).seen.things_group_id),)
    assert await kept.ready_prints(BULK, limit=9) == ((1, "print 1"), (2, "print 2"))


async def test_rows_of_the_same_thing_or_device_are_found_by_their_lines(
    store: Store, kept: SqlBulkRows
) -> None:
    same_device = replace(row(4), change=replace(row(4).change, imei=row(3).change.imei))
    await add(store, row(1), row(2, RowVerdict.ALREADY, thing=1), row(3), same_device, row(5))
    found = {repeated.what: repeated.rows for repeated in await kept.repeats(BULK)}
    assert found["ICCID"] == ((1, 2), (2, 3))
    assert ((3, 4), (4, 5)) in [repeated.rows for repeated in await kept.repeats(BULK)]


async def test_every_ready_rows_thing_is_held_until_the_bulk_ends(store: Store) -> None:
    request = await add(store, row(1), row(2, RowVerdict.LOOK), row(3))
    async with store.transaction() as tx:
        assert await tx.hold_ready_rows(BULK) == 0
    holder = await store.open_request(samples.thing(1).thing_id)
    assert holder is not None
    assert holder.id == BULK
    assert await store.open_request(samples.thing(2).thing_id) is None
    async with store.transaction() as tx:
        await tx.advance(request, request.after(Event.CANCEL))
    assert await store.open_request(samples.thing(3).thing_id) is None


async def test_where_one_thing_is_held_by_another_request_none_is_taken_and_its_row_says_so(
    store: Store, kept: SqlBulkRows
) -> None:
    async with store.transaction() as tx:
        await tx.add_request(samples.request(9, on=samples.thing(2)), [])
    await add(store, row(1), row(2))
    async with store.transaction() as tx:
        assert await tx.hold_ready_rows(BULK) == 1
    assert await store.open_request(samples.thing(1).thing_id) is None
    looked = await kept.rows(BULK, limit=9, verdict=RowVerdict.LOOK)
    assert [(r.item.position, "R9" in r.item.explanation) for r in looked] == [(2, True)]


async def test_an_approval_queues_the_ready_rows_and_skips_all_others(
    store: Store, kept: SqlBulkRows
) -> None:
    await add(store, *(row(n, verdict) for n, verdict in enumerate(RowVerdict, 1)))
    async with store.transaction() as tx:
        await tx.queue_ready_rows(BULK)
    states = {r.verdict: r.item.state for r in await kept.rows(BULK, limit=9)}
    assert states.pop(RowVerdict.READY) is ItemState.QUEUED
    assert set(states.values()) == {ItemState.SKIPPED}


async def test_what_is_found_out_after_the_approval_changes_no_row(store: Store, kept: SqlBulkRows) -> None:
    await add(store, row(1))
    async with store.transaction() as tx:
        await tx.queue_ready_rows(BULK)
        await tx.put_rows([row(1, RowVerdict.REFUSED)])
    assert (await kept.rows(BULK, limit=9))[0].verdict is RowVerdict.READY


async def test_a_things_history_shows_the_bulks_that_it_was_a_ready_row_of(
    store: Store, engine: Engine
) -> None:
    await add(store, row(1), row(2, RowVerdict.ALREADY))
    archive = SqlArchive(engine)
    shown = await archive.page(Which(target=samples.thing(1).thing_id), 5)
    assert [request.id for request in shown.requests] == [BULK]
    assert (await archive.page(Which(target=samples.thing(2).thing_id), 5)).requests == ()


async def test_a_done_row_leaves_its_thing_locked_in_our_records_until_a_later_request(
    store: Store, kept: SqlBulkRows, engine: Engine
) -> None:
    first = row(1)
    await add(store, replace(first, item=replace(first.item, state=ItemState.DONE)))
    imei = first.change.imei
    name = samples.thing(1).title
    assert await store.locked_to(imei) == (name,)
    around = await kept.surroundings("other", [], [imei])
    assert around.locked == {imei.device: ((samples.thing(1).thing_id, name),)}
    assert [r.change for r in await SqlArchive(engine).left_locked_to(imei)] == [first.change]
    later = samples.request(5, on=samples.thing(1))
    async with store.transaction() as tx:
        await tx.add_request(later, [])
        for event in (Event.APPROVE, Event.APPLY, Event.SUCCEED):
            later = await tx.advance(later, later.after(event))
    assert await store.locked_to(imei) == ()


async def test_a_discarded_bulk_leaves_nothing_behind(store: Store, kept: SqlBulkRows) -> None:
    request = bulk()
    async with store.transaction() as tx:
        await tx.add_request(request, [])
        await tx.add_rows([row(1)])
        await tx.discard_bulk(BULK)
    assert await store.request(BULK) is None
    assert await kept.rows(BULK, limit=9) == ()


@pytest.mark.parametrize("read", ["all rows", "sent on"])
async def test_a_bulk_that_was_read_to_its_end_is_never_discarded(
    store: Store, kept: SqlBulkRows, read: str
) -> None:
    request = await add(store, row(1))
    assert isinstance(request.seen, SeenPlan)
    whole = replace(request.seen, plan=replace(request.seen.plan, rows=RowCounts(ready=1)))
    counted = request.after(Event.COUNT, seen=whole) if read == "all rows" else request.after(Event.SHOW)
    async with store.transaction() as tx:
        await tx.advance(request, counted)
        await tx.discard_bulk(BULK)
    assert await store.request(BULK) is not None
    assert len(await kept.rows(BULK, limit=9)) == 1


async def test_rows_that_need_a_look_say_why_unless_they_were_refused_or_are_so_already(
    store: Store, kept: SqlBulkRows
) -> None:
    await add(store, *(row(n, verdict) for n, verdict in enumerate(RowVerdict, 1)))
    async with store.transaction() as tx:
        await tx.look_at_rows(BULK, dict.fromkeys(range(1, 6), "Compare it."))
    assert [r.verdict for r in await kept.rows(BULK, limit=9)] == [
        RowVerdict.LOOK,
        RowVerdict.LOOK,
        RowVerdict.ALREADY,
        RowVerdict.LOOK,
        RowVerdict.REFUSED,
    ]
