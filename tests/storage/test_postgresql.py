"""PostgreSQL between processes, and when it is away, silent, or not installed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from bot.domain.errors import StoreUnavailable
from bot.sandbox import postgres
from bot.storage.engine import Engine, open_engine
from bot.storage.tables import gate

NUMBER = gate.c.share


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[Engine]:
    """Here PostgreSQL alone."""
    engine = open_engine(postgres_url)
    yield engine
    await engine.close()


@pytest.fixture
async def other(postgres_url: str) -> AsyncIterator[Engine]:
    """Another process's engine on the same database, in a hurry."""
    engine = open_engine(postgres_url, patience=0.1)
    yield engine
    await engine.close()


async def write(engine: Engine) -> None:
    async with engine.writing() as connection:
        await connection.execute(update(gate).values(share=NUMBER + 1))


async def read(engine: Engine) -> int:
    async with engine.reading() as connection:
        return int(await connection.scalar(select(NUMBER)))  # type: ignore[arg-type]


async def test_nothing_is_asked_of_a_server_before_the_first_transaction() -> None:
    await open_engine("postgresql://bot:pw@127.0.0.1:1/imei").close()


async def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    engine = open_engine("postgresql://bot:pa55word@127.0.0.1:1/imei")
    with pytest.raises(StoreUnavailable) as raised:
        await read(engine)
    assert "127.0.0.1" in str(raised.value)
    assert "pa55" not in str(raised.value) + repr(engine.sqlalchemy) + str(raised.value.__cause__)
    await engine.close()


async def test_a_database_that_is_not_there_is_said(postgres_server: postgres.Server) -> None:
    engine = open_engine(postgres_server.url("nowhere"))
    with pytest.raises(StoreUnavailable, match="nowhere"):
        await read(engine)
    await engine.close()


async def test_writers_of_two_processes_stand_in_one_line(engine: Engine, postgres_url: str) -> None:
    second = open_engine(postgres_url)

    async def one(engine: Engine) -> None:
        async with engine.writing() as connection:
            seen = await connection.scalar(select(NUMBER))
            await asyncio.sleep(0.001)
            await connection.execute(update(gate).values(share=seen + 1))

    await asyncio.gather(*(one(each) for each in [engine, second] * 10))
    assert await read(engine) == 1024 + 20
    await second.close()


async def test_who_waits_too_long_for_another_ones_turn_is_told(engine: Engine, other: Engine) -> None:
    async with engine.writing():
        with pytest.raises(StoreUnavailable, match="another writer"):
            await write(other)
    await write(other)


async def test_one_conditional_statement_waits_for_no_ones_turn(engine: Engine, other: Engine) -> None:
    async with engine.writing(), other.writing_at_once() as connection:
        await connection.execute(update(gate).values(share=NUMBER + 1))
    assert await read(engine) == 1025


async def test_a_transaction_of_two_kinds_is_of_the_isolation_that_it_needs(engine: Engine) -> None:
    kinds = text("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
    async with engine.reading() as connection:
        assert (await connection.execute(kinds)).one() == ("repeatable read", "on")
    async with engine.writing() as connection:
        assert (await connection.execute(kinds)).one() == ("read committed", "off")


async def test_a_statement_that_takes_too_long_is_given_up(other: Engine) -> None:
    with pytest.raises(StoreUnavailable, match="timeout"):
        async with other.reading() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))
    assert await read(other) == 1024


async def test_a_connection_that_was_lost_in_the_pool_is_replaced_unseen(
    engine: Engine, postgres_server: postgres.Server, postgres_url: str
) -> None:
    async with engine.reading(), engine.reading():
        await read(engine)
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    mine = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    assert len(postgres_server.say(mine)) == 3
    assert await read(engine) == 1024
    assert len(postgres_server.say(mine)) == 1
    await write(engine)


async def test_a_writer_whose_connection_is_lost_has_written_nothing(
    engine: Engine, postgres_server: postgres.Server
) -> None:
    with pytest.raises(StoreUnavailable):  # noqa: PT012  the block is what is tried
        async with engine.writing() as connection:
            await connection.execute(update(gate).values(share=1))
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            postgres_server.say(f"SELECT pg_terminate_backend({pid})")
    assert await read(engine) == 1024


def test_a_process_that_is_killed_lets_the_next_writer_go(postgres_url: str) -> None:
    program = (
        "import asyncio, os, signal, sys\n"
        "from bot.storage.engine import open_engine\n"
        "async def main():\n"
        "    async with open_engine(sys.argv[1]).writing():\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, postgres_url], cwd=root, check=False)
    assert done.returncode == -9

    async def next_one() -> None:
        engine = open_engine(postgres_url)
        await write(engine)
        await engine.close()

    asyncio.run(next_one())


async def test_without_the_driver_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "bot.storage.patience", raising=False)
    with pytest.raises(StoreUnavailable, match=r"install .*imei-lock\[cluster\]"):
        open_engine("postgresql://bot@here/imei")


# --- a server that fails -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frail(postgres_server: postgres.Server) -> Iterator[postgres.Server]:
    """A server of these tests' own, to be stopped."""
    with postgres.running() as server:
        server.say("CREATE TABLE gate (share bigint)")
        server.say("INSERT INTO gate VALUES (1024)")
        yield server


@pytest.fixture
async def at_risk(frail: postgres.Server) -> AsyncIterator[Engine]:
    engine = open_engine(frail.url(), patience=0.2)
    yield engine
    await engine.close()


@pytest.mark.timeout(120)
async def test_a_server_that_stops_is_said_at_once_and_used_again_once_it_is_back(
    frail: postgres.Server, at_risk: Engine
) -> None:
    before = await read(at_risk)
    frail.stop()
    for attempt in (read, write):
        with pytest.raises(StoreUnavailable):
            await attempt(at_risk)
    frail.start()
    await write(at_risk)
    assert await read(at_risk) == before + 1


@pytest.mark.timeout(120)
async def test_a_server_that_answers_nobody_is_waited_for_only_so_long(
    frail: postgres.Server, at_risk: Engine
) -> None:
    before = await read(at_risk)
    frail.freeze()
    try:
        began = time.monotonic()
        for attempt in (read, write):
            with pytest.raises(StoreUnavailable):
                await attempt(at_risk)
        assert time.monotonic() - began < 20
    finally:
        frail.thaw()
    await write(at_risk)
    assert await read(at_risk) == before + 1
