"""Every way into the bot, as every person: nothing changes without the role, and every refusal is audited.

A new listener, use case, flow of a form or verb of the command line needs a row here, or a test fails.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import re
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from slack_bolt.app.async_app import AsyncApp
from sqlalchemy import select

from bot.__main__ import _parser
from bot.domain.changes import LockThing
from bot.domain.errors import Refusal
from bot.domain.identifiers import Iccid, Imei, ThingsGroupId
from bot.domain.requests import ChangeRequest, Event, Item, ItemState, Origin, Person
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import BOT_USER_ID, User
from bot.sandbox.stage import POLICY, Stage
from bot.services.answers import GroupKey, ThingKey
from bot.services.lookups import Lookups
from bot.services.ports import Submission, Which
from bot.services.requests import Requests
from bot.services.submission import Submissions
from bot.services.undoing import Undoing
from bot.slack import asking, form_state, forms, home, listeners, looking_up
from bot.slack.choosing import SELECT
from bot.slack.desk import Call, Desk
from bot.storage import tables
from tests import warm
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
ROOT = Path(__file__).parents[2]
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


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
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


async def state(stage: Stage) -> list[Any]:
    """All that a role is needed for: requests, decisions, items, and what was written to the vendor."""
    assert stage.bot
    async with stage.bot._engine.reading() as connection:
        rows = [
            tuple(row)
            for table in (tables.requests, tables.decisions, tables.items)
            for row in (await connection.execute(select(table))).all()
        ]
    return [*rows, sum(map(len, stage.monogoto.writes.values()))]


# --- through the listeners -----------------------------------------------------------------------


def command(name: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        text = f"{on.iccid} {on.imei}"
        return await on.send(on.stage.slack.payloads.command(user_id, name, text))

    return go


def message_shortcut(callback_id: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        payload = on.stage.slack.payloads.message_shortcut(user_id, on.card, callback_id)
        payload["message"] = {"text": f"ICCID {on.iccid} IMEI {on.imei}"}
        return await on.send(payload)

    return go


def global_shortcut(callback_id: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        return await on.send(on.stage.slack.payloads.shortcut(user_id, callback_id))

    return go


def button(action_id: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        value = f"{on.request.id}.{on.request.fingerprint}"
        action = {"type": "button", "action_id": action_id, "block_id": "decision", "value": value}
        return await on.send(on.stage.slack.payloads.message_action(user_id, on.card, action))

    return go


def form_button(action_id: str, value: str = "") -> Way:
    async def go(on: Ground, user_id: str) -> object:
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": value or on.imei}
        return await on.send(on.stage.slack.payloads.view_action(user_id, on.form, action))

    return go


def submission(callback_id: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        payload = on.stage.slack.payloads.submission(user_id, on.form)
        kept = json.loads(payload["view"]["private_metadata"]) | {"nonce": callback_id}
        view = payload["view"] | {"callback_id": callback_id, "private_metadata": json.dumps(kept)}
        if callback_id == "unlock_thing.submit":
            locked = on.stage.monogoto.examples.locked.iccid
            keep = {"selected_option": {"value": "keep"}}
            view["state"] = {"values": {"iccid": {"i": {"value": locked}}, "keep": {"k": keep}}}
        if callback_id.endswith("things_group.submit"):
            view["state"] = {"values": group_values(on, callback_id)}
        if callback_id == "bulk.submit":
            view["state"] = {"values": {"lines": {"l": {"value": f"{on.iccid} {on.imei}"}}}}
        if callback_id == "request.approve_many":
            kept = {"request": on.request.id, "fingerprint": on.request.fingerprint, "wanted": "25"}
            view["private_metadata"] = json.dumps(kept | {"channel": "C0FIELD"})
            view["state"] = {"values": {"typed": {"typed": {"type": "plain_text_input", "value": "25"}}}}
        if callback_id == "request.deny_reason":
            view["private_metadata"] = json.dumps({"request": on.request.id, "channel": "C0FIELD"})
        return await on.send(payload | {"view": view})

    return go


def group_values(on: Ground, callback_id: str) -> dict[str, Any]:
    examples = on.stage.monogoto.examples
    group = examples.open_group if callback_id.startswith("lock") else examples.locked_group
    chosen = {"type": "external_select", "selected_option": {"value": group}}
    keep = {"selected_option": {"value": "keep"}}
    return {"things_group": {"g": chosen}, "tac": {"t": {"value": "35305311"}}, "keep": {"k": keep}}


async def typing(on: Ground, user_id: str) -> object:
    payload = on.stage.slack.payloads.suggestion(user_id, on.form, "things_group", "things_group.v0", "")
    return await on.send(payload)


def event(kind: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        inner = {"type": kind, "subteam_id": "S0APPROVERS", "added_users": [user_id], "user": user_id}
        return await on.send(on.stage.slack.payloads.event(inner))

    return go


def look_up_button(action_id: str, value: str = "") -> Way:
    async def go(on: Ground, user_id: str) -> object:
        key = value or f"thing {on.iccid}"
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": key}
        return await on.send(on.stage.slack.payloads.message_action(user_id, on.card, action))

    return go


def home_button(action_id: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        view = View("V0HOME", user_id, {"type": "home", "blocks": []}, "V0HOME", None, "hash")
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": "home"}
        return await on.stage.slack.deliver(on.stage.slack.payloads.view_action(user_id, view, action))

    return go


async def home_opened(on: Ground, user_id: str) -> object:
    return await on.stage.slack.deliver(on.stage.slack.payloads.home_opened(user_id))


async def undo_button(on: Ground, user_id: str) -> object:
    action = {"type": "button", "action_id": "request.undo", "block_id": "undo", "value": DONE}
    return await on.send(on.stage.slack.payloads.message_action(user_id, on.card, action))


def undone(callback_id: str) -> Way:
    async def go(on: Ground, user_id: str) -> object:
        payload = on.stage.slack.payloads.submission(user_id, on.form)
        kept = json.dumps({"request": DONE, "channel": "C0FIELD", "nonce": user_id})
        view = payload["view"] | {"callback_id": callback_id, "private_metadata": kept}
        return await on.send(payload | {"view": view})

    return go


TURNED = json.dumps({"l": "requests", "h": "All requests", "o": None, "n": None})
REOPENED = json.dumps({"kind": "lock_thing", "channel": "C0FIELD", "typed": {"reason": "x"}})
FORGED: dict[str, Disguise] = {}
"""How somebody may have forged who they are: by what it is, and what is done to the payload."""


def forged(name: str, *, user: str = "U0ADMIN", team: str = "T0TEAM") -> None:
    def put(payload: dict[str, Any]) -> dict[str, Any]:
        if "command" in payload:
            return payload | {"user_id": user, "team_id": team}
        if "user" in payload:
            return payload | {"user": {"id": user, "team_id": team}, "team": {"id": team}}
        return payload

    FORGED[name] = put


forged("nobody's id", user="U0FORGED")
forged("no id", user="")
forged("a user group's id", user="S0APPROVERS")
forged("the bot's own id", user=BOT_USER_ID)
forged("an admin's id in small letters", user="u0admin")
forged("an admin's mention", user="<@U0ADMIN>")
forged("two ids", user="U0ADMIN U0APP1")
forged("an admin of another company", team="T0OTHER")
forged("an admin of no company", team="")
LISTENERS = {
    "command /lock-thing": Row(command("/lock-thing"), NOBODY),
    "command /unlock-thing": Row(command("/unlock-thing"), NOBODY),
    "command /lock-group": Row(command("/lock-group"), NOBODY),
    "command /unlock-group": Row(command("/unlock-group"), NOBODY),
    "command /lock-csv": Row(command("/lock-csv"), NOBODY),
    "command /imei": Row(command("/imei"), NOBODY),
    "message shortcut lock_from_message.open": Row(message_shortcut("lock_from_message.open"), NOBODY),
    "shortcut lock_thing.open": Row(global_shortcut("lock_thing.open"), NOBODY),
    "shortcut unlock_thing.open": Row(global_shortcut("unlock_thing.open"), NOBODY),
    "shortcut lock_things_group.open": Row(global_shortcut("lock_things_group.open"), NOBODY),
    "shortcut unlock_things_group.open": Row(global_shortcut("unlock_things_group.open"), NOBODY),
    "shortcut bulk.open": Row(global_shortcut("bulk.open"), NOBODY),
    "shortcut help.open": Row(global_shortcut("help.open"), NOBODY),
    "view lock_thing.submit": Row(submission("lock_thing.submit"), ENGINEERS),
    "view unlock_thing.submit": Row(submission("unlock_thing.submit"), ENGINEERS),
    "view lock_things_group.submit": Row(submission("lock_things_group.submit"), ENGINEERS),
    "view unlock_things_group.submit": Row(submission("unlock_things_group.submit"), ENGINEERS),
    "view bulk.submit": Row(submission("bulk.submit"), ENGINEERS),
    "view undo.submit": Row(undone("undo.submit"), ENGINEERS),
    "view request.deny_reason": Row(submission("request.deny_reason"), APPROVERS),
    "view request.approve_many": Row(submission("request.approve_many"), APPROVERS),
    "action request.count_again": Row(button("request.count_again"), NOBODY),
    "action request.approve": Row(button("request.approve"), APPROVERS),
    "action request.deny": Row(button("request.deny"), NOBODY),
    "action request.cancel": Row(button("request.cancel"), REQUESTER),
    "action request.undo": Row(undo_button, NOBODY),
    # Of the request of a single SIM these find no bulk; who steers a bulk: `test_bulk_steered.py`.
    "action bulk.pause": Row(button("bulk.pause"), NOBODY),
    "action bulk.resume": Row(button("bulk.resume"), NOBODY),
    "action bulk.cancel_rest": Row(button("bulk.cancel_rest"), NOBODY),
    "action bulk.ask_again": Row(button("bulk.ask_again"), NOBODY),
    "action thing.look_up": Row(form_button("thing.look_up"), NOBODY),
    "action iccid.take": Row(form_button("iccid.take"), NOBODY),
    "action imei.take": Row(form_button("imei.take"), NOBODY),
    "action imei.take_kept": Row(form_button("imei.take_kept"), NOBODY),
    "action tac.take": Row(form_button("tac.take"), NOBODY),
    "action things_group.take": Row(form_button("things_group.take"), NOBODY),
    f"action {SELECT.pattern}": Row(form_button("things_group.v0"), NOBODY),
    f"options {SELECT.pattern}": Row(typing, NOBODY),
    "action form.reopen": Row(form_button("form.reopen", REOPENED), NOBODY),
    "action bulk.send": Row(button("bulk.send"), NOBODY),  # whose plan it is: `test_bulk_planned`
    "action bulk.reopen": Row(look_up_button("bulk.reopen"), NOBODY),
    "action bulk.template": Row(form_button("bulk.template"), NOBODY),
    "action status.show": Row(look_up_button("status.show"), NOBODY),
    "action status.share": Row(look_up_button("status.share"), NOBODY),
    "action history.show": Row(look_up_button("history.show", "group ThingsGroupId_1"), NOBODY),
    "action lookup.newer": Row(look_up_button("lookup.newer", TURNED), NOBODY),
    "action lookup.older": Row(look_up_button("lookup.older", TURNED), NOBODY),
    **{f"action {each}": Row(home_button(each), NOBODY) for each in home.ACTIONS},
    "event app_home_opened": Row(home_opened, NOBODY),
    "event subteam_members_changed": Row(event("subteam_members_changed"), NOBODY),
    "event subteam_updated": Row(event("subteam_updated"), NOBODY),
}


class Noting(AsyncApp):
    """Bolt, noting what is listened to."""

    def __init__(self) -> None:
        super().__init__(token="xoxb-none", signing_secret="none")
        self.noted: list[str] = []

    def _note(self, kind: str, key: Any) -> None:
        key = key.pattern if isinstance(key, re.Pattern) else key
        self.noted.append(f"{key['type']} {key['callback_id']}" if isinstance(key, dict) else f"{kind} {key}")

    def command(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self._note("command", key)
        return super().command(key, *args, **kwargs)

    def message_shortcut(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self._note("message shortcut", key)
        return super().message_shortcut(key, *args, **kwargs)

    def global_shortcut(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self._note("shortcut", key)
        return super().global_shortcut(key, *args, **kwargs)

    def view(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self._note("view", key)
        return super().view(key, *args, **kwargs)

    def action(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self._note("action", key)
        return super().action(key, *args, **kwargs)

    def options(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self._note("options", key)
        return super().options(key, *args, **kwargs)

    def event(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self._note("event", key)
        return super().event(key, *args, **kwargs)


async def test_every_registered_listener_has_a_row(stage: Stage) -> None:
    assert stage.bot
    app = Noting()
    listeners.register(app, stage.bot.desk)
    assert sorted(app.noted) == sorted(LISTENERS)
    assert len(app._async_listeners) == len(LISTENERS), "registered in another way than noted here"


@pytest.mark.timeout(240)  # every listener as everybody, one after the other
async def test_no_listener_changes_anything_without_the_role_and_refusals_are_audited(stage: Stage) -> None:
    await refuse(stage, LISTENERS)


@pytest.mark.timeout(240)
async def test_every_listener_changes_something_for_each_who_has_the_role(stage: Stage) -> None:
    await allow(stage, LISTENERS, each=True)


@pytest.mark.timeout(240)
async def test_nobody_comes_through_a_listener_under_a_forged_name(stage: Stage) -> None:
    on = await ground(stage)
    before = await state(stage)
    going = [
        refusable(row.go(replace(on, disguise=disguise), user))
        for row in LISTENERS.values()
        for disguise in FORGED.values()
        for user in sorted(row.may or {"U0ENG1"})[:1]
    ]
    for some in range(0, len(going), AT_ONCE):
        await finish(stage, asyncio.gather(*going[some : some + AT_ONCE]))
        assert await state(stage) == before, sorted(LISTENERS)[some // len(FORGED)]
    assert not any(stage.monogoto.writes.values())


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


WAYS_TO_A_FORM = ["/lock-thing", "/unlock-thing", "/lock-group", "/unlock-group"] + [
    f"{kind}.open" for kind in ("lock_thing", "unlock_thing", "lock_things_group", "unlock_things_group")
]


async def test_a_form_opens_only_for_those_who_may_ask(stage: Stage) -> None:
    everybody = list(stage.slack.workspace.users)
    for name in WAYS_TO_A_FORM:
        known = len(await audited(stage))
        way = stage.slack.payloads.command if name.startswith("/") else stage.slack.payloads.shortcut
        for user in everybody:
            await stage.slack.deliver(way(user, name))
        await idle(stage)
        assert {user for user in everybody if has_form(stage, user)} == ENGINEERS, name
        entries = (await audited(stage))[known:]
        assert {who for _, outcome, who in entries if outcome == "refused"} == set(everybody) - ENGINEERS, (
            name
        )
        for user in everybody:
            while view := stage.person(user).modal:
                await stage.person(user).close(view)


def has_form(stage: Stage, user: str) -> bool:
    view = stage.person(user).modal
    return bool(view and view.content.get("submit"))


# --- past the listeners --------------------------------------------------------------------------


def person(user_id: str) -> Person:
    return Person(user_id, "T0OTHER" if user_id == "U0OTHER" else "T0TEAM")


async def approve(on: Ground, user_id: str) -> object:
    return await on.desk.requests.approve(person(user_id), HERE, on.request.id, on.request.fingerprint)


async def may_approve(on: Ground, user_id: str) -> object:
    return await on.desk.requests.may_approve(person(user_id), HERE, on.request.id)


async def count_again(on: Ground, user_id: str) -> object:
    """Of one SIM there is nothing to count; of a group: see the scenarios of groups that are counted."""
    return await on.desk.requests.count_again(person(user_id), HERE, on.request.id)


async def deny(on: Ground, user_id: str) -> object:
    return await on.desk.requests.deny(person(user_id), HERE, on.request.id, "Wrong box")


async def may_deny(on: Ground, user_id: str) -> object:
    return await on.desk.requests.may_deny(person(user_id), HERE, on.request.id)


async def cancel(on: Ground, user_id: str) -> object:
    return await on.desk.requests.cancel(person(user_id), HERE, on.request.id)


async def expire(on: Ground, _: str) -> object:
    return await on.desk.requests.expire(on.request)


def sent(on: Ground, user_id: str) -> tuple[Submission, LockThing]:
    fields = {"iccid": on.iccid, "imei": on.imei, "reason": "Stolen box"}
    kept = Submission(
        on.desk.new_id(),
        on.desk.new_id(),
        person(user_id),
        HERE,
        on.form.id,
        "lock_thing",
        fields,
        on.desk.clock.now(),
    )
    return kept, LockThing(Iccid(on.iccid), Imei(on.imei))


async def keep(on: Ground, user_id: str) -> object:
    return await on.desk.submissions.keep(sent(on, user_id)[0])


async def give_back(on: Ground, user_id: str) -> object:
    kept, _ = sent(on, user_id)
    await on.desk.submissions.keep(kept)
    return await on.desk.submissions.give_back(kept)


async def submit(on: Ground, user_id: str) -> object:
    kept, change = sent(on, user_id)
    await on.desk.submissions.keep(kept)
    return await on.desk.submissions.submit(kept, change)


async def status(on: Ground, user_id: str) -> object:
    return await on.desk.lookups.status(person(user_id), HERE, on.iccid)


async def status_of(on: Ground, user_id: str) -> object:
    return await on.desk.lookups.status_of(person(user_id), HERE, ThingKey(Iccid(on.iccid)))


async def status_to_share(on: Ground, user_id: str) -> object:
    return await on.desk.lookups.status_to_share(person(user_id), HERE, ThingKey(Iccid(on.iccid)))


async def requests_page(on: Ground, user_id: str) -> object:
    return await on.desk.lookups.page(person(user_id), HERE, "requests", Which(), fresh=False)


async def history_page(on: Ground, user_id: str) -> object:
    return await on.desk.lookups.page(person(user_id), HERE, "history", Which(), fresh=False)


async def target_of(on: Ground, user_id: str) -> object:
    return await on.desk.lookups.target_of(person(user_id), HERE, on.iccid)


async def overview(on: Ground, user_id: str) -> object:
    return await on.desk.lookups.overview(person(user_id))


async def target_chosen(on: Ground, user_id: str) -> object:
    key = GroupKey(ThingsGroupId("G1"))
    return await on.desk.lookups.target_chosen(person(user_id), HERE, key)


async def may_undo(on: Ground, user_id: str) -> object:
    return await on.desk.undoing.may_open(person(user_id), HERE, DONE)


async def undo(on: Ground, user_id: str) -> object:
    kept = replace(sent(on, user_id)[0], kind="undo", fields={"undoes": DONE, "reason": "Wrong SIM"})
    await on.desk.submissions.keep(kept)
    return await on.desk.undoing.submit(kept)


METHODS = {
    "Requests.approve": Row(approve, APPROVERS),
    "Requests.deny": Row(deny, APPROVERS),
    "Requests.may_approve": Row(may_approve, NOBODY),
    "Requests.count_again": Row(count_again, NOBODY),
    "Requests.may_deny": Row(may_deny, NOBODY),
    "Requests.cancel": Row(cancel, REQUESTER),
    "Requests.expire": Row(expire, NOBODY),
    "Lookups.status": Row(status, NOBODY),
    "Lookups.status_of": Row(status_of, NOBODY),
    "Lookups.status_to_share": Row(status_to_share, NOBODY),
    "Lookups.page": Row(requests_page, NOBODY),
    "Lookups.overview": Row(overview, NOBODY),
    "Lookups.target_of": Row(target_of, NOBODY),
    "Lookups.target_chosen": Row(target_chosen, NOBODY),
    "Submissions.keep": Row(keep, NOBODY),
    "Submissions.give_back": Row(give_back, NOBODY),
    "Submissions.submit": Row(submit, ENGINEERS),
    "Undoing.may_open": Row(may_undo, NOBODY),
    "Undoing.submit": Row(undo, ENGINEERS),
}


def test_every_use_case_has_a_row() -> None:
    public = {
        f"{use_case.__name__}.{name}"
        for use_case in (Lookups, Requests, Submissions, Undoing)
        for name, _ in inspect.getmembers(use_case, inspect.isfunction)
        if not name.startswith("_")
    }
    assert public == set(METHODS)


@pytest.mark.timeout(240)
async def test_no_use_case_changes_anything_without_the_role(stage: Stage) -> None:
    await refuse(stage, METHODS)


@pytest.mark.timeout(240)
async def test_every_use_case_changes_something_for_one_who_has_the_role(stage: Stage) -> None:
    await allow(stage, METHODS)


SEES = {
    "requests": {"U0ENG1", "U0ENG2", "U0SUP1", NAMED_GUEST} | APPROVERS,
    "history": {"U0SUP1", "U0ENG1", NAMED_GUEST} | APPROVERS,
}


async def test_only_whom_the_policy_names_sees_a_look_up(stage: Stage) -> None:
    """The engineer U0ENG1 is an approver too on this stage, and so reads the history."""
    on = await ground(stage)
    ways = {"requests": requests_page, "history": history_page}
    for lookup, way in ways.items():
        seeing = set()
        for user in stage.slack.workspace.users:
            with suppress(Refusal):
                await way(on, user)
                seeing.add(user)
        assert seeing == SEES[lookup], lookup


def call(user_id: str) -> Call:
    return Call(person(user_id), HERE)


async def open_again(on: Ground, user_id: str) -> object:
    trigger = on.stage.slack.payloads.command(user_id, "/lock-thing")["trigger_id"]
    ours = replace(call(user_id), trigger_id=trigger)
    return await asking.open_form(on.desk, ours, forms.KINDS["lock_thing.submit"], {})


async def look_up(on: Ground, user_id: str) -> object:
    return await looking_up.look_up(on.desk, call(user_id), on.form.payload(), on.iccid)


async def open_request_line(on: Ground, _: str) -> object:
    return await looking_up.open_request_line(on.desk, on.request.id)


async def check(on: Ground, user_id: str) -> object:
    kept, change = sent(on, user_id)
    await on.desk.submissions.keep(kept)
    return await asking.check(on.desk, kept, form_state.Form(change.kind, "C0FIELD", "n"), change)


async def resume(on: Ground, user_id: str) -> object:
    await on.desk.submissions.keep(sent(on, user_id)[0])
    return await asking.resume(on.desk, {})


FLOWS = {
    "open_form": Row(open_again, NOBODY),
    "look_up": Row(look_up, NOBODY),
    "open_request_line": Row(open_request_line, NOBODY),
    "check": Row(check, ENGINEERS),
    "resume": Row(resume, ENGINEERS, audited=False),  # goes on with what others have sent, too
}


def test_every_flow_of_a_form_has_a_row() -> None:
    public = {
        name
        for module in (asking, looking_up)
        for name, flow in inspect.getmembers(module, inspect.iscoroutinefunction)
        if flow.__module__ == module.__name__ and not name.startswith("_")
    }
    assert public == set(FLOWS)


@pytest.mark.timeout(240)
async def test_no_flow_of_a_form_changes_anything_without_the_role(stage: Stage) -> None:
    await refuse(stage, FLOWS)


@pytest.mark.timeout(240)
async def test_every_flow_of_a_form_changes_something_for_one_who_has_the_role(stage: Stage) -> None:
    await allow(stage, FLOWS)


# --- the command line ----------------------------------------------------------------------------

SILENT = ("check", "health", "audit verify", "audit export")
"""Verbs that work beside a running bot, and change nothing."""
REFUSED = ("migrate", "move --to sqlite:///elsewhere.db")
"""Verbs that a bot keeps out while it runs on a file. On a server, where replicas of several versions
run side by side, `migrate` finds nothing to do, and changes nothing either."""
VERBS = {*SILENT, "migrate", "move", "run", "probe"}
"""`run` is the bot itself, who listens to Slack; `probe` wants a person at a terminal."""


def test_every_verb_of_the_command_line_has_a_row() -> None:
    assert sorted(verbs(_parser())) == sorted(VERBS)


def verbs(parser: argparse.ArgumentParser, before: str = "") -> Iterator[str]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for name, inner in action.choices.items():
            yield from verbs(inner, f"{before}{name} ")
    if not below:
        yield before.strip()


async def test_no_verb_of_the_command_line_decides_changes_or_writes_anything(stage: Stage) -> None:
    """Whoever has a shell on the host gets no role by it."""
    await ground(stage)
    before = [*await state(stage), *await audited(stage)]
    environment = stage.environment()
    for verb in (*SILENT, *REFUSED):
        code = await asyncio.to_thread(_run_verb, verb.split(), environment, stage.folder)
        beside = verb in SILENT or (verb == "migrate" and not stage.database_url.startswith("sqlite"))
        assert code == 2 or beside, f"{verb}: a bot runs"
        assert [*await state(stage), *await audited(stage)] == before, verb


def _run_verb(arguments: list[str], environment: dict[str, str], folder: Path) -> int:
    return subprocess.run(
        warm.bot(*arguments),
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        timeout=50,
        check=False,
    ).returncode
