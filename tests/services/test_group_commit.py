"""Commits that are shared: each writer is promised what a transaction of its own would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.domain.errors import Overtaken, StoreUnavailable
from bot.services.group_commit import GroupCommit


class Records:
    """A store of words: what a transaction wrote is there once it ends well."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.commits = 0
        self.gone = False
        self.hold = asyncio.Event()
        self.hold.set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[list[str]]:
        if self.gone:
            raise StoreUnavailable("gone")
        written: list[str] = []
        yield written
        await self.hold.wait()
        self.kept += written
        self.commits += 1


def writing(word: str, error: Exception | None = None) -> Any:
    async def work(tx: Any) -> None:
        tx.append(word)
        if error:
            raise error

    return work


async def test_who_waits_while_another_commits_is_committed_together() -> None:
    records = Records()
    commits = GroupCommit(records)  # type: ignore[arg-type]
    records.hold.clear()
    writers = [asyncio.create_task(commits.write(writing(str(n)))) for n in range(9)]
    await asyncio.sleep(0)
    late = asyncio.create_task(commits.write(writing("late")))
    await asyncio.sleep(0)
    assert records.kept == []
    assert not any(writer.done() for writer in writers)
    records.hold.set()
    await asyncio.gather(*writers, late)
    assert records.kept == [*map(str, range(9)), "late"]
    assert records.commits < 5


async def test_who_fails_fails_alone_and_keeps_nothing() -> None:
    records = Records()
    commits = GroupCommit(records)  # type: ignore[arg-type]
    works = [writing("a"), writing("b", Overtaken("moved")), writing("c")]
    ended = await asyncio.gather(*(commits.write(work) for work in works), return_exceptions=True)
    assert [type(end) for end in ended] == [type(None), Overtaken, type(None)]
    assert sorted(records.kept) == ["a", "c"]


async def test_without_a_database_everybody_hears_it() -> None:
    records = Records()
    records.gone = True
    commits = GroupCommit(records)  # type: ignore[arg-type]
    ended = await asyncio.gather(*(commits.write(writing(w)) for w in "abc"), return_exceptions=True)
    assert all(isinstance(end, StoreUnavailable) for end in ended)
    records.gone = False
    await commits.write(writing("d"))
    assert records.kept == ["d"]


@pytest.mark.parametrize("cancelled", range(4))
async def test_whoever_is_cancelled_takes_nobody_along(cancelled: int) -> None:
    records = Records()
    commits = GroupCommit(records)  # type: ignore[arg-type]
    records.hold.clear()
    writers = [asyncio.create_task(commits.write(writing(str(n)))) for n in range(4)]
    for _ in range(3):
        await asyncio.sleep(0)
    writers[cancelled].cancel()
    await asyncio.sleep(0)
    records.hold.set()
    await asyncio.gather(*writers, return_exceptions=True)
    others = [str(n) for n in range(4) if n != cancelled]
    assert [word for word in records.kept if word in others] == others


async def test_each_hears_what_came_of_its_own_write() -> None:
    commits = GroupCommit(Records())  # type: ignore[arg-type]

    def saying(word: str) -> Any:
        async def work(tx: Any) -> str:
            tx.append(word)
            return word

        return work

    assert await asyncio.gather(*(commits.write(saying(word)) for word in "abc")) == ["a", "b", "c"]
