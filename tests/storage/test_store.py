"""What every Store promises, whatever it is made of."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.changes import LockThing
from bot.domain.errors import AlreadyOpen, Overtaken
from bot.domain.requests import ChangeRequest, Event, Item, ItemState, Status, Vote
from bot.services.ports import PlaceKind, Store
from tests.storage import samples
from tests.storage.samples import NOW

CARD = [(PlaceKind.CARD, "C0OPS")]


async def add(store: Store, *requests: ChangeRequest) -> None:
    async with store.transaction() as tx:
        for request in requests:
            await tx.add_request(request, CARD)


async def step(store: Store, request: ChangeRequest, event: Event) -> ChangeRequest:
    async with store.transaction() as tx:
        return await tx.advance(request, request.after(event))


async def finish(store: Store, request: ChangeRequest) -> ChangeRequest:
    await add(store, request)
    for event in (Event.APPROVE, Event.APPLY, Event.SUCCEED):
        request = await step(store, request, event)
    return request


async def test_a_request_comes_back_as_it_was_added(store: Store) -> None:
    await add(store, samples.request(1), samples.request(2, change=samples.unlock()))
    assert await store.request("R1") == samples.request(1)
    assert await store.request("R2") == samples.request(2, change=samples.unlock())
    assert await store.request("R3") is None


async def test_a_request_comes_with_its_decisions_in_order_and_its_item(store: Store) -> None:
    item = Item("R1", ItemState.QUEUED, 1, NOW, "171890", "waits")
    no = samples.approval(samples.ANN, vote=Vote.DENIED)
    await add(store, samples.request(1), samples.request(2))
    async with store.transaction() as tx:
        await tx.decide("R1", samples.approval())
        await tx.decide("R1", no)
        await tx.decide("R2", samples.approval())
        await tx.put_item(None, item)
    found = await store.request("R1")
    assert found == replace(samples.request(1), decisions=(samples.approval(), no), item=item)


async def test_a_thing_has_one_open_request(store: Store) -> None:
    await add(store, samples.request(1))
    async with store.transaction() as tx:
        with pytest.raises(AlreadyOpen) as raised:
            await tx.add_request(samples.request(2, on=samples.thing(1)), CARD)
    assert raised.value.request_id == "R1"
    assert await store.request("R2") is None


async def test_a_refused_second_request_leaves_the_transaction_usable(store: Store) -> None:
    await add(store, samples.request(1))
    async with store.transaction() as tx:
        with pytest.raises(AlreadyOpen):
            await tx.add_request(samples.request(2, on=samples.thing(1)), CARD)
        await tx.add_request(samples.request(3), CARD)
    assert await store.request("R3") == samples.request(3)


async def test_a_thing_is_free_again_once_its_request_has_ended(store: Store) -> None:
    await add(store, samples.request(1))
    await step(store, samples.request(1), Event.DENY)
    await add(store, samples.request(2, on=samples.thing(1)))
    held = await store.open_request(samples.thing(1).thing_id)
    assert held is not None
    assert held.id == "R2"
    assert await store.open_request(samples.thing(5).thing_id) is None


@pytest.mark.parametrize("events", [(), (Event.APPROVE,), (Event.APPROVE, Event.APPLY, Event.DOUBT)])
async def test_a_request_holds_its_thing_until_its_outcome_is_known(
    store: Store, events: tuple[Event, ...]
) -> None:
    request = samples.request(1)
    await add(store, request)
    for event in events:
        request = await step(store, request, event)
    assert await store.open_request(samples.thing(1).thing_id) == request


async def test_two_of_one_id_are_a_bug_and_not_taken_for_an_open_request(store: Store) -> None:
    await add(store, samples.request(1))
    with pytest.raises(Exception, match=r"(?i)unique") as raised:
        await add(store, replace(samples.request(1), seen=samples.request(2).seen))
    assert not isinstance(raised.value, AlreadyOpen)


async def test_advance_moves_the_row_and_its_rev(store: Store) -> None:
    old = samples.request(1)
    await add(store, old)
    new = old.after(Event.REDRAW, fingerprint="e" * 64, approvals_needed=3, seen=samples.request(1).seen)
    async with store.transaction() as tx:
        moved = await tx.advance(old, new)
    assert moved == replace(new, rev=2)
    assert await store.request("R1") == moved


async def test_a_request_and_an_item_never_become_another_one(store: Store) -> None:
    one, two = samples.request(1), samples.request(2)
    async with store.transaction() as tx:
        with pytest.raises(ValueError, match="another"):
            await tx.advance(one, two)
        with pytest.raises(ValueError, match="another"):
            await tx.put_item(Item("R1", ItemState.QUEUED), Item("R2", ItemState.QUEUED))


async def test_a_request_that_moves_to_a_held_thing_is_refused(store: Store) -> None:
    await add(store, samples.request(1), samples.request(2))
    moved = samples.request(2).after(Event.REDRAW, seen=samples.request(1).seen)
    async with store.transaction() as tx:
        with pytest.raises(AlreadyOpen) as raised:
            await tx.advance(samples.request(2), moved)
    assert raised.value.request_id == "R1"


async def test_advance_keeps_when_it_was_approved(store: Store) -> None:
    old = samples.request(1)
    await add(store, old)
    async with store.transaction() as tx:
        await tx.advance(old, old.after(Event.APPROVE, approved_at=NOW + timedelta(microseconds=1)))
    found = await store.request("R1")
    assert found is not None
    assert found.apply_before == NOW + timedelta(hours=1, microseconds=1)


@pytest.mark.parametrize("events", [[Event.APPROVE, Event.DENY], [Event.APPROVE, Event.APPROVE]])
async def test_of_two_who_advance_at_once_one_wins(store: Store, events: list[Event]) -> None:
    await add(store, samples.request(1))
    tries = [step(store, samples.request(1), event) for event in events]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["ChangeRequest", "Overtaken"]
    found = await store.request("R1")
    assert found is not None
    assert found.rev == 2


async def test_a_redraw_overtakes_too_though_the_status_stays(store: Store) -> None:
    await add(store, samples.request(1))
    await step(store, samples.request(1), Event.REDRAW)
    with pytest.raises(Overtaken):
        await step(store, samples.request(1), Event.APPROVE)


async def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    async def writes_and_fails() -> None:
        async with store.transaction() as tx:
            await tx.add_submission(samples.submission())
            await tx.add_request(samples.request(1), CARD)
            await tx.audit(samples.entry())
            await tx.tell("R1", "card")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await writes_and_fails()
    assert await store.request("R1") is None
    assert await store.unfinished_submissions() == ()
    async with store.transaction() as tx:
        assert await tx.audit(samples.entry()) == 1


async def test_a_cancelled_transaction_leaves_nothing_and_the_store_works_on(store: Store) -> None:
    inside = asyncio.Event()

    async def begins_and_hangs() -> None:
        async with store.transaction() as tx:
            await tx.add_request(samples.request(1), CARD)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(begins_and_hangs())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.request("R1") is None
    await add(store, samples.request(1))


async def test_what_is_not_committed_is_not_read(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.add_request(samples.request(1), CARD)
        assert await store.request("R1") is None
    assert await store.request("R1") is not None


async def test_a_transaction_inside_another_is_refused_at_once(store: Store) -> None:
    async with store.transaction():
        with pytest.raises(RuntimeError, match="wait for itself"):
            async with store.transaction():
                pass


async def test_many_writers_and_readers_get_along(store: Store) -> None:
    async def one(number: int) -> None:
        await finish(store, samples.request(number))
        assert await store.request(f"R{number}") is not None

    await asyncio.gather(*(one(number) for number in range(30)))


async def test_a_vote_counts_once(store: Store) -> None:
    await add(store, samples.request(1))
    async with store.transaction() as tx:
        await tx.decide("R1", samples.approval())
        with pytest.raises(Overtaken):
            await tx.decide("R1", samples.approval(at=NOW + timedelta(seconds=1)))
        await tx.decide("R1", samples.approval(vote=Vote.DENIED))
        await tx.decide("R1", samples.approval(samples.ANN))
    found = await store.request("R1")
    assert found is not None
    assert len(found.decisions) == 3


async def test_who_approved_what_is_no_longer_shown_can_approve_anew(store: Store) -> None:
    await add(store, samples.request(1), samples.request(2))
    async with store.transaction() as tx:
        await tx.decide("R1", samples.approval())
        await tx.decide("R2", samples.approval())
        await tx.void_approvals("R1")
        await tx.decide("R1", samples.approval(samples.ANN))
    first, second = await store.request("R1"), await store.request("R2")
    assert first is not None
    assert second is not None
    assert [d.person for d in first.approvals] == [samples.ANN]
    assert [d.counts for d in first.decisions] == [False, True]
    assert len(second.approvals) == 1
    async with store.transaction() as tx:
        await tx.decide("R1", samples.approval())


async def test_an_item_moves_only_from_where_it_was_read(store: Store) -> None:
    await add(store, samples.request(1))
    queued = Item("R1", ItemState.QUEUED)
    running = replace(queued, state=ItemState.RUNNING)
    sent = replace(running, state=ItemState.SENT, attempts=1, sent_before="1718900000000065536")
    async with store.transaction() as tx:
        assert await tx.put_item(None, queued) == queued
        assert await tx.put_item(queued, running) == running
        assert await tx.put_item(running, sent) == sent
        for stale in (None, queued, running, replace(sent, attempts=2)):
            with pytest.raises(Overtaken):
                await tx.put_item(stale, sent)
    found = await store.request("R1")
    assert found is not None
    assert found.item == sent


async def test_of_two_who_claim_an_item_one_wins(store: Store) -> None:
    queued = Item("R1", ItemState.QUEUED)
    await add(store, samples.request(1))
    async with store.transaction() as tx:
        await tx.put_item(None, queued)

    async def claim() -> None:
        async with store.transaction() as tx:
            await tx.put_item(queued, replace(queued, state=ItemState.RUNNING))

    results = await asyncio.gather(claim(), claim(), claim(), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Overtaken", "Overtaken"]


async def test_a_submission_is_kept_once_for_each_key(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.add_submission(samples.submission(2))
        assert await tx.add_submission(samples.submission(1))
        assert not await tx.add_submission(samples.submission(3, key="V1"))
    kept = await store.unfinished_submissions()
    assert kept == (samples.submission(1), samples.submission(2))


async def test_a_submission_ends_once(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.add_submission(samples.submission(1))
        assert await tx.end_submission("S1", "posted", "R1")
        assert not await tx.end_submission("S1", "returned")
        assert not await tx.end_submission("S2", "returned")
        assert not await tx.add_submission(samples.submission(2, key="V1"))
    assert await store.unfinished_submissions() == ()


async def test_a_submission_ends_in_one_of_three_ways(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.add_submission(samples.submission(1))
        with pytest.raises(ValueError, match="lost"):
            await tx.end_submission("S1", "lost")


async def test_pending_requests_are_due_from_the_moment_they_expire(store: Store) -> None:
    request = samples.request(1)
    await add(store, request)
    assert await store.due(request.expires_at - timedelta(microseconds=1)) == ()
    assert await store.due(request.expires_at) == (request,)
    await step(store, request, Event.EXPIRE)
    assert await store.due(request.expires_at) == ()


@pytest.mark.parametrize(
    "events", [(Event.APPROVE,), (Event.APPROVE, Event.APPLY), (Event.APPROVE, Event.APPLY, Event.DOUBT)]
)
async def test_work_is_due_unless_its_item_rests(store: Store, events: tuple[Event, ...]) -> None:
    request = samples.request(1)
    await add(store, request)
    for event in events:
        request = await step(store, request, event)
    assert await store.due(NOW) == (request,)
    resting = Item("R1", ItemState.RUNNING, next_at=NOW + timedelta(seconds=5))
    async with store.transaction() as tx:
        item = await tx.put_item(None, Item("R1", ItemState.RUNNING))
    assert await store.due(NOW) == (replace(request, item=item),)
    async with store.transaction() as tx:
        await tx.put_item(item, resting)
    assert await store.due(NOW) == ()
    assert await store.due(NOW + timedelta(seconds=5)) == (replace(request, item=resting),)


async def test_ended_requests_are_never_due(store: Store) -> None:
    done = await finish(store, samples.request(1))
    assert done.status is Status.SUCCEEDED
    assert await store.due(NOW + timedelta(days=1000)) == ()


async def test_locked_to_names_the_things_that_succeeded_requests_left_on_a_device(store: Store) -> None:
    await finish(store, samples.request(1))
    await finish(store, samples.request(2, change=LockThing(samples.ICCID, samples.OTHER_IMEI)))
    await finish(store, samples.request(3, on=samples.thing(3, name="")))
    await add(store, samples.request(4))
    assert await store.locked_to(samples.IMEI) == ("Pump 1", samples.thing(3).iccid)
    assert await store.locked_to(samples.OTHER_IMEI) == ("Pump 2",)


async def test_locked_to_compares_what_networks_compare(store: Store) -> None:
    network_form = type(samples.IMEI)(samples.IMEI.device + "0")
    await finish(store, samples.request(1))
    assert await store.locked_to(network_form) == ("Pump 1",)


@pytest.mark.parametrize(
    "change", [samples.unlock(), LockThing(samples.ICCID, samples.OTHER_IMEI)], ids=["unlock", "lock"]
)
async def test_the_latest_request_on_a_thing_decides_what_it_is_locked_to(
    store: Store, change: LockThing
) -> None:
    await finish(store, samples.request(1))
    # Asked earlier by the clock, which was set back meanwhile: later is what was done later.
    later = samples.request(2, on=samples.thing(1), change=change)
    await finish(store, replace(later, created_at=NOW - timedelta(days=1)))
    assert await store.locked_to(samples.IMEI) == ()
