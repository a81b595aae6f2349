"""What every Outbox promises, whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import Overtaken
from bot.domain.requests import Event, Origin
from bot.services.ports import GIVEN_UP, Message, MessageState, Outbox, Place, PlaceKind, Store
from tests.storage import samples
from tests.storage.samples import NOW

PLACES = [(PlaceKind.CARD, "C0APPROVALS"), (PlaceKind.TWIN, "U0ANN"), (PlaceKind.AUDIT, "C0AUDIT")]
LATER = NOW + timedelta(seconds=30)


@pytest.fixture
async def shown(store: Store, outbox: Outbox) -> tuple[Place, ...]:
    """The places of request R1: card, twin, audit."""
    async with store.transaction() as tx:
        await tx.add_request(samples.request(1), PLACES)
    return await outbox.places("R1")


async def tell(store: Store, what: str, about: Mapping[str, str] | None = None) -> None:
    async with store.transaction() as tx:
        await tx.tell("R1", what, about)


async def due(outbox: Outbox) -> list[tuple[int, str]]:
    return [(message.place_id, message.what) for message in await outbox.due_messages(NOW)]


async def send(outbox: Outbox, message: Message, state: MessageState = MessageState.SENT) -> None:
    assert await outbox.begin(message)
    await outbox.settle(message, state)


async def post_cards(outbox: Outbox, shown: tuple[Place, ...], rev: int = 1) -> None:
    """Send what is due at the card's and the twin's place, as cards that show `rev`."""
    for message in await outbox.due_messages(NOW):
        if message.place_id in {place.id for place in shown[:2]}:
            place = await outbox.place(message.place_id)
            await send(outbox, message)
            await outbox.drawn(place.id, channel=place.channel, ts=f"{place.id}.1", rev=rev)


async def test_places_come_back_in_order_and_each_once(store: Store, outbox: Outbox) -> None:
    async with store.transaction() as tx:
        await tx.add_request(samples.request(1), [*PLACES, PLACES[0]])
    places = await outbox.places("R1")
    assert [(place.kind, place.channel) for place in places] == PLACES
    assert places[0] == Place(places[0].id, "R1", PlaceKind.CARD, "C0APPROVALS")
    assert await outbox.place(places[1].id) == places[1]
    assert await outbox.places("R2") == ()
    with pytest.raises(KeyError):
        await outbox.place(99)


async def test_a_drawn_card_is_remembered(outbox: Outbox, shown: tuple[Place, ...]) -> None:
    twin = shown[1]
    await outbox.drawn(twin.id, channel="D0ANN", ts="5.6", rev=1)
    assert await outbox.place(twin.id) == replace(twin, channel="D0ANN", ts="5.6", drawn_rev=1)


ASKED = Origin("C0FIELD", "7.2", "7.1", "https://slack.example/7")
THREADED = [(PlaceKind.CARD, "C0APPROVALS"), (PlaceKind.TWIN, "C0FIELD"), (PlaceKind.AUDIT, "C0FIELD")]


async def test_only_what_is_shown_in_the_channel_of_the_message_stands_in_its_thread(
    store: Store, outbox: Outbox
) -> None:
    async with store.transaction() as tx:
        await tx.add_request(replace(samples.request(1), asked_in=ASKED), THREADED)
    assert [place.thread_ts for place in await outbox.places("R1")] == ["", "7.1", ""]
    found = await store.request("R1")
    assert found
    assert found.asked_in == ASKED


async def test_a_place_leaves_its_thread_when_told_to_and_with_its_channel(
    store: Store, outbox: Outbox
) -> None:
    async with store.transaction() as tx:
        await tx.add_request(replace(samples.request(1), asked_in=ASKED), THREADED)
    (_, twin, _) = await outbox.places("R1")
    await outbox.drawn(twin.id, channel="C0FIELD", ts="7.3", rev=1)
    assert (await outbox.place(twin.id)).thread_ts == "7.1"
    await outbox.drawn(twin.id, channel="U0ENG1", ts="", rev=0)
    assert (await outbox.place(twin.id)).thread_ts == ""
    async with store.transaction() as tx:
        await tx.add_request(replace(samples.request(2, on=samples.thing(2)), asked_in=ASKED), THREADED)
    (_, other, _) = await outbox.places("R2")
    await outbox.leave_thread(other.id)
    assert await outbox.place(other.id) == replace(other, thread_ts="")


async def test_a_card_goes_where_cards_are_shown_and_a_reply_everywhere(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    card, twin, audit = (place.id for place in shown)
    await tell(store, "card")
    await tell(store, "approved", {"by": "U0BOB “\ud800\0”"})
    assert await due(outbox) == [(card, "card"), (twin, "card"), (audit, "approved")]
    await post_cards(outbox, shown)
    replies = await outbox.due_messages(NOW)
    assert [message.place_id for message in replies] == [card, twin, audit]
    assert {message.about["by"] for message in replies} == {"U0BOB “\ud800\0”"}


async def test_one_waiting_card_is_enough(store: Store, outbox: Outbox, shown: tuple[Place, ...]) -> None:
    for _ in range(3):
        await tell(store, "card")
        await outbox.redraw(shown[0].id)
    await post_cards(outbox, shown)
    assert await due(outbox) == []


async def test_a_card_told_while_one_is_sent_is_drawn_again(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    await tell(store, "card")
    sending = (await outbox.due_messages(NOW))[0]
    assert await outbox.begin(sending)
    await tell(store, "card")
    assert (sending.place_id, "card") not in await due(outbox)
    await outbox.settle(sending, MessageState.SENT)
    assert (sending.place_id, "card") in await due(outbox)


async def test_a_card_that_waits_is_not_begun_while_somebody_counts_on_it(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    """Else it would be drawn as things stood before a change that asked for no card of its own."""
    await tell(store, "card")
    first = (await outbox.due_messages(NOW))[0]
    async with store.transaction() as tx:
        await tx.tell("R1", "card")
        beginning = asyncio.create_task(outbox.begin(first))
        await asyncio.wait({beginning}, timeout=0.3)
        assert not beginning.done()
    assert await beginning


async def test_at_one_place_first_told_is_first_due(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    await tell(store, "card")
    await tell(store, "approved")
    await tell(store, "outcome")
    await post_cards(outbox, shown)
    told = []
    while messages := await outbox.due_messages(NOW):
        told += [(message.place_id, message.what) for message in messages]
        for message in messages:
            await send(outbox, message)
    places = [place.id for place in shown]
    assert told == [(p, "approved") for p in places] + [(p, "outcome") for p in places]


async def test_a_reply_never_overtakes_a_card_that_is_not_posted_yet(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    card, twin, audit = (place.id for place in shown)
    await tell(store, "approved")
    assert await due(outbox) == [(audit, "approved")]
    await tell(store, "card")
    assert await due(outbox) == [(audit, "approved"), (card, "card"), (twin, "card")]
    await post_cards(outbox, shown)
    assert await due(outbox) == [(card, "approved"), (twin, "approved"), (audit, "approved")]


async def test_a_message_that_must_rest_holds_up_its_own_place_only(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    _, twin, audit = (place.id for place in shown)
    await tell(store, "card")
    await post_cards(outbox, shown)
    await tell(store, "approved")
    await tell(store, "outcome")
    first = (await outbox.due_messages(NOW))[0]
    assert await outbox.begin(first)
    await outbox.settle(first, MessageState.WAITING, not_before=LATER)
    assert await due(outbox) == [(twin, "approved"), (audit, "approved")]
    again = (await outbox.due_messages(LATER))[0]
    assert again == replace(first, attempts=1, not_before=LATER)


async def test_a_card_that_must_rest_before_it_is_drawn_again_holds_up_no_reply(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    card, twin, audit = (place.id for place in shown)
    await tell(store, "card")
    await post_cards(outbox, shown)
    await outbox.redraw(card)
    await tell(store, "approved")
    again = next(m for m in await outbox.due_messages(NOW) if m.what == "card")
    assert await outbox.begin(again)
    assert await due(outbox) == [(twin, "approved"), (audit, "approved")]
    await outbox.settle(again, MessageState.WAITING, not_before=LATER)
    assert await due(outbox) == [(card, "approved"), (twin, "approved"), (audit, "approved")]
    assert (again.id, card) in [(m.id, m.place_id) for m in await outbox.due_messages(LATER)]


async def test_replies_of_a_place_given_up_wait_for_no_card(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    card, _, audit = (place.id for place in shown)
    await tell(store, "approved")
    await outbox.drawn(card, channel="U0ENG1", ts="", rev=GIVEN_UP)
    assert await due(outbox) == [(card, "approved"), (audit, "approved")]
    assert card in [place.id for place in await outbox.stale_cards()]


async def test_what_is_being_sent_holds_up_its_place(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    await tell(store, "approved")
    await tell(store, "outcome")
    [message] = await outbox.due_messages(NOW)
    assert await outbox.begin(message)
    assert await outbox.due_messages(NOW) == ()
    await outbox.settle(message, MessageState.DROPPED)
    assert await due(outbox) == [(shown[2].id, "outcome")]


async def test_of_several_who_begin_one_sends(store: Store, outbox: Outbox, shown: tuple[Place, ...]) -> None:
    await tell(store, "approved")
    [message] = await outbox.due_messages(NOW)
    begun = await asyncio.gather(*(outbox.begin(message) for _ in range(5)))
    assert sorted(begun) == [False] * 4 + [True]


async def test_who_read_a_message_before_it_was_put_back_does_not_get_it(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    await tell(store, "approved")
    [message] = await outbox.due_messages(NOW)
    assert await outbox.begin(message)
    await outbox.settle(message, MessageState.WAITING, not_before=LATER)
    assert not await outbox.begin(message)


async def test_only_what_is_being_sent_can_be_settled(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    await tell(store, "approved")
    [message] = await outbox.due_messages(NOW)
    with pytest.raises(Overtaken):
        await outbox.settle(message, MessageState.SENT)
    await send(outbox, message)
    with pytest.raises(Overtaken):
        await outbox.settle(message, MessageState.WAITING)
    with pytest.raises(ValueError, match="no end"):
        await outbox.settle(message, MessageState.SENDING)


async def test_what_was_being_sent_when_the_process_ended_is_in_doubt(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    await tell(store, "approved")
    [message] = await outbox.due_messages(NOW)
    assert await outbox.doubtful_messages() == ()
    assert await outbox.begin(message)
    assert await outbox.doubtful_messages() == (replace(message, state=MessageState.SENDING, attempts=1),)


async def test_a_card_behind_its_request_is_stale_unless_one_is_on_its_way(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    assert [place.id for place in await outbox.stale_cards()] == [place.id for place in shown[:2]]
    await tell(store, "card")
    assert await outbox.stale_cards() == ()
    await post_cards(outbox, shown)
    assert await outbox.stale_cards() == ()
    async with store.transaction() as tx:
        await tx.advance(samples.request(1), samples.request(1).after(Event.DENY))
    stale = await outbox.stale_cards()
    assert [(place.id, place.drawn_rev) for place in stale] == [(place.id, 1) for place in shown[:2]]
    await outbox.redraw(stale[0].id)
    assert [place.id for place in await outbox.stale_cards()] == [stale[1].id]
    assert await due(outbox) == [(stale[0].id, "card")]


async def test_the_audit_channel_never_gets_a_card(
    store: Store, outbox: Outbox, shown: tuple[Place, ...]
) -> None:
    await outbox.redraw(shown[2].id)
    assert await due(outbox) == []
