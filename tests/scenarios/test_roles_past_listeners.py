"""Use cases and flows of forms, called past the listeners: they ask for the role themselves.

A new use case or flow needs a row here, or a test fails.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import replace

import pytest

from bot.domain.changes import LockThing
from bot.domain.errors import Refusal
from bot.domain.identifiers import Iccid, Imei, ThingsGroupId
from bot.domain.requests import Person
from bot.sandbox.stage import Stage
from bot.services.answers import GroupKey, ThingKey
from bot.services.lookups import Lookups
from bot.services.ports import Submission, Which
from bot.services.requests import Requests
from bot.services.submission import Submissions
from bot.services.undoing import Undoing
from bot.slack import asking, form_state, forms, looking_up
from bot.slack.desk import Call
from tests.conftest import OpenStage
from tests.scenarios.roles import (
    APPROVERS,
    DONE,
    ENGINEERS,
    HERE,
    NAMED_GUEST,
    NOBODY,
    REQUESTER,
    Ground,
    Row,
    allow,
    ground,
    refuse,
    with_outsiders,
)


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await with_outsiders(open_stage)


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
