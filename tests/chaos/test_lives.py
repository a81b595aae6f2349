"""A death in this process is as hard as `kill -9`: what was not done before it is never done."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.domain.errors import StoreUnavailable
from bot.storage.engine import Engine, open_engine
from tests.chaos.lives import LIFE, Disk, Life, prepare
from tests.chaos.machine import patch_the_driver
from tests.chaos.simulation import VirtualClock, VirtualLoop, run, task_in, until


@pytest.fixture(autouse=True)
def _driver(monkeypatch: pytest.MonkeyPatch) -> None:
    patch_the_driver(monkeypatch)


def _live(main: Callable[[VirtualLoop, Life], Any], kill_at: int) -> Any:
    """Run it beside a life that is killed at its n-th effect."""
    loop = VirtualLoop()
    prepare(loop)

    def at_effect(life: Life, _: str) -> None:
        if life.effects == kill_at:
            life.kill()

    life = Life("life", VirtualClock(loop), random.Random(1), at_effect)
    return run(main(loop, life), loop)


def _in(life: Life, work: Any) -> asyncio.Task[Any]:
    context = copy_context()
    context.run(LIFE.set, life)
    return task_in(context, work, life.name)


async def _insert(engine: Engine, value: int) -> None:
    async with engine.writing() as connection:
        await connection.execute(text(f"INSERT INTO t VALUES ({value})"))


def _rows(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    found = [value for (value,) in connection.execute("SELECT x FROM t")]
    connection.close()
    return found


@pytest.mark.parametrize(("kill_at", "kept"), [(1, []), (2, [1]), (3, [1, 2]), (9, [1, 2, 3])])
def test_what_was_not_committed_before_the_death_is_gone(
    tmp_path: Path, kill_at: int, kept: list[int]
) -> None:
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()

    async def main(loop: VirtualLoop, life: Life) -> None:
        async def process() -> None:
            engine = open_engine(f"sqlite:///{path}")
            for value in (1, 2, 3):
                await _insert(engine, value)

        await asyncio.wait({_in(life, process())}, timeout=60)
        await life.bury()
        after = open_engine(f"sqlite:///{path}")  # neither a lock nor a transaction is left
        await _insert(after, 9)
        await after.close()

    _live(main, kill_at)
    assert _rows(path) == [*kept, 9]


@pytest.mark.parametrize("kill_at", range(1, 5))
def test_no_byte_leaves_after_the_death_and_the_other_end_sees_the_connection_go(kill_at: int) -> None:
    heard: list[bytes] = []

    async def main(loop: VirtualLoop, life: Life) -> None:
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while piece := await reader.read(100):
                heard.append(piece)
            gone.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()

        async def process() -> None:
            _, writer = await asyncio.open_connection(host, port)
            try:
                for number in range(4):
                    writer.write(b"%d" % number)
                    await asyncio.sleep(1)
            finally:
                writer.write(b"a last word")

        await asyncio.wait({_in(life, process())}, timeout=10)
        await life.bury()
        assert await until(gone.is_set, within=10)
        server.close()

    _live(main, kill_at)
    assert b"".join(heard) == b"0123"[: kill_at - 1]


def test_the_dead_listen_to_nobody() -> None:
    async def main(loop: VirtualLoop, life: Life) -> None:
        ports: list[int] = []
        life.on_server = ports.append

        async def process() -> None:
            await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
            await asyncio.sleep(1000)

        _in(life, process())
        await until(lambda: ports, within=10)
        life.kill()
        await life.bury()
        with pytest.raises(OSError):  # noqa: PT011  whichever the system says
            await asyncio.open_connection("127.0.0.1", ports[0])

    _live(main, 0)


def test_a_full_disk_is_sqlites_own_word_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()

    async def fill(engine: Engine) -> None:
        for _ in range(100):
            async with engine.writing() as connection:
                await connection.execute(text("INSERT INTO t VALUES (randomblob(4000))"))

    async def main(loop: VirtualLoop, life: Life) -> None:
        life.disk = Disk()

        async def process() -> None:
            engine = open_engine(f"sqlite:///{path}")
            life.disk.is_full = True
            with pytest.raises(StoreUnavailable, match="full"):
                await fill(engine)
            life.disk.is_full = False
            await _insert(engine, 7)

        await _in(life, process())
        await life.bury()

    _live(main, 0)
    assert 7 in _rows(path)


def test_a_day_of_virtual_time_takes_none_and_its_timers_come_in_their_order() -> None:
    heard: list[tuple[str, float]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            heard.append((name, round(loop.time() - began)))

        await asyncio.gather(sleeper("day", 86400), sleeper("hour", 3600), sleeper("second", 1))

    run(main(), VirtualLoop())
    assert heard == [("second", 1), ("hour", 3600), ("day", 86400)]


def test_whoever_waits_for_a_state_of_the_world_is_told_before_time_moves() -> None:
    async def main() -> tuple[Any, float]:
        loop = asyncio.get_running_loop()
        began, box = loop.time(), []
        loop.call_later(5, box.append, "there")
        found = await until(lambda: box and box[0], within=60)
        assert await until(lambda: False, within=7) is None
        return found, loop.time() - began

    assert run(main(), VirtualLoop()) == ("there", pytest.approx(12, abs=0.1))
