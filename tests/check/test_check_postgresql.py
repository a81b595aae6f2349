"""`check` on PostgreSQL: the same lines, and never the password."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from bot.dispatch import schema
from bot.sandbox import postgres
from bot.services.checked import Level
from bot.storage.engine import open_engine
from tests.check.conftest import Installation, bad, line
from tests.storage.by_hand import by_hand

FAILED = Level.FAILED


@pytest_asyncio.fixture
async def on_postgresql(installed: Installation, postgres_url: str) -> Installation:
    """With a password, which this server doesn't ask for."""
    await schema.migrate(postgres_url)
    installed.environment["DATABASE_URL"] = postgres_url.replace("@", ":pa55word@", 1)
    return installed


async def test_all_is_well_beside_a_running_bot(on_postgresql: Installation, postgres_url: str) -> None:
    running = open_engine(postgres_url)
    async with running.writing() as connection:
        await connection.exec_driver_sql("UPDATE gate SET share = 512")
        report = await on_postgresql.check()
    await running.close()
    assert bad(report) == {}
    assert "PostgreSQL" in line(report, "database").detail
    assert "pa55" not in report.text() + report.as_json()
    found = by_hand(
        postgres_url, "SELECT table_name FROM information_schema.tables WHERE table_schema='public'"
    )
    assert ("imei_lock_check",) not in found


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE alembic_version SET version_num = '0004'", {"database version": Level.WARNING}),
        ("UPDATE audit_head SET seq = 7", {"audit chain": FAILED}),
        ("DROP TABLE audit_head", {"audit chain": FAILED}),
        ("DROP SCHEMA procrastinate CASCADE", {"job tables": Level.REMARK}),
        (
            "DELETE FROM procrastinate.imei_lock_migrations WHERE name >= '03.00.00'",
            {"job tables": Level.WARNING},
        ),
        ("ALTER TABLE procrastinate.imei_lock_migrations DROP COLUMN name", {"job tables": FAILED}),
    ],
)
async def test_what_is_wrong_is_named_alone(
    on_postgresql: Installation, postgres_url: str, statement: str, expected: dict[str, Level]
) -> None:
    by_hand(postgres_url, statement)
    assert bad(await on_postgresql.check()) == expected


async def test_a_server_that_is_not_there_is_said_without_the_password(installed: Installation) -> None:
    installed.environment["DATABASE_URL"] = "postgresql://bot:pa55word@127.0.0.1:1/imei"
    report = await installed.check()
    assert line(report, "database").level is FAILED
    assert "127.0.0.1" in line(report, "database").detail
    assert line(report, "job tables").level is Level.NOT_CHECKED
    assert "pa55" not in report.text() + report.as_json()


async def test_an_empty_database_is_made_by_the_first_start(
    installed: Installation, postgres_server: postgres.Server
) -> None:
    with postgres_server.database() as url:
        installed.environment["DATABASE_URL"] = url
        report = await installed.check()
    assert report.exit_code == 0
    assert line(report, "database version").level is Level.REMARK
    assert line(report, "job tables").level is Level.REMARK


async def test_a_user_without_the_right_to_create_is_told_which_right_it_needs(
    installed: Installation, postgres_server: postgres.Server, tmp_path: Path
) -> None:
    user = f"guest_{tmp_path.name[-20:].lower()}"
    with postgres_server.database() as url:
        postgres_server.say(f'CREATE ROLE "{user}" LOGIN')
        by_hand(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        host = url.partition("@")[2]
        installed.environment["DATABASE_URL"] = f"postgresql://{user}@{host}"
        report = await installed.check()
        assert line(report, "database writable").level is FAILED
        assert "right to write" in line(report, "database writable").fix
        await schema.migrate(url)  # by somebody else: this user may not look into it
        report = await installed.check()
        assert line(report, "job tables").level is FAILED
        assert "schema" in line(report, "job tables").fix
    postgres_server.say(f'DROP ROLE "{user}"')
