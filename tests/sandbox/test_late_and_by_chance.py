"""What the stand-ins do late, twice, or to a share of the calls: for rounds in which much goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest

from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.quiet import nothing_stirs
from bot.sandbox.slack import LocalSlack
from bot.sandbox.slack.disturbance import Disturbance, Way
from tests.sandbox.monogoto_caller import DEVICE, TAC, Caller


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def caller(clock: ManualClock) -> AsyncIterator[Caller]:
    async with LocalMonogoto(clock, things=0) as sim, Caller(sim) as caller:
        yield caller


@pytest.fixture
async def slack(clock: ManualClock) -> AsyncIterator[LocalSlack]:
    slack = LocalSlack(clock)
    await slack.start()
    yield slack
    await slack.stop()


# --- the vendor ----------------------------------------------------------------------------------


async def test_a_write_that_is_seen_late_is_applied_at_once_and_read_only_later(
    caller: Caller, clock: ManualClock
) -> None:
    iccid = caller.sim.examples.fresh.iccid
    before = (await caller.thing(iccid)).json()
    caller.sim.fail(("PUT", "/thing/update"), "seen_late", seconds=30)
    assert (await caller.lock(iccid)).status_code == 200
    assert caller.sim.thing(iccid)["MasterIMEI"] == DEVICE
    clock.advance(29)
    assert (await caller.thing(iccid)).json() == before
    clock.advance(2)
    assert (await caller.thing(iccid)).json()["MasterIMEI"] == DEVICE


async def test_a_groups_write_can_be_seen_late_too(caller: Caller, clock: ManualClock) -> None:
    group = caller.sim.examples.open_group
    caller.sim.fail(("PUT", "/thingsgroup/"), "seen_late", seconds=30)
    await caller.lock_group(group)
    assert (await caller.group(group))["IMEIPrefix"] != TAC
    clock.advance(31)
    assert (await caller.group(group))["IMEIPrefix"] == TAC


async def test_a_write_that_lands_late_loses_its_answer_and_takes_effect_afterwards(
    caller: Caller, clock: ManualClock
) -> None:
    group = caller.sim.examples.open_group
    caller.sim.fail(("PUT", "/thingsgroup/"), "lands_late", seconds=40)
    with pytest.raises(httpx.TransportError):
        await caller.lock_group(group)
    assert caller.sim.group_writes[group] == []
    clock.advance(41)
    async with asyncio.timeout(10):
        while not caller.sim.group_writes[group]:  # noqa: ASYNC110  the server sets no event here
            await asyncio.sleep(0)
    assert caller.sim.group(group)["IMEIPrefix"] == TAC


async def test_a_things_write_that_lands_after_its_cas_has_moved_is_refused(
    caller: Caller, clock: ManualClock
) -> None:
    sim = caller.sim.examples.fresh
    caller.sim.fail(("PUT", "/thing/update"), "lands_late", seconds=40)
    with pytest.raises(httpx.TransportError):
        await caller.lock(sim.iccid)
    caller.sim.data_session(sim.iccid, sim.imei)
    clock.advance(41)
    while not await nothing_stirs(lambda: False):
        continue
    assert caller.sim.writes[sim.iccid] == []


async def test_whoever_watches_arrivals_hears_of_a_call_before_anything_is_done(caller: Caller) -> None:
    iccid, seen = caller.sim.examples.fresh.iccid, []
    caller.sim.watch_arrivals(lambda call: seen.append((call.method, len(caller.sim.writes[iccid]))))
    await caller.lock(iccid)
    assert seen == [("PUT", 0)]


# --- Slack ---------------------------------------------------------------------------------------


async def _ask(slack: LocalSlack) -> int:
    """The status of one call."""
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    url = f"{slack.api_url}auth.test"
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers) as answer:
        return answer.status


async def test_a_share_of_the_calls_fails_and_again_the_same_with_the_same_seed(slack: LocalSlack) -> None:
    runs = []
    for seed in (7, 7, 8):
        slack.stop_failing()
        slack.fail_at_rate("auth.test", 0.5, seed=seed, status=503)
        runs.append([await _ask(slack) for _ in range(12)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 503}


async def test_429_can_come_by_chance_and_says_when_to_try_again(slack: LocalSlack) -> None:
    slack.fail_at_rate("auth.test", 1.0, seed=1, retry_after=20)
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    url = f"{slack.api_url}auth.test"
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "20")


def test_a_fault_is_of_one_kind(slack: LocalSlack) -> None:
    with pytest.raises(ValueError, match="one of"):
        slack.fail_at_rate("auth.test", 1.0, seed=1, status=500, retry_after=1)


def test_a_disturbed_network_repeats_with_its_seed_and_holds_up_no_more_than_its_share() -> None:
    ways = [[Disturbance(seed, late=0.3, twice=0.3).way() for _ in range(1)] for seed in (1, 1)]
    assert ways[0] == ways[1]
    disturbance = Disturbance(3, late=0.3, twice=0.3, seconds=4)
    many = [disturbance.way() for _ in range(500)]
    assert 100 < sum(way.delay > 0 for way in many) < 200
    assert 100 < sum(way.copy_after is not None for way in many) < 200
    assert max(way.delay for way in many) <= 4
    assert [Disturbance(1).way() for _ in range(3)] == [Way()] * 3


async def test_a_payload_comes_again_with_its_own_bytes(slack: LocalSlack, clock: ManualClock) -> None:
    slack.deliver_http("http://127.0.0.1:9/nobody")
    slack.disturb(Disturbance(1, twice=1.0, seconds=5))
    await slack.person("U0ENG1").command("/imei", "help")
    clock.advance(6)
    async with asyncio.timeout(10):
        while len(slack.deliveries) < 2:  # noqa: ASYNC110  as above
            await asyncio.sleep(0)
    first, second = slack.deliveries
    assert first.payload is second.payload
    slack.disturb(None)
    await slack.person("U0ENG1").command("/imei", "help")
    assert len(slack.deliveries) == 3
