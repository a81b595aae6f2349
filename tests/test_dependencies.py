"""What the bot is made of besides its own code: declared, used, locked, and free to be passed on."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from tests import licences
from tests.licences import LOCK, PERMISSIVE, ROOT, WEAK, Licensed, is_permissive, licence_of, licensed

NEVER_IMPORTED = {
    "sniffio": "httpcore looks for it several times a call, and finding nothing costs more",
    "defusedxml": "openpyxl uses it where it is there: no entities in uploaded XML",
    "aiosqlite": "SQLAlchemy's driver for sqlite+aiosqlite",
}
"""Declared though no line of the bot imports it, and why."""
IMPORTED_AS = {
    "python-dotenv": "dotenv",
    "slack-bolt": "slack_bolt",
    "slack-sdk": "slack_sdk",
    "prometheus-client": "prometheus_client",
}
"""Where the package's name is not the module's."""
BROUGHT_ALONG = {"psycopg_pool": "psycopg"}
"""Modules of an extra of a declared package: `psycopg[pool]`."""


def declared() -> dict[str, str]:
    """Every dependency of the bot, extras included: its name and the module that it brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project.get("optional-dependencies", {}).values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    names = [re.split(r"[^\w.-]", one, maxsplit=1)[0].lower() for one in wanted]
    return {name: IMPORTED_AS.get(name, name) for name in names}


@cache
def imported() -> frozenset[str]:
    """Every library that a module of the bot imports; the sandbox may use what tests are written with."""
    tops = set()
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                tops |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                tops.add(str(node.module).split(".")[0])
    return frozenset(tops - set(sys.stdlib_module_names) - {"bot", "__future__"})


def test_every_dependency_is_imported_or_says_why_not() -> None:
    unused = {name for name, module in declared().items() if module not in imported()}
    assert unused <= set(NEVER_IMPORTED), "take it out, or write down why it is here"


def test_every_reason_for_an_unimported_dependency_is_still_true() -> None:
    assert {name for name in NEVER_IMPORTED if name not in declared()} == set()


def test_every_library_that_is_imported_is_declared() -> None:
    assert {BROUGHT_ALONG.get(module, module) for module in imported()} <= set(declared().values())


def test_the_list_of_licences_is_that_of_the_lock() -> None:
    table = (ROOT / "docs/licences.md").read_text()
    listed = dict(re.findall(r"^\| ([a-z0-9.-]+) \| (\d\S*) \|", table, re.MULTILINE))
    here = {one.name: one.version for one in licensed()}
    assert listed == here, "`make licences` renews it"
    assert table == licences.document(licensed()), "`make licences` renews it"


@pytest.mark.parametrize("package", licensed(), ids=lambda package: package.name)
def test_every_package_may_be_used_and_passed_on(package: Licensed) -> None:
    if package.name in WEAK:
        assert package.licence == WEAK[package.name][0]
    else:
        assert is_permissive(package), f"{package.licence or 'no licence'}: say in WEAK why it may be here"


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(Apache-2.0 AND MIT) OR GPL-2.0-only", True),
        ("MPL-2.0", False),
        ("", False),
    ],
)
def test_of_several_licences_all_count_or_one_may_be_chosen(licence: str, permissive: bool) -> None:
    assert is_permissive(Licensed("one", "1", licence)) is permissive


def test_a_licence_is_read_from_newer_and_from_older_metadata() -> None:
    assert licence_of(metadata.metadata("aiohttp")) == "Apache-2.0 AND MIT"
    assert licence_of(metadata.metadata("aiosqlite")) in PERMISSIVE
    assert len(licensed()) > len(declared())
    assert Path(LOCK).name == "requirements.txt"
