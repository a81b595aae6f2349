"""The verbs of `python -m bot` on PostgreSQL, and `move` between the stores."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import move
from bot.__main__ import main
from bot.domain.errors import StoreUnavailable
from bot.sandbox import postgres
from bot.settings import database_address
from bot.storage.engine import open_engine
from tests.storage.by_hand import by_hand, past_the_triggers
from tests.test_command_line import ROOT, database, folder
from tests.test_command_line import bot as process
from tests.test_config import GOOD

__all__ = ["database", "folder"]  # fixtures

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bot(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The command line in this process: exit code, and what was said on either side."""

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patched:
            for key, value in environment.items():
                patched.setenv(key, value)
            code = main(list(arguments))
        return code, *capsys.readouterr()

    return run


COUNT = "SELECT count(*) FROM audit"
PROGRESS = re.compile(r"^\w+: [\d,]+ of [\d,]+ rows\n", re.MULTILINE)
"""Said of what takes long: a busy machine may take long over anything."""


@pytest.fixture
def empty(postgres_server: postgres.Server):
    """An address with a password, and no tables behind it."""
    with postgres_server.database() as url:
        yield url.replace("@", ":pa55word@", 1)


def test_everything_moves_and_the_audit_verifies_there(database: Path, empty: str, bot: Said) -> None:
    code, said, aside = bot("move", "--to", empty)
    assert (code, PROGRESS.sub("", aside)) == (0, "")
    assert re.search(r"^  audit +3$", said, re.MULTILINE)
    assert re.search(r"^  audit_head +1$", said, re.MULTILINE)
    assert "Set DATABASE_URL" in said
    verified, exported = (bot("audit", what, DATABASE_URL=empty) for what in ("verify", "export"))
    assert verified == bot("audit", "verify")
    assert verified[1].startswith("The audit log holds: 3 entries")
    assert exported == bot("audit", "export")
    assert "pa55" not in said + verified[1] + exported[1]


def test_where_to_may_be_said_by_the_environment_so_that_no_list_of_processes_shows_it(
    database: Path, empty: str
) -> None:
    done = process(database.parent, "move", MOVE_TO=empty)
    assert (done.returncode, PROGRESS.sub("", done.stderr)) == (0, "")
    assert "pa55word" not in done.stdout
    assert by_hand(empty, COUNT) == [(3,)]


def test_everything_moves_back_into_a_file(database: Path, empty: str, bot: Said) -> None:
    assert bot("move", "--to", empty)[0] == 0
    code, _, aside = bot("move", "--to", "sqlite:///back.db", DATABASE_URL=empty)
    assert (code, PROGRESS.sub("", aside)) == (0, "")
    assert bot("audit", "verify", DATABASE_URL="sqlite:///back.db") == bot("audit", "verify")


@pytest.mark.parametrize("where", [(), ("--to", "mysql://here/db"), ("--to", "sqlite:///imei-lock.db")])
def test_where_nothing_can_be_moved_to_one_sentence_says_so(
    database: Path, where: tuple[str, ...], bot: Said
) -> None:
    code, said, aside = bot("move", *where)
    assert (code, said) == (2, "")
    aside = PROGRESS.sub("", aside)
    assert aside.startswith("imei-lock can't go on:\n")
    assert len(aside.splitlines()) == 2


async def test_a_move_beside_a_running_bot_is_refused(database: Path, empty: str) -> None:
    running = open_engine(f"sqlite:///{database}")
    with pytest.raises(StoreUnavailable, match="another process has the database"):
        await move.run(database_address(f"sqlite:///{database}"), database_address(empty), print)
    await running.close()


def test_a_broken_audit_is_not_moved(database: Path, empty: str, bot: Said) -> None:
    past_the_triggers(f"sqlite:///{database}", "UPDATE audit SET event = 'x' WHERE seq = 2")
    code, _, aside = bot("move", "--to", empty)
    assert code == 2
    assert "entry 2" in aside
    made = by_hand(empty, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
    assert made == [(0,)]


def test_migrate_and_verify_on_an_empty_server(empty: str, bot: Said) -> None:
    assert bot("migrate", DATABASE_URL=empty)[:2] == (0, "The database is at this version.\n")
    assert bot("audit", "verify", DATABASE_URL=empty)[1].startswith("The audit log holds: 0")


@pytest.mark.parametrize("what", ["verify", "export"])
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_where_there_is_no_audit_yet_one_sentence_says_what_makes_it(
    store: str, what: str, empty: str, folder: Path, bot: Said
) -> None:
    sqlite3.connect(folder / "empty.db").close()
    address = empty if store == "postgresql" else f"sqlite:///{folder / 'empty.db'}"
    code, said, aside = bot("audit", what, DATABASE_URL=address)
    assert (code, said) == (2, "")
    assert "no audit log: python -m bot migrate" in aside


def test_an_option_that_the_driver_does_not_know_is_said_in_one_line(empty: str, bot: Said) -> None:
    code, _, aside = bot("migrate", DATABASE_URL=f"{empty}&sslmoode=pa55word")
    assert code == 2
    assert "sslmoode" in aside
    assert len(aside.splitlines()) == 2
    assert "pa55" not in aside


@pytest.mark.parametrize("verb", [("migrate",), ("audit", "verify"), ("move", "--to", "sqlite:///x.db")])
def test_a_server_that_is_not_there_is_said_in_one_line(verb: tuple[str, ...], bot: Said) -> None:
    code, _, aside = bot(*verb, DATABASE_URL="postgresql://bot:pa55word@127.0.0.1:1/imei")
    assert code == 2
    assert "127.0.0.1" in aside
    assert "pa55" not in aside


def test_a_bot_that_starts_before_its_database_server_says_so_and_is_to_be_started_again(
    folder: Path,
) -> None:
    (folder / "policy.toml").write_text((ROOT / "policy.example.toml").read_text())
    address = "postgresql://bot:pa55word@127.0.0.1:1/imei"
    done = process(folder, **GOOD, DATABASE_URL=address)
    assert (done.returncode, done.stdout) == (1, "")  # the systemd unit gives up after a 2
    assert "as soon as the database is there" in done.stderr
    assert "pa55" not in done.stderr
    assert "Traceback" not in done.stderr
