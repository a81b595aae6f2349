"""Logging in: one at a time, once per 401, and never again and again into a closed door."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import httpx

from bot.domain.errors import LoginFailed, PlatformError
from bot.monogoto.wire import Exchange
from bot.services.ports import Clock

Send = Callable[[httpx.Request], Awaitable[httpx.Response]]

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 900.0
_LONGEST_LIFE: Final = 90 * 86_400.0
_NO_CLAIM: Final = (
    IndexError, KeyError, ValueError, TypeError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip
"""What a token that is no JWT, or lacks the claim, makes of reading it."""
_RENEW_AFTER: Final = 0.9
_RENEW_AGAIN: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class UserPassword:
    """Logs in for tokens."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadyToken:
    """A token that a person made; when it is refused, only a person can help."""

    token: str = field(repr=False)


Credentials = UserPassword | ReadyToken


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of our log-in without asking."""

    is_good: bool | None
    """None: nobody has tried yet."""
    says: str = ""


_GOOD: Final = Standing(is_good=True)
_REFUSED: Final = Standing(is_good=False, says="Monogoto refused our log-in")


class TokenKeeper:
    """Holds the token of the moment. A refused log-in is remembered for a growing while."""

    def __init__(
        self, credentials: Credentials, clock: Clock, log_in: Callable[[UserPassword], Awaitable[str]]
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._log_in = log_in
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._renew_at: datetime | None = None
        self._expires_at: datetime | None = None
        self._tries_in_vain = 0
        self._failure: PlatformError | None = None
        self._failures = 0
        self._closed_until: datetime | None = None
        self.standing = Standing(None, "nobody has logged in yet")

    async def token(self) -> str:
        """A token to try, fetched or renewed where needed. Raises what logging in raises."""
        if self._token is None or self._is_due():
            seen = self._tries_in_vain
            async with self._lock:
                if self._token is None:
                    self._share_failure(seen)
                    return await self._fetch()
                if self._is_due():
                    return await self._renew()
        return self._token

    async def instead_of(self, stale: str) -> str:
        """Another token than the one just refused; whoever comes second takes what the first one got."""
        seen = self._tries_in_vain
        async with self._lock:
            if self._token is None or self._token == stale:
                self._share_failure(seen)
                self._token = None
                if isinstance(self._credentials, ReadyToken):
                    self.refused(stale)
                return await self._fetch()
            return self._token

    def worked(self) -> None:
        """The vendor took the token."""
        self._failures = 0
        self.standing = _GOOD

    def refused(self, token: str) -> None:
        """The vendor refused a token that nothing better can be had for."""
        self.standing = _REFUSED
        if self._token == token:
            self._token = None
        if self._pause_left() <= 0:
            self._failures += 1
            pause = min(FIRST_PAUSE * 2 ** min(self._failures - 1, 20), LONGEST_PAUSE)
            self._closed_until = self._clock.now() + timedelta(seconds=pause)

    async def _fetch(self) -> str:
        if (pause := self._pause_left()) > 0:
            raise LoginFailed(f"Monogoto refused our log-in; the next try is in {pause:.0f} s.")
        if isinstance(self._credentials, ReadyToken):
            self._token = self._credentials.token.strip()
            return self._token
        try:
            token = await self._log_in(self._credentials)
        except PlatformError as failure:
            self._tries_in_vain += 1
            self._failure = failure
            if self._token is None:
                self.standing = Standing(is_good=False, says=str(failure))
            if isinstance(failure, LoginFailed):
                self.refused("")
            raise
        self._keep(token)
        return token

    def _share_failure(self, seen: int) -> None:
        """Whoever waited while another one tried in vain doesn't try again at once."""
        if self._tries_in_vain > seen and self._failure is not None:
            raise self._failure

    async def _renew(self) -> str:
        """Before its time is over; while the old token holds, a failure to renew it hurts nobody."""
        old = self._token
        try:
            return await self._fetch()
        except PlatformError:
            now = self._clock.now()
            if old is None or self._expires_at is None or now >= self._expires_at:
                raise
            self._renew_at = now + _RENEW_AGAIN
            return old

    def _keep(self, token: str) -> None:
        now = self._clock.now()
        lifetime = lifetime_of(token, now)
        self._token = token
        self._failure = None
        self._renew_at = None if lifetime is None else now + timedelta(seconds=lifetime * _RENEW_AFTER)
        self._expires_at = None if lifetime is None else now + timedelta(seconds=lifetime)

    def _is_due(self) -> bool:
        return self._renew_at is not None and self._clock.now() >= self._renew_at

    def _pause_left(self) -> float:
        if self._closed_until is None:
            return 0.0
        return (self._closed_until - self._clock.now()).total_seconds()


class Auth(Protocol):
    """Who asks, put on a request."""

    async def send(self, request: httpx.Request, send: Send) -> httpx.Response:
        """The answer that counts; its body is still to be read."""
        ...


class NoToken:
    """Of the log-in itself."""

    async def send(self, request: httpx.Request, send: Send) -> httpx.Response:
        """As it is."""
        return await send(request)


class TokenAuth:
    """Puts the token on each request; after a 401 logs in once and repeats once, also a PUT.

    A 401 means that nothing was written, so the repetition can't write twice.
    """

    def __init__(self, keeper: TokenKeeper) -> None:
        self._keeper = keeper

    async def send(self, request: httpx.Request, send: Send) -> httpx.Response:
        """With the token, or with a new one. Raises `LoginFailed` where that is refused too."""
        token = await self._keeper.token()
        response = await send(_with(token, request))
        if response.status_code == 401:
            await response.aclose()  # unread: whatever its body is, it must not keep us from logging in
            Exchange.of(request).stay()
            token = await self._keeper.instead_of(token)
            response = await send(_with(token, request))
        if response.status_code == 401:
            self._keeper.refused(token)
            await response.aclose()
            raise LoginFailed("Monogoto refused a fresh token.")
        self._keeper.worked()
        return response


class TokenOnly:
    """Puts the token on a request that is our guess: its 401 says nothing about the token."""

    def __init__(self, keeper: TokenKeeper) -> None:
        self._keeper = keeper

    async def send(self, request: httpx.Request, send: Send) -> httpx.Response:
        """Once."""
        return await send(_with(await self._keeper.token(), request))


def _with(token: str, request: httpx.Request) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def lifetime_of(token: str, now: datetime) -> float | None:
    """Seconds, by the token's own claims and, where it tells `iat`, by its own clock: ours may be wrong."""
    try:
        claims = _claims(token)
        lifetime = float(claims["exp"]) - float(claims.get("iat", now.timestamp()))
    except _NO_CLAIM:
        return None
    return min(lifetime, _LONGEST_LIFE) if lifetime > 0 else None


def ends_at(token: str) -> datetime | None:
    """When the token ends by its own claims; None where it is no JWT or tells no end."""
    try:
        return datetime.fromtimestamp(float(_claims(token)["exp"]), UTC)
    except (*_NO_CLAIM, OSError):
        return None


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
