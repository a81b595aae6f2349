"""Readiness is asked by probes, again and again: what that costs is bounded, whatever hangs."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.errors import LoginFailed, StoreUnavailable
from bot.services.watching import Part
from bot.watch import readiness
from bot.watch.readiness import ASK_VENDOR_SECONDS, REMEMBER_SECONDS, Readiness

GOOD = (Part("database", is_good=True), Part("audit", is_good=True))


class World:
    """What readiness asks, counted."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.writes = 0
        self.asked = 0
        self.log_in = Part("vendor", is_good=True)
        self.door = asyncio.Event()
        self.door.set()
        self.error: Exception | None = None
        self.vendors_answer: Exception | None = LoginFailed("no")

    async def try_writing(self) -> tuple[Part, ...]:
        self.writes += 1
        await self.door.wait()
        if self.error:
            raise self.error
        return GOOD

    async def ask_vendor(self) -> None:
        self.asked += 1
        if self.vendors_answer:
            raise self.vendors_answer
        self.log_in = Part("vendor", is_good=True)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def asked(world: World) -> Readiness:
    ready = Readiness(
        try_writing=world.try_writing,
        unwritten=("database", "audit"),
        slack=lambda: Part("slack", is_good=True),
        vendor=lambda: world.log_in,
        ask_vendor=world.ask_vendor,
        seconds=lambda: world.seconds,
    )
    ready.hindrance = ""
    return ready


def failing(parts: tuple[Part, ...]) -> list[str]:
    return [part.name for part in parts if not part.is_good]


async def test_many_who_ask_share_one_trial_write_for_a_while(world: World, asked: Readiness) -> None:
    await asyncio.gather(*(asked.parts() for _ in range(20)))
    world.seconds += REMEMBER_SECONDS - 0.1
    await asked.parts()
    assert world.writes == 1
    world.seconds += 0.1
    assert failing(await asked.parts()) == []
    assert world.writes == 2


async def test_a_write_that_hangs_is_a_failure_and_no_second_one_is_begun(
    world: World, asked: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.01)
    world.door.clear()
    for _ in range(3):
        assert failing(await asked.parts()) == ["database", "audit"]
    assert world.writes == 1
    world.door.set()
    await asyncio.sleep(0)
    assert failing(await asked.parts()) == []


async def test_a_write_that_fails_as_nobody_foresaw_is_a_failure_too(world: World, asked: Readiness) -> None:
    world.error = RuntimeError("with a secret")
    parts = await asked.parts()
    assert failing(parts) == ["database", "audit"]
    assert "secret" not in str(parts)


async def test_a_good_log_in_is_never_tried_for_a_probe(world: World, asked: Readiness) -> None:
    for _ in range(5):
        world.seconds += ASK_VENDOR_SECONDS
        await asked.parts()
    assert world.asked == 0


async def test_a_log_in_that_is_not_good_is_tried_once_a_minute_at_most(
    world: World, asked: Readiness
) -> None:
    world.log_in = Part("vendor", is_good=False, says="refused")
    for _ in range(10):
        assert failing(await asked.parts()) == ["vendor"]
        await asyncio.sleep(0)
    assert world.asked == 1
    world.seconds += ASK_VENDOR_SECONDS
    await asked.parts()
    await asyncio.sleep(0)
    assert world.asked == 2


async def test_the_first_probe_of_a_bot_that_nobody_used_yet_knows_whether_it_may_log_in(
    world: World, asked: Readiness
) -> None:
    world.log_in = Part("vendor", is_good=False, says="nobody has logged in yet")
    world.vendors_answer = None
    assert failing(await asked.parts()) == []


async def test_a_log_in_that_was_not_tried_for_want_of_the_database_is_tried_at_the_next_probe(
    world: World, asked: Readiness
) -> None:
    world.log_in = Part("vendor", is_good=False, says="nobody has logged in yet")
    world.vendors_answer = StoreUnavailable("away")
    assert failing(await asked.parts()) == ["vendor"]
    world.vendors_answer = None
    assert failing(await asked.parts()) == []


async def test_while_starting_or_ending_nobody_is_asked_for_the_log_in(
    world: World, asked: Readiness
) -> None:
    world.log_in = Part("vendor", is_good=False)
    asked.hindrance = "it is ending"
    assert failing(await asked.parts()) == ["vendor", "process"]
    await asyncio.sleep(0)
    assert world.asked == 0
    await asked.stop()
