"""Opening, migrating, and what happens when the disk, the file or another process is in the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from bot.domain.errors import StoreUnavailable
from bot.services.ports import PlaceKind
from bot.storage.audit import verify
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.store import SqlStore
from tests.storage import samples
from tests.storage.conftest import url_of

CARD = [(PlaceKind.CARD, "C0OPS")]


async def add(engine: Engine, number: int = 1, **fields: Any) -> None:
    async with SqlStore(engine).transaction() as tx:
        await tx.add_request(samples.request(number, **fields), CARD)


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
