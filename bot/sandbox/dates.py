"""The Date header of a stand-in's answers: the time of its own clock, which may stand still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import format_datetime

from aiohttp import web

from bot.services.ports import Clock


def dated(clock: Clock) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What an application runs before each answer leaves."""

    async def tell(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(clock.now(), usegmt=True)

    return tell
