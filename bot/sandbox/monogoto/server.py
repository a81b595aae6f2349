"""A local Monogoto over real HTTP on 127.0.0.1, with everything that tests and the demo do to it."""

from __future__ import annotations

from collections import deque
from typing import Any

from aiohttp import web

from bot.sandbox.dates import dated
from bot.sandbox.monogoto.account_api import AccountApi
from bot.sandbox.monogoto.calls import Call
from bot.sandbox.monogoto.control import ControlApi
from bot.sandbox.monogoto.delivery import Delivery, Doorkeeper, Handler, Watcher
from bot.sandbox.monogoto.devices import Session, Verdict
from bot.sandbox.monogoto.examples import Examples
from bot.sandbox.monogoto.faults import Fault, FaultKind, Faults, Match
from bot.sandbox.monogoto.finding import Finder
from bot.sandbox.monogoto.groups import ID_KEY, GroupWrite, render_group
from bot.sandbox.monogoto.groups_api import GroupsApi
from bot.sandbox.monogoto.records import render_thing, secrets_of
from bot.sandbox.monogoto.seeding import GROUPS, populate
from bot.sandbox.monogoto.settings import Settings
from bot.sandbox.monogoto.things_api import ThingsApi
from bot.sandbox.monogoto.ticks import milliseconds
from bot.sandbox.monogoto.tokens import Tokens
from bot.sandbox.monogoto.world import World, Write
from bot.services.ports import Clock


class LocalMonogoto:
    """One account. The same seed, sizes and clock make the same Things and groups.

    100,000 Things and 5,000 groups are made in a few seconds and fit in some 150 MB, process and all.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int = 1,
        things: int = 10_000,
        settings: Settings | None = None,
        *,
        groups: int = GROUPS,
    ) -> None:
        self.clock = clock
        self.settings = settings or Settings()
        self._world = World(clock, self.settings)
        self.examples: Examples = populate(
            self._world, now=clock.now(), seed=seed, things=things, groups=groups
        )
        self._faults = Faults(seed)
        self._tokens = Tokens(clock, self.settings)
        self._account = AccountApi(self.settings, self._tokens)
        self._delivery = Delivery(clock, self.settings, self._tokens, self._faults)
        self._control = ControlApi(self)
        self.find = Finder(self._world)
        """What a person looks for: Things and groups by part of what they are called."""
        self.sessions: list[Session] = []
        """Every device that tried to get on-line from outside, oldest first."""
        self._runner: web.AppRunner | None = None
        self.username = self._account.username
        self.password = self._account.password
        self.url = ""

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 lets the system choose. Sets `url`."""
        app = web.Application(middlewares=[self._route])
        app.on_response_prepare.append(dated(self.clock))
        app.add_routes(self._account.routes())
        app.add_routes(ThingsApi(self._world, self.settings).routes())
        app.add_routes(GroupsApi(self._world, self.settings).routes())
        app.add_routes(self._control.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Let go of what hangs, and close."""
        self._delivery.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> LocalMonogoto:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def allow_origin(self, origin: str) -> None:
        """Let the pages of another local origin use the control API."""
        self._control.origins.add(origin)

    @property
    def calls(self) -> deque[Call]:
        """The latest calls, oldest first; the control API's are not among them."""
        return self._delivery.calls

    def calls_to(self, method: str, path: str) -> list[Call]:
        """The latest calls of that method ("*" for any) whose path begins so, whatever came of them."""
        return [call for call in self.calls if method in {"*", call.method} and call.path.startswith(path)]

    def watch(self, watcher: Watcher) -> None:
        """From now on tell of every call once it is over; the control API's are not among them."""
        self._delivery.watchers.append(watcher)

    def watch_arrivals(self, doorkeeper: Doorkeeper) -> None:
        """From now on tell of every call as it arrives, before anything is done about it."""
        self._delivery.doorkeepers.append(doorkeeper)

    @property
    def in_flight(self) -> int:
        """Calls being answered just now."""
        return self._delivery.in_flight

    @property
    def writes(self) -> dict[str, list[Write]]:
        """PUTs that took effect, by ICCID; an ICCID without any has an empty list."""
        return self._world.writes

    @property
    def group_writes(self) -> dict[str, list[GroupWrite]]:
        """PUTs that took effect, by group id: body, and the whole group before and after."""
        return self._world.group_writes

    @property
    def iccids(self) -> tuple[str, ...]:
        """All ICCIDs held."""
        return tuple(self._world.things)

    @property
    def group_ids(self) -> tuple[str, ...]:
        """All Things Groups."""
        return tuple(self._world.groups)

    def iccids_in(self, group_id: str) -> tuple[str, ...]:
        """The ICCIDs of a group's Things."""
        return tuple(iccid for iccid, thing in self._world.things.items() if thing.group_id == group_id)

    def fail(
        self,
        match: Match,
        what: FaultKind,
        times: int = 1,
        *,
        seconds: float = 1.0,
        status: int | None = None,
        keys: dict[str, Any] | None = None,
    ) -> None:
        """The next `times` calls of that (method or "*", path prefix) go wrong in that way.

        `keys`, for `changes_too`, `edited_first` and `edited_after`: what else changes in the Thing or
        group of the call, in the vendor's spelling. So a rename between read and write is
        `fail(("PUT", "/thingsgroup/"), "edited_first", keys={"ThingsGroupName": "Renamed"})`.
        """
        self._faults.add(Fault(match, what, seconds=seconds, times=times, status=status, keys=keys or {}))

    def fail_at_rate(
        self,
        match: Match,
        what: FaultKind,
        rate: float,
        *,
        seconds: float = 1.0,
        status: int | None = None,
        keys: dict[str, Any] | None = None,
    ) -> None:
        """That share of such calls goes wrong, by seeded chance, until `clear_faults`."""
        self._faults.add(Fault(match, what, seconds=seconds, rate=rate, status=status, keys=keys or {}))

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self._faults.clear()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is still to go wrong."""
        return self._faults.waiting

    def expire_tokens(self) -> None:
        """Every token issued so far gets 401."""
        self._tokens.expire_all()

    def mint_token(self) -> str:
        """A ready-made token, as a person would paste it."""
        return self._tokens.issue()

    def data_session(self, iccid: str, imei: str) -> Verdict:
        """The device with that IMEI tries to get on-line with that SIM."""
        verdict = self._world.data_session(iccid, imei)
        self.sessions.append(Session(iccid, imei, verdict))
        return verdict

    def session_every(self, iccid: str, milliseconds_apart: float | None) -> None:
        """From now on the SIM has a data session that often; 0: between any two calls; None: no more."""
        record = self._world.things[iccid]
        record.session_every_ms = milliseconds_apart
        record.sessions_since_ms = milliseconds(self.clock.now())

    def console_edit(self, iccid: str, **keys: Any) -> None:
        """Somebody changes the Thing at the vendor's own console; the vendor's spellings."""
        self._world.edit(self._world.things[iccid], keys)

    def console_edit_group(self, group_id: str, **keys: Any) -> None:
        """Somebody changes any field of the group at the vendor's own console; ABSENT takes a key away.

        Raises ValueError for the id, which nobody changes.
        """
        if ID_KEY in keys:
            raise ValueError(f"{ID_KEY} stays what it is")
        self._world.edit_group(self._world.groups[group_id], keys)

    def thing(self, iccid: str) -> dict[str, Any]:
        """The raw record, as GET would answer now; reading it moves nothing."""
        return render_thing(self._world.things[iccid])

    def group(self, group_id: str) -> dict[str, Any]:
        """The raw group, as GET would answer now."""
        return render_group(self._world.groups[group_id])

    def secrets(self, iccid: str) -> tuple[str, ...]:
        """What must appear in no log, table or message: IMSI, MSISDN, PINs and PUKs of that SIM."""
        return tuple(secrets_of(self._world.things[iccid]).values())

    @web.middleware
    async def _route(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/control/"):
            return await self._control.guard(request, handler)
        return await self._delivery.deliver(request, handler)
