"""The local Monogoto's calls as the vendor's documents, and nobody's documents, describe them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.sandbox.clock import ManualClock
from bot.sandbox.monogoto import LocalMonogoto
from tests.sandbox.monogoto_caller import DEVICE, Caller

APPLIED = ("drop_after", "hang_after", "error_after", "truncated_json")


@pytest.fixture
async def sim() -> AsyncIterator[LocalMonogoto]:
    async with LocalMonogoto(ManualClock(), things=120) as sim:
        yield sim


@pytest.fixture
async def caller(sim: LocalMonogoto) -> AsyncIterator[Caller]:
    async with Caller(sim) as caller:
        yield caller


async def log_in(caller: Caller, password: str) -> httpx.Response:
    return await caller.http.post("/Auth", json={"UserName": caller.sim.username, "Password": password})


async def test_logging_in_gives_a_token_that_works_until_it_expires(caller: Caller) -> None:
    caller.token = (await log_in(caller, caller.sim.password)).json()["token"]
    assert (await caller.thing(caller.sim.examples.fresh.iccid)).status_code == 200
    caller.sim.clock.advance(4 * 3600)
    assert (await caller.thing(caller.sim.examples.fresh.iccid)).status_code == 401


async def test_a_wrong_password_is_denied_with_the_status_set(caller: Caller) -> None:
    caller.sim.settings.change(failed_login_status=200)
    denied = await log_in(caller, "wrong")
    assert (denied.status_code, denied.text) == (200, "Access denied")


@pytest.mark.parametrize("token", ["none", "garbled", "a.b.c", "ü".encode().decode("latin-1")])
async def test_without_a_good_token_there_is_401(caller: Caller, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    assert (await caller.http.get("/things", headers=headers)).status_code == 401


async def test_all_tokens_can_be_expired_at_once(caller: Caller) -> None:
    caller.sim.expire_tokens()
    assert (await caller.thing(caller.sim.examples.fresh.iccid)).status_code == 401
    caller.token = caller.sim.mint_token()
    assert (await caller.thing(caller.sim.examples.fresh.iccid)).status_code == 200


async def test_a_monitor_may_read_but_not_write(caller: Caller) -> None:
    caller.sim.settings.change(profile="monitor")
    iccid = caller.sim.examples.fresh.iccid
    assert ((await caller.thing(iccid)).status_code, (await caller.lock(iccid)).status_code) == (200, 403)


async def test_a_group_user_sees_own_groups_only(caller: Caller) -> None:
    examples = caller.sim.examples
    caller.sim.settings.change(profile="group_user", own_groups=[examples.locked_group])
    assert (await caller.thing(examples.fresh.iccid)).status_code == 404
    assert (await caller.thing(examples.in_locked_group.iccid)).status_code == 200
    assert (await caller.call("GET", f"/thingsgroup/{examples.open_group}")).status_code == 404
    rows = (await caller.call("GET", "/things")).json()
    assert {row["ThingsGroupId"] for row in rows} == {examples.locked_group}


@pytest.mark.parametrize(
    ("mode", "status", "start"),
    [("404_text", 404, "Thing"), ("404_json", 404, "{"), ("200_null", 200, "null"), ("200_empty", 200, "{}"),
     ("400", 400, "Unknown"), ("500", 500, "{")],
)  # fmt: skip
async def test_an_unknown_id_is_answered_as_set(caller: Caller, mode: str, status: int, start: str) -> None:
    caller.sim.settings.change(unknown_id=mode)
    for path in (f"/thing/ThingId_ICCID_{caller.sim.examples.unknown_iccid}", "/thingsgroup/ThingsGroupId_x"):
        answer = await caller.call("GET", path)
        assert answer.status_code == status
        assert answer.text.startswith(start)


async def test_a_write_merges_only_its_keys_and_answers_text(caller: Caller) -> None:
    iccid = caller.sim.examples.fresh.iccid
    before = caller.sim.thing(iccid)
    answer = await caller.lock(iccid)
    assert (answer.status_code, answer.text) == (200, "Thing undefined successfully saved.")
    after = caller.sim.thing(iccid)
    moved = {key for key in after if after[key] != before[key]}
    assert moved == {"cas", "DateModified", "MasterIMEI", "LockMasterImei"}
    assert [write.keys["MasterIMEI"] for write in caller.sim.writes[iccid]] == [DEVICE]


async def test_what_is_sent_is_stored_even_if_it_is_nonsense(caller: Caller) -> None:
    iccid = caller.sim.examples.fresh.iccid
    assert (await caller.lock(iccid, LockMasterImei="true", MasterIMEI="12")).status_code == 200
    stored = caller.sim.thing(iccid)
    assert (stored["LockMasterImei"], stored["MasterIMEI"]) == ("true", "12")


async def test_validation_can_be_switched_on(caller: Caller) -> None:
    caller.sim.settings.change(validates_imei=True)
    assert (await caller.lock(caller.sim.examples.fresh.iccid, MasterIMEI="12")).status_code == 400


@pytest.mark.parametrize("mode", ["409", "412", "400", "500", "200"])
async def test_a_stale_cas_writes_nothing_and_is_answered_as_set(caller: Caller, mode: str) -> None:
    caller.sim.settings.change(stale_cas=mode)
    iccid = caller.sim.examples.fresh.iccid
    stale = caller.sim.thing(iccid)["cas"]
    caller.sim.data_session(iccid, DEVICE)
    answer = await caller.lock(iccid, cas=stale)
    assert answer.status_code == int(mode)
    assert "successfully" not in answer.text
    assert not caller.sim.writes[iccid]


async def test_a_cas_that_went_through_a_float_is_stale(caller: Caller) -> None:
    iccid = caller.sim.examples.fresh.iccid
    exact = int(caller.sim.thing(iccid)["cas"])
    assert (await caller.lock(iccid, cas=float(exact))).status_code == 409
    assert (await caller.lock(iccid, cas=exact)).status_code == 200


@pytest.mark.parametrize("missing", [{"cas": ""}, {"cas": 0}, {"cas": None}, {"ThingId": None}])
async def test_a_write_needs_cas_and_thing_id(caller: Caller, missing: dict[str, Any]) -> None:
    assert (await caller.lock(caller.sim.examples.fresh.iccid, **missing)).status_code == 400


async def test_the_other_forms_of_thing_id_count_only_when_lenient(caller: Caller) -> None:
    iccid = caller.sim.examples.fresh.iccid
    for form in (f"/thing/ThingId_ICCID_{iccid}", f" ThingId_ICCID_{iccid}"):
        caller.sim.settings.change(thing_id="lenient")
        assert (await caller.lock(iccid, ThingId=form)).status_code == 200
        caller.sim.settings.change(thing_id="strict")
        assert (await caller.lock(iccid, ThingId=form)).status_code == 404


async def test_listings_are_bare_arrays_of_at_most_fifty_that_end(caller: Caller) -> None:
    assert (await caller.call("GET", "/things?limit=51")).status_code == 400
    pages = [(await caller.call("GET", f"/things?limit=50&offset={at}")).json() for at in (0, 50, 100, 150)]
    assert [len(page) for page in pages] == [50, 50, 20, 0]
    assert "cas" not in pages[0][0]


async def test_rows_carry_the_lock_only_where_set(caller: Caller) -> None:
    locked = caller.sim.examples.locked
    query = {"filterBy[IMEI]": locked.imei}
    assert "MasterIMEI" not in (await caller.call("GET", "/things", params=query)).json()[0]
    caller.sim.settings.change(rows_with_lock=True)
    row = (await caller.call("GET", "/things", params=query)).json()[0]
    assert (row["MasterIMEI"], row["LockMasterImei"]) == (locked.imei, True)


@pytest.mark.parametrize("order", ["ASC", "DESC"])
async def test_pages_in_either_order_hold_every_thing_once_even_after_a_rename(
    caller: Caller, order: str
) -> None:
    caller.sim.console_edit(caller.sim.examples.online.iccid, ThingName="AAA")
    rows = []
    for offset in range(0, 150, 17):
        query = {"limit": 17, "offset": offset, "sortBy[ThingName]": order}
        rows += (await caller.call("GET", "/things", params=query)).json()
    names = [(row["ThingName"], row["ExternalUniqueId"]) for row in rows]
    assert names == sorted(names, reverse=order == "DESC")
    assert {iccid for _, iccid in names} == set(caller.sim.iccids)
    assert ("AAA", caller.sim.examples.online.iccid) in names


async def test_listings_sort_and_filter_and_may_leave_the_group_out(caller: Caller) -> None:
    twins = {caller.sim.examples.shared_imei.iccid, caller.sim.examples.shared_imei_twin.iccid}
    caller.sim.settings.change(rows_with_group=False)
    query = {"filterBy[IMEI]": caller.sim.examples.shared_imei.imei}
    rows = (await caller.call("GET", "/things", params=query)).json()
    assert {row["ExternalUniqueId"] for row in rows} == twins
    assert all("ThingsGroupId" not in row for row in rows)
    names = [row["ThingName"] for row in (await caller.call("GET", "/things?sortBy[ThingName]=ASC")).json()]
    assert names == sorted(names)


@pytest.mark.parametrize(("shape", "empty"), [("list", []), ("object", {})])
async def test_status_tells_sessions_in_either_shape(caller: Caller, shape: str, empty: object) -> None:
    caller.sim.settings.change(active_sessions=shape)
    ids = [
        f"ThingId_ICCID_{example.iccid}"
        for example in (caller.sim.examples.online, caller.sim.examples.fresh)
    ]
    answer = (await caller.call("GET", "/thing/status", params={"ThingIds": ",".join(ids)})).json()
    online, offline = answer["Data"]
    assert online["ActiveSessions"]
    assert offline["ActiveSessions"] == empty


async def test_state_is_read_and_written(caller: Caller) -> None:
    path = f"/thing/ThingId_ICCID_{caller.sim.examples.fresh.iccid}/state/"
    answer = await caller.call("PUT", path, json={"state": "SUSPENDED"})
    assert answer.text == "Thing state updated successfully."
    assert (await caller.call("GET", path)).json() == {"state": "SUSPENDED"}
    assert (await caller.call("PUT", path, json={"state": "RETIRED"})).status_code == 400


async def test_sessions_by_themselves_move_cas_as_often_as_set(caller: Caller) -> None:
    iccid = caller.sim.examples.fresh.iccid
    caller.sim.session_every(iccid, 1_000)
    first = (await caller.thing(iccid)).json()["cas"]
    assert (await caller.thing(iccid)).json()["cas"] == first
    caller.sim.clock.advance(1)
    assert (await caller.lock(iccid, cas=first)).status_code == 409
    caller.sim.session_every(iccid, None)
    assert (await caller.lock(iccid)).status_code == 200


@pytest.mark.parametrize("what", [*APPLIED, "drop_before", "hang", "error_html", "error_json",
                                  "html_200", "rate_limited", "unauthorized",
                                  "does_not_stick", "cas_moves_first"])  # fmt: skip
async def test_a_fault_applies_the_write_or_not_as_its_name_says(caller: Caller, what: Any) -> None:
    iccid = caller.sim.examples.fresh.iccid
    caller.sim.fail(("PUT", "/thing/update"), what)
    try:
        async with asyncio.timeout(0.2 if what.startswith("hang") else None):
            await caller.lock(iccid)
    except (httpx.TransportError, TimeoutError):
        pass
    assert len(caller.sim.writes[iccid]) == (what in APPLIED)
    assert (await caller.lock(iccid)).status_code == 200


async def test_latency_is_on_the_clock(caller: Caller) -> None:
    caller.sim.fail(("GET", "/thing/"), "latency", seconds=3)
    waiting = asyncio.create_task(caller.thing(caller.sim.examples.fresh.iccid))
    while caller.sim.clock.next_wake() is None:  # noqa: ASYNC110  turns of the loop, no time
        await asyncio.sleep(0)
    assert caller.sim.in_flight == 1
    caller.sim.clock.advance(3)
    assert (await waiting).status_code == 200
    assert caller.sim.in_flight == 0


async def test_429_tells_how_long_to_wait_and_faults_are_used_up(caller: Caller) -> None:
    caller.sim.fail(("*", "/thing"), "rate_limited", times=2, seconds=7)
    answers = [await caller.thing(caller.sim.examples.fresh.iccid) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"


async def test_faults_by_rate_repeat_with_the_seed() -> None:
    runs = []
    for _ in range(2):
        async with LocalMonogoto(ManualClock(), seed=3, things=0) as sim, Caller(sim) as caller:
            sim.fail_at_rate(("GET", "/thing/"), "error_json", 0.3)
            runs.append([(await caller.thing(sim.examples.fresh.iccid)).status_code for _ in range(30)])
            sim.clear_faults()
            assert (await caller.thing(sim.examples.fresh.iccid)).status_code == 200
    assert runs[0] == runs[1]
    assert 0 < runs[0].count(500) < 30


async def test_the_log_has_every_call_but_no_secret(caller: Caller) -> None:
    await log_in(caller, caller.sim.password)
    await caller.http.post("/Auth", content=f"Password={caller.sim.password}")
    await caller.lock(caller.sim.examples.fresh.iccid)
    logged = [(call.method, call.path, call.status) for call in caller.sim.calls]
    assert logged == [("POST", "/Auth", 200), ("POST", "/Auth", 400), ("PUT", "/thing/update/", 200)]
    assert caller.sim.password not in repr(caller.sim.calls)
    assert caller.token not in repr(caller.sim.calls)
