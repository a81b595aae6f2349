"""Every listener, as every person: nothing changes without the role, and every refusal is audited.

A new listener needs a row here, or a test fails.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp

from bot.sandbox.slack.views import View
from bot.sandbox.slack.workspace import BOT_USER_ID
from bot.sandbox.stage import Stage
from bot.slack import home, listeners
from bot.slack.choosing import SELECT
from tests.conftest import OpenStage
from tests.scenarios.acts import audited, idle
from tests.scenarios.roles import (
    APPROVERS,
    AT_ONCE,
    DONE,
    ENGINEERS,
    NOBODY,
    REQUESTER,
    Disguise,
    Ground,
    Row,
    Way,
    allow,
    finish,
    ground,
    refusable,
    refuse,
    state,
    with_outsiders,
)


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await with_outsiders(open_stage)


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
