"""The house keeps its shape: who imports whom, how long things are, and that nothing is built at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BOT = ROOT / "bot"
MODULES = sorted(BOT.rglob("*.py"))
OURS = [path for path in MODULES if "sandbox" not in path.relative_to(BOT).parts]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}

LONGEST_MODULE = 260
LONGER = {
    "config.py": "the one table of settings, with how each is read and explained",
    "domain/bulk_rows.py": "one row of a file, from its cells to a change or a sentence",
    "services/submission.py": "one form from its sending to a request or a refusal",
    "app.py": "the composition root: every part once, in the order in which they need one another",
    "monogoto/client.py": "one method for each endpoint",
    "slack/cards.py": "one card from its headline to its buttons",
    "dispatch/cluster.py": "which requests get a job, the jobs, the workers: one life, one order to end in",
    "services/requests.py": "everything that people decide, side by side: who wins, and what is audited",
    "domain/identifiers.py": "three parsers and their sentences; texts and values are apart already",
    "services/thing_execution.py": "one item from claim to end: a split would hide the order of the steps",
    "domain/requests.py": "a request and the tables of its states and of its items",
    "domain/policy.py": "every question that the policy answers",
    "services/ports.py": "all seams in one place, most of it explanation",
    "domain/impact.py": "what was seen, and every verdict and finding on it",
    "services/counting.py": "the stages of one count, in their order, with the ledger they write",
    "storage/census.py": "the rows of a count and the sums over them",
    "services/inventory.py": "one reading from its beginning to its end, with all that it resumes from",
    "storage/inventory.py": "Things and groups as listed: found, kept, forgotten",
    "storage/tables.py": "all tables in one place",
    "storage/encoding.py": "every stored value to its JSON and back, side by side",
    "slack/forms.py": "all modals, pure builders",
    "services/authority.py": "the one authorization layer: every question, side by side",
    "slack/messenger.py": "one message from the outbox to Slack, with all that can go wrong on the way",
}
LIBRARIES = {
    "storage": {"sqlalchemy", "aiosqlite", "psycopg", "alembic", "rfc8785", "filelock"},
    "monogoto": {"httpx"},
    "dispatch": {"procrastinate", "psycopg", "psycopg_pool"},
    "sheets": {"openpyxl"},
    "watch": {"prometheus_client", "aiohttp"},
    "slack": {"slack_bolt", "slack_sdk", "aiohttp", "cachetools"},
    "app": {"aiohttp"},
    "running": {"aiohttp"},
    "config": {"dotenv"},
}
"""Which part of the bot may know which library."""


def name(path: Path) -> str:
    return path.relative_to(BOT).as_posix()


def part(path: Path) -> str:
    """The package, or the module at the top: `slack`, `app`."""
    return path.relative_to(BOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def outside(path: Path) -> set[str]:
    """The libraries a module imports."""
    tops = {module.split(".")[0] for module in imported(path)}
    return tops - {"bot", "__future__"} - set(sys.stdlib_module_names)


# --- who imports whom ----------------------------------------------------------------------------------


def test_the_domain_imports_the_standard_library_and_itself() -> None:
    for path in (BOT / "domain").glob("*.py"):
        assert outside(path) == set(), name(path)
        ours = {module for module in imported(path) if module.split(".")[0] == "bot"}
        assert all(module.startswith("bot.domain") for module in ours), name(path)


def test_the_domain_does_no_input_or_output_and_reads_no_clock() -> None:
    forbidden = {"asyncio", "io", "json", "logging", "os", "pathlib", "random", "socket", "sqlite3", "time"}
    for path in (BOT / "domain").glob("*.py"):
        assert not {module.split(".")[0] for module in imported(path)} & forbidden, name(path)
        calls = {node.attr for node in ast.walk(TREES[path]) if isinstance(node, ast.Attribute)}
        assert not calls & {"now", "utcnow", "today"}, name(path)


def test_the_use_cases_know_no_library() -> None:
    for path in (BOT / "services").glob("*.py"):
        assert outside(path) == set(), name(path)


@pytest.mark.parametrize("path", OURS, ids=name)
def test_a_library_is_known_to_the_one_part_that_adapts_it(path: Path) -> None:
    assert outside(path) <= LIBRARIES.get(part(path), set())


def test_only_the_sandbox_imports_the_sandbox() -> None:
    for path in OURS:
        assert not any(module.startswith("bot.sandbox") for module in imported(path)), name(path)


def test_the_vendors_spellings_live_in_one_module() -> None:
    for path in OURS:
        if name(path) != "monogoto/models.py":
            text = path.read_text(encoding="utf-8")
            assert not {s for s in ("LockMasterImei", "MasterIMEI", "IMEIPrefix") if s in text}, name(path)


# --- how long things are -------------------------------------------------------------------------------


def test_a_long_module_has_a_reason_listed() -> None:
    long = {name(path) for path in OURS if len(path.read_text().splitlines()) > LONGEST_MODULE}
    assert long <= set(LONGER)
    assert all((BOT / listed).is_file() for listed in LONGER)


def test_nine_of_ten_functions_are_under_25_lines() -> None:
    lengths = [
        int(node.end_lineno or 0) - node.lineno + 1
        for path in OURS
        for node in ast.walk(TREES[path])
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert sum(length < 25 for length in lengths) >= 0.9 * len(lengths)


# --- nothing is built at import ------------------------------------------------------------------------

IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
import procrastinate  # whose croniter asks the program `file` about this Python, each time it is imported

watched = ("_thread.start_new_thread", "socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen")
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event in watched else None)
import asyncio.events
asyncio.events.new_event_loop = asyncio.new_event_loop = lambda: seen.append("an event loop")
import bot
for module in pkgutil.walk_packages(bot.__path__, "bot."):
    if "migrations.env" not in module.name:
        importlib.import_module(module.name)
print(sorted(set(seen)), sorted(path.name for path in pathlib.Path().iterdir()))
"""


def test_importing_every_module_starts_connects_and_writes_nothing(tmp_path: Path) -> None:
    """`migrations.env` is Alembic's, which runs it and never imports it."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[] []\n", "")


def test_only_the_command_line_reads_the_environment_and_only_when_run() -> None:
    for path in OURS:
        readers = [
            node
            for node in ast.walk(TREES[path])
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
        ]
        if name(path) != "__main__.py":
            assert readers == [], name(path)
    functions = [n for n in TREES[BOT / "__main__.py"].body if isinstance(n, ast.FunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    readers = [n for n in ast.walk(TREES[BOT / "__main__.py"]) if isinstance(n, ast.Attribute)]
    assert all(id(node) in inside for node in readers if node.attr == "environ")


def test_every_module_says_what_it_is_for() -> None:
    assert [name(path) for path in MODULES if not ast.get_docstring(TREES[path])] == []
