"""When to move a clock that stands: once everybody who runs on this loop waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

ROUNDS = 40
"""Turns of the loop. Whatever can go on does so at every turn; from the end of one call or look into the
database to the beginning of the next it takes some fifteen."""
EMPTY_ROUNDS = 6
"""Turns in a row at which nobody else was about to go on: no need to look at the rest of them."""
WORK_SECONDS = 0.002
"""Of real time, from one look at work under way to the next."""
SHORT_SECONDS = 0.002
"""Of real time, for what neither the loop nor `is_working` sees, in some thread."""


_UNKNOWN = (None,)
"""Of another loop: somebody may always be about to go on."""


async def nothing_stirs(is_working: Callable[[], bool]) -> bool:
    """Let others run for a moment; whether they have nothing left to do but wait for the clock.

    `is_working` tells of work that the loop doesn't see: in another thread, or in the system's buffers.
    """
    if not await _still(is_working):
        return False
    await asyncio.sleep(SHORT_SECONDS)
    return await _still(is_working)


async def _still(is_working: Callable[[], bool]) -> bool:
    ready = getattr(asyncio.get_running_loop(), "_ready", _UNKNOWN)  # asyncio has no public word for it
    empty = 0
    for _ in range(ROUNDS):
        if is_working():
            await asyncio.sleep(WORK_SECONDS)
            return False
        await asyncio.sleep(0)
        empty = 0 if ready else empty + 1
        if empty == EMPTY_ROUNDS:
            break
    return True
