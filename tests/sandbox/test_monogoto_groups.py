"""The local Monogoto's Things Groups: read, listed, and written without a `cas`."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from bot.sandbox.monogoto.records import ABSENT
from tests.sandbox.monogoto_caller import DEVICE, TAC, Caller

DOCUMENTED = {"ThingsGroupId", "ThingsGroupName", "TelephonyProfileId", "IMEIPrefix", "LockMasterImei"}
OTHER = "866962049990001"


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with LocalMonogoto(ManualClock(), things=120, groups=60) as sim, Caller(sim) as caller:
        yield caller


@pytest.fixture
def group_id(caller: Caller) -> str:
    return caller.sim.examples.open_group


def changed(caller: Caller, group_id: str) -> dict[str, tuple[Any, Any]]:
    """By the last write, its time aside."""
    pairs = caller.sim.group_writes[group_id][-1].changed
    return {key: pair for key, pair in pairs.items() if key != "DateModified"}


# --- what a group holds --------------------------------------------------------------------------------


async def test_a_group_has_fields_of_every_json_type_that_no_page_mentions(
    caller: Caller, group_id: str
) -> None:
    group = await caller.group(group_id)
    more = {key: group[key] for key in group.keys() - DOCUMENTED}
    assert group.keys() - more.keys() == DOCUMENTED
    assert {type(value) for value in more.values()} == {str, int, float, bool, list, dict, type(None)}


async def test_the_odd_groups_are_as_named(caller: Caller) -> None:
    examples = caller.sim.examples
    hostile = await caller.group(examples.hostile_group)
    texts = (hostile["ThingsGroupName"], hostile["Description"], hostile["Contact"]["Name"])
    assert all("<!channel>" in text for text in texts)
    twins = [await caller.group(twin) for twin in examples.twin_groups]
    assert twins[0]["ThingsGroupName"] == twins[1]["ThingsGroupName"]
    never = await caller.group(examples.never_locked_group)
    assert (never["IMEIPrefix"], never["LockMasterImei"]) == (None, None)
    assert not {"IMEIPrefix", "LockMasterImei"} & set(await caller.group(examples.keyless_group))
    rangeless = await caller.group(examples.rangeless_group)
    assert (rangeless["IMEIPrefix"], rangeless["LockMasterImei"]) == ("", True)


async def test_a_few_things_are_in_the_locked_group_and_most_in_the_open_one(caller: Caller) -> None:
    examples = caller.sim.examples
    inside = set(caller.sim.iccids_in(examples.locked_group))
    assert {examples.in_locked_group.iccid, examples.never_seen_in_locked_group.iccid} <= inside
    assert len(inside) >= 5
    assert len(caller.sim.iccids_in(examples.open_group)) > len(inside)


# --- the write -----------------------------------------------------------------------------------------


async def test_a_write_answers_the_bare_id_as_text_and_is_read_back(caller: Caller, group_id: str) -> None:
    before = await caller.group(group_id)
    answer = await caller.lock_group(group_id)
    assert (answer.status_code, answer.text) == (200, group_id)
    assert answer.headers["content-type"].startswith("text/plain")
    after = await caller.group(group_id)
    assert after == before | {
        "IMEIPrefix": TAC,
        "LockMasterImei": True,
        "DateModified": after["DateModified"],
    }


async def test_the_time_of_change_moves_with_a_write_unless_it_is_told_to_stand(
    caller: Caller, group_id: str
) -> None:
    before = (await caller.group(group_id))["DateModified"]
    await caller.lock_group(group_id)
    moved = (await caller.group(group_id))["DateModified"]
    caller.sim.clock.advance(60)
    caller.sim.settings.change(group_modified_moves=False)
    await caller.lock_group(group_id)
    assert before < moved == (await caller.group(group_id))["DateModified"]


async def test_the_last_writer_wins(caller: Caller, group_id: str) -> None:
    for prefix in (TAC, "86696204"):
        assert (await caller.lock_group(group_id, IMEIPrefix=prefix, cas="1")).status_code == 200
    assert (await caller.group(group_id))["IMEIPrefix"] == "86696204"


async def test_what_is_sent_is_stored_even_if_it_is_nonsense(caller: Caller, group_id: str) -> None:
    await caller.lock_group(group_id, LockMasterImei="true", IMEIPrefix="12", Fresh={"a": [1]})
    group = await caller.group(group_id)
    assert (group["LockMasterImei"], group["IMEIPrefix"], group["Fresh"]) == ("true", "12", {"a": [1]})


async def test_an_empty_range_clears_it(caller: Caller) -> None:
    locked = caller.sim.examples.locked_group
    await caller.lock_group(locked, IMEIPrefix="", LockMasterImei=False)
    group = await caller.group(locked)
    assert (group["IMEIPrefix"], group["LockMasterImei"]) == ("", False)


async def test_validation_can_be_switched_on(caller: Caller, group_id: str) -> None:
    caller.sim.settings.change(validates_tac=True)
    answers = [(await caller.lock_group(group_id, IMEIPrefix=sent)).status_code for sent in ("12", "", TAC)]
    assert answers == [400, 200, 200]


async def test_the_id_of_a_group_never_changes(caller: Caller, group_id: str) -> None:
    await caller.lock_group(group_id, ThingsGroupId="ThingsGroupId_other")
    assert (await caller.group(group_id))["ThingsGroupId"] == group_id
    with pytest.raises(ValueError, match="ThingsGroupId"):
        caller.sim.console_edit_group(group_id, ThingsGroupId="ThingsGroupId_other")


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\udcff"])
async def test_a_body_that_is_no_object_is_refused(caller: Caller, group_id: str, content: str) -> None:
    raw = content.encode("utf-8", "surrogateescape")
    answer = await caller.call("PUT", f"/thingsgroup/{group_id}", content=raw)
    assert answer.status_code == 400
    assert not caller.sim.group_writes[group_id]


# --- keys that are left out ----------------------------------------------------------------------------


async def test_replacing_clears_documented_keys_left_out_and_leaves_the_others(caller: Caller) -> None:
    group_id = caller.sim.examples.locked_group
    before = await caller.group(group_id)
    await caller.put(group_id, LockMasterImei=True)
    assert changed(caller, group_id) == {
        key: (before[key], "") for key in ("ThingsGroupName", "TelephonyProfileId", "IMEIPrefix")
    }


async def test_replacing_without_a_lock_unlocks(caller: Caller) -> None:
    group_id = caller.sim.examples.locked_group
    await caller.put(group_id, IMEIPrefix=TAC)
    assert (await caller.group(group_id))["LockMasterImei"] is False


async def test_merging_changes_only_keys_that_are_sent(caller: Caller, group_id: str) -> None:
    caller.sim.settings.change(group_put="merge")
    await caller.put(group_id, LockMasterImei=True)
    assert changed(caller, group_id) == {"LockMasterImei": (False, True)}


async def test_the_worst_reading_drops_the_undocumented_too(caller: Caller, group_id: str) -> None:
    caller.sim.settings.change(group_put="replace_all")
    before = await caller.group(group_id)
    await caller.lock_group(group_id)
    gone = before.keys() - DOCUMENTED - {"DateModified"}
    assert {key for key, pair in changed(caller, group_id).items() if pair[1] is ABSENT} == gone
    caller.sim.console_edit_group(group_id, Notes="kept if sent")
    await caller.lock_group(group_id, Notes="kept if sent")
    assert changed(caller, group_id) == {}


# --- who may -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "status"), [("404_text", 404), ("200_null", 200), ("400", 400)])
async def test_a_write_to_an_unknown_group_is_answered_as_set(caller: Caller, mode: str, status: int) -> None:
    caller.sim.settings.change(unknown_id=mode)
    answer = await caller.put("ThingsGroupId_x", LockMasterImei=True)
    assert answer.status_code == status
    assert not caller.sim.group_writes.get("ThingsGroupId_x")


async def test_a_monitor_may_not_write_a_group(caller: Caller, group_id: str) -> None:
    caller.sim.settings.change(profile="monitor")
    assert (await caller.lock_group(group_id)).status_code == 403
    assert (await caller.group(group_id))["LockMasterImei"] is False


async def test_a_group_user_reads_writes_and_lists_own_groups_only(caller: Caller, group_id: str) -> None:
    own = caller.sim.examples.locked_group
    caller.sim.settings.change(profile="group_user", own_groups=[own])
    assert (await caller.lock_group(group_id)).status_code == 404
    assert (await caller.lock_group(own)).status_code == 200
    listed = (await caller.call("GET", "/thingsgroups")).json()
    assert [row["ThingsGroupId"] for row in listed] == [own]


# --- the listing ---------------------------------------------------------------------------------------


async def test_groups_are_listed_in_pages_of_at_most_fifty_that_end(caller: Caller) -> None:
    assert (await caller.call("GET", "/thingsgroups?limit=51")).status_code == 400
    assert (await caller.call("GET", "/thingsgroups?offset=x")).status_code == 400
    pages = [(await caller.call("GET", f"/thingsgroups?limit=50&offset={at}")).json() for at in (0, 50, 100)]
    assert [len(page) for page in pages] == [50, 10, 0]
    rows = pages[0] + pages[1]
    assert [row["ThingsGroupId"] for row in rows] == list(caller.sim.group_ids)
    assert all(row["ThingsGroupName"] and len(row) >= 4 and "LockMasterImei" not in row for row in rows)


@pytest.mark.parametrize("order", ["ASC", "DESC"])
async def test_groups_are_sorted_by_name_where_asked(caller: Caller, order: str) -> None:
    rows = (await caller.call("GET", "/thingsgroups", params={"sortBy[ThingsGroupName]": order})).json()
    names = [row["ThingsGroupName"] for row in rows]
    assert names == sorted(names, reverse=order == "DESC")


async def test_the_listing_may_not_exist_at_all(caller: Caller) -> None:
    caller.sim.settings.change(groups_listing="missing")
    answer = await caller.call("GET", "/thingsgroups")
    assert answer.status_code == 404
    assert not answer.text.startswith(("{", "["))


# --- devices -------------------------------------------------------------------------------------------


async def test_a_lock_set_by_put_is_felt_by_devices_and_lifted_by_put(caller: Caller, group_id: str) -> None:
    sim = caller.sim
    iccid = sim.examples.fresh.iccid
    await caller.lock_group(group_id)
    held = sim.thing(iccid)
    assert not sim.data_session(iccid, OTHER).accepted
    assert sim.thing(iccid) == held
    assert sim.data_session(iccid, DEVICE).accepted
    assert sim.thing(iccid)["IMEI"] == DEVICE
    await caller.lock_group(group_id, LockMasterImei=False)
    assert sim.data_session(iccid, OTHER).accepted


@pytest.mark.parametrize(
    ("wins", "device", "in_range"), [("both", False, False), ("thing", True, False), ("group", False, True)]
)
async def test_where_both_locks_are_on_the_switch_says_which_counts(
    caller: Caller, wins: str, device: bool, in_range: bool
) -> None:
    """The Thing is locked to OTHER, its group to a range that OTHER is out of."""
    sim = caller.sim
    sim.settings.change(lock_wins=wins)
    iccid, group_id = sim.examples.fresh.iccid, sim.examples.fresh.group_id
    sim.console_edit(iccid, MasterIMEI=OTHER, LockMasterImei=True)
    sim.console_edit_group(group_id, IMEIPrefix=TAC, LockMasterImei=True)
    assert [sim.data_session(iccid, imei).accepted for imei in (OTHER, DEVICE)] == [device, in_range]
    sim.console_edit_group(group_id, LockMasterImei=False)
    assert [sim.data_session(iccid, imei).accepted for imei in (OTHER, DEVICE)] == [True, False]
    sim.console_edit_group(group_id, LockMasterImei=True)
    sim.console_edit(iccid, LockMasterImei=False)
    assert [sim.data_session(iccid, imei).accepted for imei in (OTHER, DEVICE)] == [False, True]


@pytest.mark.parametrize("empty", ["", None, ABSENT])
def test_a_groups_lock_without_a_range_does_what_the_switch_says(empty: Any) -> None:
    sim = LocalMonogoto(ManualClock(), things=0)
    iccid = sim.examples.fresh.iccid
    sim.console_edit_group(sim.examples.open_group, IMEIPrefix=empty, LockMasterImei=True)
    assert not sim.data_session(iccid, DEVICE).accepted
    sim.settings.change(empty_lock="ignored")
    assert sim.data_session(iccid, DEVICE).accepted
