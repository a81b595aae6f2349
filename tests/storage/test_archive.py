"""Pages of requests: each once, newest first, whoever they are looked up by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.changes import LockThing
from bot.domain.identifiers import Iccid
from bot.domain.requests import ChangeRequest, Event, Person, Vote
from bot.services.ports import FIRST, Cursor, Listed, PlaceKind, Which
from bot.storage.archive import SqlArchive
from bot.storage.engine import Engine
from bot.storage.store import SqlStore
from tests.storage import samples
from tests.storage.samples import ANN, BOB, ICCID, IMEI, OTHER_IMEI

CLEO = Person("U0CLEO", "T0TEAM")


@pytest.fixture
def archive(engine: Engine) -> SqlArchive:
    return SqlArchive(engine)


async def add(engine: Engine, *requests: ChangeRequest) -> None:
    async with SqlStore(engine).transaction() as tx:
        for request in requests:
            await tx.add_request(request, [(PlaceKind.CARD, "C0OPS")])


async def end(engine: Engine, number: int, *events: Event) -> None:
    store = SqlStore(engine)
    for event in events:
        request = await store.request(f"R{number}")
        assert request
        async with store.transaction() as tx:
            await tx.advance(request, request.after(event))


async def ids(archive: SqlArchive, which: Which) -> list[str]:
    return [request.id for request in (await archive.page(which, 50)).requests]


async def test_pages_follow_each_other_without_a_gap_or_a_repetition(
    engine: Engine, archive: SqlArchive
) -> None:
    await add(engine, *(samples.request(n) for n in range(1, 8)))
    pages, cursor = [], FIRST
    while True:
        listed = await archive.page(Which(), 3, cursor)
        pages.append([request.id for request in listed.requests])
        if listed.older is None:
            break
        cursor = listed.older
    assert pages == [["R7", "R6", "R5"], ["R4", "R3", "R2"], ["R1"]]
    assert listed.newer
    back = await archive.page(Which(), 3, listed.newer)
    assert [request.id for request in back.requests] == pages[1]
    assert back.newer
    assert [r.id for r in (await archive.page(Which(), 3, back.newer)).requests] == pages[0]
    assert (await archive.page(Which(), 3)).newer is None


@pytest.mark.parametrize("cursor", [Cursor(older_than=1), Cursor(newer_than=7)])
async def test_beyond_either_end_the_nearest_page_comes_and_only_where_there_is_none_an_empty_one(
    engine: Engine, archive: SqlArchive, cursor: Cursor
) -> None:
    assert await archive.page(Which(), 3, cursor) == Listed(())
    await add(engine, *(samples.request(n) for n in range(1, 8)))
    listed = await archive.page(Which(), 3, cursor)
    nearest = ["R3", "R2", "R1"] if cursor.older_than else ["R7", "R6", "R5"]
    assert [request.id for request in listed.requests] == nearest
    assert bool(listed.newer) == bool(cursor.older_than)


async def test_a_page_holds_decisions_too(engine: Engine, archive: SqlArchive) -> None:
    await add(engine, samples.request())
    async with SqlStore(engine).transaction() as tx:
        await tx.decide("R1", samples.approval())
    [request] = (await archive.page(Which(), 1)).requests
    assert request.decisions == (samples.approval(),)


async def test_requests_are_found_by_who_asked(engine: Engine, archive: SqlArchive) -> None:
    await add(engine, samples.request(1), replace(samples.request(2), requester=CLEO))
    assert await ids(archive, Which(asked_by=ANN.user_id)) == ["R1"]
    assert await ids(archive, Which(asked_by=BOB.user_id)) == []


async def test_a_person_is_found_as_requester_and_as_whoever_decided(
    engine: Engine, archive: SqlArchive
) -> None:
    await add(engine, samples.request(1), replace(samples.request(2), requester=BOB), samples.request(3))
    async with SqlStore(engine).transaction() as tx:
        await tx.decide("R1", samples.approval())
        await tx.decide("R3", samples.approval(by=CLEO, vote=Vote.DENIED))
    assert await ids(archive, Which(person=BOB.user_id)) == ["R2", "R1"]
    assert await ids(archive, Which(person=CLEO.user_id)) == ["R3"]


async def test_requests_are_found_by_what_they_are_about(engine: Engine, archive: SqlArchive) -> None:
    await add(engine, samples.request(1), samples.request(2))
    assert await ids(archive, Which(target=samples.thing(2).thing_id)) == ["R2"]


async def test_only_those_that_wait_are_pending(engine: Engine, archive: SqlArchive) -> None:
    await add(engine, samples.request(1), samples.request(2))
    await end(engine, 1, Event.DENY)
    assert await ids(archive, Which(pending=True)) == ["R2"]


async def test_those_are_open_that_have_not_ended(engine: Engine, archive: SqlArchive) -> None:
    await add(engine, *(samples.request(n) for n in range(1, 5)))
    await end(engine, 1, Event.CANCEL)
    await end(engine, 2, Event.APPROVE)
    await end(engine, 3, Event.APPROVE, Event.APPLY, Event.SUCCEED)
    assert await ids(archive, Which(open=True)) == ["R4", "R2"]


async def test_the_latest_success_on_a_thing_says_what_it_was_left_locked_to(
    engine: Engine, archive: SqlArchive
) -> None:
    done = (Event.APPROVE, Event.APPLY, Event.SUCCEED)
    thing = samples.thing(1)
    await add(engine, samples.request(1))
    await end(engine, 1, *done)
    assert [request.id for request in await archive.left_locked_to(IMEI)] == ["R1"]
    await add(engine, samples.request(2, on=thing, change=LockThing(ICCID, OTHER_IMEI)))
    await end(engine, 2, *done)
    assert await archive.left_locked_to(IMEI) == ()
    assert [request.id for request in await archive.left_locked_to(OTHER_IMEI)] == ["R2"]


async def test_a_thing_is_known_by_the_iccid_in_the_id_that_requests_hold(
    engine: Engine, archive: SqlArchive
) -> None:
    thing = samples.thing(1)
    await add(engine, samples.request(1))
    assert await archive.thing_id_of(Iccid(thing.iccid)) == thing.thing_id
    assert await archive.thing_id_of(Iccid("8944476500008870002")) is None
