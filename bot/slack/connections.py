"""Connections that anybody may open: a first request in time, answers that are read, and never too many.

aiohttp bounds none of these, and logs what it can't parse with the stranger's own bytes in it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.slack.dispatch import log_unexpected

MOST = 256
"""Connections at once: far more than Slack opens, far fewer than a process has files."""
READ_AHEAD = 16 * 1024
"""Bytes of a body that are held, some times over, before anybody has asked for them."""
SERVER = "imei-lock"
"""What is said of the software, and of its version: no more."""


class Connection(web.RequestHandler):
    """One of aiohttp's, which is given up when a stranger lets it wait for longer than `patience` seconds."""

    def __init__(
        self, server: web.Server, *, patience: float, gone: Callable[[Connection], None], **how: Any
    ) -> None:
        super().__init__(server, **how)
        self._patience = patience
        self._gone = gone
        self._limit: asyncio.TimerHandle | None = None
        self._wire: asyncio.Transport | None = None
        """Kept beside aiohttp's own, which is forgotten once it is closing, even if that never ends."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first request's headers have to come in time."""
        super().connection_made(transport)
        self._wire = transport if isinstance(transport, asyncio.Transport) else None
        self._wait()

    def heard(self) -> None:
        """A request's headers are complete: its body and the time after it have limits of their own."""
        self._waited()

    def pause_writing(self) -> None:
        """The other side doesn't read its answers: it has that long to begin."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._waited()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Over, whoever ended it."""
        self._waited()
        self._gone(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        """End it at once, unsent answers included: closing would wait for them to be read."""
        self._waited()
        if self._wire is not None:
            self._wire.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  it holds the stranger's bytes
    ) -> web.StreamResponse:
        """Answer with the status alone. Only what is our own mistake is logged.

        Of an expectation that is no text aiohttp makes an error of its own, before any of our code is asked.
        """
        if isinstance(exc, UnicodeEncodeError) and "Expect" in request.headers:
            status = 417
        elif status >= 500 and exc is not None and not isinstance(exc, ConnectionError):
            log_unexpected("Answering over HTTP", exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response = web.Response(status=status, headers={"Server": SERVER})
        response.force_close()
        return response

    def log_exception(self, *_: Any, **kw: Any) -> None:
        """A body that breaks off or makes no sense is its sender's affair."""
        error = kw.get("exc_info")
        if isinstance(error, BaseException) and not isinstance(
            error, (HttpProcessingError, web.RequestPayloadError, ConnectionError)
        ):
            log_unexpected("A connection over HTTP", error)

    def _wait(self) -> None:
        self._waited()
        self._limit = asyncio.get_running_loop().call_later(self._patience, self.drop)

    def _waited(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


class Connections:
    """All that are open. Where there are too many, the oldest that has signed nothing makes room."""

    def __init__(self, *, patience: float, most: int = MOST) -> None:
        self._patience = patience
        self._most = most
        self._open: set[Connection] = set()
        self._strangers: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def accept(self, server: web.Server) -> Connection:
        """A new one, in the place of the oldest stranger where all are taken."""
        if len(self._open) >= self._most:
            self._make_room()
        connection = Connection(
            server,
            patience=self._patience,
            gone=self._forget,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=self._patience,
            lingering_time=self._patience,
            access_log=None,
            read_bufsize=READ_AHEAD,
            auto_decompress=False,  # signed is what was sent, byte for byte
        )
        self._open.add(connection)
        self._strangers[connection] = None
        return connection

    def trust(self, connection: Connection) -> None:
        """It has sent a request that Slack signed."""
        self._strangers.pop(connection, None)

    def _make_room(self) -> None:
        with contextlib.suppress(StopIteration):
            oldest = next(iter(self._strangers))
            self._forget(oldest)
            oldest.drop()

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._strangers.pop(connection, None)
