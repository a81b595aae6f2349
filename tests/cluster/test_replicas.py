"""Three replicas at one database: whichever gets a payload, dies or is stopped, each request ends once."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import pytest

from tests.cluster import people
from tests.cluster.replicas import TIMEOUT, Replicas
from tests.scenarios import acts

pytestmark = pytest.mark.timeout(240)
WRITE = ("PUT", "/thing/update/")
READ = ("GET", "/thing/ThingId")
TAKEN_OVER_WITHIN = TIMEOUT + 8.0
"""The heartbeat, the rescue's own second, and a busy machine."""


async def test_what_is_asked_on_one_replica_is_approved_on_another_and_applied_by_a_third(
    replicas: Replicas,
) -> None:
    applies = (await replicas.start(1))[0]
    await replicas.start(2, hands=False)
    sim = replicas.monogoto.examples.fresh
    request_id = await people.ask(replicas, sim.iccid, sim.imei)
    engineer = replicas.slack.person("U0ENG1")
    await replicas.until(lambda: "See it in Slack" in acts.shown(engineer.modals[-1]))
    assert replicas.serving() is applies  # so that another one has posted the card
    await people.approve(replicas, request_id)
    assert await people.ended(replicas, request_id) == ["succeeded"]
    went_to = dict(replicas.slack.sent)
    asked, approved = went_to["lock_thing.submit"], went_to["request.approve"]
    assert len({asked, approved, applies.number}) == 3
    assert replicas.at_work_on(request_id) is applies
    assert len(replicas.monogoto.writes[sim.iccid]) == 1
    await people.told_once(replicas, request_id)
    assert [e["event"] for e in await replicas.audit()].count("item.end") == 1


@pytest.mark.parametrize("fault", ["hang", "hang_after"])
async def test_a_replica_killed_while_its_write_is_under_way_is_relieved_within_the_heartbeat(
    replicas: Replicas, fault: str
) -> None:
    await replicas.start(3)
    sim = replicas.monogoto.examples.fresh
    replicas.monogoto.fail(WRITE, fault)
    request_id = await people.lock(replicas, sim.iccid, sim.imei)
    await replicas.until(lambda: replicas.monogoto.calls_to(*WRITE))
    holder = replicas.at_work_on(request_id)
    assert holder
    holder.kill()
    killed_at = asyncio.get_running_loop().time()
    await replicas.until(lambda: replicas.standing()[0][1] == "succeeded")
    assert asyncio.get_running_loop().time() - killed_at < TAKEN_OVER_WITHIN
    assert await people.ended(replicas, request_id) == ["succeeded"]
    assert len(replicas.monogoto.writes[sim.iccid]) == 1
    await people.told_once(replicas, request_id)


async def test_a_replica_stopped_before_its_write_leaves_writes_nothing_when_it_goes_on(
    replicas: Replicas,
) -> None:
    stopped = (await replicas.start(1, stops_before_write=True))[0]
    await replicas.start(2, hands=False)
    sim = replicas.monogoto.examples.fresh
    request_id = await people.lock(replicas, sim.iccid, sim.imei)
    await replicas.until(lambda: stopped.is_frozen)
    assert not replicas.monogoto.calls_to(*WRITE)
    await replicas.start(1)
    assert await people.ended(replicas, request_id) == ["succeeded"]
    assert len(replicas.monogoto.writes[sim.iccid]) == 1
    stopped.thaw()
    await replicas.until(lambda: len(replicas.monogoto.calls_to(*WRITE)) == 2)  # with a cas of before
    await asyncio.sleep(1.5)
    assert len(replicas.monogoto.writes[sim.iccid]) == 1
    assert replicas.standing() == [(request_id, "succeeded", "done")]
    await people.told_once(replicas, request_id)
    assert [e["outcome"] for e in await replicas.audit() if e["event"] == "item.end"] == ["done"]


async def test_a_teller_stopped_before_its_post_leaves_posts_nothing_when_it_goes_on(
    replicas: Replicas,
) -> None:
    teller = (await replicas.start(1, stops_before_post=True))[0]
    others = await replicas.start(2)
    sim = replicas.monogoto.examples.fresh
    request_id = await people.ask(replicas, sim.iccid, sim.imei)
    await replicas.until(lambda: teller.is_frozen)
    assert not people.messages(replicas)
    await replicas.until(lambda: replicas.serving() in others)
    await replicas.until(lambda: people.card_of(replicas, request_id))
    teller.thaw()
    await replicas.until(lambda: "is told by another" in teller.said)
    await people.approve(replicas, request_id)
    assert await people.ended(replicas, request_id) == ["succeeded"]
    await people.told_once(replicas, request_id)


async def test_a_teller_killed_between_a_post_and_its_answer_is_relieved_and_nothing_is_posted_twice(
    replicas: Replicas,
) -> None:
    await replicas.start(3)
    sims = replicas.monogoto.examples
    replicas.slack.fail("chat.postMessage", timeout=True, after_applying=True)
    first = await people.ask(replicas, sims.fresh.iccid, sims.fresh.imei)
    await replicas.until(lambda: people.messages(replicas))
    teller = replicas.serving()
    assert teller
    teller.kill()
    second = await people.ask(replicas, sims.never_seen.iccid, sims.unused_imeis[0])
    for request_id in (first, second):
        await people.approve(replicas, request_id)
    assert await people.ended(replicas, first, second) == ["succeeded", "succeeded"]
    assert replicas.serving() is not teller
    await people.told_once(replicas, first, second)


async def test_a_form_whose_replica_died_over_it_becomes_a_request_all_the_same(replicas: Replicas) -> None:
    await replicas.start(3)
    sim = replicas.monogoto.examples.fresh
    engineer = replicas.slack.person("U0ENG1")
    await engineer.command("/lock-thing", channel="C0FIELD")
    form = await replicas.until(lambda: acts.form_of(engineer))
    replicas.monogoto.fail(READ, "hang")
    result = await engineer.submit(form, {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"})
    assert result.ok
    number = dict(replicas.slack.sent)["lock_thing.submit"]
    await replicas.until(lambda: replicas.monogoto.calls_to(*READ))
    replicas.all[number - 1].kill()
    await replicas.until(replicas.standing)
    request_id = replicas.standing()[0][0]
    await people.approve(replicas, request_id)
    assert await people.ended(replicas, request_id) == ["succeeded"]


async def test_a_payload_that_comes_to_two_replicas_is_handled_once(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    await replicas.start(2)
    slack, sim = replicas.slack, replicas.monogoto.examples.fresh
    command = slack.payloads.command("U0ENG1", "/lock-thing", "", "C0FIELD")
    await slack.deliver(command, duplicate=True)
    form = await replicas.until(lambda: acts.form_of(slack.person("U0ENG1")))
    assert [number for _, number in slack.sent] == [1, 2]
    filled = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}
    result = await slack.person("U0ENG1").submit(form, filled)
    assert result.ok
    await replicas.until(replicas.standing)
    request_id = replicas.standing()[0][0]
    deliver = slack._courier.deliver
    monkeypatch.setattr(slack._courier, "deliver", partial(deliver, duplicate=True))
    await people.approve(replicas, request_id)
    assert await people.ended(replicas, request_id) == ["succeeded"]
    assert Counter(number for what, number in slack.sent if what == "request.approve") == {1: 1, 2: 1}
    assert len(slack.calls("views.open")) == 1
    assert replicas.rows("SELECT count(*) FROM decisions") == [(1,)]
    assert slack.ephemerals("U0APP1") == []
    await people.told_once(replicas, request_id)


async def test_a_role_that_was_taken_away_is_forgotten_by_every_replica(replicas: Replicas) -> None:
    await replicas.start(3)
    slack, engineer = replicas.slack, replicas.slack.person("U0ENG1")
    for opened in (1, 2, 3):  # each replica knows by then what they may
        await engineer.command("/lock-thing", channel="C0FIELD")
        await replicas.until(lambda opened=opened: len(slack.calls("views.open")) == opened)
    await slack.set_group("S0ENGINEERS", [])
    await replicas.until(lambda: all("roles are read anew" in one.said for one in replicas.all))
    for refused in (1, 2, 3):
        await engineer.command("/lock-thing", channel="C0FIELD")
        await replicas.until(lambda refused=refused: len(slack.ephemerals("U0ENG1")) == refused)
    assert Counter(number for what, number in slack.sent if what == "/lock-thing") == {1: 2, 2: 2, 3: 2}
    assert len(slack.calls("views.open")) == 3


async def test_replicas_that_start_together_on_an_empty_database_all_begin(replicas: Replicas) -> None:
    await replicas.start_together(3)
    sim = replicas.monogoto.examples.fresh
    request_id = await people.lock(replicas, sim.iccid, sim.imei)
    assert await people.ended(replicas, request_id) == ["succeeded"]
    assert replicas.rows("SELECT count(*) FROM leases WHERE name LIKE %s", "replica:%") == [(3,)]


async def test_a_replica_that_is_ended_gives_back_its_lease_at_once(replicas: Replicas) -> None:
    first, second = await replicas.start(2)
    workers = "SELECT count(*) FROM procrastinate.procrastinate_workers"
    await replicas.until(lambda: replicas.rows(workers) == [(6,)])  # they begin a while after their replica
    assert replicas.serving() is first
    assert await first.end() == 0
    assert replicas.serving() in {None, second}
    assert replicas.rows(workers) == [(3,)]
    sim = replicas.monogoto.examples.fresh
    request_id = await people.lock(replicas, sim.iccid, sim.imei)
    assert await people.ended(replicas, request_id) == ["succeeded"]
    jobs = "SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE task_name = 'step'"
    await replicas.until(lambda: replicas.rows(jobs) == [(0,)])
