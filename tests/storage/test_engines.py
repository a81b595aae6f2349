"""What both stores promise of their transactions, whoever else is at it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import exc, insert, select, text, update

from bot.domain.errors import StoreUnavailable
from bot.domain.plans import RowVerdict
from bot.storage.bulk_store import SqlBulkRows
from bot.storage.engine import Engine, open_engine
from bot.storage.store import SqlStore
from bot.storage.tables import gate, holds, things_groups
from tests.storage import samples

NUMBER = gate.c.share


async def number(engine: Engine) -> int:
    async with engine.reading() as connection:
        found = await connection.scalar(select(NUMBER))
    assert isinstance(found, int)
    return found


async def test_what_was_written_is_there_after_a_restart(engine: Engine, stored_at: str) -> None:
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(samples.request(1), [])
    await engine.close()
    again = open_engine(stored_at)
    assert await SqlStore(again).request("R1") == samples.request(1)
    await again.close()


async def test_of_a_transaction_that_fails_nothing_stays(engine: Engine) -> None:
    before = await number(engine)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  the block is what is tried
        async with engine.writing() as connection:
            await connection.execute(update(gate).values(share=NUMBER + 1))
            raise ZeroDivisionError
    assert await number(engine) == before


async def test_writers_stand_in_line_so_that_what_one_has_read_holds(engine: Engine) -> None:
    before = await number(engine)

    async def one() -> None:
        async with engine.writing() as connection:
            read = await connection.scalar(select(NUMBER))
            await asyncio.sleep(0)
            await connection.execute(update(gate).values(share=read + 1))

    await asyncio.gather(*(one() for _ in range(20)))
    assert await number(engine) == before + 20


async def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(engine: Engine) -> None:
    async with engine.reading() as connection:
        before = await connection.scalar(select(NUMBER))
        async with engine.writing() as other:
            await other.execute(update(gate).values(share=NUMBER + 1))
        assert await connection.scalar(select(NUMBER)) == before
    assert await number(engine) == before + 1


async def test_a_reader_waits_for_no_writer(engine: Engine) -> None:
    async with engine.writing() as connection:
        await connection.execute(update(gate).values(share=1))
        assert await number(engine) == 1024


async def test_a_writer_that_would_wait_for_itself_is_told(engine: Engine) -> None:
    async with engine.writing():
        with pytest.raises(RuntimeError, match="wait for itself"):
            async with engine.writing():
                pass
        with pytest.raises(RuntimeError, match="wait for itself"):
            async with engine.writing_at_once():
                pass


async def test_a_writer_that_is_cancelled_lets_the_next_one_go(engine: Engine) -> None:
    inside = asyncio.Event()

    async def one() -> None:
        async with engine.writing() as connection:
            await connection.execute(update(gate).values(share=7))
            inside.set()
            await asyncio.sleep(math.inf)

    task = asyncio.create_task(one())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with engine.writing() as connection:
        assert await connection.scalar(select(NUMBER)) == 1024


async def test_the_engine_knows_whether_it_is_in_use(engine: Engine) -> None:
    assert not engine.in_use
    async with engine.reading():
        assert engine.in_use
    async with engine.writing_at_once():
        assert engine.in_use
    assert not engine.in_use


async def test_a_read_only_engine_writes_nothing(engine: Engine, stored_at: str) -> None:
    beside = open_engine(stored_at, read_only=True)
    with pytest.raises(StoreUnavailable, match=r"read-?only"):
        async with beside.writing() as connection:
            await connection.execute(update(gate).values(share=1))
    await beside.close()
    assert await number(engine) == 1024


async def test_a_broken_rule_of_ours_is_a_bug_and_not_a_store_that_is_down(engine: Engine) -> None:
    async with SqlStore(engine).transaction() as tx:
        with pytest.raises(exc.IntegrityError, match=r"(?i)foreign key"):
            await tx.decide("R404", samples.approval())


async def test_tables_that_are_missing_are_said(engine: Engine) -> None:
    async with engine.writing() as connection:
        await connection.execute(text("DROP TABLE runs"))
    with pytest.raises(StoreUnavailable, match="runs"):
        async with engine.reading() as connection:
            await connection.execute(text("SELECT * FROM runs"))


async def test_an_error_shows_none_of_the_values_that_met(engine: Engine) -> None:
    row = {"target_id": f"ThingId_ICCID_{samples.IMEI.digits}", "request_id": "R1"}
    with pytest.raises(exc.IntegrityError) as raised:  # noqa: PT012  the block is what is tried
        async with SqlStore(engine).transaction() as tx:
            await tx.add_request(samples.request(1), [])
            for _ in range(2):
                await tx._connection.execute(insert(holds).values(row))  # type: ignore[attr-defined]
    seen: BaseException | None = raised.value
    while seen is not None:
        assert samples.IMEI.digits not in f"{seen} {seen.args}"
        seen = seen.__cause__


TEXTS = [
    ("a\0b", "a\ufffdb"),
    ("\ud800", "\ufffd"),
    ("\0", "\ufffd"),
    ("x" * 5000, "x" * 5000),
    ("ü😀\uffff", "ü😀\uffff"),
    ("%s %(a)s :b ? \\ '\"", "%s %(a)s :b ? \\ '\""),
]


@pytest.mark.parametrize(("given", "kept"), TEXTS, ids=range(len(TEXTS)))
async def test_text_of_any_kind_is_kept_and_found_on_both_stores(
    engine: Engine, given: str, kept: str
) -> None:
    request = replace(samples.request(1), reason=given, note=given)
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(request, [])
        await tx.add_submission(samples.submission(key=given[:200]))
    found = await SqlStore(engine).request("R1")
    assert found is not None
    assert (found.reason, found.note) == (kept, kept)
    assert await SqlStore(engine).request(given) is None
    assert await SqlStore(engine).open_request(given) is None
    async with SqlStore(engine).transaction() as tx:
        assert not await tx.add_submission(samples.submission(id="S2", key=given[:200]))


async def test_as_many_targets_as_a_bulk_may_have_rows_of_at_once_can_be_asked_for(engine: Engine) -> None:
    ids = [f"ThingId_{number}" for number in range(20_000)]
    rows: Any = await SqlBulkRows(engine).rows_about("R1", ids)
    assert rows == ()
    assert (await SqlBulkRows(engine).rows("R1", limit=10, verdict=RowVerdict.READY)) == ()


async def test_a_name_keeps_all_of_its_letters(engine: Engine) -> None:
    async with engine.writing() as connection:
        row = {"things_group_id": "G1", "name": "É" * 500, "folded": "é" * 200, "read_at": samples.NOW}
        await connection.execute(insert(things_groups).values(row))
    async with engine.reading() as connection:
        assert await connection.scalar(select(things_groups.c.name)) == "É" * 500
