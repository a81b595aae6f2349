"""`python -m bot`: plain lines and exit codes; what is wrong is named at once, and never as a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.app import build
from bot.config import Config
from bot.domain.audit import GENESIS
from bot.domain.errors import StoreUnavailable
from bot.policy_file import load_policy
from bot.sandbox.clock import ManualClock
from bot.storage.engine import migrate, open_engine
from bot.storage.store import SqlStore
from tests import warm
from tests.storage import samples

ROOT = Path(__file__).parent.parent
GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1-bot",
    "SLACK_APP_TOKEN": "xapp-1-app",
    "MONOGOTO_USERNAME": "ops@example.com",
    "MONOGOTO_PASSWORD": "correct horse",
}
KEPT_OF_THE_SYSTEM = ("PATH", "SYSTEMROOT", "COVERAGE_PROCESS_START", "PYTHONPYCACHEPREFIX")


def bot(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, with nothing in its environment but what is given."""
    return started(warm.bot(*arguments), folder, environment)


def started(
    command: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """What came of a command, in such a process."""
    system = {key: os.environ[key] for key in KEPT_OF_THE_SYSTEM if key in os.environ}
    return subprocess.run(
        command,
        cwd=folder,
        env=system | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is typed, with an empty configuration."""
    monkeypatch.chdir(tmp_path)
    for key in ("DATABASE_URL", *GOOD):
        monkeypatch.delenv(key, raising=False)
    return tmp_path


@pytest.fixture
def database(folder: Path) -> Path:
    """A database with three audit entries, where the default configuration looks for it."""
    path = folder / "imei-lock.db"

    async def write() -> None:
        engine = open_engine(f"sqlite:///{path}")
        try:
            await migrate(engine)
            async with SqlStore(engine).transaction() as tx:
                for number in (1, 2, 3):
                    await tx.audit(samples.entry(number))
        finally:
            await engine.close()

    asyncio.run(write())
    return path


def tamper(database: Path, statement: str) -> None:
    """What somebody does who has the file and knows of the triggers."""
    with closing(sqlite3.connect(database)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.commit()


# --- the process ---------------------------------------------------------------------------------------


def test_the_help_names_every_verb(folder: Path) -> None:
    done = started(warm.cold("--help"), folder, {})  # as people start it, once
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m bot ")
    verbs = ("run", "check", "health", "probe", "migrate", "move", "audit")
    assert all(verb in done.stdout for verb in verbs)
    assert done.stderr == ""


def test_without_configuration_every_missing_key_is_named_at_once_and_nothing_is_made(folder: Path) -> None:
    done = bot(folder)
    assert done.returncode == 2
    first, *lines = done.stderr.splitlines()
    assert first == "imei-lock can't go on:"
    named = [line.split(":")[0] for line in lines]
    assert named == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "MONOGOTO_USERNAME", "MONOGOTO_PASSWORD"]
    assert list(folder.iterdir()) == []


def test_check_names_what_is_missing_in_an_empty_folder_and_makes_nothing(folder: Path) -> None:
    done = bot(folder, "check", SLACK_API_URL="http://127.0.0.1:9/", MONOGOTO_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (2, "")
    failed = re.findall(r"^FAILED +(.+?)  ", done.stdout, re.MULTILINE)
    wanted = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "MONOGOTO_USERNAME", "MONOGOTO_PASSWORD")
    assert failed == [*(f"variable {key}" for key in wanted), "policy file"]
    assert list(folder.iterdir()) == []


def test_check_for_scripts_is_one_json_object(folder: Path) -> None:
    done = bot(
        folder, "check", "--json", SLACK_API_URL="http://127.0.0.1:9/", MONOGOTO_URL="http://127.0.0.1:9"
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"]) == (2, 2)
    assert {one["level"] for one in told["checks"]} >= {"ok", "failed", "not checked"}


def test_a_wrong_policy_names_every_problem_at_once(folder: Path) -> None:
    wrong = 'team = "Acme"\n[roles]\nboss = ["Ann"]\n[[rules]]\nchanges = ["fly"]\n'
    (folder / "policy.toml").write_text(wrong)
    done = bot(folder, **GOOD)
    assert done.returncode == 2
    places = [line.split(":")[0] for line in done.stderr.splitlines()[1:]]
    assert places == [
        "roles.boss",
        "team",
        "rule 1, changes",
        "rule 1, request",
        "rule 1, approve",
        "rule 1, approvals",
    ]
    assert "correct horse" not in done.stderr
    assert [path.name for path in folder.iterdir()] == ["policy.toml"]


def test_a_file_that_is_no_database_is_refused_and_the_process_ends(folder: Path) -> None:
    (folder / "policy.toml").write_bytes((ROOT / "policy.example.toml").read_bytes())
    (folder / "imei-lock.db").write_text("This is a diary, and not a database at all. " * 200)
    done = bot(folder, "run", **GOOD)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "file is not a database" in done.stderr
    assert (folder / "imei-lock.db").read_text().startswith("This is a diary")


async def test_a_bot_that_could_not_be_built_lets_go_of_the_database(folder: Path) -> None:
    (folder / "imei-lock.db").write_text("This is a diary, and not a database at all. " * 200)
    config = Config.from_env(GOOD)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="file is not a database"):
            await build(config, load_policy(ROOT / "policy.example.toml"), clock=ManualClock())


def test_an_export_that_nobody_reads_to_the_end_is_no_failure(database: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        done = subprocess.run(
            warm.bot("audit", "export"),
            cwd=database.parent,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_check_that_nobody_reads_still_tells_by_its_exit_code(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        done = subprocess.run(
            warm.bot("check"),
            cwd=folder,
            env={key: os.environ[key] for key in KEPT_OF_THE_SYSTEM if key in os.environ}
            | {"PYTHONPATH": str(ROOT)},
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.parametrize("verb", ["run", "migrate", "check"])
def test_a_settings_file_that_can_not_be_read_is_no_traceback(folder: Path, verb: str) -> None:
    (folder / ".env").write_bytes(b"\xff\xfe\xff=1")
    done = bot(folder, verb)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert ".env" in done.stderr + done.stdout


def test_a_port_that_is_taken_is_one_plain_line(folder: Path) -> None:
    (folder / "policy.toml").write_bytes((ROOT / "policy.example.toml").read_bytes())
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        http = {"SLACK_TRANSPORT": "http", "SLACK_SIGNING_SECRET": "s", "PORT": port}
        silent = {"SLACK_API_URL": "http://127.0.0.1:9/", "MONOGOTO_URL": "http://127.0.0.1:9"}
        done = bot(folder, "run", **GOOD, **http, **silent)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr


def test_ctrl_c_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bot.__main__._do", interrupted)
        assert main(["check"]) == 130
    assert len(capsys.readouterr().err.splitlines()) == 1


# --- migrate -------------------------------------------------------------------------------------------


def test_migrate_makes_the_database_and_may_be_run_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate"]) == 0
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == "The database is at this version.\n" * 2
    assert (folder / "imei-lock.db").is_file()


def test_the_database_is_where_the_dotenv_file_says_unless_the_environment_says_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("DATABASE_URL=sqlite:///written.db\n")
    assert main(["migrate"]) == 0
    assert (folder / "written.db").is_file()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///real.db")
    assert main(["migrate"]) == 0
    assert (folder / "real.db").is_file()


@pytest.mark.parametrize("arguments", [["migrate"], ["audit", "verify"], ["audit", "export"]])
@pytest.mark.parametrize("url", ["mysql://here/db", "what is this", "sqlite:///:memory:"])
def test_a_database_that_is_not_served_is_refused_in_one_line(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    url: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert main(arguments) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == "imei-lock can't go on:"
    assert second.startswith("DATABASE_URL: ")
    assert list(folder.iterdir()) == []


# --- audit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["verify", "export"])
def test_no_database_yet_is_one_plain_line(
    folder: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    assert main(["audit", what]) == 2
    assert capsys.readouterr().err == "imei-lock can't go on:\nthere is no database imei-lock.db\n"
    assert list(folder.iterdir()) == []


def test_an_audit_that_holds_is_said_with_its_head(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "export"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert main(["audit", "verify"]) == 0
    assert capsys.readouterr().out == f"The audit log holds: 3 entries, head 3:{last['digest']}\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET body = replace(body, 'U0BOB', 'U0EVE') WHERE seq = 2", "entry 2 was changed"),
        ("UPDATE audit SET user_id = 'U0EVE' WHERE seq = 3", "entry 3: the column user_id was changed"),
        ("DELETE FROM audit WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM audit WHERE seq = 3", "the chain ends at entry 2, but 3 entries were written"),
    ],
)
def test_the_first_entry_that_was_tampered_with_is_named(
    database: Path, capsys: pytest.CaptureFixture[str], statement: str, said: str
) -> None:
    tamper(database, statement)
    assert main(["audit", "verify"]) == 1
    assert capsys.readouterr().out.startswith(f"The audit log does not hold: {said}")


def digest_of(seq: int, capsys: pytest.CaptureFixture[str]) -> str:
    """As an operator would have noted it down."""
    assert main(["audit", "export"]) == 0
    return str(json.loads(capsys.readouterr().out.splitlines()[seq - 1])["digest"])


def test_an_entry_noted_earlier_is_found_again(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = digest_of(2, capsys)
    assert main(["audit", "verify", "--expect", f"2:{digest}"]) == 0
    assert main(["audit", "verify", "--expect", f"2:{digest[:8]}"]) == 0
    assert main(["audit", "verify", "--expect", f"0:{GENESIS}"]) == 0


def test_an_entry_noted_earlier_and_written_anew_or_cut_off_is_named(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = digest_of(2, capsys)
    assert main(["audit", "verify", "--expect", f"3:{digest}"]) == 1
    assert "entry 3 is not the one noted earlier" in capsys.readouterr().out
    assert main(["audit", "verify", "--expect", f"9:{digest}"]) == 1
    assert "entry 9, noted earlier, is not there" in capsys.readouterr().out


@pytest.mark.parametrize("noted", ["2", "2:", ":abcdef0123", "two:abcdef0123", "2:nonsense!", "2:abc"])
def test_a_note_that_proves_nothing_is_refused(
    database: Path, capsys: pytest.CaptureFixture[str], noted: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", "verify", "--expect", noted])
    assert ended.value.code == 2
    assert "must be SEQ:DIGEST" in capsys.readouterr().err


def test_the_export_is_one_json_object_a_line_oldest_first(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "export"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert [line["entry"]["request_id"] for line in lines] == ["R1", "R2", "R3"]
    assert all(set(line) == {"seq", "previous", "digest", "entry"} for line in lines)


def test_the_audit_is_checked_and_exported_beside_a_running_bot(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = open_engine(f"sqlite:///{database}")
    try:
        assert main(["audit", "verify"]) == 0
        assert main(["audit", "export"]) == 0
        assert main(["migrate"]) == 2
        assert "another process has the database imei-lock.db open" in capsys.readouterr().err
    finally:
        asyncio.run(running.close())


@pytest.mark.parametrize("arguments", [["audit"], ["audit", "repair"], ["fly"], ["--nonsense"]])
def test_a_verb_that_does_not_exist_is_refused_with_the_usage(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m bot")
