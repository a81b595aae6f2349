"""Opening, migrating, and what happens when the disk, the file or another process is in the way."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from bot.domain.errors import StoreUnavailable
from bot.domain.things import GroupRow, ThingRow
from bot.sandbox.clock import ManualClock
from bot.services.inventory import Reading
from bot.services.ports import PlaceKind
from bot.storage.audit import verify
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.gate import SqlGate
from bot.storage.inventory import SqlInventory
from bot.storage.migrations.versions import v0001_first_tables, v0002_inventory, v0003_targets
from bot.storage.outbox import SqlOutbox
from bot.storage.store import SqlStore
from bot.storage.tables import METADATA
from tests.storage import samples
from tests.storage.conftest import url_of

CARD = [(PlaceKind.CARD, "C0OPS")]


async def add(engine: Engine, number: int = 1, **fields: Any) -> None:
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(samples.request(number, **fields), CARD)


async def test_migrating_an_empty_file_makes_the_tables_that_the_code_speaks_of(made_here: Engine) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    async with made_here.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    await add(engine)
    await migrate(engine)
    assert await SqlStore(engine).request("R1") is not None


async def test_a_migration_that_fails_leaves_nothing_behind(database: Path) -> None:
    engine = open_engine(url_of(database))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE gate (id INTEGER)")
    with pytest.raises(StoreUnavailable, match="gate"):
        await migrate(engine)
    async with engine.reading() as reading:
        tables = (await reading.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))).all()
    assert tables == ["gate"]
    await engine.close()


async def test_a_database_of_a_newer_version_is_left_alone(file_engine: Engine, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreUnavailable, match="9999"):
        await migrate(file_engine)


async def test_every_connection_is_set_up_to_lose_nothing(file_engine: Engine) -> None:
    async with file_engine.reading() as one, file_engine.reading() as two:
        for connection in (one, two):
            found = [
                await connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
            assert found == ["wal", 2, 1, 5000]


def test_the_file_is_for_its_owner_only(made_here: Engine, database: Path) -> None:
    assert database.stat().st_mode & 0o077 == 0


async def test_what_was_written_is_there_after_a_restart(file_engine: Engine, database: Path) -> None:
    await add(file_engine)
    await file_engine.close()
    again = open_engine(url_of(database))
    await migrate(again)
    assert await SqlStore(again).request("R1") == samples.request(1)
    await again.close()


async def test_a_relative_url_is_a_file_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = open_engine("sqlite:///here.db")
    await migrate(engine)
    await engine.close()
    assert (tmp_path / "here.db").is_file()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db"])
def test_what_is_no_database_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL"):
        open_engine(url)


async def test_a_second_opening_is_refused_until_the_first_is_closed(
    file_engine: Engine, database: Path
) -> None:
    with pytest.raises(StoreUnavailable, match=r"another process has .*imei-lock\.db"):
        open_engine(url_of(database))
    await file_engine.close()
    await open_engine(url_of(database)).close()


def test_a_second_process_is_refused(file_engine: Engine, database: Path) -> None:
    program = "import sys; from bot.storage.engine import open_engine; open_engine(sys.argv[1])"
    command = [sys.executable, "-c", program, url_of(database)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "StoreUnavailable: another process has the database" in done.stderr


async def test_the_audit_can_be_checked_beside_a_running_bot(file_engine: Engine, database: Path) -> None:
    async with SqlStore(file_engine).transaction() as tx:
        await tx.audit(samples.entry())
    beside = open_engine(url_of(database), read_only=True)
    assert await verify(beside) is None
    with pytest.raises(StoreUnavailable, match="readonly"):
        await add(beside)
    await beside.close()


def test_there_is_nothing_to_read_where_there_is_no_file(database: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no database"):
        open_engine(url_of(database), read_only=True)
    assert not database.parent.exists()


async def test_a_full_disk_is_said_and_nothing_of_the_transaction_stays(database: Path) -> None:
    engine = open_engine(url_of(database))
    await migrate(engine)
    await add(engine, 1)
    await engine.sqlalchemy.dispose()
    event.listen(engine.sqlalchemy.sync_engine, "connect", _allow_no_more_pages)
    with pytest.raises(StoreUnavailable, match="full"):
        await add(engine, 2, on=samples.thing(2, name="x" * 50_000))
    store = SqlStore(engine)
    assert await store.request("R1") is not None
    assert await store.request("R2") is None
    await engine.close()


def _allow_no_more_pages(connection: Any, _record: Any) -> None:
    connection.cursor().execute("PRAGMA max_page_count = 1")


async def test_a_file_that_is_no_database_is_said(database: Path) -> None:
    engine = open_engine(url_of(database))
    with open(database, "wb") as file:  # noqa: ASYNC230  a few bytes
        file.write(b"no database at all" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await migrate(engine)
    await engine.close()


def test_a_path_that_can_not_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="can't be opened"):
        open_engine(url_of(tmp_path / "file" / "imei-lock.db"))


async def test_a_path_that_is_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "imei-lock.db").mkdir()
    engine = open_engine(url_of(tmp_path / "imei-lock.db"))
    with pytest.raises(StoreUnavailable, match="unable to open"):
        await migrate(engine)
    await engine.close()


async def test_tables_that_are_missing_are_said(database: Path) -> None:
    engine = open_engine(url_of(database))
    with pytest.raises(StoreUnavailable, match="no such table"):
        await SqlStore(engine).request("R1")
    await engine.close()


async def test_a_lock_of_another_program_is_waited_for_and_then_said(
    file_engine: Engine, database: Path
) -> None:
    await file_engine.close()
    hasty = open_engine(url_of(database), patience=0.05)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await add(hasty)
        assert await SqlStore(hasty).request("R1") is None
        other.execute("ROLLBACK")
    await add(hasty)
    await hasty.close()


async def test_an_error_of_the_database_shows_no_values(file_engine: Engine, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TABLE places")
        connection.commit()
    with pytest.raises(StoreUnavailable) as raised:
        await add(file_engine, 1)
    assert samples.IMEI.digits not in str(raised.value) + str(raised.value.__cause__)


async def test_a_message_for_no_request_is_a_bug_and_not_a_store_that_is_down(engine: Engine) -> None:
    async with SqlStore(engine).transaction() as tx:
        with pytest.raises(Exception, match=r"(?i)foreign key") as raised:
            await tx.decide("R404", samples.approval())
    assert not isinstance(raised.value, StoreUnavailable)


def test_OLD_the_migrations_to_postgresql() -> None:
    said = io.StringIO()
    options = {"as_sql": True, "output_buffer": said}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context):
        v0001_first_tables.upgrade()
        v0002_inventory.upgrade()
        v0003_targets.upgrade()
    assert "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit" in said.getvalue()
    assert "ON requests (thing_id) WHERE status IN" in said.getvalue()


async def test_every_statement_can_be_said_to_postgresql(engine: Engine) -> None:
    said: list[str] = []

    def compile_too(_connection: Any, statement: Any, *_others: Any) -> None:
        if not isinstance(statement, str):
            said.append(str(statement.compile(dialect=postgresql.dialect())))

    event.listen(engine.sqlalchemy.sync_engine, "before_execute", compile_too)
    await _use_everything(engine)
    for table in METADATA.sorted_tables:
        said.append(str(CreateTable(table).compile(dialect=postgresql.dialect())))
        said += [str(CreateIndex(i).compile(dialect=postgresql.dialect())) for i in table.indexes]
    assert len(said) > 40


async def _use_everything(engine: Engine) -> None:
    store, outbox = SqlStore(engine), SqlOutbox(engine)
    await add(engine)
    async with store.transaction() as tx:
        await tx.add_submission(samples.submission())
        await tx.end_submission("S1", "posted", "R1")
        await tx.decide("R1", samples.approval())
        await tx.void_approvals("R1")
        await tx.audit(samples.entry())
        await tx.tell("R1", "card")
    await store.due(samples.NOW)
    await store.request("R1")
    await store.locked_to(samples.IMEI)
    await store.unfinished_submissions()
    [message] = await outbox.due_messages(samples.NOW)
    await outbox.begin(message)
    await outbox.doubtful_messages()
    await outbox.drawn(message.place_id, channel="C", ts="1.1", rev=0)
    await outbox.stale_cards()
    await outbox.redraw(message.place_id)
    await verify(engine)
    await use_inventory(engine)
    gate = SqlGate(engine, ManualClock(), 5)
    await gate.acquire()
    await gate.acquire(urgent=True)
    await gate.slow_down(1)
    await gate.recovered()


async def use_inventory(engine: Engine) -> None:
    known = SqlInventory(engine)
    await known.keep_things([ThingRow("T1", "8944", "Pump", "490154203237518", "G1")], samples.NOW, Reading())
    await known.keep_groups([GroupRow("G1", "Pumps")], samples.NOW)
    await known.reading()
    await known.nameless_group(samples.NOW)
    await known.groups_matching("pu%", 10)
    await known.count_groups("pu%")
    await known.last_listed("G1")
    await known.group_row("G1")
    await known.things_matching("pump", 10)
    await known.things_of_device(samples.IMEI, 10)
    await known.things_in_group("G1")
    await known.stock()
    await known.set_back(samples.NOW)
    await known.drop_unseen(samples.NOW, samples.NOW, 10)
