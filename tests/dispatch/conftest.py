"""Both dispatchers, each with the hands that tests need: to wait for it, and to let time pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bot.dispatch.local import LocalDispatcher
from bot.sandbox import postgres
from bot.sandbox.clock import ManualClock
from bot.services import traces

PATIENCE_SECONDS = 30.0
NOTHING_SECONDS = 0.6
"""Of real time: so long nothing is seen to happen where nothing should."""


class Work:
    """Stands for the sweep: what is due, and steps that end when they are let go."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.troubles: list[Exception] = []
        self.looks = 0
        self.steps: list[str] = []
        self.running: set[str] = set()
        self.about: list[str | None] = []
        """Of each step: which request the log's lines would have been about."""
        self.go = asyncio.Event()
        self.step_trouble: Exception | None = None
        self.slices = 1
        """How many steps each request takes."""

    long: frozenset[str] = frozenset()

    async def due(self) -> tuple[Any, ...]:
        self.looks += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return tuple(SimpleNamespace(id=name) for name in self.open)

    async def due_now(self, request_id: str) -> Any:
        return SimpleNamespace(id=request_id) if request_id in self.open else None

    def is_long(self, request: Any) -> bool:
        return bool(request.id in self.long)

    async def step(self, request: Any) -> bool:
        self.steps.append(request.id)
        self.about.append(traces.ids().get(traces.REQUEST))
        self.running.add(request.id)
        try:
            await self.go.wait()
            if self.step_trouble:
                trouble, self.step_trouble = self.step_trouble, None
                raise trouble
            if self.steps.count(request.id) < self.slices:
                return True
            self.open.remove(request.id)
        finally:
            self.running.discard(request.id)
        return False


class LocalHands:
    """Everything happens in this loop: what can run has run after a few turns of it."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def dispatcher(self) -> Any:
        return LocalDispatcher(clock=self._clock)

    async def until(self, condition: Callable[[], object]) -> None:
        await self.nothing()
        assert condition()

    async def nothing(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds)


class ClusterHands:
    """Jobs go through a real PostgreSQL: what is to come is waited for."""

    def __init__(self, clock: ManualClock, url: str) -> None:
        self._clock = clock
        self.url = url

    def dispatcher(self, replica: str = "one") -> Any:
        from bot.dispatch.cluster import ClusterDispatcher, Heartbeat

        beat = Heartbeat(0.5, 2.0)
        return ClusterDispatcher(database_url=self.url, clock=self._clock, replica=replica, heartbeat=beat)

    async def until(self, condition: Callable[[], Any]) -> Any:
        """What it said once it was something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (said := condition()):  # noqa: ASYNC110  the database sets no event here
                await asyncio.sleep(0.02)
        return said

    async def nothing(self) -> None:
        await asyncio.sleep(NOTHING_SECONDS)

    async def pass_time(self, seconds: float) -> None:
        """For the sweep by its clock, for pauses in the rows."""
        self._clock.advance(seconds)
        earlier = (
            "UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - make_interval(secs => %s) "
            "WHERE scheduled_at IS NOT NULL AND status = 'todo' RETURNING id"
        )
        # Beside the loop: a dispatcher in it may hold the row, and would never come to let go of it.
        await asyncio.to_thread(self.rows, earlier, seconds)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.url, options="-c search_path=procrastinate", autocommit=True) as connection:
            return connection.execute(query, values).fetchall()


@pytest.fixture
def queue_url(postgres_server: postgres.Server) -> Iterator[str]:
    """A database of one's own, with procrastinate's tables."""
    from bot.dispatch import schema

    template = postgres_server.template("queue", lambda url: asyncio.run(schema.migrate(url)))
    with postgres_server.database(template) as url:
        yield url


@pytest.fixture
def cluster_hands(clock: ManualClock, queue_url: str, monkeypatch: pytest.MonkeyPatch) -> ClusterHands:
    from bot.dispatch import cluster

    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.05)
    return ClusterHands(clock, queue_url)


@pytest.fixture(params=["local", "cluster"])
def hands(request: pytest.FixtureRequest, clock: ManualClock) -> Any:
    if request.param == "local":
        return LocalHands(clock)
    return request.getfixturevalue("cluster_hands")


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture
async def dispatcher(hands: Any) -> AsyncIterator[Any]:
    made = hands.dispatcher()
    yield made
    await made.stop(0)
