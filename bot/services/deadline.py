"""Waiting for something only so long, by the clock that everything else goes by."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bot.services.ports import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, call: Coroutine[Any, Any, T]) -> T:
    """What comes of the call. Raises `TimeoutError`, the call cancelled, once the time is over."""
    work = asyncio.ensure_future(call)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({work, timer}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise TimeoutError
        return work.result()
    finally:
        timer.cancel()
        work.cancel()
        await asyncio.gather(work, timer, return_exceptions=True)
