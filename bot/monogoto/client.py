"""The vendor's calls, one method each; together they are the `Platform` that the use cases speak to."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import httpx

from bot.domain.errors import NotReached, StoreUnavailable, Unfit, Unreadable
from bot.domain.identifiers import Iccid, Imei, same_device
from bot.domain.things import GroupRow, Thing, ThingRow, ThingsGroup
from bot.monogoto import failures, listings, models
from bot.monogoto.auth import (
    Auth,
    Credentials,
    NoToken,
    Standing,
    TokenAuth,
    TokenKeeper,
    TokenOnly,
    UserPassword,
    ends_at,
)
from bot.monogoto.failures import Answer
from bot.monogoto.wire import Exchange, Gate, GuardedTransport, OnCall, VendorCall, whole
from bot.services.ports import Clock, Page, Permit

__all__ = ["Gate", "Monogoto", "VendorCall"]

TIMEOUTS: Final = httpx.Timeout(20.0, connect=5.0)
DEADLINE: Final = 30.0
_JSON: Final = {"Content-Type": "application/json"}
_PAGE: Final = 50
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": "imei-lock",
}


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates trusted for https; reading them takes a tenth of a second, so once a process."""
    return httpx.create_ssl_context()


class _Opened(httpx.AsyncBaseTransport):
    """The real transport, made for the first call: to be ready nobody needs it."""

    def __init__(self) -> None:
        self._inner: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._inner is None:
            self._inner = httpx.AsyncHTTPTransport(verify=_trusted())
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()


class Monogoto:
    """The console API at `url`. Every exchange waits at the gate, and none is repeated but after a 401.

    `deadline` is for one exchange, from leaving the gate to the last byte of its answer.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        clock: Clock,
        gate: Gate,
        timeouts: httpx.Timeout = TIMEOUTS,
        deadline: float = DEADLINE,
        on_call: OnCall | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._gate = gate
        self.deadline = deadline
        self._keeper = TokenKeeper(credentials, clock, self.log_in)
        self._auth = TokenAuth(self._keeper)
        self._token_only = TokenOnly(self._keeper)
        self._url = url.rstrip("/")
        self._timeouts = timeouts.as_dict()
        inner = transport or _Opened()
        self._transport = GuardedTransport(inner, gate=gate, clock=clock, on_call=on_call)
        self._is_closed = False

    async def aclose(self) -> None:
        """Close the connections. Nothing is sent any more."""
        self._is_closed = True
        await self._transport.aclose()

    async def __aenter__(self) -> Monogoto:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def log_in(self, who: UserPassword) -> str:
        """POST /Auth

        Returns a token. Raises `LoginFailed` where the vendor says no, else `NotReached` or `RateLimited`.
        """
        body = {"UserName": who.username, "Password": who.password}
        try:
            answer = await self._exchange("POST", "/Auth", auth=NoToken(), json=body)
        except Unreadable as strange:
            raise NotReached(str(strange)) from None
        token = models.token_from(answer.body) if answer.is_good else None
        if token is None:
            raise failures.failed_login(answer)
        return token

    @property
    def log_in_standing(self) -> Standing:
        """Whether the log-in was good when it was last used; asks nobody."""
        return self._keeper.standing

    async def try_log_in(self) -> None:
        """GET /things?limit=1&offset=0

        Not urgent. Whatever comes of it, `log_in_standing` tells; raises what any reading raises.
        """
        await self._read("/things", {"limit": "1", "offset": "0"}, urgent=False)

    async def thing(self, iccid: Iccid, *, urgent: bool = True, permit: Permit | None = None) -> Thing:
        """GET /thing/ThingId_ICCID_<iccid>

        Fresh. Raises `ThingNotFound`.
        """
        body = await self._read(f"/thing/{models.ID_PREFIX}{iccid.digits}", urgent=urgent, permit=permit)
        return models.thing_from(body, iccid.digits)

    async def things_group(self, things_group_id: str, *, urgent: bool = True) -> ThingsGroup:
        """GET /thingsgroup/<ThingsGroupId>

        Fresh. Raises `ThingNotFound`.
        """
        body = await self._read(f"/thingsgroup/{quote(things_group_id, safe='')}", urgent=urgent)
        return models.group_from(body, things_group_id)

    async def things_page(self, offset: int) -> Page[ThingRow]:
        """GET /things?limit=50&offset=<offset>&sortBy[ThingName]=ASC

        Not urgent.
        """
        query = {"limit": str(_PAGE), "offset": str(offset), "sortBy[ThingName]": "ASC"}
        body = listings.listed(await self._read("/things", query, urgent=False), offset)
        return listings.page(models.rows_from(body), body)

    async def groups_page(self, offset: int) -> Page[GroupRow]:
        """GET /thingsgroups?limit=50&offset=<offset>

        Not urgent. Documented nowhere, so a 401 is no word on our log-in: it is refused like any other id.
        """
        query = {"limit": str(_PAGE), "offset": str(offset)}
        body = listings.listed(await self._read("/thingsgroups", query, urgent=False, guess=True), offset)
        return listings.page(models.group_rows_from(body), body)

    async def things_last_seen_in(self, imei: Imei) -> tuple[ThingRow, ...]:
        """GET /things?filterBy[IMEI]=<imei>

        At most one page. Raises `Unreadable` where the vendor plainly didn't filter.
        """
        query = {"limit": str(_PAGE), "offset": "0", "filterBy[IMEI]": imei.digits}
        rows = models.rows_from(await self._read("/things", query))
        matching = tuple(row for row in rows if same_device(row.last_seen_imei, imei.digits))
        if rows and not matching:
            raise Unreadable("Monogoto's listing was not filtered.")
        return matching

    async def is_online(self, thing: Thing) -> bool | None:
        """GET /thing/status?ThingIds=ThingId_ICCID_<iccid>

        None where the answer doesn't say.
        """
        thing_id = f"{models.ID_PREFIX}{thing.iccid}"
        query = {"ThingIds": thing_id, "limit": str(_PAGE), "offset": "0"}
        return models.online_from(await self._read("/thing/status", query), thing_id)

    async def things_online(self, iccids: Sequence[str]) -> Mapping[str, bool]:
        """GET /thing/status?ThingIds=ThingId_ICCID_<iccid>,…

        Not urgent. Only those of which the answer tells: whether it takes several is documented nowhere.
        """
        ids = {f"{models.ID_PREFIX}{iccid}": iccid for iccid in iccids}
        query = {"ThingIds": ",".join(ids), "limit": str(_PAGE), "offset": "0"}
        body = await self._read("/thing/status", query, urgent=False)
        told = {iccid: models.online_from(body, thing_id) for thing_id, iccid in ids.items()}
        return {iccid: online for iccid, online in told.items() if online is not None}

    async def write_thing_lock(
        self,
        thing: Thing,
        *,
        imei_lock: bool,
        locked_imei: str,
        not_after: datetime,
        urgent: bool = True,
        permit: Permit | None = None,
    ) -> None:
        """PUT /thing/update/

        One write with the `cas` of `thing`. Returning is no proof: read back. Raises as the port says.
        """
        if imei_lock and not locked_imei.strip():
            raise Unfit("A lock needs an IMEI: what one without does is documented nowhere.", "imei")
        body = models.lock_body(thing, imei_lock=imei_lock, locked_imei=locked_imei)
        answer = await self._exchange(
            "PUT",
            models.LOCK_PATH,
            auth=self._auth,
            not_after=not_after,
            urgent=urgent,
            permit=permit,
            json=body,
        )
        failures.demand_good(answer, writing=True)

    async def write_group_lock(
        self, group: ThingsGroup, *, imei_lock: bool, tac: str, not_after: datetime
    ) -> None:
        """PUT /thingsgroup/<ThingsGroupId>

        One write with the name and profile of `group`. Returning is no proof: read back.
        """
        if imei_lock and not tac.strip():
            raise Unfit("A lock needs a TAC: what one without does is documented nowhere.", "tac")
        path = f"/thingsgroup/{quote(group.things_group_id, safe='')}"
        # ASCII: a name may hold half a character, which goes back as it came and no encoder would take.
        body = json.dumps(models.group_lock_body(group, imei_lock=imei_lock, tac=tac)).encode("ascii")
        answer = await self._exchange(
            "PUT", path, auth=self._auth, not_after=not_after, content=body, headers=_JSON
        )
        failures.demand_good(answer, writing=True)

    async def raw(self, method: str, path: str, *, guess: bool = False, **content: Any) -> Answer:
        """Any verb and path, for `check` and `probe`: the answer as it came (of a `guess` even a 401).

        `content` as httpx takes it: `params`, `json`. It judges nothing: a body may hold secrets, and a
        write is the caller's to guard.
        """
        auth = self._token_only if guess else self._auth
        return await self._exchange(method, path, auth=auth, guess=guess, **content)

    async def token_ends(self) -> datetime | None:
        """When the present token ends by its own claims; None where it tells nothing. May log in."""
        return ends_at(await self._keeper.token())

    async def _read(
        self,
        path: str,
        query: dict[str, str] | None = None,
        *,
        urgent: bool = True,
        guess: bool = False,
        permit: Permit | None = None,
    ) -> object:
        auth = self._token_only if guess else self._auth
        answer = await self._exchange(
            "GET", path, auth=auth, urgent=urgent, guess=guess, permit=permit, params=query
        )
        return failures.content(failures.demand_good(answer, writing=False))

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        auth: Auth,
        not_after: datetime | None = None,
        urgent: bool = True,
        guess: bool = False,
        permit: Permit | None = None,
        **content: Any,
    ) -> Answer:
        """Send, read the whole small answer, and let the gate know how it went.

        A guess that fails tells nothing of how busy the vendor is, unless it says so with 429.
        """
        if self._is_closed:
            raise RuntimeError("a call to Monogoto after the end")
        writing = method == "PUT"
        request = self._request(method, path, **content)
        limit = asyncio.timeout(None)
        exchange = Exchange(limit, self.deadline, not_after, urgent)
        exchange.attach(request)
        try:
            async with permit or nullcontext(), limit:
                response = await auth.send(request, self._transport.handle_async_request)
                body = await whole(response)
        except TimeoutError:
            raise failures.from_deadline(writing=writing, left=exchange.left) from None
        except failures.FOREIGN as error:
            raise failures.from_exception(error, writing=writing) from None
        return await self._heard(response, body, guess=guess)

    def _request(self, method: str, path: str, **content: Any) -> httpx.Request:
        """httpx's client would keep cookies, follow redirects and join addresses: none of it is wanted."""
        headers = _HEADERS | content.pop("headers", {})
        timeouts = {"timeout": self._timeouts}
        return httpx.Request(method, f"{self._url}{path}", headers=headers, extensions=timeouts, **content)

    async def _heard(self, response: httpx.Response, body: bytes, *, guess: bool) -> Answer:
        wait = failures.retry_after(response.headers.get("retry-after"), self._clock.now())
        date = failures.moment(response.headers.get("date"))
        answer = Answer(response.status_code, body, wait, date)
        with suppress(StoreUnavailable):  # the answer to a write must not get lost over this
            if answer.status == 429 or (answer.says_overload and not guess):
                await self._gate.slow_down(wait)
            elif answer.is_good:
                await self._gate.recovered()
        return answer
