"""What can go wrong with a group's write, and who else changes the group meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.monogoto.records import ABSENT
from tests.sandbox.monogoto_caller import DEVICE, TAC, Caller

APPLIED = ("drop_after", "hang_after", "error_after", "truncated_json", "cas_moves_first", "wrong_thing")
READ = ("GET", "/thingsgroup/")
WRITE = ("PUT", "/thingsgroup/")
RENAMED = {"ThingsGroupName": "Renamed at the console"}


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with LocalMonogoto(ManualClock(), things=0) as sim, Caller(sim) as caller:
        yield caller


@pytest.fixture
def group_id(caller: Caller) -> str:
    return caller.sim.examples.open_group


@pytest.fixture
async def control(caller: Caller) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{caller.sim.url}/control", trust_env=False) as client:
        yield client


@pytest.mark.parametrize("what", [*APPLIED, "drop_before", "hang", "refused", "error_html", "error_json",
                                  "html_200", "rate_limited", "unauthorized", "does_not_stick"])  # fmt: skip
async def test_a_fault_applies_the_write_or_not_as_its_name_says(
    caller: Caller, group_id: str, what: Any
) -> None:
    caller.sim.fail(WRITE, what)
    try:
        async with asyncio.timeout(0.2 if what.startswith("hang") else None):
            await caller.lock_group(group_id)
    except (httpx.TransportError, TimeoutError):
        pass
    assert len(caller.sim.group_writes[group_id]) == (what in APPLIED)
    assert (caller.sim.group(group_id)["IMEIPrefix"] == TAC) == (what in APPLIED)
    assert len(caller.sim.calls_to("PUT", f"/thingsgroup/{group_id}")) == 1
    assert (await caller.lock_group(group_id)).text == group_id


@pytest.mark.parametrize(
    ("what", "status", "expected"),
    [("refused", None, 400), ("refused", 404, 404), ("refused", 409, 409),
     ("error_html", None, 502), ("error_html", 500, 500), ("error_json", 503, 503)],
)  # fmt: skip
async def test_a_refusal_has_the_status_asked_for(
    caller: Caller, group_id: str, what: Any, status: int | None, expected: int
) -> None:
    caller.sim.fail(WRITE, what, status=status)
    answer = await caller.lock_group(group_id)
    assert answer.status_code == expected
    assert answer.text.startswith("<html>" if what == "error_html" else "{")


async def test_429_tells_how_long_to_wait(caller: Caller, group_id: str) -> None:
    caller.sim.fail(WRITE, "rate_limited", seconds=7)
    assert (await caller.lock_group(group_id)).headers["retry-after"] == "7"


async def test_a_write_that_does_not_stick_looks_like_one_that_did(caller: Caller, group_id: str) -> None:
    before = await caller.group(group_id)
    caller.sim.fail(WRITE, "does_not_stick")
    answer = await caller.lock_group(group_id)
    assert (answer.status_code, answer.text) == (200, group_id)
    assert await caller.group(group_id) == before


async def test_an_answer_may_be_about_another_group(caller: Caller, group_id: str) -> None:
    caller.sim.fail(("*", "/thingsgroup/"), "wrong_thing", times=2)
    assert (await caller.lock_group(group_id)).text != group_id
    assert (await caller.group(group_id))["ThingsGroupId"] != group_id


async def test_the_vendor_may_change_and_drop_other_fields_with_the_write(
    caller: Caller, group_id: str
) -> None:
    caller.sim.fail(
        WRITE, "changes_too", keys={"Contact": None, "RatePlanId": ABSENT, "TelephonyProfileId": ""}
    )
    before = await caller.group(group_id)
    await caller.lock_group(group_id)
    moved = caller.sim.group_writes[group_id][0].changed
    moved.pop("DateModified")
    assert moved == {
        "IMEIPrefix": ("", TAC),
        "LockMasterImei": (False, True),
        "Contact": (before["Contact"], None),
        "RatePlanId": (before["RatePlanId"], ABSENT),
        "TelephonyProfileId": (before["TelephonyProfileId"], ""),
    }
    assert caller.sim.group_writes[group_id][0].body.keys() >= {"ThingsGroupName", "TelephonyProfileId"}


async def test_a_rename_right_before_the_write_is_written_over(caller: Caller, group_id: str) -> None:
    name = caller.sim.group(group_id)["ThingsGroupName"]
    caller.sim.fail(WRITE, "edited_first", keys=RENAMED)
    await caller.lock_group(group_id)
    write = caller.sim.group_writes[group_id][0]
    assert write.changed["ThingsGroupName"] == (RENAMED["ThingsGroupName"], name)
    assert (await caller.group(group_id))["ThingsGroupName"] == name


async def test_a_rename_right_before_a_merging_write_stays(caller: Caller, group_id: str) -> None:
    caller.sim.settings.change(group_put="merge")
    caller.sim.fail(WRITE, "edited_first", keys=RENAMED)
    await caller.put(group_id, LockMasterImei=True)
    assert RENAMED.items() <= (await caller.group(group_id)).items()


async def test_a_rename_right_after_the_read_makes_what_was_read_old(caller: Caller, group_id: str) -> None:
    old = caller.sim.group(group_id)
    caller.sim.fail(READ, "edited_after", keys=RENAMED)
    assert await caller.group(group_id) == old
    assert RENAMED.items() <= (await caller.group(group_id)).items()
    assert not caller.sim.group_writes[group_id]


async def test_an_edit_right_after_the_write_shows_in_the_read_back(caller: Caller, group_id: str) -> None:
    caller.sim.fail(WRITE, "edited_after", keys={"LockMasterImei": False})
    await caller.lock_group(group_id)
    assert caller.sim.group_writes[group_id][0].after["LockMasterImei"] is True
    assert (await caller.group(group_id))["LockMasterImei"] is False


async def test_things_can_be_edited_around_a_call_too(caller: Caller) -> None:
    iccid = caller.sim.examples.fresh.iccid
    caller.sim.fail(("PUT", "/thing/update"), "edited_first", keys={"MasterIMEI": "1"})
    assert (await caller.lock(iccid)).status_code == 409
    caller.sim.fail(("PUT", "/thing/update"), "changes_too", keys={"ThingName": "Changed"})
    assert (await caller.lock(iccid)).status_code == 200
    assert set(caller.sim.writes[iccid][0].keys) == {"LockMasterImei", "MasterIMEI"}
    caller.sim.fail(("GET", "/thing/"), "edited_after", keys={"ThingName": "Later"})
    assert (await caller.thing(iccid)).json()["ThingName"] == "Changed"
    assert caller.sim.thing(iccid)["ThingName"] == "Later"
    assert caller.sim.thing(iccid)["MasterIMEI"] == DEVICE


def test_keys_belong_to_faults_that_change_something() -> None:
    sim = LocalMonogoto(ManualClock(), things=0)
    with pytest.raises(ValueError, match="keys"):
        sim.fail(WRITE, "edited_first")
    with pytest.raises(ValueError, match="keys"):
        sim.fail(WRITE, "drop_after", keys=RENAMED)


async def test_a_page_edits_a_group_as_the_console_would(
    caller: Caller, control: httpx.AsyncClient, group_id: str
) -> None:
    sent = {**RENAMED, "IMEIPrefix": TAC, "LockMasterImei": True, "TelephonyProfileId": "T", "Notes": [1]}
    assert (await control.post(f"/groups/{group_id}/edit", json=sent)).status_code == 200
    assert sent.items() <= (await caller.group(group_id)).items()
    assert (await control.get(f"/groups/{group_id}")).json() == await caller.group(group_id)
    assert (await control.get(f"/groups/{group_id}/writes")).json() == []
    assert (await control.post(f"/groups/{group_id}/edit", json={"ThingsGroupId": "x"})).status_code == 400
    assert (await control.get("/groups/ThingsGroupId_x")).status_code == 400


async def test_a_page_sees_the_bodies_of_a_groups_writes_and_counts_those_that_arrived(
    caller: Caller, control: httpx.AsyncClient, group_id: str
) -> None:
    before = await caller.group(group_id)
    caller.sim.fail(WRITE, "error_html")
    for _ in range(2):
        await caller.put(group_id, ThingsGroupName="Sent")
    (write,) = (await control.get(f"/groups/{group_id}/writes")).json()
    assert (write["body"], write["before"]) == ({"ThingsGroupName": "Sent"}, before)
    assert write["after"] == await caller.group(group_id)
    query = {"method": "PUT", "path": f"/thingsgroup/{group_id}"}
    arrived = (await control.get("/calls", params=query)).json()
    assert [(call["status"], call["body"]) for call in arrived] == [
        (502, {"ThingsGroupName": "Sent"}),
        (200, {"ThingsGroupName": "Sent"}),
    ]


async def test_a_page_sets_faults_with_keys_and_status(
    caller: Caller, control: httpx.AsyncClient, group_id: str
) -> None:
    match = {"method": "put", "path": "/thingsgroup/"}
    await control.post("/faults", json=match | {"what": "refused", "status": 422})
    assert (await caller.lock_group(group_id)).status_code == 422
    more = {"what": "changes_too", "keys": {"Notes": "new"}, "absent": ["Tags"]}
    assert (await control.post("/faults", json=match | more)).status_code == 200
    await caller.lock_group(group_id)
    group = await caller.group(group_id)
    assert group["Notes"] == "new"
    assert "Tags" not in group
    assert (await control.post("/faults", json=match | {"what": "changes_too"})).status_code == 400
