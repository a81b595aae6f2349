"""Replicas between both stand-ins, on a PostgreSQL database of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from bot.clock import SystemClock
from bot.sandbox import postgres
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.slack import LocalSlack
from tests.cluster.replicas import Replicas


class OpenReplicas(Protocol):
    async def __call__(self, **settings: Any) -> Replicas: ...


@pytest.fixture
def own_url(postgres_server: postgres.Server, new_postgres: str) -> Iterator[str]:
    """Made for this test: replicas are killed and frozen here, and none may meet another test."""
    with postgres_server.database(new_postgres) as url:
        yield url


@pytest.fixture
async def open_replicas(own_url: str, tmp_path: Path) -> AsyncIterator[OpenReplicas]:
    """Makes the stand-ins and a set of replicas, none of which is started; all end with the test."""
    async with AsyncExitStack() as stack:

        async def opened(**settings: Any) -> Replicas:
            slack = LocalSlack(SystemClock(), events=("subteam_members_changed",))
            monogoto = LocalMonogoto(SystemClock(), things=60)
            await slack.start()
            stack.push_async_callback(slack.stop)
            await monogoto.start()
            stack.push_async_callback(monogoto.stop)
            address = settings.pop("database_url", own_url)
            return await stack.enter_async_context(Replicas(slack, monogoto, address, tmp_path, **settings))

        yield opened


@pytest.fixture
async def replicas(open_replicas: OpenReplicas) -> Replicas:
    return await open_replicas()
