"""Runs approved work on any of several replicas: procrastinate hands out a job for each request that is due.

A job holds a request's id and nothing else; what is to be done is in rows. Two locks of procrastinate's keep
two replicas from working on one request, and two jobs from waiting for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.jobs import Status
from psycopg_pool import PoolTimeout

from bot.dispatch.local import LONG_WORKERS, LONGEST_PAUSE_SECONDS, SWEEP_SECONDS, WORKERS
from bot.dispatch.schema import connector
from bot.domain.errors import StoreUnavailable
from bot.services import traces
from bot.services.ports import Clock
from bot.services.sweep import Sweep

log = logging.getLogger(__name__)

STEP, RESCUE = "step", "rescue"
SHORT, LONG = "short", "long"
"""Queues: single changes, and slices of long work, which never take the workers of the former."""
POLL_SECONDS = 1.0
"""A job that nothing announced (its pause is over; it waited for another) is found after so long."""
AGAIN_SECONDS, SAID_SECONDS = 1.0, 60.0
"""Before a worker that the database left begins anew; before it is said again that it did."""
AWAY = (ProcrastinateException, PoolTimeout, OSError)
"""What a database that is away looks like from here."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a replica that died is told from one that works: it has not been heard of for `timeout` seconds."""

    interval: float = 10.0
    timeout: float = 30.0


class ClusterDispatcher:
    """The `Dispatcher` port on several replicas. As `LocalDispatcher`, for whoever calls it."""

    def __init__(
        self,
        *,
        database_url: str,
        clock: Clock,
        replica: str,
        heartbeat: Heartbeat,
        workers: int = WORKERS,
        long_workers: int = LONG_WORKERS,
    ) -> None:
        self._clock = clock
        self._replica = replica
        self._heartbeat = heartbeat
        self._sizes = {SHORT: workers, LONG: long_workers, RESCUE: 1}
        self._app = App(connector=connector(database_url))
        self._sweep: Sweep | None = None
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._steps: set[asyncio.Task[None]] = set()
        self._at_work: Counter[str] = Counter()
        self._stopping = False

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def start(self, sweep: Sweep) -> None:
        """Begin: what any replica left behind is due at once."""
        self._sweep = sweep
        self._register()
        self._woken.set()
        self._tasks = [asyncio.create_task(self._run(), name="dispatcher")]

    async def stop(self, patience: float) -> None:
        """Take nothing new; give work in hand `patience` seconds of real time. The rest is in rows."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0)
        if self._steps:
            _, late = await asyncio.wait(set(self._steps), timeout=patience)
            for task in late:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- which requests get a job ----------------------------------------------------------------

    async def _run(self) -> None:
        """Open, keep workers, look: until cancelled. The database may be away at any moment."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._tick())
            await self._open()
            self._workers = [
                asyncio.create_task(self._keep_working(queue), name=f"workers-{queue}")
                for queue in self._sizes
            ]
            try:
                while True:
                    await self._woken.wait()
                    self._woken.clear()
                    await self._look()
            finally:
                await self._end_workers()
                await self._app.close_async()

    async def _open(self) -> None:
        while True:
            try:
                await self._app.open_async()
            except AWAY as error:
                log.warning("the queue of work can't be opened yet: %s", type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            self._woken.set()

    async def _look(self) -> None:
        """One job for each request that is due and has none; what is under way needs no second one."""
        if self._sweep is None:
            raise RuntimeError("not started")
        try:
            due = await self._sweep.due()
            if not due:
                return
            jobs = await self._app.job_manager.list_jobs_async(task=STEP)
            known = {job.lock for job in jobs}
            for request in due:
                if _lock(request.id) not in known:
                    await self._defer(request.id, LONG if self._sweep.is_long(request) else SHORT)
        except (StoreUnavailable, *AWAY) as error:
            log.warning("the sweep could not read the database: %s", error)
        except Exception:
            log.exception("the sweep failed; it looks again in a while")

    async def _defer(self, request_id: str, queue: str, *, failures: int = 0, pause: float = 0.0) -> None:
        job = self._app.configure_task(
            STEP,
            queue=queue,
            lock=_lock(request_id),
            queueing_lock=_lock(request_id),
            schedule_in={"seconds": pause} if pause else None,
        )
        try:
            await job.defer_async(request_id=request_id, queue=queue, failures=failures)
        except AlreadyEnqueued:
            log.debug("request %s: another replica was quicker", request_id)

    # --- the jobs --------------------------------------------------------------------------------

    def _register(self) -> None:
        every = max(1, round(self._heartbeat.interval))
        rescue = self._app.task(name=RESCUE, queue=RESCUE, queueing_lock=RESCUE)(self._rescue)
        self._app.periodic(cron=f"* * * * * */{every}" if every < 60 else "* * * * *")(rescue)
        self._app.task(name=STEP)(self._step)

    async def _rescue(self, timestamp: int) -> None:  # noqa: ARG002  procrastinate's own argument
        """Jobs of replicas that died: forgotten, so that the next look makes new ones.

        It takes no lock: else one that died in here would keep all others from it.
        """
        manager = self._app.job_manager
        stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=self._heartbeat.timeout)
        for job in stalled:
            if job.id is None:
                continue
            log.warning("job %s (%s) was left by a replica that died", job.id, job.lock or job.task_name)
            try:
                await manager.finish_job_by_id_async(job.id, status=Status.FAILED, delete_job=True)
            except ProcrastinateException:
                log.info("job %s was ended by its replica all the same", job.id)
            self._woken.set()

    async def _step(self, request_id: str, queue: str, failures: int = 0) -> None:
        """Bring the request as far as it goes at once. Nothing gets out of here but a cancellation."""
        if (task := asyncio.current_task()) is None or self._stopping:
            return
        traces.about_request(request_id)
        log.info("request %s: at work", request_id)
        self._steps.add(task)
        self._at_work[queue] += 1
        try:
            await self._work(request_id, queue)
        except StoreUnavailable as error:
            log.warning("request %s waits: the database could not be written: %s", request_id, error)
        except Exception:
            pause = min(SWEEP_SECONDS * 2.0**failures, LONGEST_PAUSE_SECONDS)
            log.exception("request %s: a step failed; it is taken up again in %.0f s", request_id, pause)
            await self._after_failure(request_id, queue, failures + 1, pause)
        finally:
            self._at_work[queue] -= 1
            self._steps.discard(task)

    async def _work(self, request_id: str, queue: str) -> None:
        """Slice by slice, as long as nobody waits for this worker: a job that follows on this one could only
        be fetched after it, and nothing would say when."""
        if self._sweep is None:
            raise RuntimeError("not started")
        while (request := await self._sweep.due_now(request_id)) is not None:
            more = await self._sweep.step(request)
            if not more or self._stopping:
                return
            if self._at_work[queue] >= self._sizes[queue]:
                await self._defer(request_id, queue)
                return

    async def _after_failure(self, request_id: str, queue: str, failures: int, pause: float) -> None:
        try:
            await self._defer(request_id, queue, failures=failures, pause=pause)
        except AWAY as error:
            log.warning("request %s: its pause could not be noted: %s", request_id, error)

    # --- workers ---------------------------------------------------------------------------------

    async def _end_workers(self) -> None:
        """A cancellation can be lost on a worker that begins just then, inside the driver: it is said again,
        but not while jobs are being finished."""
        left = set(self._workers)
        for worker in left:
            worker.cancel()
        while left:
            _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
            if not self._steps:
                for worker in left:
                    worker.cancel()

    async def _keep_working(self, queue: str) -> None:
        """A worker ends when the database leaves it: then another begins, for as long as it takes.

        An error may come in the place of the cancellation that ended it.
        """
        said_at = float("-inf")
        while not self._stopping:
            try:
                await self._app.run_worker_async(
                    queues=[queue],
                    name=f"{self._replica}.{queue}",
                    concurrency=self._sizes[queue],
                    install_signal_handlers=False,
                    delete_jobs="always",
                    fetch_job_polling_interval=POLL_SECONDS,
                    update_heartbeat_interval=self._heartbeat.interval,
                    stalled_worker_timeout=self._heartbeat.timeout,
                )
            except AWAY as error:
                if time.monotonic() - said_at >= SAID_SECONDS:
                    said_at = time.monotonic()
                    log.warning("the workers of %s lost the database: %s", queue, type(error).__name__)
            except Exception:
                log.exception("the workers of %s failed", queue)
            if not self._stopping:
                await asyncio.sleep(AGAIN_SECONDS)


def _lock(request_id: str) -> str:
    return f"request:{request_id}"
