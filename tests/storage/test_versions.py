"""The tables' version on both stores: made from nothing, brought up, and shared by two programs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bot.domain.errors import StoreUnavailable
from bot.storage import versions
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.store import SqlStore
from bot.storage.tables import METADATA
from tests.storage import samples
from tests.storage.by_hand import by_hand


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


async def test_migrating_an_empty_database_makes_the_tables_that_the_code_speaks_of(empty_at: str) -> None:
    engine = open_engine(empty_at)
    await migrate(engine)
    async with engine.reading() as connection:
        assert await connection.run_sync(differences) == []
    await engine.close()


async def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(samples.request(1), [])
    await migrate(engine)
    assert await SqlStore(engine).request("R1") is not None


async def test_a_migration_that_fails_leaves_nothing_behind(empty_at: str) -> None:
    engine = open_engine(empty_at)
    by_hand(empty_at, "CREATE TABLE gate (id INTEGER)")
    with pytest.raises(StoreUnavailable, match="gate"):
        await migrate(engine)
    async with engine.reading() as connection:
        assert await connection.run_sync(lambda sync: METADATA.tables.keys() & _tables(sync)) == {"gate"}
    await engine.close()


def _tables(connection: Connection) -> set[str]:
    return set(connection.dialect.get_table_names(connection))


async def test_several_that_start_at_once_migrate_once(postgres_server: Any) -> None:
    with postgres_server.database() as url:
        engines = [open_engine(url) for _ in range(4)]
        await asyncio.gather(*(migrate(engine) for engine in engines))
        async with engines[0].reading() as connection:
            assert await connection.run_sync(differences) == []
            assert await connection.scalar(text("SELECT count(*) FROM gate")) == 1
        for engine in engines:
            await engine.close()


async def test_a_database_of_a_newer_version_that_this_one_can_not_work_with_is_left_alone(
    engine: Engine, stored_at: str
) -> None:
    by_hand(stored_at, "UPDATE alembic_version SET version_num = '9999'")
    by_hand(stored_at, "UPDATE compatibility SET oldest = '9998'")
    with pytest.raises(StoreUnavailable, match="newer version, 9999"):
        await migrate(engine)


async def test_a_database_of_a_newer_version_that_says_so_is_worked_with_by_both(
    engine: Engine, stored_at: str, caplog: pytest.LogCaptureFixture
) -> None:
    by_hand(stored_at, "UPDATE alembic_version SET version_num = '9999'")
    by_hand(stored_at, "ALTER TABLE requests ADD COLUMN news TEXT DEFAULT ''")
    await migrate(engine)
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(samples.request(1), [])
    assert await SqlStore(engine).request("R1") == samples.request(1)
    assert "newer version, 9999, which works with this one" in caplog.text


async def test_a_newer_database_without_a_word_for_older_programs_is_left_alone(
    engine: Engine, stored_at: str
) -> None:
    by_hand(stored_at, "UPDATE alembic_version SET version_num = '9999'", "DROP TABLE compatibility")
    with pytest.raises(StoreUnavailable, match="newer version"):
        await migrate(engine)


def test_every_step_says_which_older_programs_may_go_on() -> None:
    """From the first on that knew how to say it: additive steps name an older one, others themselves."""
    steps = list(ScriptDirectory.from_config(versions._scripts()).walk_revisions())
    known = [step.revision for step in steps]
    for step in steps:
        if step.revision >= "0005":
            assert known.index(step.module.oldest) >= known.index(step.revision)


async def test_text_is_ordered_by_its_bytes_on_both_stores(engine: Engine) -> None:
    names = ["Zebra", "apple", "Äpfel", "_", "a b", "ab", "B", "😀", "\uffee"]
    async with engine.writing() as connection:
        for number, name in enumerate(names):
            row = {"things_group_id": name, "name": name, "folded": name, "read_at": number}
            await connection.execute(
                text("INSERT INTO things_groups VALUES (:things_group_id, :name, :folded, :read_at)"), row
            )
    async with engine.reading() as connection:
        ordered = text("SELECT folded FROM things_groups ORDER BY folded")
        assert (await connection.scalars(ordered)).all() == sorted(names)


async def test_no_text_of_postgresql_has_an_order_or_a_length_of_its_own(postgres_url: str) -> None:
    others = by_hand(
        postgres_url,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name <> 'alembic_version' AND data_type IN ('text', 'character varying') "
        "AND (collation_name IS DISTINCT FROM 'C' OR data_type <> 'text')",
    )
    assert others == []


async def test_an_older_database_is_brought_up_with_what_it_holds(empty_at: str) -> None:
    engine = open_engine(empty_at)

    def older(connection: Connection) -> None:
        config = versions._scripts()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")

    async with engine.writing() as connection:
        await connection.run_sync(older)
    by_hand(empty_at, "INSERT INTO things_groups VALUES ('G1', 'Pumps', 'pumps', 0)")
    await migrate(engine)
    assert by_hand(empty_at, "SELECT name FROM things_groups") == [("Pumps",)]
    await engine.close()
