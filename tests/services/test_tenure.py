"""One replica serves for as long as it has the lease; each beat says that it lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain.errors import StoreUnavailable
from bot.sandbox.clock import ManualClock
from bot.services.tenure import Tenure

EVERY = 10.0


class Lease:
    """One that the test gives and takes."""

    def __init__(self, *, free: bool = True) -> None:
        self.free = free
        self.held = False
        self.away = False
        self.takes = 0

    async def take(self) -> bool:
        self.takes += 1
        if self.away:
            raise StoreUnavailable("gone")
        self.held = self.free
        return self.held

    async def give_back(self) -> None:
        self.held = False

    def is_held(self) -> bool:
        return self.held


class Duty:
    """Notes what it is told."""

    def __init__(self, told: list[str]) -> None:
        self.told = told
        self.trouble: Exception | None = None

    async def start(self) -> None:
        if self.trouble:
            trouble, self.trouble = self.trouble, None
            raise trouble
        self.told.append("start")

    async def stop(self, patience: float) -> None:
        self.told.append(f"stop {patience:g}")


class House:
    """A tenure and all that hangs on it."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.told: list[str] = []
        self.chores: list[bool] = []
        self.presence, self.lease, self.duty = Lease(), Lease(), Duty(self.told)
        self.tenure = Tenure(
            replica="R1",
            presence=self.presence,
            lease=self.lease,
            duties=[self.duty],
            chores=[self._chore],
            clock=clock,
            every=EVERY,
        )

    async def _chore(self, serving: bool) -> None:
        self.chores.append(serving)

    async def beat(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        self.clock.advance(EVERY)
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def house(clock: ManualClock) -> AsyncIterator[House]:
    house = House(clock)
    yield house
    await house.tenure.stop(0)


async def test_a_replica_that_has_the_lease_serves_until_it_is_stopped_and_gives_it_back(
    house: House,
) -> None:
    await house.tenure.start()
    await house.beat()
    assert house.told == ["start"]
    await house.tenure.stop(5)
    assert house.told == ["start", "stop 5"]
    assert (house.lease.held, house.presence.held) == (False, False)


async def test_a_replica_without_the_lease_waits_until_it_is_free(house: House) -> None:
    house.lease.free = False
    await house.tenure.start()
    await house.beat()
    assert (house.told, house.chores) == ([], [False, False])
    house.lease.free = True
    await house.beat()
    assert (house.told, house.chores[-1]) == (["start"], True)


async def test_a_replica_that_lost_its_lease_stops_at_once_and_may_serve_again(house: House) -> None:
    await house.tenure.start()
    house.lease.free = False
    await house.beat()
    assert house.told == ["start", "stop 0"]
    house.lease.free = True
    await house.beat()
    assert house.told == ["start", "stop 0", "start"]


async def test_a_database_that_is_away_ends_the_service_only_once_the_lease_may_be_anothers(
    house: House,
) -> None:
    await house.tenure.start()
    house.lease.away = True
    await house.beat()
    assert house.told == ["start"]
    house.lease.held = False
    await house.beat()
    assert house.told == ["start", "stop 0"]


async def test_a_duty_that_can_not_begin_is_begun_at_the_next_beat(house: House) -> None:
    house.duty.trouble = StoreUnavailable("gone")
    await house.tenure.start()
    assert not house.tenure.is_serving
    await house.beat()
    assert house.tenure.is_serving
    assert house.told == ["stop 0", "start"]
