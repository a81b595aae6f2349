"""What the documents say is what the code does."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import settings
from bot.monogoto.probe_words import QUESTIONS
from bot.slack import commands, shortcuts

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

COMMANDS = {command.name: (command.hint, command.description) for command in commands.COMMANDS}
"""Each command with its usage and description, as the code has them."""
SHORTCUTS = [(each.name, each.menu.value, each.description) for each in shortcuts.SHORTCUTS]
"""Each shortcut with its menu and description, as the code has them."""


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
    return read


def test_the_example_environment_explains_every_key_and_shows_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown: dict[str, tuple[str, str]] = {}
    for above, line in itertools.pairwise(lines):
        if found := re.fullmatch(r"(?:# )?([A-Z_]+)=(.*)", line):
            shown[found[1]] = (above.removeprefix("# "), found[2])
    assert shown == {key: (one.explanation, one.default or "") for key, one in settings().items()}


def test_the_manifest_offers_the_commands(manifest: dict[str, Any]) -> None:
    offered = {
        one["command"]: (one["usage_hint"], one["description"])
        for one in manifest["features"]["slash_commands"]
    }
    assert offered == COMMANDS


def test_the_readme_lists_the_commands() -> None:
    rows = re.findall(r"^\| `(/[a-z-]+)` \| `([^`]+)` \| (.+) \|$", README, re.MULTILINE)
    assert {name: (usage, description) for name, usage, description in rows} == COMMANDS


def test_the_manifest_offers_the_shortcuts_within_slacks_limits(manifest: dict[str, Any]) -> None:
    offered = manifest["features"]["shortcuts"]
    ids = [(one["callback_id"], one["name"], one["type"], one["description"]) for one in offered]
    assert ids == [(s.callback_id, s.name, s.menu.value, s.description) for s in shortcuts.SHORTCUTS]
    assert len(offered) <= 10
    assert all(len(one["name"]) <= 24 and len(one["description"]) <= 140 for one in offered)


def test_the_readme_lists_the_shortcuts() -> None:
    assert re.findall(r"^\| ([^|`]+) \| (message|global) \| (.+) \|$", README, re.MULTILINE) == SHORTCUTS


def test_there_is_a_global_shortcut_for_each_command() -> None:
    assert [s.command for s in shortcuts.SHORTCUTS if s.menu == "global"] == list(COMMANDS)


def test_the_readme_names_every_setting() -> None:
    assert {key for key in settings() if f"`{key}`" not in README} == set()


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_manifest_keeps_slacks_limits(manifest: dict[str, Any]) -> None:
    commands = manifest["features"]["slash_commands"]
    assert len(commands) <= 50
    assert all(2 <= len(one["command"]) <= 32 for one in commands)
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140


def test_the_manifest_asks_for_no_scope_twice_and_marks_history_as_optional(manifest: dict[str, Any]) -> None:
    scopes = manifest["oauth_config"]["scopes"]
    assert len(scopes["bot"]) == len(set(scopes["bot"]))
    assert set(scopes["bot_optional"]) == {one for one in scopes["bot"] if one.endswith(":history")}


def test_the_manifest_is_for_socket_mode_with_forms_and_role_changes(manifest: dict[str, Any]) -> None:
    wanted = manifest["settings"]
    assert wanted["socket_mode_enabled"] is True
    assert wanted["interactivity"]["is_enabled"] is True
    assert set(wanted["event_subscriptions"]["bot_events"]) == {"subteam_members_changed", "subteam_updated"}


def test_the_example_policy_names_only_roles_that_it_defines() -> None:
    policy = tomllib.loads((ROOT / "policy.example.toml").read_text())
    roles = set(policy["roles"])
    named = [
        *policy["lookups"].values(),
        *(rule[verb] for rule in policy["rules"] for verb in ("request", "approve")),
    ]
    assert all(set(some) <= roles for some in named)


def test_the_container_runs_without_root_and_installs_what_is_pinned_only() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    (image,) = [line for line in lines if line.startswith("FROM ")]
    assert re.fullmatch(r"FROM python:3\.\d+-slim", image), (
        "a plain name: whose registry is the builder's choice"
    )
    (user,) = [line for line in lines if line.startswith("USER ")]
    assert user != "USER 0"
    assert [line for line in lines if "pip install" in line and "--require-hashes" not in line] == []
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == let_in, "nothing else gets near it: no .env, no database"


def test_the_service_starts_the_bot_and_does_not_try_a_wrong_configuration_again() -> None:
    unit = (ROOT / "docs/deploy/imei-lock.service").read_text()
    assert re.search(r"^ExecStart=\S+/python -m bot$", unit, re.MULTILINE)
    for line in (
        "RestartPreventExitStatus=2",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "User=imei-lock",
    ):
        assert f"\n{line}\n" in unit


def test_what_a_probe_reports_is_explained() -> None:
    explained = re.findall(r"`([a-z_]+)`(?=[^|]*\|)", (ROOT / "docs/open-points.md").read_text())
    assert set(QUESTIONS) <= set(explained)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_file_holds_names_versions_and_hashes_only(name: str) -> None:
    for line in (ROOT / name).read_text().splitlines():
        pinned = re.fullmatch(r"[a-z0-9.-]+(\[[a-z, ]+\])?==\S+( ; [^\\]+)?( \\)?", line)
        assert pinned or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), line


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    production = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["cluster"]
    for wanted, name in (
        (production, "requirements.txt"),
        (production + project["dependency-groups"]["dev"], "requirements-dev.txt"),
    ):
        locked = set(re.findall(r"^([a-z0-9.-]+)", (ROOT / name).read_text(), re.MULTILINE))
        assert {re.split(r"[^\w.-]", one, maxsplit=1)[0].lower() for one in wanted} <= locked
