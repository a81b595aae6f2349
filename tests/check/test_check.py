"""`python -m bot check` names each single missing or wrong thing, with what to do, and changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.sandbox.clock import ManualClock
from bot.sandbox.slack.workspace import UserGroup
from bot.services.checked import Level
from bot.slack.inspection import OPTIONAL_SCOPES, SCOPES, address
from bot.storage.engine import open_engine
from bot.storage.inspection import database
from tests.check.conftest import Installation, bad, in_json, line

FAILED, UNKNOWN = Level.FAILED, Level.NOT_CHECKED
ROOT = Path(__file__).parent.parent.parent


async def test_a_good_installation_is_all_good(installed: Installation) -> None:
    report = await installed.check()
    assert bad(report) == {}
    assert report.exit_code == 0
    assert report.text().endswith("\n\nAll good.")


async def test_it_changes_nothing_and_posts_nothing(installed: Installation) -> None:
    before = hashlib.sha256(installed.database.read_bytes()).digest()
    await installed.check()
    assert hashlib.sha256(installed.database.read_bytes()).digest() == before
    assert {path.name for path in installed.folder.iterdir()} == {"imei-lock.db", "policy.toml"}
    asked = {call.method for call in installed.slack.requests}
    assert asked == {
        "auth.test",
        "apps.connections.open",
        "conversations.info",
        "usergroups.list",
        "users.info",
    }
    assert {call.method for call in installed.monogoto.calls} == {"POST", "GET"}


async def test_a_brand_new_installation_lacks_only_its_database(installed: Installation) -> None:
    installed.database.unlink()
    report = await installed.check()
    assert report.exit_code == 0
    assert line(report, "database").level is Level.REMARK
    assert not installed.database.exists()


async def test_beside_a_running_bot_neither_gets_in_the_others_way(
    installed: Installation,
) -> None:
    running = open_engine(f"sqlite:///{installed.database}")
    try:
        async with running.reading() as connection:
            await connection.exec_driver_sql("SELECT 1")
            assert bad(await installed.check()) == {}
        async with running.writing() as connection:
            await connection.exec_driver_sql("UPDATE gate SET share = 512")
    finally:
        await running.close()


# --- each single thing ---------------------------------------------------------------------------------


def sql(*statements: str) -> Callable[[Installation], None]:
    def spoil(at: Installation) -> None:
        with closing(sqlite3.connect(at.database)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return spoil


def env(**values: str) -> Callable[[Installation], None]:
    return lambda at: at.environment.update(values)


def written(old: str, new: str) -> Callable[[Installation], None]:
    return lambda at: at.policy(old, new)


def group(**changes: Any) -> Callable[[Installation], None]:
    def spoil(at: Installation) -> None:
        for key, value in changes.items():
            setattr(at.slack.workspace.groups["S0APPROVERS"], key, value)

    return spoil


def person(**changes: Any) -> Callable[[Installation], None]:
    def spoil(at: Installation) -> None:
        for key, value in changes.items():
            setattr(at.slack.workspace.users["U0ADMIN"], key, value)

    return spoil


def channel(channel_id: str, **changes: Any) -> Callable[[Installation], None]:
    def spoil(at: Installation) -> None:
        for key, value in changes.items():
            setattr(at.slack.workspace.channels[channel_id], key, value)

    return spoil


ADMIN, APPROVERS = "role admin: U0ADMIN", "role approver: S0APPROVERS"
FEW = "rule 1: approvers"
DATABASE = {
    "database": FAILED,
    "database writable": UNKNOWN,
    "database version": UNKNOWN,
    "audit chain": UNKNOWN,
}
GROUP = "Things Group (rule 1)"

SPOILED: dict[str, tuple[Callable[[Installation], Any], dict[str, Level]]] = {
    "app token": (env(SLACK_APP_TOKEN="xapp-wrong"), {"Slack app token": FAILED}),
    "app token is the bot's": (
        lambda at: at.environment.update(SLACK_APP_TOKEN="xapp-" + at.slack.bot_token),
        {"Slack app token": FAILED},
    ),
    "a scope": (
        lambda at: at.slack.scopes.discard("im:write"),
        {"scope im:write": FAILED},
    ),
    "an optional scope": (
        lambda at: at.slack.scopes.discard("groups:history"),
        {"scope groups:history": Level.REMARK},
    ),
    "team": (written("T0TEAM", "T0OTHER"), {"policy team": FAILED}),
    "approvals channel": (written("C0APPROVALS", "C0GONE"), {"channel approvals_channel": FAILED}),
    "audit channel without the bot": (written("C0AUDIT", "C0NOBOT"), {"channel audit_channel": FAILED}),
    "private channel without the bot": (written("C0AUDIT", "C0PRIVATE"), {"channel audit_channel": FAILED}),
    "archived channel": (channel("C0AUDIT", is_archived=True), {"channel audit_channel": FAILED}),
    "shared channel": (channel("C0APPROVALS", is_ext_shared=True), {"channel approvals_channel": FAILED}),
    "group unknown": (written("S0ENGINEERS", "S0GONE"), {"role engineer: S0GONE": FAILED}),
    "group disabled": (group(enabled=False), {APPROVERS: FAILED, FEW: Level.WARNING}),
    "group empty": (group(users=[]), {APPROVERS: FAILED, FEW: Level.WARNING}),
    "person unknown": (written("U0ADMIN", "U0GONE"), {"role admin: U0GONE": FAILED}),
    "person gone": (person(deleted=True), {ADMIN: FAILED}),
    "person is a bot": (person(is_bot=True), {ADMIN: FAILED}),
    "person of another team": (person(team_id="T0OTHER"), {ADMIN: FAILED}),
    "person is a guest": (person(is_restricted=True), {ADMIN: Level.REMARK}),
    "role without anybody": (written('"S0ENGINEERS"', ""), {"role engineer": Level.WARNING}),
    "too few approvers": (
        written("none = 1, some = 1, many = 2", "none = 4, some = 4, many = 4"),
        {FEW: FAILED},
    ),
    "password": (
        env(MONOGOTO_PASSWORD="wrong"),
        {"Monogoto log-in": FAILED, "Monogoto reading": UNKNOWN, "clock against Monogoto": UNKNOWN},
    ),
    "vendor address": (
        env(MONOGOTO_URL="http://127.0.0.1:9"),
        {"Monogoto log-in": FAILED, "Monogoto reading": UNKNOWN, "clock against Monogoto": UNKNOWN},
    ),
    "vendor group": (
        lambda at: at.policy("approvals = {", 'things_groups = ["ThingsGroupId_gone"]\napprovals = {'),
        {GROUP: FAILED},
    ),
    "vendor may not list": (
        lambda at: at.monogoto.fail(("GET", "/things"), "error_json"),
        {"Monogoto reading": FAILED},
    ),
    "database is a diary": (lambda at: at.database.write_text("A diary. " * 500), DATABASE),
    "database is a folder": (
        lambda at: (at.database.unlink(), at.database.mkdir()),
        DATABASE,
    ),
    "database in a file": (
        lambda at: at.environment.update(DATABASE_URL=f"sqlite:///{at.folder}/policy.toml/x.db"),
        DATABASE,
    ),
    "database is empty": (
        lambda at: at.database.write_bytes(b""),
        {"database version": Level.REMARK, "audit chain": UNKNOWN},
    ),
    "database of another program": (
        lambda at: (at.database.unlink(), sql("CREATE TABLE foreign_one (x)")(at)),
        {"database version": FAILED, "audit chain": UNKNOWN},
    ),
    "database's lock": (
        lambda at: (at.folder / "imei-lock.db.lock").mkdir(),
        {"database writable": FAILED},
    ),
    "database of an earlier version": (
        sql("UPDATE alembic_version SET version_num = '0001'"),
        {"database version": Level.WARNING},
    ),
    "database of a later version": (
        sql("UPDATE alembic_version SET version_num = 'v9999'"),
        {"database version": FAILED},
    ),
    "audit head": (sql("UPDATE audit_head SET seq = 7"), {"audit chain": FAILED}),
    "audit gone": (sql("DROP TABLE audit_head"), {"audit chain": FAILED}),
    "misspelt variable": (env(SLACK_BOT_TOKENS="x"), {"variable SLACK_BOT_TOKENS": Level.WARNING}),
}


@pytest.mark.parametrize("name", SPOILED)
async def test_each_wrong_thing_is_named_alone_with_what_to_do(installed: Installation, name: str) -> None:
    spoil, expected = SPOILED[name]
    spoil(installed)
    report = await installed.check()
    assert bad(report) == expected
    assert report.exit_code == (1 if FAILED in expected.values() else 0)
    told = [one for one in report.lines if one.level in {FAILED, Level.WARNING}]
    assert all(one.fix for one in told)


async def test_a_database_that_another_program_holds_is_not_writable(installed: Installation) -> None:
    with closing(sqlite3.connect(installed.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        lines = await database(installed.environment["DATABASE_URL"], patience=0.05)
    assert {one.name: one.level for one in lines if one.level is not Level.OK} == {
        "database writable": FAILED
    }
    assert "Another program" in lines[1].fix


async def test_a_refused_bot_token_leaves_the_rest_checked_or_said_to_be_not(installed: Installation) -> None:
    installed.environment["SLACK_BOT_TOKEN"] = "xoxb-wrong"
    report = await installed.check()
    found = bad(report)
    assert found.pop("Slack bot token") is FAILED
    assert set(found.values()) == {UNKNOWN}
    assert {"policy team", "channel audit_channel", ADMIN, FEW, "scope commands"} <= set(found)
    assert line(report, "Monogoto log-in").level is Level.OK
    assert line(report, "clock against Slack").level is Level.OK


async def test_a_server_that_tells_no_scopes_leaves_them_unchecked(installed: Installation) -> None:
    installed.slack.hide_scopes()
    report = await installed.check()
    assert bad(report) == {f"scope {name}": UNKNOWN for name in SCOPES}
    assert report.exit_code == 0


async def test_refused_user_groups_fail_each_id_that_hangs_on_them(
    installed: Installation,
) -> None:
    installed.slack.scopes.discard("usergroups:read")
    found = bad(await installed.check())
    assert found == {
        "scope usergroups:read": FAILED,
        "role engineer: S0ENGINEERS": FAILED,
        APPROVERS: FAILED,
        FEW: UNKNOWN,
    }
    assert len(installed.slack.calls("usergroups.list")) == 1


async def test_a_slack_that_asks_to_wait_is_waited_for(installed: Installation, clock: ManualClock) -> None:
    installed.slack.rate_limit("usergroups.list", 3)
    checking = asyncio.create_task(installed.check())
    while not checking.done():
        await asyncio.sleep(0.002)
        if clock.next_wake():
            clock.advance(3)
    assert bad(checking.result()) == {}


@pytest.mark.parametrize("faults", [{"status": 503}, {"reset": True}])
async def test_a_silent_slack_is_a_failure_of_the_way_there(
    installed: Installation, faults: dict[str, Any]
) -> None:
    installed.slack.fail("auth.test", **faults)
    report = await installed.check()
    assert line(report, "Slack bot token").level is FAILED
    assert "SLACK_API_URL" in line(report, "Slack bot token").fix


async def test_a_large_workspace_is_asked_for_its_groups_once(installed: Installation) -> None:
    for number in range(50):
        installed.slack.workspace.groups[f"S{number}"] = UserGroup(
            f"S{number}", f"g{number}", "G", ["U0ENG1"]
        )
    installed.policy('["S0ENGINEERS"]', str([f"S{n}" for n in range(50)]).replace("'", '"'))
    assert bad(await installed.check()) == {}
    assert len(installed.slack.calls("usergroups.list")) == 1


# --- clocks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "transport", "level"),
    [
        (55, "http", Level.OK),
        (-55, "http", Level.OK),
        (70, "http", FAILED),
        (-70, "http", FAILED),
        (70, "socket", Level.WARNING),
        (400, "socket", FAILED),
    ],
)
async def test_a_wrong_clock_is_told_by_slack_and_by_the_vendor(
    installed: Installation, clock: ManualClock, seconds: int, transport: str, level: Level
) -> None:
    installed.environment |= {"SLACK_TRANSPORT": transport, "SLACK_SIGNING_SECRET": "s", "PORT": "0"}
    ours = ManualClock(clock.now() + timedelta(seconds=seconds))
    report = await installed.check(ours)
    assert line(report, "clock against Slack").level is level
    ours_alone = Level.WARNING if level is FAILED and abs(seconds) < 300 else level
    assert line(report, "clock against Monogoto").level is ours_alone


# --- HTTP ----------------------------------------------------------------------------------------------


async def test_over_http_the_port_must_be_free_or_ours(installed: Installation) -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    installed.environment |= {"SLACK_TRANSPORT": "http", "SLACK_SIGNING_SECRET": "s", "PORT": str(port)}
    assert bad(await installed.check()) == {"HTTP address": FAILED}
    server.close()
    await server.wait_closed()
    assert bad(await installed.check()) == {}


async def test_over_http_a_running_bot_may_hold_its_port(open_stage: Any) -> None:
    stage = await open_stage(transport="http")
    assert (await address("HTTP address", "127.0.0.1", stage.bot.transport.port)).detail.startswith(
        "a running bot"
    )


async def test_over_http_a_missing_signing_secret_can_not_start(installed: Installation) -> None:
    installed.environment |= {"SLACK_TRANSPORT": "http", "PORT": "39999"}
    report = await installed.check()
    assert bad(report) == {"variable SLACK_SIGNING_SECRET": FAILED, "Slack signing secret": UNKNOWN}
    assert report.exit_code == 2


# --- what can't start at all ---------------------------------------------------------------------------


async def test_an_empty_environment_still_names_everything_that_can_be_said(installed: Installation) -> None:
    before, kept = installed.environment, {"POLICY_FILE", "DATABASE_URL"}
    installed.environment = {key: value for key, value in before.items() if key in kept}
    report = await installed.check()
    assert report.exit_code == 2
    missing = [one.name for one in report.lines if one.level is FAILED]
    assert missing == [
        "variable SLACK_BOT_TOKEN",
        "variable SLACK_APP_TOKEN",
        "variable MONOGOTO_USERNAME",
        "variable MONOGOTO_PASSWORD",
    ]
    assert line(report, "policy file").level is Level.OK
    assert line(report, "Slack bot token").level is UNKNOWN
    installed.environment = before
    good = await installed.check()
    required = {one.name for one in good.lines if not one.name.endswith(":history")}
    assert {one.name for one in report.lines} >= required, "what can't be checked is said to be not"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SLACK_BOT_TOKEN", "xapp-mixed-up"),
        ("SLACK_TRANSPORT", "pigeon"),
        ("SLACK_API_URL", "http://elsewhere.example"),
        ("MONOGOTO_URL", "http://elsewhere.example"),
        ("MONOGOTO_TOKEN", "both"),
        ("MONOGOTO_MAX_RATE", "fast"),
        ("PORT", "many"),
        ("DATABASE_URL", "mysql://here/db"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
async def test_a_wrong_variable_is_named_and_the_rest_is_checked(
    installed: Installation, key: str, value: str
) -> None:
    installed.environment[key] = value
    report = await installed.check()
    assert [one.name for one in report.lines if one.level is FAILED] == [f"variable {key}"]
    assert report.exit_code == 2
    assert value not in report.text()


async def test_every_mistake_of_a_policy_is_a_line_and_slack_is_still_asked(installed: Installation) -> None:
    installed.policy("[[rules]]", '[[rules]]\nfly = 1\nhop = "x"')
    report = await installed.check()
    assert len([one for one in report.lines if one.name == "policy file" and one.level is FAILED]) == 2
    assert line(report, "Slack bot token").level is Level.OK
    assert line(report, "policy team").level is UNKNOWN
    assert report.exit_code == 2


async def test_a_missing_policy_says_what_to_copy(installed: Installation) -> None:
    (installed.folder / "policy.toml").unlink()
    report = await installed.check()
    assert "policy.example.toml" in line(report, "policy file").detail
    assert report.exit_code == 2


# --- a ready-made token --------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "level"), [(30, Level.OK), (3, Level.WARNING)])
async def test_a_ready_made_token_tells_how_long_it_lasts(
    installed: Installation, days: int, level: Level
) -> None:
    installed.monogoto.settings.change(token_lifetime=days * 86_400.0)
    _with_token(installed, installed.monogoto.mint_token())
    found = line(await installed.check(), "Monogoto log-in")
    assert found.level is level
    assert f"lasts {days} days" in found.detail


async def test_a_refused_ready_made_token_is_tried_once(installed: Installation) -> None:
    _with_token(installed, "not.a.token")
    report = await installed.check()
    assert line(report, "Monogoto log-in").level is FAILED
    assert len(installed.monogoto.calls) <= 2


def _with_token(at: Installation, token: str) -> None:
    del at.environment["MONOGOTO_USERNAME"], at.environment["MONOGOTO_PASSWORD"]
    at.environment["MONOGOTO_TOKEN"] = token


async def test_a_refused_password_is_tried_once(installed: Installation) -> None:
    installed.environment["MONOGOTO_PASSWORD"] = "wrong"
    await installed.check()
    assert [call.path for call in installed.monogoto.calls] == ["/Auth"]


# --- how it is told ------------------------------------------------------------------------------------


async def test_no_secret_and_no_name_of_a_person_is_told(installed: Installation) -> None:
    installed.environment["SLACK_SIGNING_SECRET"] = installed.slack.signing_secret
    report = await installed.check()
    hidden = [
        installed.slack.bot_token,
        installed.slack.app_token,
        installed.slack.signing_secret,
        installed.monogoto.username,
        installed.monogoto.password,
        *(user.real_name for user in installed.slack.workspace.users.values() if not user.is_bot),
    ]
    for told in (report.text(), report.as_json()):
        assert [secret for secret in hidden if secret in told] == []


async def test_lines_are_aligned_and_a_fix_stands_below_its_failure(installed: Installation) -> None:
    installed.slack.scopes.discard("im:write")
    lines = (await installed.check()).text().splitlines()
    at = next(n for n, one in enumerate(lines) if "scope im:write" in one)
    assert lines[at].startswith("FAILED       scope im:write ")
    assert lines[at + 1].startswith("             fix: ")
    details = {re.match(r".{13}\S.*?  +", one).end() for one in lines[:3]}  # type: ignore[union-attr]
    assert len(details) == 1
    assert lines[-1] == "1 failed."
    assert max(len(one) for one in lines if "/" not in one) <= 100
    assert "\x1b" not in "".join(lines)


async def test_the_json_says_the_same_with_stable_keys(installed: Installation) -> None:
    installed.slack.scopes.discard("im:write")
    report = await installed.check()
    told = in_json(report)
    assert told["exit_code"] == 1
    assert [one["name"] for one in told["checks"]] == [one.name for one in report.lines]
    assert all(set(one) == {"name", "level", "detail", "fix"} for one in told["checks"])
    assert {one["name"]: one["level"] for one in told["checks"]}["scope im:write"] == "failed"


async def test_what_a_server_answers_moves_no_cursor(installed: Installation) -> None:
    installed.slack.fail("auth.test", error="\x1b[2Jno\nway")
    assert "\x1b" not in (text := (await installed.check()).text())
    assert "[2Jno way" in text


def test_the_scopes_that_are_checked_are_those_of_the_manifest() -> None:
    asked = yaml.safe_load((ROOT / "manifest.yml").read_text())["oauth_config"]["scopes"]
    assert {*SCOPES, *OPTIONAL_SCOPES} == set(asked["bot"])
    assert set(OPTIONAL_SCOPES) == set(asked["bot_optional"])
