"""What the container file and the service promise, read from their text: here nothing builds or runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its words, continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def only(word: str) -> str:
    (found,) = [rest for name, rest in instructions() if name == word]
    return found


def test_the_base_image_is_a_plain_name_with_a_version_and_can_be_pinned() -> None:
    """No host in it: whose registry is the builder's choice."""
    assert re.fullmatch(r"BASE=python:3\.\d+-slim", only("ARG"))
    assert only("FROM") == "${BASE}"


def test_the_container_runs_as_somebody_without_rights_and_by_number() -> None:
    """A number, since an orchestrator can't tell that a name isn't root."""
    user, _, group = only("USER").partition(":")
    assert int(user) >= 10000
    assert int(group) >= 10000
    names = [name for name, _ in instructions()]
    last_build_step = max(at for at, name in enumerate(names) if name in {"RUN", "COPY"})
    assert names.index("USER") > last_build_step
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_nothing_but_its_volume_is_the_users_to_write() -> None:
    given = [
        rest for name, rest in instructions() if name == "RUN" and ("-o imei-lock" in rest or "chown" in rest)
    ]
    assert len(given) == 1
    assert "-o imei-lock -g imei-lock -m 700 /data" in given[0]
    assert [rest for name, rest in instructions() if name == "COPY" and "--chown" in rest] == []
    assert only("VOLUME") == "/data"
    assert "PYTHONDONTWRITEBYTECODE=1" in only("ENV")


def test_only_pinned_wheels_are_installed_and_nothing_is_fetched_otherwise() -> None:
    runs = " ".join(rest for name, rest in instructions() if name == "RUN")
    installs = re.findall(r"pip install [^&]*", runs)
    assert installs
    assert all("--require-hashes" in one and "--only-binary :all:" in one for one in installs)
    assert not re.search(r"curl|wget|apt-get|git clone|https?://", runs)
    assert "ADD" not in {name for name, _ in instructions()}


def test_what_is_copied_is_what_the_ignore_file_lets_in_and_nothing_else() -> None:
    copied = {rest.split()[0] for name, rest in instructions() if name == "COPY"}
    assert IGNORED[0] == "*"
    assert {line[1:] for line in IGNORED if line.startswith("!")} == copied
    assert "bot/sandbox" in IGNORED


def test_no_secret_is_in_the_image() -> None:
    text = (ROOT / "Dockerfile").read_text()
    names = [rest for name, rest in instructions() if name in {"ENV", "ARG"}]
    assert not re.search(r"TOKEN|PASSWORD|SECRET", " ".join(names))
    assert "xox" not in text


def test_its_health_is_asked_for_inside_and_it_ends_as_the_bot_does() -> None:
    check = only("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert command == ["python", "-m", "bot", "health", "--alive"]  # knows HEALTH_HOST too
    assert "HEALTH_PORT=" in only("ENV")
    assert only("STOPSIGNAL") == "SIGTERM"
    assert json.loads(only("ENTRYPOINT")) == ["python", "-m", "bot"]


def test_the_readme_starts_it_without_rights_and_with_nothing_to_write_to() -> None:
    readme = (ROOT / "README.md").read_text()
    for flag in ("--read-only", "--tmpfs /tmp", "--cap-drop ALL", "--security-opt no-new-privileges"):
        assert flag in readme


def test_the_program_is_never_imported_with_its_sandbox() -> None:
    """The image has none."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if "sandbox" not in path.parts:
            assert "bot.sandbox" not in path.read_text(encoding="utf-8"), path.name


UNIT = (ROOT / "docs/deploy/imei-lock.service").read_text()


def test_the_service_starts_the_bot_and_does_not_try_a_wrong_configuration_again() -> None:
    assert re.search(r"^ExecStart=\S+/python -m bot$", UNIT, re.MULTILINE)
    assert "\nRestartPreventExitStatus=2\n" in UNIT


@pytest.mark.parametrize(
    "line",
    [
        "User=imei-lock",
        "UMask=0077",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "MemoryDenyWriteExecute=yes",
        "NoNewPrivileges=yes",
        "PrivateDevices=yes",
        "PrivateTmp=yes",
        "PrivateUsers=yes",
        "ProcSubset=pid",
        "ProtectHome=yes",
        "ProtectProc=invisible",
        "ProtectSystem=strict",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "RestrictNamespaces=yes",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "LimitCORE=0",
    ],
)
def test_the_service_has_no_right_that_it_does_not_need(line: str) -> None:
    assert f"\n{line}\n" in UNIT


def test_each_directive_of_the_service_is_set_once_but_those_that_add_up() -> None:
    keys = re.findall(r"^([A-Z]\w+)=", UNIT, re.MULTILINE)
    twice = {key for key in keys if keys.count(key) > 1}
    assert twice <= {"After", "SystemCallFilter", "Environment"}
