"""Rows of ways into the bot, tried by everybody: who changes something by them, and who is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select

from bot.domain.changes import LockThing
from bot.domain.errors import Refusal
from bot.domain.identifiers import Iccid, Imei
from bot.domain.requests import ChangeRequest, Event, Item, ItemState, Origin
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import BOT_USER_ID, User
from bot.sandbox.stage import POLICY, Stage
from bot.slack.desk import Desk
from bot.storage import tables
from tests.conftest import OpenStage
from tests.scenarios.acts import ask_lock, audited, idle, open_form, request_id_in, shown
from tests.storage import samples

ENGINEERS = frozenset({"U0ENG1", "U0ENG2", "U0ADMIN", "U0NAMED"})
APPROVERS = frozenset({"U0APP1", "U0APP2", "U0ADMIN"})
REQUESTER = frozenset({"U0ENG1"})
NOBODY: frozenset[str] = frozenset()
OUTSIDERS = ("U0GUEST", "U0OTHER", "U0WORKFLOW", "U0GONE")
NAMED_GUEST = "U0NAMED"
"""A guest whom the policy names as engineer and as approver: they may ask, and never approve."""
HERE = Origin("C0FIELD")
DONE = "DONEBEFORE"
"""Id of a request that has succeeded."""


Disguise = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Ground:
    """What there is to be changed: a pending request with its card, and a form of another SIM."""

    stage: Stage
    card: Message
    request: ChangeRequest
    form: View
    iccid: str
    imei: str
    disguise: Disguise = dict
    """What is done to a payload on its way: somebody has forged it."""

    async def send(self, payload: dict[str, Any]) -> object:
        """To the bot, as Slack would."""
        return await self.stage.slack.deliver(self.disguise(payload))

    @property
    def desk(self) -> Desk:
        assert self.stage.bot
        return self.stage.bot.desk


Way = Callable[[Ground, str], Awaitable[object]]
"""(what there is, who does it)"""


@dataclass(frozen=True)
class Row:
    """A way in, and who changes something by it."""

    go: Way
    may: frozenset[str]
    audited: bool = True
    """Whether it is this way's affair to write down who was refused."""


async def with_outsiders(open_stage: OpenStage) -> Stage:
    """Outsiders sit in every user group, and an engineer who asks may approve what others ask."""
    roles: dict[str, list[str]] = POLICY["roles"]
    named = {role: [*roles[role], NAMED_GUEST] for role in ("engineer", "approver")}
    stage = await open_stage(policy=POLICY | {"roles": roles | named}, things=240)
    users = stage.slack.workspace.users
    users["U0GONE"] = User("U0GONE", "gone", "Gone", deleted=True)
    users[NAMED_GUEST] = User(NAMED_GUEST, "named", "Named", is_restricted=True)
    for group in stage.slack.workspace.groups.values():
        group.users += OUTSIDERS
    stage.slack.workspace.groups["S0APPROVERS"].users.append("U0ENG1")
    return stage


async def ground(stage: Stage, left: Ground | None = None) -> Ground:
    """Fresh ground: two SIMs that nobody has asked for. Of what is `left`, a request as it was will do."""
    assert stage.bot
    await done_before(stage)
    if left and await stage.bot.desk.store.request(left.request.id) == left.request:
        card, request = left.card, left.request
    else:
        card, request = await asked(stage)
    engineer, (iccid, imei) = stage.person("U0ENG1"), untouched(stage)
    form = await open_form(stage, engineer, "/lock-thing", f"{iccid} {imei}")
    await engineer.type(form, "reason", "Stolen box")
    await idle(stage)
    return Ground(stage, card, request, form, iccid, imei)


async def asked(stage: Stage) -> tuple[Message, ChangeRequest]:
    """A lock that somebody waits for."""
    assert stage.bot
    iccid, imei = untouched(stage)
    sim = replace(stage.monogoto.examples.fresh, iccid=iccid, imei=imei)
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    request = await stage.bot.desk.store.request(request_id_in(shown(card)))
    assert request
    return card, request


def untouched(stage: Stage) -> tuple[str, str]:
    """ICCID and IMEI of a SIM that nobody has asked for."""
    iccid = UNTOUCHED.setdefault(stage, fit_sims(stage)).pop()
    return iccid, str(stage.monogoto.thing(iccid)["IMEI"])


UNTOUCHED: WeakKeyDictionary[Stage, list[str]] = WeakKeyDictionary()


def fit_sims(stage: Stage) -> list[str]:
    """Those that are in some device and have no lock of their own, past the examples."""
    things = {iccid: stage.monogoto.thing(iccid) for iccid in stage.monogoto.iccids[50:]}
    return [
        iccid
        for iccid, thing in things.items()
        if str(thing.get("IMEI") or "").strip("0") and not thing.get("MasterIMEI")
    ]


async def done_before(stage: Stage) -> None:
    """A request that has locked a SIM, for somebody to undo; once."""
    assert stage.bot
    store = stage.bot.desk.store
    if await store.request(DONE):
        return
    sim = stage.monogoto.examples.locked_elsewhere
    locked_to = str(stage.monogoto.thing(sim.iccid)["MasterIMEI"])
    change = LockThing(Iccid(sim.iccid), Imei(locked_to))
    on = samples.thing(iccid=sim.iccid, thing_id=f"ThingId_ICCID_{sim.iccid}")
    asked = replace(samples.request(on=on, change=change), id=DONE)
    async with store.transaction() as tx:
        await tx.add_request(asked, [])
        await tx.put_item(None, Item(DONE, ItemState.DONE))
        approved = await tx.advance(asked, asked.after(Event.APPROVE))
        applying = await tx.advance(approved, approved.after(Event.APPLY))
        await tx.advance(applying, applying.after(Event.SUCCEED))


async def records(stage: Stage) -> list[Any]:
    """All requests, decisions and items."""
    assert stage.bot
    async with stage.bot._engine.reading() as connection:
        return [
            tuple(row)
            for table in (tables.requests, tables.decisions, tables.items)
            for row in (await connection.execute(select(table))).all()
        ]


async def state(stage: Stage) -> list[Any]:
    """All that a role is needed for: the records, and how much was written to the vendor."""
    return [*await records(stage), sum(map(len, stage.monogoto.writes.values()))]


AT_ONCE = 40
"""Acts that happen side by side: as many as Slack's pace lets through without a time-out."""


async def refuse(stage: Stage, rows: Mapping[str, Row]) -> None:
    """Everybody without the role changes nothing; where a role would, each of them is audited as refused."""
    on = await ground(stage)
    before, quiet = await state(stage), sum(map(len, stage.monogoto.writes.values()))
    for name, row in rows.items():
        known = len(await audited(stage))
        others = [user for user in stage.slack.workspace.users if user not in row.may]
        await finish(stage, asyncio.gather(*(refusable(row.go(on, user)) for user in others)))
        assert await state(stage) == before, name
        refused = {user for _, outcome, user in (await audited(stage))[known:] if outcome == "refused"}
        if row.may and row.audited:
            assert refused >= set(others) - {BOT_USER_ID}, name
    assert sum(map(len, stage.monogoto.writes.values())) == quiet


async def allow(stage: Stage, rows: Mapping[str, Row], *, each: bool = False) -> None:
    """Those with the role change something: `each`, or one of them. Each on fresh ground."""
    on = None
    for name, row in rows.items():
        for user in sorted(row.may)[: None if each else 1]:
            on = await ground(stage, on)
            before = await state(stage)
            await finish(stage, asyncio.ensure_future(row.go(on, user)))
            assert await state(stage) != before, (name, user)
            await free_locked(stage)


async def finish(stage: Stage, going: asyncio.Future[Any]) -> None:
    """Wait for it, and until the bot has done what came of it."""
    await stage.until(going.done)
    await going
    await idle(stage)
    stage.clock.advance(PACE_SECONDS)


PACE_SECONDS = 3
"""Between two rows: what Slack lets through in a minute is for people, not for all of them at once."""


async def free_locked(stage: Stage) -> None:
    """The one locked SIM that unlocks are asked for, and the two groups, take the next request."""
    assert stage.bot
    examples = stage.monogoto.examples
    things = (f"ThingId_ICCID_{sim.iccid}" for sim in (examples.locked, examples.locked_elsewhere))
    for target_id in (*things, examples.open_group, examples.locked_group):
        held = await stage.bot.desk.store.open_request(target_id)
        if held:
            await stage.bot.desk.requests.cancel(held.requester, HERE, held.id)


async def refusable(work: Awaitable[object]) -> None:
    with suppress(Refusal):
        await work
