"""One database for each test, in a file of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.services.ports import Outbox, Store
from bot.storage.engine import Engine, migrate, open_engine
from bot.storage.outbox import SqlOutbox
from bot.storage.store import SqlStore
from tests.conftest import no_thread_left


@dataclass(frozen=True)
class Storage:
    """An implementation of the ports, to be held to their contract."""

    store: Store
    outbox: Outbox


def url_of(path: Path) -> str:
    """The database URL of a file."""
    return f"sqlite:///{path}"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the test's database is, or will be."""
    return tmp_path / "folder" / "imei-lock.db"


@pytest.fixture
async def made_here(database: Path) -> AsyncIterator[Engine]:
    """An open, empty file, made and migrated from nothing."""
    engine = open_engine(url_of(database))
    await migrate(engine)
    yield engine
    await engine.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_at(request: pytest.FixtureRequest, database: Path) -> Iterator[str]:
    """The address of a database without tables, on each store."""
    if request.param == "sqlite":
        yield url_of(database)
    else:
        with request.getfixturevalue("postgres_server").database() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def stored_at(request: pytest.FixtureRequest) -> str:
    """The address of an empty database with all tables, on each store."""
    return str(request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]))


@pytest.fixture
def sqlite_url(database: Path, new_database: Path) -> str:
    """A file of the test's own: a copy of one that was migrated."""
    database.parent.mkdir()
    shutil.copyfile(new_database, database)
    return url_of(database)


@pytest.fixture
async def engine(stored_at: str) -> AsyncIterator[Engine]:
    """An open, empty database with all tables, on each store."""
    engine = open_engine(stored_at)
    yield engine
    await engine.close()


@pytest.fixture
async def file_engine(sqlite_url: str) -> AsyncIterator[Engine]:
    """An open, empty file with all tables."""
    engine = open_engine(sqlite_url)
    yield engine
    await engine.close()


@pytest.fixture
def storage(engine: Engine) -> Storage:
    """Each implementation in turn."""
    return Storage(SqlStore(engine), SqlOutbox(engine))


@pytest.fixture
def store(storage: Storage) -> Store:
    """The store."""
    return storage.store


@pytest.fixture
def outbox(storage: Storage) -> Outbox:
    """The outbox of the same database."""
    return storage.outbox


@pytest.fixture(autouse=True)
async def no_thread_outlives_its_loop() -> AsyncIterator[None]:
    """A connection that was given up ends in a thread of its own; the loop it reports to waits for it."""
    yield
    await no_thread_left()
