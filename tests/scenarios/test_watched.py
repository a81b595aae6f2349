"""Health, readiness and metrics, as whoever runs the bot asks for them while people use it."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from bot.sandbox.stage import Stage
from bot.slack.http import HttpTransport
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import database, entries, really
from tests.scenarios.watching import HEALTH, asked, readiness, scraped
from tests.storage.by_hand import by_hand, writers_turn_taken


@pytest.fixture(params=["socket", "http"])
async def watched(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    """A watched bot, over each transport."""
    return await open_stage(transport=request.param, settings=HEALTH)


async def _locked(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), sim)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: "configured and read back" in card.text)
    await stage.until(lambda: [r for r in stage.replies(card) if "done" in r.text])
    await acts.idle(stage)


async def test_what_people_and_the_vendor_did_is_counted(watched: Stage) -> None:
    await _locked(watched)
    numbers = await scraped(watched)
    lock = {"kind": "lock_thing"}
    for status in ("pending", "approved", "applying", "succeeded"):
        assert numbers("imei_lock_request_moves_total", to=status, **lock) == 1, status
    assert numbers("imei_lock_request_moves_total", to="denied", **lock) == 0
    assert numbers("imei_lock_requests", status="succeeded", **lock) == 1
    assert numbers("imei_lock_approval_seconds_count", **lock) == 1
    assert numbers("imei_lock_applying_seconds_count", **lock) == 1
    writes = {"method": "PUT", "endpoint": "/thing/update/", "outcome": "ok"}
    assert numbers("imei_lock_vendor_call_seconds_count", **writes) == 1
    calls = len(watched.monogoto.calls)
    assert numbers("imei_lock_vendor_call_seconds_count") == calls
    assert numbers("imei_lock_gate_wait_seconds_count", urgent="yes") == calls
    for kind in ("command", "view_submission", "block_actions"):
        assert numbers("imei_lock_ack_seconds_count", kind=kind, outcome="ok") == 1, kind
    posted = len(watched.slack.calls("chat.postMessage"))
    called = {"method": "chat.postMessage", "outcome": "ok"}
    assert numbers("imei_lock_slack_call_seconds_count", **called) == posted
    assert numbers("imei_lock_outbox_messages") == 0
    assert numbers("imei_lock_audit_head_seq") == len(await entries(database(watched)))
    assert numbers("imei_lock_vendor_rate_share") == 1
    assert numbers("imei_lock_build_info", version="0.1.0") == 1


async def test_no_id_of_a_sim_a_device_or_a_person_is_in_the_metrics(watched: Stage) -> None:
    await _locked(watched)
    text = (await scraped(watched)).text
    assert not re.search(r"[^\w.]\d{14,}", re.sub(r"\} .*", "}", text))
    assert not re.search(r"\b[UCTS]0[A-Z0-9]{2,}", text)
    assert watched.monogoto.examples.fresh.name not in text


async def test_a_bot_that_can_work_is_ready_and_says_of_what(watched: Stage) -> None:
    await _locked(watched)
    status, told = await readiness(watched)
    assert (status, told["ready"], told["failing"]) == (200, True, [])
    assert list(told["parts"]) == ["database", "audit", "slack", "vendor", "process"]
    assert await asked(watched, "/healthz") == (200, "ok")
    assert (await scraped(watched))("imei_lock_ready") == 5


async def test_asking_whether_it_can_write_leaves_nothing_behind(watched: Stage) -> None:
    before = await entries(database(watched))
    assert (await readiness(watched))[1]["parts"]["audit"]["good"]
    assert await entries(database(watched)) == before


async def test_an_audit_that_cannot_be_written_is_named(watched: Stage) -> None:
    by_hand(watched.database_url, "DELETE FROM audit_head")
    status, told = await readiness(watched)
    assert (status, told["parts"]["database"]["good"]) == (503, True)
    assert "audit" in told["failing"]
    assert "head is missing" in told["parts"]["audit"]["says"]
    assert (await scraped(watched))("imei_lock_ready", part="audit") == 0


@pytest.mark.sqlite_in_a_thread
async def test_a_database_that_somebody_else_holds_is_named_in_time(open_stage: OpenStage) -> None:
    stage = await open_stage(settings=HEALTH)
    with writers_turn_taken(stage.database_url):
        async with asyncio.timeout(20):
            status, told = await readiness(stage)
        assert status == 503
        assert {"database", "audit"} <= set(told["failing"])
    await really(lambda: stage.bot is not None and not stage.bot.is_at_its_records)


async def test_a_refused_log_in_makes_it_not_ready_and_probes_do_not_hammer(open_stage: OpenStage) -> None:
    stage = await open_stage(settings=HEALTH | {"MONOGOTO_PASSWORD": "wrong"})
    assert "vendor" in (await readiness(stage))[1]["failing"]
    await really(lambda: stage.monogoto.calls)
    for _ in range(10):
        status, told = await readiness(stage)
        assert status == 503
    assert "refused our log-in" in told["parts"]["vendor"]["says"]
    assert [call.path for call in stage.monogoto.calls] == ["/Auth"]
    assert (await asked(stage, "/healthz"))[0] == 200


async def test_a_silent_socket_makes_it_not_ready_until_another_took_its_place(open_stage: OpenStage) -> None:
    stage = await open_stage(settings=HEALTH)
    await _locked(stage)
    assert (await readiness(stage))[0] == 200
    stage.slack.stall_sockets()
    said = set()

    async def is_ready() -> bool:
        status, told = await readiness(stage)
        if status == 503:
            assert told["failing"] == ["slack"]
            said.add(re.sub(r"\d+", "N", told["parts"]["slack"]["says"]))
        return status == 200

    async with asyncio.timeout(40):
        for wanted in (False, True):
            while await is_ready() is not wanted:  # noqa: ASYNC110  asked over HTTP, as a probe asks
                await asyncio.sleep(0.05)
    assert said <= {"no pong for N s", "not connected"}
    assert (await stage.person("U0ENG1").command("/imei", "help")).acked
    numbers = await scraped(stage)
    assert numbers("imei_lock_socket_connections_total", why="start") == 1
    assert numbers("imei_lock_socket_connections_total", why="silent") == 1
    age = numbers("imei_lock_socket_pong_age_seconds")
    assert age is not None
    assert age < 5


async def test_nothing_is_measured_on_slacks_own_port(open_stage: OpenStage) -> None:
    stage = await open_stage(transport="http", settings=HEALTH)
    assert stage.bot is not None
    assert isinstance(stage.bot.transport, HttpTransport)
    public = f"http://127.0.0.1:{stage.bot.transport.port}"
    async with aiohttp.ClientSession() as session:
        for path, status in (("/metrics", 404), ("/readyz", 404), ("/healthz", 200)):
            async with session.get(public + path) as answer:
                assert answer.status == status, path


async def test_without_a_health_port_nothing_listens(open_stage: OpenStage) -> None:
    stage = await open_stage()
    assert stage.bot is not None
    assert stage.bot.watch is None


async def test_while_it_ends_it_says_so(open_stage: OpenStage) -> None:
    stage = await open_stage(settings=HEALTH)
    await _locked(stage)
    bot = stage.bot
    assert bot is not None
    assert bot.watch is not None
    released = asyncio.Event()
    bot.desk.background.start(released.wait(), name="something in hand")
    ending = asyncio.create_task(bot.stop(patience=20))
    await asyncio.sleep(0)
    status, told = await readiness(stage)
    assert status == 503
    assert told["parts"]["process"] == {"good": False, "says": "it is ending"}
    released.set()
    stage.bot = None
    await ending
