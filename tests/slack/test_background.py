"""Work after an ack is held, heard and waited for."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from bot.slack.background import Background


async def _fail() -> None:
    raise LookupError("nothing there")


async def test_a_task_nobody_else_holds_runs_to_its_end() -> None:
    background, door, done = Background(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await door.wait()
        done.set()

    background.start(work(), name="work")
    gc.collect()
    door.set()
    assert await background.drain(5) == ()
    assert done.is_set()
    assert len(background) == 0


async def test_an_error_is_logged_under_the_reference_that_the_person_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[tuple[Exception, str]] = []

    async def tell(error: Exception, reference: str) -> None:
        told.append((error, reference))

    background = Background(tell)
    background.start(_fail(), name="the preview")
    await background.drain(5)

    [(error, reference)] = told
    assert isinstance(error, LookupError)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert f"the preview failed, reference {reference}" in record.getMessage()
    assert record.exc_info is not None


async def test_a_task_may_have_its_own_way_of_telling() -> None:
    common: list[str] = []
    own: list[str] = []

    async def tell_all(_: Exception, reference: str) -> None:
        common.append(reference)

    async def tell_one(_: Exception, reference: str) -> None:
        own.append(reference)

    background = Background(tell_all)
    background.start(_fail(), name="work", on_error=tell_one)
    await background.drain(5)
    assert (len(common), len(own)) == (0, 1)


async def test_when_telling_fails_too_the_log_has_both(caplog: pytest.LogCaptureFixture) -> None:
    async def tell(_: Exception, __: str) -> None:
        raise ConnectionError("Slack is away")

    background = Background(tell)
    background.start(_fail(), name="work")
    await background.drain(5)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == [
        "nothing there",
        "Slack is away",
    ]


async def test_draining_waits_for_what_is_started_meanwhile() -> None:
    background, ended = Background(), []

    async def second() -> None:
        ended.append("second")

    async def first() -> None:
        background.start(second(), name="second")
        ended.append("first")

    background.start(first(), name="first")
    assert await background.drain(5) == ()
    assert ended == ["first", "second"]


async def test_what_does_not_end_in_time_is_cancelled_and_named() -> None:
    background = Background()
    task = background.start(asyncio.Event().wait(), name="stuck")
    assert await background.drain(0) == ("stuck",)
    assert task.cancelled()
