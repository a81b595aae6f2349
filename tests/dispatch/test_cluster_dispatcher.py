"""What the cluster's dispatcher keeps in the database, and what becomes of a replica that is no more."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.dispatch import cluster, schema
from tests.dispatch.conftest import ClusterHands, Work

RESTING = (
    "SELECT extract(epoch FROM scheduled_at - noted.at) FROM procrastinate_jobs job "
    "JOIN procrastinate_events noted ON noted.job_id = job.id AND noted.type = 'deferred' "
    "WHERE task_name = 'step' AND status = 'todo' AND args->>'failures' = %s"
)
"""For how long its job was put off, not how long that still is: whoever looks may be late."""


async def test_a_step_that_fails_again_and_again_rests_ever_longer_whichever_replica_takes_it(
    cluster_hands: ClusterHands, work: Work
) -> None:
    work.open.append("A")
    work.go.set()
    async with AsyncExitStack() as stack:
        for replica in ("one", "two"):  # not at once: two looks at the same moment may both make a job
            dispatcher = cluster_hands.dispatcher(replica)
            stack.push_async_callback(dispatcher.stop, 0)
            work.step_trouble = ValueError("a bug")  # the second one's is for its turn
            dispatcher.start(work)
            await cluster_hands.until(lambda: work.steps)
            await cluster_hands.until(lambda: cluster_hands.rows(RESTING, "1"))
        for failures, pause in ((1, 5), (2, 10), (3, 20)):
            [(seconds,)] = await cluster_hands.until(
                lambda failures=failures: cluster_hands.rows(RESTING, str(failures))
            )
            assert len(work.steps) == failures
            assert pause - 3 < seconds <= pause
            work.step_trouble = ValueError("a bug")
            await cluster_hands.pass_time(pause)


async def test_two_replicas_share_the_work_and_take_no_request_together(
    cluster_hands: ClusterHands, work: Work
) -> None:
    names = [f"R{number}" for number in range(6)]
    work.open.extend(names)
    first, second = cluster_hands.dispatcher("one"), cluster_hands.dispatcher("two")
    first.start(work)
    second.start(work)
    await cluster_hands.until(lambda: len(work.running) == len(names))  # more than one has hands for
    work.go.set()
    await cluster_hands.until(lambda: work.open == [])
    assert sorted(work.steps) == names
    await first.stop(5)
    await second.stop(5)
    # A look may have made a job for what was done in that moment: it would find nothing to do.
    assert cluster_hands.rows("SELECT 1 FROM procrastinate_jobs WHERE status <> 'todo'") == []


async def test_the_job_of_a_worker_that_fell_silent_is_forgotten_and_its_request_taken_up(
    cluster_hands: ClusterHands, work: Work
) -> None:
    dead = (
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
    )
    [(worker,)] = cluster_hands.rows(dead)
    left = (
        "INSERT INTO procrastinate_jobs "
        "(queue_name, task_name, lock, queueing_lock, args, status, worker_id) "
        "VALUES ('short', 'step', 'request:A', 'request:A', '{}', 'doing', %s) RETURNING id"
    )
    cluster_hands.rows(left, worker)
    work.open.append("A")
    work.go.set()
    dispatcher = cluster_hands.dispatcher()
    dispatcher.start(work)
    await cluster_hands.until(lambda: work.open == [])
    await dispatcher.stop(5)
    assert work.steps == ["A"]


async def test_the_queues_tables_are_made_once_by_however_many_start_together(queue_url: str) -> None:
    await asyncio.gather(*(schema.migrate(queue_url) for _ in range(3)))


async def test_a_newer_library_adds_at_once_and_breaks_older_replicas_only_the_upgrade_after(
    queue_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = schema._migrations()
    hands = ClusterHands(None, queue_url)  # type: ignore[arg-type]

    def add(name: str, statement: str) -> None:
        (tmp_path / name).write_text(statement, encoding="utf-8")
        files[name] = tmp_path / name

    def tables() -> set[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'procrastinate' AND tablename LIKE %s"
        return {name for (name,) in hands.rows(query, "new_%")}

    monkeypatch.setattr(schema, "_migrations", lambda: files)
    add("98.00.00_01_pre_more.sql", "CREATE TABLE new_one (id int)")
    add("98.00.00_50_post_more.sql", "DROP TABLE new_one")
    await schema.migrate(queue_url)
    await schema.migrate(queue_url)
    assert tables() == {"new_one"}
    add("99.00.00_01_pre_more.sql", "CREATE TABLE new_two (id int)")
    await schema.migrate(queue_url)
    assert tables() == {"new_two"}


async def test_a_worker_on_whom_the_cancellation_was_lost_does_not_keep_the_process_from_ending(
    cluster_hands: ClusterHands, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the driver loses it now and then, while a worker begins."""
    dispatcher, begun, lost = cluster_hands.dispatcher(), [], []

    async def hears_the_second_one(**how: object) -> None:
        begun.append(how)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.append(how)
            await asyncio.Event().wait()

    monkeypatch.setattr(dispatcher._app, "run_worker_async", hears_the_second_one)
    monkeypatch.setattr(cluster, "AGAIN_SECONDS", 0.05)
    dispatcher.start(work)
    await cluster_hands.until(lambda: len(begun) == 3)
    await asyncio.wait_for(dispatcher.stop(0), 20)
    assert len(lost) == 3
