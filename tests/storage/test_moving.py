"""All records from one store into the other, both ways: whole, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, insert, select, text

from bot.domain.errors import StoreUnavailable
from bot.sandbox import postgres
from bot.storage import audit, moving
from bot.storage.columns import Moment, PlainText, Span
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.moving import NotMoved, move
from bot.storage.store import SqlStore
from bot.storage.tables import METADATA, compatibility, outbox, places, requests
from tests.storage import samples
from tests.storage.by_hand import by_hand, past_the_triggers
from tests.storage.conftest import url_of

ROWS = 7
DIRECTIONS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite")]


@pytest.fixture(params=DIRECTIONS, ids="-to-".join)
def addresses(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: postgres.Server
) -> Iterator[tuple[str, str]]:
    """Two databases without tables: from which, and to which."""
    with postgres_server.database() as server:
        files = (url_of(tmp_path / f"{name}.db") for name in ("from", "to"))
        yield tuple(server if kind == "postgresql" else next(files) for kind in request.param)


@pytest.fixture
async def source(addresses: tuple[str, str]) -> AsyncIterator[Engine]:
    engine = open_engine(addresses[0])
    await migrate(engine)
    await fill(engine)
    yield engine
    await engine.close()


@pytest.fixture
async def target(addresses: tuple[str, str]) -> AsyncIterator[Engine]:
    engine = open_engine(addresses[1])
    yield engine
    await engine.close()


async def fill(engine: Engine) -> None:
    """Rows in every table: letters of all kinds, numbers of all sizes, and nothing where that may be."""
    async with SqlStore(engine).transaction() as tx:
        for number in range(1, ROWS + 1):
            await tx.add_request(samples.request(number, on=samples.thing(number)), [])
            await tx.audit(samples.entry(number))
    async with engine.writing() as connection:
        for table in METADATA.sorted_tables:
            if table.name in {"requests", "audit", "audit_head", "holds", compatibility.name}:
                continue
            await connection.execute(table.delete())
            await connection.execute(
                insert(table),
                [{c.name: value(c, n) for c in table.c} for n in range(1, ROWS + 1)],
            )
        if connection.dialect.name == "postgresql":  # which counts nothing that was given by hand
            for name in ("outbox", "places"):
                await connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {ROWS})")
                )
        for counted in (outbox, places):  # a number that was given once, and its row gone
            await connection.execute(counted.delete().where(counted.c.id == ROWS))


def value(column: Column[Any], number: int) -> Any:
    if column.foreign_keys:
        return number if column.name == "place_id" else f"R{number}"
    if column.nullable and number % 2:
        return None
    match column.type:
        case Moment():
            return samples.NOW.replace(microsecond=number)
        case Span():
            return samples.request(1).apply_within
        case Boolean():
            return bool(number % 2)
        case PlainText():
            return f"{column.name} {number} “ü” 😀 % ' \\"[: column.type.length or 99]  # type: ignore[attr-defined]
        case kind if kind.python_type is int:
            return number if column.primary_key or column.name == "number" else 2**31 - number
    return f'{{"v":1,"n":{number}}}'


async def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    async with engine.reading() as connection:
        return {
            table.name: [
                tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in METADATA.sorted_tables
        }


def silent(table: str, done: int, total: int) -> None: ...


async def test_everything_is_there_afterwards_and_the_audit_holds(
    source: Engine, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "_BATCH", 3)
    before = await everything(source)
    assert all(before.values()), "every table has rows"
    moved = await move(source, target, silent)
    assert await everything(target) == before == await everything(source)
    counts = {name: len(rows) for name, rows in before.items() if name != compatibility.name}
    assert {each.table: each.rows for each in moved} == counts
    assert await audit.verify(target) is None
    assert await audit.head(target) == await audit.head(source)


async def test_numbers_go_on_where_they_stood_and_none_is_given_twice(source: Engine, target: Engine) -> None:
    await move(source, target, silent)
    async with SqlStore(target).transaction() as tx:
        await tx.add_request(samples.request(99, on=samples.thing(99)), [])
    async with target.writing() as connection:
        numbers = select(requests.c.number).where(requests.c.id == "R99")
        assert await connection.scalar(numbers) == ROWS + 1
        row = value_row(places) | {"request_id": "R1"}
        given = await connection.execute(insert(places).values(row).returning(places.c.id))
        assert given.scalar_one() == ROWS + 1


def value_row(table: Any) -> dict[str, Any]:
    return {c.name: value(c, 1) for c in table.c if not c.primary_key}


async def test_the_way_is_told_table_by_table(source: Engine, target: Engine) -> None:
    told: list[tuple[str, int, int]] = []
    await move(source, target, lambda *what: told.append(what))
    assert ("requests", ROWS, ROWS) in told


async def test_a_target_that_holds_something_is_refused_and_stays_as_it_is(
    source: Engine, target: Engine
) -> None:
    await migrate(target)
    async with SqlStore(target).transaction() as tx:
        await tx.add_request(samples.request(1), [])
    before = await everything(target)
    with pytest.raises(NotMoved, match="holds requests already"):
        await move(source, target, silent)
    assert await everything(target) == before


async def test_a_failure_in_the_middle_leaves_nothing_behind(source: Engine, target: Engine) -> None:
    await migrate(target)
    before = await everything(target)

    def broken(table: str, done: int, total: int) -> None:
        if table == "outbox":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await move(source, target, broken)
    assert await everything(target) == before
    await move(source, target, silent)


async def test_an_audit_that_does_not_hold_is_not_moved(
    source: Engine, target: Engine, addresses: tuple[str, str]
) -> None:
    past_the_triggers(addresses[0], "UPDATE audit SET body = replace(body, 'U0BOB', 'U0EVE') WHERE seq = 3")
    with pytest.raises(NotMoved, match="entry 3 was changed"):
        await move(source, target, silent)


async def test_records_of_an_older_version_are_brought_up_first(
    source: Engine, target: Engine, addresses: tuple[str, str]
) -> None:
    by_hand(addresses[0], "UPDATE alembic_version SET version_num = '0004'")
    with pytest.raises(NotMoved, match="bot migrate"):
        await move(source, target, silent)


async def test_a_file_that_a_bot_has_open_is_not_moved(sqlite_url: str) -> None:
    running = open_engine(sqlite_url)
    with pytest.raises(StoreUnavailable, match="another process"):
        open_engine(sqlite_url)
    await running.close()


async def test_a_database_that_a_bot_is_connected_to_is_not_moved(postgres_url: str, tmp_path: Path) -> None:
    running, source = open_engine(postgres_url), open_engine(postgres_url)
    target = open_engine(url_of(tmp_path / "to.db"))
    async with running.reading() as connection:
        await connection.execute(text("SELECT 1"))
    with pytest.raises(NotMoved, match="a bot is still connected"):
        await move(source, target, silent)
    await running.close()
    await move(source, target, silent)
    for engine in (source, target):
        await engine.close()
