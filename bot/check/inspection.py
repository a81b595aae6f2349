"""Everybody is asked, side by side; what hangs on something that failed is said to be not checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.check import people
from bot.check.job_tables import job_tables
from bot.check.job_tables import unknown as job_tables_unknown
from bot.check.report import Report
from bot.check.variables import policy_file, settings_file, variables
from bot.config import readable
from bot.domain.policy import Policy
from bot.monogoto import inspection as vendor
from bot.monogoto.auth import Credentials, ReadyToken, UserPassword
from bot.monogoto.client import Monogoto
from bot.monogoto.pace import OwnPace
from bot.services.checked import Checked, Level, clocks, failed, not_checked, ok
from bot.services.ports import Clock
from bot.slack import inspection as slack
from bot.slack.inspection import TokenAnswer
from bot.slack.workspace import Workspace
from bot.storage import inspection as storage

_BOT_TOKEN = "Slack bot token"  # noqa: S105  a name, not a token
_APP_TOKEN = "Slack app token"  # noqa: S105  a name, not a token
_TEAM = "policy team"
_SLACK_CLOCK, _VENDOR_CLOCK = "clock against Slack", "clock against Monogoto"
_SIGNING = "Slack signing secret"
_ADDRESS = "HTTP address"
_NO_POLICY = "the policy file can't be used"


async def check(real: Mapping[str, str], *, clock: Clock, dotenv: Path | None = None) -> Report:
    """Look at everything and change nothing; goes on after a failure. Never raises for what it finds.

    `real`: the process's environment; `dotenv`: the file that it wins over.
    """
    environment, dotenv_lines = settings_file(dotenv, real)
    values, problems = readable(environment)
    policy, policy_lines = policy_file(values["policy_file"])
    parts = await asyncio.gather(
        _guarded(storage.READABLE, _database(values)),
        _guarded("Slack transport", _transport(values)),
        _guarded(_BOT_TOKEN, _slack(values, policy, clock)),
        _guarded(vendor.LOG_IN, _vendor(values, policy, clock)),
    )
    lines = [*dotenv_lines, *variables(environment, values, problems), *policy_lines]
    lines += [line for part in parts for line in part]
    unread = any(line.level is Level.FAILED for line in dotenv_lines)
    return Report(tuple(lines), startable=not (problems or unread) and policy is not None)


async def _guarded(name: str, part: Awaitable[list[Checked]]) -> list[Checked]:
    """What nobody foresaw in one part is told as its failure; the other parts are still told."""
    try:
        return await part
    except Exception as error:  # noqa: BLE001  its text may hold a secret: only its name is told
        fix = "Look at the settings it depends on; if they are right, report it as a mistake of the bot."
        return [failed(name, f"could not be looked at ({type(error).__name__})", fix)]


async def _database(values: Mapping[str, Any]) -> list[Checked]:
    if values["database_url"] is None:
        return [not_checked(storage.READABLE, "DATABASE_URL is wrong")]
    url = values["database_url"].reveal()
    lines = await storage.database(url)
    if not storage.is_a_server(url):
        return lines
    readable = lines[0].level is not Level.FAILED
    return [*lines, await job_tables(url) if readable else job_tables_unknown()]


# --- how Slack reaches us ----------------------------------------------------------------------------------


async def _transport(values: Mapping[str, Any]) -> list[Checked]:
    if values["slack_transport"] is None:
        return [not_checked("Slack transport", "SLACK_TRANSPORT is wrong")]
    return await (_socket(values) if values["slack_transport"] == "socket" else _http(values))


async def _socket(values: Mapping[str, Any]) -> list[Checked]:
    token, url = values["slack_app_token"], values["slack_api_url"]
    if token is None or url is None:
        return [not_checked(_APP_TOKEN, "SLACK_APP_TOKEN or SLACK_API_URL is missing or wrong")]
    answer = await slack.ask_with(token.reveal(), "apps.connections.open", url)
    if answer.error:
        fix = "Make an app-level token with connections:write (“Basic Information”), and turn on Socket Mode."
        return [failed(_APP_TOKEN, answer.error, answer.fix or (fix if answer.reached else _REACH))]
    return [ok(_APP_TOKEN, "taken: Socket Mode can connect")]


async def _http(values: Mapping[str, Any]) -> list[Checked]:
    told = not_checked(_SIGNING, "it is not set")
    if values["slack_signing_secret"] is not None:
        told = ok(_SIGNING, "set; that it is the right one shows when Slack first sends something")
    if values["host"] is None or values["port"] is None:
        return [told, not_checked(_ADDRESS, "HOST or PORT is wrong")]
    return [told, await slack.address(_ADDRESS, values["host"], values["port"])]


# --- Slack itself ------------------------------------------------------------------------------------------

_REACH = "Check SLACK_API_URL and this machine's way out, then try again."


async def _slack(values: Mapping[str, Any], policy: Policy | None, clock: Clock) -> list[Checked]:
    token, url = values["slack_bot_token"], values["slack_api_url"]
    if token is None or url is None:
        because = "SLACK_BOT_TOKEN or SLACK_API_URL is missing or wrong"
        nobody_asked = [not_checked(name, because) for name in (_BOT_TOKEN, _SLACK_CLOCK)]
        return [*nobody_asked, *_token_unknown(policy, "there is no usable bot token")]
    answer = await slack.ask_with(token.reveal(), "auth.test", url)
    signed = values["slack_transport"] == "http"
    time = clocks(_SLACK_CLOCK, answer.date, clock.now(), signed=signed)
    if answer.error:
        fix = "Copy the bot user's token from “OAuth & Permissions” after installing the app."
        line = failed(_BOT_TOKEN, answer.error, answer.fix or (fix if answer.reached else _REACH))
        because = "the bot token was refused" if answer.reached else "Slack did not answer"
        return [line, time, *_token_unknown(policy, because)]
    granted = [ok(_BOT_TOKEN, "taken"), time, *slack.scopes(answer.scopes)]
    if policy is None:
        return [*granted, *_slack_unknown(policy, _NO_POLICY)]
    team = str(answer.data.get("team_id") or "")
    workspace = Workspace(token=token.reveal(), base_url=url, team=team, clock=clock)
    async with workspace:
        return [*granted, _team(answer, policy), *await _policy_ids(workspace, policy)]


def _team(answer: TokenAnswer, policy: Policy) -> Checked:
    told = answer.data.get("team_id")
    if not told:
        return not_checked(_TEAM, "Slack's answer did not tell the token's team")
    if told != policy.team:
        fix = f'If the token is of the right workspace, set team = "{told}" in the policy.'
        return failed(
            _TEAM, f"the policy is for {policy.team}, the bot token of {told}: all are refused", fix
        )
    return ok(_TEAM, f"{told}, as the bot token's")


async def _policy_ids(workspace: Workspace, policy: Policy) -> list[Checked]:
    channels = [await workspace.channel(name, channel) for name, channel in _channels(policy)]
    roles, found = await people.holders(workspace, policy)
    return [*channels, *roles, *people.enough_approvers(policy, found, workspace.guests)]


def _channels(policy: Policy) -> list[tuple[str, str]]:
    named = {"approvals_channel": policy.approvals_channel, "audit_channel": policy.audit_channel}
    return [(f"channel {key}", channel) for key, channel in named.items() if channel]


def _token_unknown(policy: Policy | None, because: str) -> Iterable[Checked]:
    yield from slack.scopes(None, because)
    yield from _slack_unknown(policy, because)


def _slack_unknown(policy: Policy | None, because: str) -> Iterable[Checked]:
    yield not_checked(_TEAM, because)
    if policy is not None:
        yield from (not_checked(name, because) for name, _ in _channels(policy))
        yield from people.unknown(policy, because)


# --- the vendor --------------------------------------------------------------------------------------------


async def _vendor(values: Mapping[str, Any], policy: Policy | None, clock: Clock) -> list[Checked]:
    who, url, rate = _credentials(values), values["monogoto_url"], values["monogoto_max_rate"]
    named = _named_groups(policy)
    if who is None or url is None or rate is None:
        because = "a variable of Monogoto's is missing or wrong"
        names = (vendor.LOG_IN, vendor.READING, _VENDOR_CLOCK)
        nobody_asked = [not_checked(name, because) for name in names]
        return [*nobody_asked, *_groups_unknown(named, "there is no log-in")]
    async with Monogoto(url, who, clock=clock, gate=OwnPace(clock, rate)) as monogoto:
        found = await vendor.account(monogoto, clock.now(), ready_token=isinstance(who, ReadyToken))
        time = clocks(_VENDOR_CLOCK, found.date, clock.now(), signed=False)
        if found.date is None and not found.reached:
            time = not_checked(_VENDOR_CLOCK, "Monogoto can't be read")
        if not found.reached:
            return [*found.lines, time, *_groups_unknown(named, "Monogoto can't be read")]
        groups = [await vendor.things_group(monogoto, name, one) for name, one in named]
    return [*found.lines, time, *groups]


def _named_groups(policy: Policy | None) -> list[tuple[str, str]]:
    """Each group that the policy names, called by the first rule that does: ids are long."""
    found: dict[str, str] = {}
    for number, rule in enumerate(policy.rules if policy else (), start=1):
        for place, one in enumerate(rule.things_groups, start=1):
            which = f"{number}" if len(rule.things_groups) == 1 else f"{number}.{place}"
            found.setdefault(one, f"Things Group (rule {which})")
    return [(name, one) for one, name in found.items()]


def _groups_unknown(named: Iterable[tuple[str, str]], because: str) -> Iterable[Checked]:
    return (not_checked(name, because) for name, _ in named)


def _credentials(values: Mapping[str, Any]) -> Credentials | None:
    """What there is to log in with; None where it is missing, in half, or more than one."""
    username, password = values["monogoto_username"], values["monogoto_password"]
    if values["monogoto_token"] is not None:
        alone = username is None and password is None
        return ReadyToken(values["monogoto_token"].reveal()) if alone else None
    return UserPassword(username, password.reveal()) if username and password is not None else None
