"""From the press of Approve to a lock that was read back: against the four calls that it takes, bare."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, cast

import httpx

from bench.apart import apart
from bench.apps import whole_bot
from bench.lines import Line
from bench.people import PEOPLE, Wanted, approve, field, send_forms, take_out_of_groups, vendor_takes
from bot.app import Seams
from bot.clock import SystemClock
from bot.domain.requests import ChangeRequest, Status
from bot.sandbox.monogoto import LocalMonogoto
from bot.services.ports import Store, Tx
from tests.scenarios import bulks

GOAL = 1.3
SECONDS = 0.05
"""Of the vendor, for one answer."""


class _Confirmations:
    """When the latest request was confirmed: once that is committed, by the clock that processes share."""

    def __init__(self) -> None:
        self.at = 0.0

    def watching(self, store: Store) -> Store:
        """The same store."""
        return cast("Store", _WatchedStore(store, self))


class _WatchedStore:
    def __init__(self, store: Store, confirmations: _Confirmations) -> None:
        self._store = store
        self._confirmations = confirmations

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        async with self._store.transaction() as tx:
            watched = _WatchedTx(tx)
            yield cast("Tx", watched)
        if watched.confirms:
            self._confirmations.at = time.monotonic()


class _WatchedTx:
    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.confirms = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def advance(self, old: ChangeRequest, new: ChangeRequest) -> ChangeRequest:
        self.confirms = self.confirms or new.status is Status.SUCCEEDED
        return await self._tx.advance(old, new)


@asynccontextmanager
async def _watched_bot(environ: Mapping[str, str]) -> AsyncIterator[tuple[str, _Confirmations]]:
    confirmations = _Confirmations()
    seams = Seams(inventory=False, wrap_store=confirmations.watching)
    async with whole_bot(environ, seams) as (url, _):
        yield url, confirmations


async def _confirmed_after(confirmations: _Confirmations, pressed: float) -> float:
    while confirmations.at < pressed:  # noqa: ASYNC110  it is over already, or within a moment
        await asyncio.sleep(0.01)
    return confirmations.at


async def approval(rounds: int) -> AsyncIterator[str]:
    """Of a SIM in no group, whose approval reads what the four calls read; and of one in a group, which is
    read too, each time."""
    for name, grouped in (("", False), (", SIM in a group: two calls more", True)):
        bare, ours = await _measure(rounds, grouped=grouped)
        what = f"approve → PUT → confirmed, vendor at {SECONDS * 1000:.0f} ms{name}; p50"
        yield str(Line(what, bare, ours, GOAL, at_most=True))


async def _measure(rounds: int, *, grouped: bool) -> tuple[float, float]:
    sims, bare, ours = _sims(rounds + 1), [], []
    with tempfile.TemporaryDirectory() as folder, apart(field, _THINGS) as people:
        environ = people.said | {"DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.db'}"}
        with apart(_watched_bot, environ) as bot:
            if not grouped:
                await people.do(take_out_of_groups, [iccid for iccid, _ in sims])
            for number, (iccid, imei) in enumerate(sims):
                await people.do(vendor_takes, 0.0)
                await people.do(send_forms, bot.said, {PEOPLE[0]: (iccid, imei)})
                await people.do(vendor_takes, SECONDS)
                took = await _bare(environ, iccid)
                pressed = await people.do(approve)
                confirmed = await bot.do(_confirmed_after, pressed)
                if number:  # the first one finds connections and roles cold
                    bare.append(took)
                    ours.append(confirmed - pressed)
    return median(bare), median(ours)


async def _bare(environ: Mapping[str, str], iccid: str) -> float:
    """GET, GET, PUT with the `cas` just read, GET; on a connection that stands. The PUT changes nothing."""
    async with httpx.AsyncClient(base_url=environ["MONOGOTO_URL"]) as client:
        who = {"UserName": environ["MONOGOTO_USERNAME"], "Password": environ["MONOGOTO_PASSWORD"]}
        token = (await client.post("/Auth", json=who)).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        path = f"/thing/ThingId_ICCID_{iccid}"
        began = time.perf_counter()
        await client.get(path)
        thing = (await client.get(path)).json()
        same = {key: thing[key] for key in ("ThingId", "cas", "LockMasterImei", "MasterIMEI")}
        (await client.put("/thing/update/", json=same)).raise_for_status()
        (await client.get(path)).raise_for_status()
        return time.perf_counter() - began


_THINGS = 2_000


def _sims(count: int) -> list[Wanted]:
    world = LocalMonogoto(SystemClock(), things=_THINGS)
    return [(iccid, str(world.thing(iccid)["IMEI"])) for iccid in bulks.unlocked(world, count)]
