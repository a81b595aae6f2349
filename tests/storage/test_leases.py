"""Leases and what is done once, over all replicas: one has it, and what a former holder writes is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from bot.domain.errors import Overtaken
from bot.services.ports import MessageState, PlaceKind
from bot.storage import notices as hearing
from bot.storage import once
from bot.storage.engine import Engine, open_engine
from bot.storage.leases import PRESENCE, SqlLease
from bot.storage.notices import Notices
from bot.storage.once import SqlOnce
from bot.storage.outbox import SqlOutbox
from bot.storage.store import SqlStore
from tests.storage import samples

SECONDS = 30.0
PLACES = [(PlaceKind.CARD, "C0FIELD")]


@dataclass
class Seconds:
    """A clock that a process looks at, which also runs while it is stopped."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[Engine]:
    engine = open_engine(postgres_url)
    yield engine
    await engine.close()


async def test_a_database_that_hangs_holds_up_nobody_who_asks_what_was_begun(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "PATIENCE_SECONDS", 0.05)
    asks = SqlOnce(engine, "R1", for_good=True)
    async with engine.writing() as connection:
        await connection.execute(text("LOCK TABLE begun"))
        assert await asks.begin("action:A1")
        assert await asks.begin("action:A1")
    await asyncio.gather(*asks._asking)
    monkeypatch.setattr(once, "PATIENCE_SECONDS", 30.0)
    assert not await asks.begin("action:A1")


async def test_that_notices_are_not_heard_is_said_once_and_so_is_that_they_are_again(
    engine: Engine, postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hearing, "AGAIN_SECONDS", 0.01)
    caplog.set_level("INFO", logger=hearing.__name__)
    listening = asyncio.Event()
    listens = Notices(engine, "postgresql://bot@127.0.0.1:1/nowhere")
    listens.on("imei_lock_roles", lambda _: listening.set())
    listens.start()
    await asyncio.sleep(0.2)
    listens._database_url = postgres_url
    await asyncio.wait_for(listening.wait(), 30)
    await listens.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "notices are not heard for a while: OperationalError",
        "notices are heard again",
    ]


async def run_out(engine: Engine, name: str) -> None:
    """Let the lease's time be over, by the database's clock."""
    from sqlalchemy import update

    from bot.storage.tables import leases

    async with engine.writing() as connection:
        await connection.execute(update(leases).where(leases.c.name == name).values(until=0))


async def test_of_many_who_want_a_lease_at_once_one_has_it(engine: Engine) -> None:
    wanting = [SqlLease(engine, "serving", f"R{number}", SECONDS) for number in range(8)]
    assert sum(await asyncio.gather(*(lease.take() for lease in wanting))) == 1
    assert sum(lease.is_held() for lease in wanting) == 1


async def test_a_lease_is_renewed_by_its_holder_and_taken_by_another_once_it_has_run_out(
    engine: Engine,
) -> None:
    one, two = (SqlLease(engine, "serving", name, SECONDS) for name in ("R1", "R2"))
    assert await one.take()
    assert await one.take()
    assert not await two.take()
    await run_out(engine, "serving")
    assert await two.take()
    assert not await one.take()
    assert not one.is_held()


async def test_a_lease_given_back_is_free_at_once(engine: Engine) -> None:
    one, two = (SqlLease(engine, "serving", name, SECONDS) for name in ("R1", "R2"))
    assert await one.take()
    await two.give_back()
    assert not await two.take()
    await one.give_back()
    assert not one.is_held()
    assert await two.take()


async def test_a_process_that_was_stopped_for_too_long_knows_it_before_it_asks_anybody(
    engine: Engine,
) -> None:
    clock = Seconds()
    lease = SqlLease(engine, "serving", "R1", SECONDS, clock)
    assert not lease.is_held()
    assert await lease.take()
    clock.now = SECONDS / 2
    assert lease.is_held()
    clock.now = SECONDS
    assert not lease.is_held()


async def test_a_teller_whose_lease_was_taken_writes_nothing_more_to_the_outbox(engine: Engine) -> None:
    store = SqlStore(engine)
    request = samples.request()
    async with store.transaction() as tx:
        await tx.add_request(request, PLACES)
        await tx.tell(request.id, "card")
    one, two = (SqlLease(engine, "serving", name, SECONDS) for name in ("R1", "R2"))
    mine, others = SqlOutbox(engine, one), SqlOutbox(engine, two)
    assert await one.take()
    message = (await mine.due_messages(samples.NOW))[0]
    assert await mine.begin(message)
    await run_out(engine, "serving")
    assert await two.take()
    [doubtful] = await others.doubtful_messages()
    for late in (
        mine.settle(message, MessageState.SENT),
        mine.drawn(message.place_id, channel="C1", ts="1.1", rev=1),
        mine.redraw(message.place_id),
        mine.begin(message),
    ):
        with pytest.raises(Overtaken):
            await late
    await others.settle(doubtful, MessageState.WAITING)
    assert [m.attempts for m in await others.due_messages(samples.NOW)][:1] == [1]


async def test_what_is_begun_by_one_replica_is_not_begun_by_another(engine: Engine) -> None:
    await SqlLease(engine, f"{PRESENCE}R1", "R1", SECONDS).take()
    one, two = SqlOnce(engine, "R1"), SqlOnce(engine, "R2")
    assert sorted(await asyncio.gather(one.begin("event:E1"), one.begin("event:E1"))) == [False, True]
    assert not await two.begin("event:E1")
    assert await two.begin("event:E2")
    await one.forget("event:E1")
    assert await two.begin("event:E1")


async def test_what_a_dead_replica_began_is_begun_anew_unless_it_counts_for_good(engine: Engine) -> None:
    await SqlLease(engine, f"{PRESENCE}R1", "R1", SECONDS).take()
    assert await SqlOnce(engine, "R1").begin("event:E1")
    assert await SqlOnce(engine, "R1", for_good=True).begin("signature:S1")
    await run_out(engine, f"{PRESENCE}R1")
    assert await SqlOnce(engine, "R2").begin("event:E1")
    assert not await SqlOnce(engine, "R2", for_good=True).begin("signature:S1")


async def test_forms_of_replicas_that_are_no_more_are_claimed_once_and_those_of_living_ones_never(
    engine: Engine,
) -> None:
    for name in ("R1", "R2", "R3"):
        await SqlLease(engine, PRESENCE + name, name, SECONDS).take()
    for name in ("R1", "R2"):
        async with SqlStore(engine, name).transaction() as tx:
            assert await tx.add_submission(samples.submission(id=name, key=name, view_id=name))
    await run_out(engine, f"{PRESENCE}R1")
    claimed = await asyncio.gather(*(SqlStore(engine, name).claim_submissions() for name in ("R2", "R3")))
    assert sorted(s.id for found in claimed for s in found) == ["R1"]


async def test_a_notice_is_heard_by_all_who_listen_and_a_commit_sends_its_own(
    engine: Engine, postgres_url: str
) -> None:
    heard: list[tuple[str, str]] = []
    both = [Notices(engine, postgres_url) for _ in range(2)]
    for number, notices in enumerate(both):
        for channel in ("imei_lock_to_tell", "imei_lock_posted", "imei_lock_roles"):
            notices.on(
                channel, lambda text, who=f"{number}", channel=channel: heard.append((who + channel, text))
            )
        notices.start()

    async def until(count: int) -> None:
        async with asyncio.timeout(20):
            while len(heard) < count:  # noqa: ASYNC110  the database sets no event here
                await asyncio.sleep(0.02)

    await until(6)  # each channel once at the start: something may have been missed
    both[0].call_out("imei_lock_roles", "changed")
    await until(8)
    request = samples.request()
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(request, PLACES)
        await tx.tell(request.id, "card")
    await until(10)
    outbox = SqlOutbox(engine)
    place = (await outbox.places(request.id))[0]
    await outbox.drawn(place.id, channel=place.channel, ts="1.1", rev=1)
    await until(12)
    assert {(name[1:], text) for name, text in heard if text or "to_tell" in name} == {
        ("imei_lock_to_tell", ""),
        ("imei_lock_posted", request.id),
        ("imei_lock_roles", "changed"),
    }
    for notices in both:
        await notices.stop()
