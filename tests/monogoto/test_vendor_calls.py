"""Reading and writing, and what every kind of failure on the way means for the person who asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.errors import (
    NotReached,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    StoreUnavailable,
    ThingNotFound,
    Unfit,
    Unreadable,
)
from bot.domain.identifiers import Iccid, Imei
from bot.domain.things import Thing
from bot.monogoto import Monogoto, ReadyToken, UserPassword, VendorCall
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from tests.monogoto.conftest import LATER, OpenGate

DEVICE = "353053119990002"


async def lock(monogoto: Monogoto, thing: Thing) -> None:
    await monogoto.write_thing_lock(thing, imei_lock=True, locked_imei=DEVICE, not_after=LATER)


async def test_a_thing_is_read_in_our_words(monogoto: Monogoto, sim: LocalMonogoto) -> None:
    example = sim.examples.locked
    thing = await monogoto.thing(Iccid(example.iccid))
    assert (thing.iccid, thing.name, thing.last_seen_imei) == (example.iccid, example.name, example.imei)
    assert (thing.imei_lock, thing.locked_imei) == (True, example.imei)
    assert thing.cas == sim.thing(example.iccid)["cas"]
    assert thing.things_group_id == example.group_id


@pytest.mark.parametrize(
    "name", ["never_seen", "imei_absent", "cleared", "odd_time", "hostile_markup", "retired"]
)
async def test_every_odd_thing_can_be_read(monogoto: Monogoto, sim: LocalMonogoto, name: str) -> None:
    example = getattr(sim.examples, name)
    thing = await monogoto.thing(Iccid(example.iccid))
    assert (thing.last_seen_imei, thing.locked_imei, thing.name) == (example.imei, "", example.name)


async def test_no_secret_of_a_sim_gets_past_the_adapter(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    shown = repr(await monogoto.thing(fresh))
    assert not [secret for secret in sim.secrets(fresh.digits) if secret in shown]


async def test_a_write_locks_and_a_read_shows_it(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    await lock(monogoto, await monogoto.thing(fresh))
    thing = await monogoto.thing(fresh)
    assert (thing.imei_lock, thing.locked_imei) == (True, DEVICE)
    await monogoto.write_thing_lock(thing, imei_lock=False, locked_imei="", not_after=LATER)
    assert (await monogoto.thing(fresh)).locked_imei == ""
    sent = [call.body for call in sim.calls if call.method == "PUT"]
    assert set(sent[0]) == {"cas", "ThingId", "LockMasterImei", "MasterIMEI"}
    assert sent[0]["LockMasterImei"] is True


async def test_a_lock_without_an_imei_is_never_sent(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    thing = await monogoto.thing(fresh)
    with pytest.raises(Unfit):
        await monogoto.write_thing_lock(thing, imei_lock=True, locked_imei="", not_after=LATER)
    assert "PUT" not in {call.method for call in sim.calls}


async def test_a_write_kept_waiting_past_its_time_does_not_leave(
    sim: LocalMonogoto, clock: ManualClock, fresh: Iccid
) -> None:
    gate = SlowGate(clock)
    who = UserPassword(sim.username, sim.password)
    async with Monogoto(sim.url, who, clock=clock, gate=gate) as monogoto:
        thing = await monogoto.thing(fresh)
        gate.seconds, limit = 600.0, clock.now() + timedelta(seconds=60)
        writing = asyncio.create_task(
            monogoto.write_thing_lock(thing, imei_lock=True, locked_imei=DEVICE, not_after=limit)
        )
        while clock.next_wake() is None:  # noqa: ASYNC110  a clock sets no event
            await asyncio.sleep(0)
        clock.advance(60)
        with pytest.raises(NotReached, match="too late"):
            await writing
    assert "PUT" not in {call.method for call in sim.calls}


class SlowGate(OpenGate):
    """Keeps everyone waiting for as long as it is told."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.seconds = 0.0

    async def acquire(self, *, urgent: bool = True) -> None:
        await self.clock.sleep(self.seconds)


async def test_a_group_is_read_and_must_exist(monogoto: Monogoto, sim: LocalMonogoto) -> None:
    group = await monogoto.things_group(sim.examples.locked_group)
    assert (group.imei_lock, group.tac) == (True, sim.examples.locked_group_tac)
    with pytest.raises(ThingNotFound):
        await monogoto.things_group("ThingsGroupId_../../thing")


async def test_other_things_in_the_same_device_are_found(monogoto: Monogoto, sim: LocalMonogoto) -> None:
    rows = await monogoto.things_last_seen_in(Imei(sim.examples.shared_imei.imei))
    assert {row.iccid for row in rows} == {
        sim.examples.shared_imei.iccid,
        sim.examples.shared_imei_twin.iccid,
    }
    assert await monogoto.things_last_seen_in(Imei(sim.examples.unused_imeis[0])) == ()


@pytest.mark.parametrize("shape", ["list", "object"])
async def test_online_is_told_from_either_shape(monogoto: Monogoto, sim: LocalMonogoto, shape: str) -> None:
    sim.settings.change(active_sessions=shape)
    for example, online in ((sim.examples.online, True), (sim.examples.fresh, False)):
        assert await monogoto.is_online(await monogoto.thing(Iccid(example.iccid))) is online


@pytest.mark.parametrize("mode", ["404_text", "404_json", "200_null", "200_empty", "400", "500"])
async def test_an_unknown_id_is_told_from_every_answer(
    monogoto: Monogoto, sim: LocalMonogoto, mode: str
) -> None:
    sim.settings.change(unknown_id=mode)
    with pytest.raises(ThingNotFound):
        await monogoto.thing(Iccid(sim.examples.unknown_iccid))


READS: list[tuple[Any, type[PlatformError]]] = [
    ("drop_before", NotReached), ("rate_limited", RateLimited), ("error_json", NotReached),
    ("error_html", NotReached), ("hang", NotReached), ("truncated_json", Unreadable),
    ("html_200", Unreadable), ("redirect", Unreadable), ("too_long", Unreadable), ("wrong_thing", Unreadable),
]  # fmt: skip
WRITES: list[tuple[Any, type[PlatformError]]] = [
    ("drop_before", OutcomeUnknown), ("drop_after", OutcomeUnknown), ("error_json", OutcomeUnknown),
    ("error_html", OutcomeUnknown), ("error_after", OutcomeUnknown), ("hang", OutcomeUnknown),
    ("hang_after", OutcomeUnknown), ("redirect", OutcomeUnknown), ("too_long", OutcomeUnknown),
    ("rate_limited", RateLimited), ("cas_moves_first", Refused),
]  # fmt: skip


def hurry(monogoto: Monogoto, what: str) -> None:
    """Give up soon, where no answer will ever come."""
    if what.startswith("hang"):
        monogoto.deadline = 0.2


@pytest.mark.parametrize(("what", "means"), READS)
async def test_a_failed_read_is_named(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid, what: Any, means: type[PlatformError]
) -> None:
    sim.fail(("GET", "/thing/"), what)
    hurry(monogoto, what)
    with pytest.raises(PlatformError) as failure:
        await monogoto.thing(fresh)
    assert type(failure.value) is means
    assert len(failure.value.snippet) <= 120
    assert fresh.digits not in f"{failure.value}{failure.value.snippet}"


@pytest.mark.parametrize(("what", "means"), WRITES)
async def test_a_failed_write_is_named_and_never_repeated(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid, what: Any, means: type[PlatformError]
) -> None:
    thing = await monogoto.thing(fresh)
    sim.fail(("PUT", "/thing/update"), what)
    hurry(monogoto, what)
    with pytest.raises(PlatformError) as failure:
        await lock(monogoto, thing)
    assert type(failure.value) is means
    assert [call.method for call in sim.calls].count("PUT") == 1


@pytest.mark.parametrize(
    ("mode", "means"), [("409", Refused), ("412", Refused), ("400", Refused), ("500", OutcomeUnknown)]
)
async def test_a_stale_cas_is_refused_or_unknown_by_its_status(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid, mode: str, means: type[PlatformError]
) -> None:
    sim.settings.change(stale_cas=mode)
    thing = await monogoto.thing(fresh)
    sim.data_session(fresh.digits, DEVICE)
    with pytest.raises(means):
        await lock(monogoto, thing)
    assert not sim.writes[fresh.digits]


async def test_a_good_answer_to_a_write_proves_nothing(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    sim.settings.change(stale_cas="200")
    thing = await monogoto.thing(fresh)
    sim.data_session(fresh.digits, DEVICE)
    await lock(monogoto, thing)
    assert (await monogoto.thing(fresh)).locked_imei == ""


async def test_nobody_listening_means_that_nothing_was_written(
    sim: LocalMonogoto, clock: ManualClock, gate: Any, fresh: Iccid
) -> None:
    async with Monogoto(sim.url, ReadyToken(sim.mint_token()), clock=clock, gate=gate) as monogoto:
        thing = await monogoto.thing(fresh)
    await sim.stop()
    async with Monogoto(sim.url, ReadyToken("t"), clock=clock, gate=gate) as monogoto:
        with pytest.raises(NotReached):
            await lock(monogoto, thing)


async def test_a_log_in_that_hangs_means_that_the_write_never_left(
    monogoto: Monogoto, sim: LocalMonogoto, fresh: Iccid
) -> None:
    thing = await monogoto.thing(fresh)
    sim.expire_tokens()
    sim.fail(("POST", "/Auth"), "hang")
    hurry(monogoto, "hang")
    with pytest.raises(NotReached):
        await lock(monogoto, thing)


async def test_every_call_waits_at_the_gate_and_tells_it_how_it_went(
    monogoto: Monogoto, sim: LocalMonogoto, gate: Any, fresh: Iccid
) -> None:
    await monogoto.thing(fresh)
    assert (gate.passed, gate.told) == (2, ["recovered", "recovered"])
    for what in ("rate_limited", "error_html"):
        sim.fail(("GET", "/thing/"), what, seconds=7)
        with pytest.raises(NotReached):
            await monogoto.thing(fresh)
    assert (gate.passed, gate.told[2:]) == (4, [7.0, None])


async def test_time_runs_from_the_gate_on_not_before_it(
    sim: LocalMonogoto, clock: ManualClock, fresh: Iccid
) -> None:
    class SlowGate:
        async def acquire(self, *, urgent: bool = True) -> None:
            await clock.sleep(3600)

        async def slow_down(self, retry_after: float | None) -> None: ...
        async def recovered(self) -> None: ...

    async with Monogoto(sim.url, ReadyToken(sim.mint_token()), clock=clock, gate=SlowGate()) as monogoto:
        reading = asyncio.create_task(monogoto.thing(fresh))
        while clock.next_wake() is None:  # noqa: ASYNC110  turns of the loop, no time
            await asyncio.sleep(0)
        assert not sim.calls
        clock.advance(3600)
        assert (await reading).iccid == fresh.digits


async def test_a_gate_out_of_order_stops_calls_but_hides_no_answer(
    sim: LocalMonogoto, clock: ManualClock, fresh: Iccid
) -> None:
    class BrokenGate:
        closed = False

        async def acquire(self, *, urgent: bool = True) -> None:
            if self.closed:
                raise StoreUnavailable

        async def slow_down(self, retry_after: float | None) -> None:
            raise StoreUnavailable

        async def recovered(self) -> None:
            raise StoreUnavailable

    gate = BrokenGate()
    async with Monogoto(sim.url, ReadyToken(sim.mint_token()), clock=clock, gate=gate) as monogoto:
        thing = await monogoto.thing(fresh)
        await lock(monogoto, thing)
        gate.closed = True
        with pytest.raises(StoreUnavailable):
            await lock(monogoto, thing)
    assert len(sim.writes[fresh.digits]) == 1


async def test_the_observer_hears_of_every_exchange_with_long_numbers_masked(
    monogoto: Monogoto, sim: LocalMonogoto, seen: list[VendorCall], fresh: Iccid
) -> None:
    sim.fail(("GET", "/thing/"), "drop_before")
    with pytest.raises(NotReached):
        await monogoto.thing(fresh)
    await monogoto.things_last_seen_in(Imei(DEVICE))
    told = [(call.method, call.path, call.status) for call in seen]
    assert told == [
        ("POST", "/Auth", 200),
        ("GET", f"/thing/ThingId_ICCID_…{fresh.digits[-4:]}", None),
        ("GET", f"/things?limit=50&offset=0&filterBy[IMEI]=…{DEVICE[-4:]}", 200),
    ]


class Canned(httpx.AsyncBaseTransport):
    """Answers everything with the same bytes."""

    def __init__(self, body: bytes, **headers: str) -> None:
        self.body = body
        self.headers = headers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=self.headers, stream=httpx.ByteStream(self.body))


def canned(clock: ManualClock, gate: Any, transport: Canned, who: Any = None) -> Monogoto:
    return Monogoto("http://127.0.0.1:9", who or ReadyToken("t"), clock=clock, gate=gate, transport=transport)


async def test_a_compressed_answer_is_not_unfolded(clock: ManualClock, gate: Any, fresh: Iccid) -> None:
    packed = Canned(b"\x1f\x8b", **{"Content-Encoding": "gzip"})
    async with canned(clock, gate, packed, UserPassword("u", "p")) as monogoto:
        with pytest.raises(NotReached):
            await monogoto.thing(fresh)
    async with canned(clock, gate, packed) as monogoto:
        with pytest.raises(Unreadable):
            await monogoto.thing(fresh)


@pytest.mark.parametrize("body", [b"Thing not found", b'"Thing not found"'])
async def test_an_unknown_id_is_told_from_text_with_status_200(
    clock: ManualClock, gate: Any, fresh: Iccid, body: bytes
) -> None:
    async with canned(clock, gate, Canned(body)) as monogoto:
        with pytest.raises(ThingNotFound):
            await monogoto.thing(fresh)


async def test_a_listing_that_was_not_filtered_is_not_taken_for_nobody(clock: ManualClock, gate: Any) -> None:
    body = b'[{"ThingId": "ThingId_ICCID_8944478000000000012", "IMEI": "866962049990001"}]'
    async with canned(clock, gate, Canned(body)) as monogoto:
        with pytest.raises(Unreadable):
            await monogoto.things_last_seen_in(Imei(DEVICE))


class PermitGate(OpenGate):
    """Notes whether the permit is held: when a call waits its turn, and once its answer is here."""

    def __init__(self) -> None:
        super().__init__()
        self.held = False
        self.noted: list[tuple[str, bool]] = []

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        self.held = True
        yield
        self.held = False

    async def acquire(self, *, urgent: bool = True) -> None:
        self.noted.append(("waits", self.held))

    async def recovered(self) -> None:
        self.noted.append(("answered", self.held))


async def test_a_permit_is_held_while_a_call_waits_and_is_under_way_and_not_while_its_answer_is_read(
    sim: LocalMonogoto, clock: ManualClock, fresh: Iccid
) -> None:
    gate, under_way = PermitGate(), []
    who = UserPassword(sim.username, sim.password)
    async with Monogoto(
        sim.url, who, clock=clock, gate=gate, on_call=lambda _: under_way.append(gate.held)
    ) as monogoto:
        thing = await monogoto.thing(fresh)
        gate.noted.clear()
        under_way.clear()
        await monogoto.thing(fresh, permit=gate.permit())
        await monogoto.write_thing_lock(
            thing, imei_lock=True, locked_imei=DEVICE, not_after=LATER, permit=gate.permit()
        )
    assert gate.noted == [("waits", True), ("answered", False)] * 2
    assert under_way == [True, True]
