"""`/healthz`, `/readyz` and `/metrics` on a port of their own, which Slack never sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.services.watching import Part

Parts = Callable[[], Awaitable[tuple[Part, ...]]]
Render = Callable[[], Awaitable[tuple[str, bytes]]]
"""Content type and text of all metrics."""


class CanNotListen(Exception):
    """The port can't be had. The message is for the operator."""


class HealthServer:
    """Answers GET alone. Holds no secret: whoever reaches the port may read all of it."""

    def __init__(self, *, host: str, port: int, parts: Parts, render: Render) -> None:
        self._address = (host, port)
        self._parts = parts
        self._render = render
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; the port, which the system chose where 0 was asked for. Raises `CanNotListen`."""
        app = web.Application(client_max_size=1024)
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=30, shutdown_timeout=1)
        await runner.setup()
        host, port = self._address
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            why = error.strerror or type(error).__name__
            raise CanNotListen(f"HEALTH_HOST, HEALTH_PORT: can't listen on {host}:{port} ({why}).") from None
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Close."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _alive(self, _: web.Request) -> web.Response:
        """That it answers is the answer: a loop that is stuck doesn't."""
        return web.Response(text="ok")

    async def _ready(self, _: web.Request) -> web.Response:
        parts = await self._parts()
        failing = [part.name for part in parts if not part.is_good]
        told = {
            "ready": not failing,
            "failing": failing,
            "parts": {part.name: {"good": part.is_good, "says": part.says} for part in parts},
        }
        return web.json_response(told, status=503 if failing else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        content_type, text = await self._render()
        return web.Response(body=text, headers={"Content-Type": content_type})
