"""What SECURITY.md promises is tested by tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECURITY = (ROOT / "SECURITY.md").read_text()


def all_tests() -> set[str]:
    """The name of every test of the project."""
    return {
        node.name
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    }


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", SECURITY))
    assert len(named) > 40
    assert named - all_tests() == set()


def test_every_promise_names_a_test() -> None:
    _, _, rest = SECURITY.partition("| promise | shown by |")
    rows = rest.split("\n\n")[0].splitlines()[2:]
    assert len(rows) > 10
    assert [row for row in rows if "`test_" not in row] == []


def test_what_was_asked_to_be_mapped_is_mapped() -> None:
    for section in ("2.3.1", "2.3.2", "2.3.3", "2.3.4", "2.3.5", "8.2.1", "8.2.3", "8.2.4", "8.3.1", "8.3.2"):
        assert section in SECURITY
    for section in ("8.3.3", "16.1", "16.2", "16.3", "16.4", "16.5", "AC-3(2)"):
        assert section in SECURITY


def test_a_vulnerability_is_reported_in_private_and_to_no_invented_address() -> None:
    assert "Report a vulnerability" in SECURITY
    assert not re.search(r"\S+@\S+\.\w+|https?://", SECURITY)


def test_every_path_and_command_that_it_names_exists() -> None:
    make = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make (\w+)`", SECURITY):
        assert f"\n{target}:" in make
    assert (ROOT / "bot/services/authority.py").is_file()
