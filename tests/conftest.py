"""What all tests share: the stage, with the bot between its two stand-ins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from bot.sandbox.clock import ManualClock
from bot.sandbox.stage import Stage

# A busy machine is no failure: examples are bounded in number, never in time.
settings.register_profile("bounded", deadline=None)
settings.load_profile("bounded")

OpenStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def open_stage(tmp_path: Path, clock: ManualClock) -> AsyncIterator[OpenStage]:
    """Opens stages with their own settings; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def opened(**changes: Any) -> Stage:
            return await stack.enter_async_context(Stage(tmp_path, clock=clock, **changes))

        yield opened


@pytest.fixture(params=["socket", "http"])
async def stage(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    """The usual stage, over each transport."""
    return await open_stage(transport=request.param)
