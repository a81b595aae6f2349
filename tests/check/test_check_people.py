"""`check` says whether a request can really be approved: by people who count, under all rules at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from bot.services.checked import Level
from tests.check.conftest import Installation, bad, line

FEW = "rule 1: approvers"
STRICTER = """
[[rules]]
changes = ["*"]
things_groups = ["%s"]
request = ["admin"]
approve = ["%s"]
approvals = { none = 1, some = 1, many = 1 }
"""


def stricter(at: Installation, approve: str) -> None:
    group = at.monogoto.examples.fresh.group_id
    at.policy("many = 2 }\n", "many = 2 }\n" + STRICTER % (group, approve))


async def test_one_person_who_asks_and_approves_can_never_have_anything_applied(
    installed: Installation,
) -> None:
    one = installed.folder / "policy.toml"
    one.write_text(
        'team = "T0TEAM"\n[roles]\nadmin = ["U0ADMIN"]\n[[rules]]\nchanges = ["*"]\nrequest = ["admin"]\n'
        'approve = ["admin"]\napprovals = { none = 1, some = 1, many = 1 }\n'
    )
    report = await installed.check()
    assert bad(report) == {FEW: Level.FAILED}
    assert report.exit_code == 1


async def test_rules_that_hold_together_need_people_whom_both_let_approve(installed: Installation) -> None:
    stricter(installed, "engineer")
    assert bad(await installed.check()) == {"rules 1 + 2: approvers": Level.FAILED}


async def test_rules_that_share_their_approvers_are_good(installed: Installation) -> None:
    stricter(installed, "approver")
    assert bad(await installed.check()) == {}


@pytest.mark.parametrize("change", [{"is_restricted": True}, {"deleted": True}, {"is_bot": True}])
async def test_members_of_a_group_who_do_not_count_are_not_counted(
    installed: Installation, change: dict[str, bool]
) -> None:
    for user_id in ("U0APP1", "U0APP2"):
        for key, value in change.items():
            setattr(installed.slack.workspace.users[user_id], key, value)
    found = bad(await installed.check())
    assert found == {"role approver: S0APPROVERS": Level.FAILED, FEW: Level.WARNING}


async def test_where_nobody_may_ask_it_is_said(installed: Installation) -> None:
    installed.policy('request = ["engineer", "admin"]', 'request = ["nobody"]')
    text = (installed.folder / "policy.toml").read_text()
    (installed.folder / "policy.toml").write_text(text.replace("[roles]", "[roles]\nnobody = []"))
    told = line(await installed.check(), FEW)
    assert (told.level, told.detail) == (Level.FAILED, "nobody may ask for what it holds for")


async def test_a_large_group_is_looked_at_up_to_a_bound(installed: Installation) -> None:
    installed.slack.workspace.groups["S0ENGINEERS"].users = [f"U{number}" for number in range(500)]
    await installed.check()
    assert len(installed.slack.calls("users.info")) <= 70


# --- answers that make no sense ----------------------------------------------------------------------------

GOOD = {
    "auth.test": {"ok": True, "team_id": "T0TEAM"},
    "apps.connections.open": {"ok": True, "url": "wss://nowhere"},
    "conversations.info": {"ok": True, "channel": {"is_member": True}},
    "usergroups.list": {"ok": True, "usergroups": []},
    "users.info": {"ok": True, "user": {"id": "U0ADMIN", "team_id": "T0TEAM"}},
}


@pytest.fixture
async def canned(installed: Installation) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """A server in Slack's place that answers just this."""
    async with AsyncExitStack() as stack:

        async def serve(**answers: Any) -> None:
            said = GOOD | {name.replace("__", "."): answer for name, answer in answers.items()}

            async def answer(request: web.Request) -> web.Response:
                return web.json_response(said[request.match_info["method"]])

            app = web.Application()
            app.router.add_route("*", "/api/{method}", answer)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            installed.environment["SLACK_API_URL"] = f"http://127.0.0.1:{port}/api/"

        yield serve


async def test_a_person_whom_slack_does_not_describe_is_not_checked(
    installed: Installation, canned: Callable[..., Awaitable[None]]
) -> None:
    await canned(users__info={"ok": True})
    assert line(await installed.check(), "role admin: U0ADMIN").level is Level.NOT_CHECKED


async def test_without_the_tokens_team_nobody_is_called_a_stranger(
    installed: Installation, canned: Callable[..., Awaitable[None]]
) -> None:
    await canned(auth__test={"ok": True})
    report = await installed.check()
    assert line(report, "role admin: U0ADMIN").level is Level.NOT_CHECKED
    assert line(report, "policy team").level is Level.NOT_CHECKED


async def test_an_answer_that_is_a_list_is_told_and_the_rest_is_checked(
    installed: Installation, canned: Callable[..., Awaitable[None]]
) -> None:
    await canned(users__info=["what"])
    report = await installed.check()
    assert line(report, "role admin: U0ADMIN").level is Level.FAILED
    assert line(report, "Monogoto log-in").level is Level.OK


@pytest.mark.parametrize("error", ["account_inactive", "token_revoked"])
async def test_an_app_that_was_taken_out_is_to_be_installed_again(
    installed: Installation, canned: Callable[..., Awaitable[None]], error: str
) -> None:
    await canned(auth__test={"ok": False, "error": error})
    assert "nstall" in line(await installed.check(), "Slack bot token").fix


async def test_user_groups_that_the_plan_lacks_are_said_to_be_paid_for(
    installed: Installation, canned: Callable[..., Awaitable[None]]
) -> None:
    await canned(usergroups__list={"ok": False, "error": "paid_teams_only"})
    assert "paid plan" in line(await installed.check(), "role approver: S0APPROVERS").fix


async def test_a_page_in_place_of_the_list_of_things_is_not_good(installed: Installation) -> None:
    installed.monogoto.fail(("GET", "/things"), "html_200")
    told = line(await installed.check(), "Monogoto reading")
    assert (told.level, told.detail) == (Level.FAILED, "what was answered is no list of Things")


@pytest.mark.parametrize("kind", ["error_json", "rate_limited"])
async def test_a_vendor_in_trouble_is_to_be_tried_later(installed: Installation, kind: Any) -> None:
    installed.monogoto.fail(("GET", "/things"), kind)
    assert "try again" in line(await installed.check(), "Monogoto reading").fix


# --- files and settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "value"), [("HOST", ".example"), ("MONOGOTO_URL", "https://xn--a")])
async def test_an_address_that_can_not_be_one_is_named(installed: Installation, key: str, value: str) -> None:
    installed.environment |= {key: value, "SLACK_TRANSPORT": "http", "SLACK_SIGNING_SECRET": "s"}
    report = await installed.check()
    assert [one.name for one in report.lines if one.level is Level.FAILED] == [f"variable {key}"]


@pytest.mark.parametrize("token", ["Bearer abc", "abc\ndef", "a b"])
async def test_a_token_that_was_pasted_with_more_is_named(installed: Installation, token: str) -> None:
    installed.environment |= {"MONOGOTO_TOKEN": token, "MONOGOTO_USERNAME": "", "MONOGOTO_PASSWORD": ""}
    report = await installed.check()
    assert [one.name for one in report.lines if one.level is Level.FAILED] == ["variable MONOGOTO_TOKEN"]
    assert token not in report.text()


async def test_what_nobody_foresaw_in_one_part_fails_that_part_alone(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_url: str) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("bot.storage.inspection.database", broken)
    report = await installed.check()
    assert bad(report) == {"database": Level.FAILED}
    assert "a secret" not in report.text()


async def test_others_must_not_read_the_secrets_of_the_file(installed: Installation) -> None:
    dotenv = installed.folder / ".env"
    absent = await installed.check(dotenv=dotenv)
    assert line(absent, "file .env").level is Level.REMARK
    dotenv.write_text("LOG_LEVEL=INFO\n")
    dotenv.chmod(0o644)
    assert line(await installed.check(dotenv=dotenv), "file .env").level is Level.WARNING
    dotenv.chmod(0o600)
    assert line(await installed.check(dotenv=dotenv), "file .env").level is Level.OK
    dotenv.write_bytes(b"\xff\xfe\xff=")
    report = await installed.check(dotenv=dotenv)
    assert (line(report, "file .env").level, report.exit_code) == (Level.FAILED, 2)
