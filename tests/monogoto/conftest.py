"""The adapter against the local Monogoto over real HTTP, with a gate that only remembers."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.identifiers import Iccid
from bot.monogoto import Monogoto, UserPassword, VendorCall
from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto

LATER = datetime(2099, 1, 1, tzinfo=UTC)
"""A time that no write comes too late for."""


class OpenGate:
    """Lets everyone through and remembers what it was told."""

    def __init__(self) -> None:
        self.passed = 0
        self.told: list[object] = []
        self.urgent: list[bool] = []

    async def acquire(self, *, urgent: bool = True) -> None:
        self.passed += 1
        self.urgent.append(urgent)

    async def slow_down(self, retry_after: float | None) -> None:
        self.told.append(retry_after)

    async def recovered(self) -> None:
        self.told.append("recovered")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def gate() -> OpenGate:
    return OpenGate()


@pytest.fixture
def seen() -> list[VendorCall]:
    """Every exchange, as the observer hears of it."""
    return []


@pytest.fixture
async def sim(clock: ManualClock) -> AsyncIterator[LocalMonogoto]:
    async with LocalMonogoto(clock, things=60) as sim:
        yield sim


@pytest.fixture
async def monogoto(
    sim: LocalMonogoto, clock: ManualClock, gate: OpenGate, seen: list[VendorCall]
) -> AsyncIterator[Monogoto]:
    who = UserPassword(sim.username, sim.password)
    async with Monogoto(sim.url, who, clock=clock, gate=gate, on_call=seen.append) as monogoto:
        yield monogoto


async def pumped(clock: ManualClock, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of `work`, the clock moved for it whenever it waits."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait({task}, timeout=0.005)
        if (wake := clock.next_wake()) is not None:
            clock.advance(max(0.0, (wake - clock.now()).total_seconds()))
    return task.result()


@pytest.fixture
def fresh(sim: LocalMonogoto) -> Iccid:
    return Iccid(sim.examples.fresh.iccid)
