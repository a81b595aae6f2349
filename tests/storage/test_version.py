"""Whether a database is current is found out without Alembic, and comes to what Alembic says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from bot.storage.current import is_current, newest
from bot.storage.engine import migrate, open_engine

ROOT = Path(__file__).parents[2]


def test_the_newest_migration_is_alembics_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", "bot.storage:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [newest()]


async def test_a_database_is_current_once_it_is_migrated_and_not_before(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'new.db'}")
    async with engine.reading() as connection:
        assert not await connection.run_sync(is_current)
    await migrate(engine)
    async with engine.reading() as connection:
        assert await connection.run_sync(is_current)
    await engine.close()


def test_the_bot_is_loaded_without_what_only_few_starts_need() -> None:
    code = "import sys, bot.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"alembic", "openpyxl", "prometheus_client"}
    assert not loaded & {"bot.probe", "bot.check"}
