"""The control API: the same as the methods, over HTTP, for this machine and its own pages only."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.clock import SystemClock
from bot.sandbox.clock import DEFAULT_START, ManualClock
from bot.sandbox.monogoto import LocalMonogoto

DEVICE = "353053119990002"


@pytest.fixture
async def sim() -> AsyncIterator[LocalMonogoto]:
    async with LocalMonogoto(ManualClock(), things=0) as sim:
        yield sim


@pytest.fixture
async def control(sim: LocalMonogoto) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{sim.url}/control", trust_env=False) as client:
        yield client


async def test_other_hosts_and_other_pages_are_refused(
    sim: LocalMonogoto, control: httpx.AsyncClient
) -> None:
    assert (await control.get("/state")).status_code == 200
    assert (await control.get("/state", headers={"Origin": sim.url})).status_code == 200
    assert (await control.get("/state", headers={"Origin": "https://example.com"})).status_code == 403
    assert (await control.get("/state", headers={"Origin": "null"})).status_code == 403
    assert (await control.get("/state", headers={"Host": "rebound.example"})).status_code == 403
    assert (await control.post("/expire-tokens", content="{}")).status_code == 415


async def test_another_origin_can_be_let_in(sim: LocalMonogoto, control: httpx.AsyncClient) -> None:
    sim.allow_origin("http://127.0.0.1:1")
    assert (await control.get("/state", headers={"Origin": "http://127.0.0.1:1"})).status_code == 200


async def test_the_outside_world_acts(sim: LocalMonogoto, control: httpx.AsyncClient) -> None:
    path = f"/things/{sim.examples.fresh.iccid}"
    edited = await control.post(f"{path}/edit", json={"MasterIMEI": DEVICE, "LockMasterImei": True})
    assert edited.status_code == 200
    verdict = (await control.post(f"{path}/data-session", json={"imei": "866962049990001"})).json()
    assert verdict == {"accepted": False, "why": "the Thing is locked to another IMEI"}
    assert (await control.get(path)).json() == sim.thing(sim.examples.fresh.iccid)
    assert (await control.get(f"{path}/writes")).json() == []
    assert (await control.post(f"{path}/session-every", json={"milliseconds": 5})).status_code == 200
    group = await control.post(f"/groups/{sim.examples.open_group}/edit", json={"IMEIPrefix": "35305311"})
    assert group.status_code == 200
    assert sim.group(sim.examples.open_group)["IMEIPrefix"] == "35305311"


async def test_settings_and_faults_are_set(sim: LocalMonogoto, control: httpx.AsyncClient) -> None:
    assert (await control.post("/settings", json={"stale_cas": "412"})).json()["stale_cas"] == "412"
    assert (await control.post("/settings", json={"stale_cas": "418"})).status_code == 400
    assert (await control.post("/faults", json={"path": "/Auth", "what": "error_html"})).status_code == 200
    assert (await control.post("/faults", json={"what": "no such"})).status_code == 400
    assert (await control.post("/faults", json={})).status_code == 400
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"{sim.url}/Auth")).status_code == 502
    assert [call["fault"] for call in (await control.get("/calls")).json()] == ["error_html"]
    await control.post("/faults", json={"path": "/Auth", "what": "error_html", "rate": 1})
    assert (await control.delete("/faults")).status_code == 200


async def test_tokens_are_expired(sim: LocalMonogoto, control: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {sim.mint_token()}"}
    await control.post("/expire-tokens", json={})
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{sim.url}/things", headers=headers)).status_code == 401


async def test_only_a_clock_that_stands_still_is_moved_and_only_forward(
    sim: LocalMonogoto, control: httpx.AsyncClient
) -> None:
    assert (await control.post("/clock/advance", json={"seconds": 60})).status_code == 200
    assert (sim.clock.now() - DEFAULT_START).total_seconds() == 60
    assert (await control.post("/clock/advance", json={"seconds": -1})).status_code == 400
    async with LocalMonogoto(SystemClock(), things=0) as real, httpx.AsyncClient(trust_env=False) as client:
        assert (
            await client.post(f"{real.url}/control/clock/advance", json={"seconds": 1})
        ).status_code == 409


async def test_what_is_not_there_is_named(control: httpx.AsyncClient) -> None:
    assert "89" in (await control.get("/things/89")).json()["error"]
    assert (await control.post("/settings", json=[])).status_code == 400
