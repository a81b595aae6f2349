"""Two things at once of which one has to hold before the other may count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def beside(record: Awaitable[None], reading: Awaitable[T]) -> T:
    """What was read, once both are over. Raises what the record raised, else what the reading did."""
    noted, read = await asyncio.gather(record, reading, return_exceptions=True)
    for outcome in (noted, read):
        if isinstance(outcome, BaseException):
            raise outcome
    return read  # type: ignore[return-value]  # no exception: that was raised
