"""What goes wrong in a round, each kind in a function of its own; all of it passes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from bot.sandbox.slack.disturbance import Disturbance
from tests.chaos.lives import Disk
from tests.chaos.plan import GROUPS, THINGS, Plan, Rate, Trouble
from tests.chaos.simulation import VirtualClock, VirtualLoop
from tests.chaos.world import World

JUMPS = (5.0, 70.0, 900.0, 7200.0)
DOWN = ("hang", "error_html", "drop_before", "html_200")
REFUSE_AUDIT = """CREATE TRIGGER chaos_refuses BEFORE INSERT ON audit
                  BEGIN SELECT RAISE(ABORT, 'the audit is not writable'); END"""
THIRD_IMEI = "353053110000011"
THIRD_TAC = "01234567"


class Troubles:
    """By name, as a plan has them."""

    def __init__(self, world: World, plan: Plan, loop: VirtualLoop, clock: VirtualClock, disk: Disk) -> None:
        self._world = world
        self._plan = plan
        self._loop = loop
        self._clock = clock
        self._disk = disk
        self._down: dict[object, str] = {}
        self._acts: dict[str, Callable[[Trouble], Awaitable[None]]] = {
            "database_locked": self._database_locked,
            "database_broken": self._database_broken,
            "disk_full": self._disk_full,
            "audit_refused": self._audit_refused,
            "clock_ahead": self._clock_ahead,
            "clock_back": self._clock_back,
            "leap": self._leap,
            "drop_sockets": self._drop_sockets,
            "stall_sockets": self._stall_sockets,
            "disconnect": self._disconnect,
            "expire_tokens": self._expire_tokens,
            "data_session": self._data_session,
            "edit_lock": self._edit_lock,
            "vendor_down": self._vendor_down,
            "slack_down": self._slack_down,
            "role_lost": self._role_lost,
        }

    async def happen(self, trouble: Trouble) -> None:
        """From its beginning until it has passed."""
        await self._acts[trouble.what](trouble)

    def begin(self) -> None:
        """What lasts all the round."""
        self._vendor_rates()
        self._slack_rates()
        if self._plan.late or self._plan.twice:
            self._world.slack.disturb(Disturbance(self._plan.seed, self._plan.late, self._plan.twice))
        if self._plan.sessions:
            self._sessions(0)

    def end(self) -> None:
        """Nothing goes wrong any more."""
        self._world.monogoto.clear_faults()
        self._world.slack.stop_failing()
        self._world.slack.disturb(None)
        self._disk.is_full = self._disk.is_broken = False
        self._clock.ahead = 0.0
        self._sessions(None)

    def _sessions(self, every: float | None) -> None:
        for name in THINGS:
            self._world.monogoto.session_every(self._world.sim(name).iccid, every)

    # --- the vendor and Slack --------------------------------------------------------------------

    def _vendor_rates(self) -> None:
        monogoto = self._world.monogoto
        monogoto.clear_faults()
        for kind in self._down.values():
            monogoto.fail_at_rate(("*", "/"), kind, 1.0)  # type: ignore[arg-type]
        for rate in self._plan.vendor:
            monogoto.fail_at_rate(
                (rate.method, rate.path),
                rate.kind,  # type: ignore[arg-type]
                rate.rate,
                seconds=rate.seconds,
                keys=_keys(rate),
            )

    def _slack_rates(self) -> None:
        slack = self._world.slack
        slack.stop_failing()
        for each in self._plan.slack:
            slack.fail_at_rate(each.method, each.rate, seed=self._plan.seed, **dict(each.how))

    async def _vendor_down(self, trouble: Trouble) -> None:
        self._down[trouble] = DOWN[trouble.number % len(DOWN)]
        self._vendor_rates()
        await asyncio.sleep(trouble.seconds)
        del self._down[trouble]
        self._vendor_rates()

    async def _slack_down(self, trouble: Trouble) -> None:
        ways: tuple[dict[str, Any], ...] = ({"status": 503}, {"timeout": True}, {"reset": True})
        self._world.slack.stop_failing()
        self._world.slack.fail_at_rate("*", 1.0, seed=trouble.number, **ways[trouble.number % 3])
        await asyncio.sleep(trouble.seconds)
        self._slack_rates()

    async def _role_lost(self, trouble: Trouble) -> None:
        group = ("S0APPROVERS", "S0ENGINEERS")[trouble.number % 2]
        users = [*self._world.slack.workspace.groups[group].users]
        await self._world.slack.set_group(group, users[: trouble.number % 3 == 0])
        await asyncio.sleep(trouble.seconds)
        await self._world.slack.set_group(group, users)

    async def _drop_sockets(self, _: Trouble) -> None:
        self._world.slack.drop_sockets()

    async def _stall_sockets(self, _: Trouble) -> None:
        self._world.slack.stall_sockets()

    async def _disconnect(self, trouble: Trouble) -> None:
        await self._world.slack.disconnect_sockets(("warning", "refresh_requested")[trouble.number % 2])

    async def _expire_tokens(self, _: Trouble) -> None:
        self._world.monogoto.expire_tokens()

    async def _data_session(self, trouble: Trouble) -> None:
        target = self._target(trouble)
        if target not in GROUPS:
            imeis = self._world.monogoto.examples.unused_imeis
            self._world.monogoto.data_session(self._world.sim(target).iccid, imeis[-1])

    async def _edit_lock(self, trouble: Trouble) -> None:
        """At the console, to something that nobody here asks for: never back to what was there."""
        target, monogoto = self._target(trouble), self._world.monogoto
        if target in GROUPS:
            monogoto.console_edit_group(self._world.group(target), IMEIPrefix=THIRD_TAC, LockMasterImei=True)
        else:
            iccid = self._world.sim(target).iccid
            monogoto.console_edit(iccid, MasterIMEI=THIRD_IMEI, LockMasterImei=True)

    def _target(self, trouble: Trouble) -> str:
        targets = [target for story in self._plan.stories for target in story.targets]
        return Random(trouble.number).choice(targets)

    # --- the machine -----------------------------------------------------------------------------

    async def _clock_ahead(self, trouble: Trouble) -> None:
        await self._jump(JUMPS[trouble.number % len(JUMPS)], trouble.seconds)

    async def _clock_back(self, trouble: Trouble) -> None:
        await self._jump(-JUMPS[trouble.number % len(JUMPS)], trouble.seconds)

    async def _jump(self, seconds: float, until_it_is_set_right: float) -> None:
        self._world.jumped = True
        self._clock.ahead += seconds
        await asyncio.sleep(until_it_is_set_right)
        self._clock.ahead -= seconds

    async def _leap(self, trouble: Trouble) -> None:
        self._loop.leap(trouble.seconds if trouble.seconds > 100 else JUMPS[trouble.number % 3])

    async def _database_broken(self, trouble: Trouble) -> None:
        self._disk.is_broken = True
        await asyncio.sleep(trouble.seconds)
        self._disk.is_broken = False

    async def _disk_full(self, trouble: Trouble) -> None:
        self._disk.is_full = True
        await asyncio.sleep(trouble.seconds)
        self._disk.is_full = False

    async def _database_locked(self, trouble: Trouble) -> None:
        with self._world.foreign_connection() as connection:
            await _patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
            await asyncio.sleep(trouble.seconds)
            connection.rollback()

    async def _audit_refused(self, trouble: Trouble) -> None:
        with self._world.foreign_connection() as connection:
            await _patiently(lambda: connection.execute(REFUSE_AUDIT))
            try:
                await asyncio.sleep(trouble.seconds)
            finally:
                await _patiently(lambda: connection.execute("DROP TRIGGER IF EXISTS chaos_refuses"))


async def _patiently(trip: Callable[[], object]) -> None:
    """Once the bot is not just writing."""
    while True:
        try:
            trip()
        except sqlite3.OperationalError:
            await asyncio.sleep(0.01)
        else:
            return


def _keys(rate: Rate) -> dict[str, Any]:
    if rate.kind not in {"changes_too", "edited_first", "edited_after"}:
        return {}
    group, too = "group" in rate.path, rate.kind == "changes_too"
    if too:
        return {"ThingsGroupName": "Renamed"} if group else {"ThingDescription": "Changed too"}
    lock = {"IMEIPrefix": THIRD_TAC} if group else {"MasterIMEI": THIRD_IMEI}
    return lock | {"LockMasterImei": True}
