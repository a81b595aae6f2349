"""Every single HTTP exchange with the vendor: waits its turn, is timed, and brings back a small answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast
from urllib.parse import unquote

import httpx

from bot.domain.errors import NotReached
from bot.monogoto.snippets import masked
from bot.services.deadline import within
from bot.services.ports import Clock

log = logging.getLogger(__name__)

MOST_BYTES: Final = 1 << 20
TOO_LATE: Final = "Monogoto's pace let the write leave only when it was too late, so it did not leave."
_EXCHANGE: Final = "imei_lock.exchange"


class Gate(Protocol):
    """Keeps the pace that the vendor bears; shared by everyone who calls it."""

    async def acquire(self, *, urgent: bool = True) -> None:
        """Wait for a turn; singles come before bulk."""

    async def slow_down(self, retry_after: float | None) -> None:
        """The vendor said 429 or failed; `retry_after` in seconds where it said so."""

    async def recovered(self) -> None:
        """The vendor answered well."""


@dataclass(frozen=True, slots=True)
class VendorCall:
    """One real HTTP exchange, fit to be shown: long numbers in the path are masked."""

    method: str
    path: str
    status: int | None
    """None where no answer came."""
    seconds: float


OnCall = Callable[[VendorCall], None]


class BadEncoding(httpx.DecodingError):
    """An answer in a compression that was not asked for."""


class TooLong(httpx.DecodingError):
    """An answer longer than any that the documents know."""


@dataclass(slots=True)
class Exchange:
    """Rides along with a request: has it left, and how long may it take from then on."""

    limit: asyncio.Timeout
    seconds: float
    not_after: datetime | None = None
    """Waiting its turn until later than this, it doesn't leave at all."""
    urgent: bool = True
    """Somebody waits for it, or a change does; else it takes only turns that nobody else wants."""
    left: bool = False

    def leave(self) -> None:
        """From here on the vendor may have heard it; the time runs."""
        self.left = True
        self.limit.reschedule(asyncio.get_running_loop().time() + self.seconds)

    def stay(self) -> None:
        """Not on its way, or answered without effect: waiting costs nothing."""
        self.left = False
        self.limit.reschedule(None)

    def attach(self, request: httpx.Request) -> None:
        """Let it ride along."""
        request.extensions[_EXCHANGE] = self

    @staticmethod
    def of(request: httpx.Request) -> Exchange:
        """The one that rides along."""
        return cast("Exchange", request.extensions[_EXCHANGE])


class GuardedTransport(httpx.AsyncBaseTransport):
    """Wraps the real transport; nothing reaches the vendor but through here."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, *, gate: Gate, clock: Clock, on_call: OnCall | None
    ) -> None:
        self._inner = inner
        self._gate = gate
        self._clock = clock
        self._on_call = on_call

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait at the gate, send, and hand back an answer that can't outgrow us."""
        exchange = Exchange.of(request)
        await self._turn(exchange.not_after, urgent=exchange.urgent)
        exchange.leave()
        started = self._clock.now()
        status: int | None = None
        try:
            response = await self._inner.handle_async_request(request)
            status = response.status_code
        finally:
            self._tell(request, status, (self._clock.now() - started).total_seconds())
        return _capped(response)

    async def _turn(self, not_after: datetime | None, *, urgent: bool) -> None:
        if not_after is None:
            await self._gate.acquire(urgent=urgent)
            return
        left = (not_after - self._clock.now()).total_seconds()
        try:
            await within(self._clock, left, self._gate.acquire(urgent=urgent))
        except TimeoutError:
            raise NotReached(TOO_LATE) from None
        if self._clock.now() > not_after:
            raise NotReached(TOO_LATE)

    async def aclose(self) -> None:
        """Close the real one."""
        await self._inner.aclose()

    def _tell(self, request: httpx.Request, status: int | None, seconds: float) -> None:
        if self._on_call is None and not log.isEnabledFor(logging.DEBUG):
            return
        path = masked(unquote(request.url.raw_path.decode("ascii")))
        answered = "no answer" if status is None else status
        log.debug("%s %s: %s after %.3f s", request.method, path, answered, seconds)
        if self._on_call is not None:
            self._on_call(VendorCall(request.method, path, status, seconds))


async def whole(response: httpx.Response) -> bytes:
    """The body of an answer, which needs its connection no longer then."""
    try:
        return await response.aread()
    finally:
        await response.aclose()


def _capped(response: httpx.Response) -> httpx.Response:
    stream = cast("httpx.AsyncByteStream", response.stream)
    encoded = response.headers.get("content-encoding", "identity").lower() != "identity"
    return httpx.Response(
        response.status_code,
        headers=[pair for pair in response.headers.raw if pair[0].lower() != b"content-encoding"],
        stream=_Unexpected(stream) if encoded else _Capped(stream),
        extensions=response.extensions,
    )


class _Capped(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = 0
        async for chunk in self._inner:
            total += len(chunk)
            if total > MOST_BYTES:
                raise TooLong("an answer of more than 1 MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Unexpected(_Capped):
    """A compressed answer could unfold to any size: it is not unfolded."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        raise BadEncoding("an answer in an encoding that was not asked for")
        yield b""
