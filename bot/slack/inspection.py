"""What `check` asks Slack: tokens, scopes, channels, and who stands behind the ids of the policy.

Nothing is posted or changed. Only documented fields are used; what a server leaves out is "not told".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.services.checked import Checked, failed, not_checked, ok, remark, warning
from bot.services.ports import Clock
from bot.slack.api import TIMEOUT, SlackApi, SlackBusy, SlackError

SCOPES: Mapping[str, str] = {
    "commands": "the slash commands",
    "chat:write": "cards, replies and ephemeral answers",
    "users:read": "who somebody is",
    "usergroups:read": "who holds a role",
    "channels:read": "whether the bot is in a public channel",
    "groups:read": "the same for private channels",
    "im:read": "the same for direct messages",
    "mpim:read": "the same for group direct messages",
    "im:write": "direct messages to approvers",
}
"""What `manifest.yml` asks for, and what each is for; a test keeps the two alike."""
OPTIONAL_SCOPES: Mapping[str, str] = {
    "channels:history": "finding a card again whose post was sent but whose answer was lost",
    "groups:history": "the same in private channels",
}
_PATIENCE = 30.0
_REINSTALL = "Add it under “OAuth & Permissions” (or paste manifest.yml again) and reinstall the app."
_INVITE = "In that channel, type: /invite @IMEI Lock"
_PAID = "User groups need a paid plan; without one, name people (U…) in the policy."


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What Slack said to one of our tokens."""

    error: str
    """"" where it was taken; else Slack's word, or what went wrong on the way."""
    reached: bool = True
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    scopes: frozenset[str] | None = None
    """As granted; None where the answer doesn't tell."""
    date: datetime | None = None


async def ask_with(token: str, method: str, base_url: str) -> TokenAnswer:
    """Call a method that takes nothing but a token: `auth.test`, `apps.connections.open`."""
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.post(
                base_url + method, headers={"Authorization": f"Bearer {token}"}, allow_redirects=False
            ) as answer,
        ):
            data = await answer.json(content_type=None)
            return _understood(answer.status, answer.headers, data)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return TokenAnswer(f"no sensible answer ({type(error).__name__})", reached=False)


def _understood(status: int, headers: Mapping[str, str], data: object) -> TokenAnswer:
    told = headers.get("x-oauth-scopes")
    scopes = None if told is None else frozenset(filter(None, (one.strip() for one in told.split(","))))
    date = _moment(headers.get("date", ""))
    if status == 429 or status >= 500 or not isinstance(data, dict):
        return TokenAnswer(f"HTTP {status}", reached=False, date=date)
    error = "" if data.get("ok") is True else str(data.get("error") or f"HTTP {status}")
    return TokenAnswer(error, data=data, scopes=scopes, date=date)


def _moment(header: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    return read if read.tzinfo else None


def scopes(
    granted: frozenset[str] | None, because: str = "Slack's answer did not tell the scopes"
) -> list[Checked]:
    """One line for each scope that the manifest asks for. `because`: why they aren't known, where None."""
    if granted is None:
        return [not_checked(f"scope {name}", because) for name in SCOPES]
    lines = [
        ok(f"scope {name}", why)
        if name in granted
        else failed(f"scope {name}", f"not granted: {why}", _REINSTALL)
        for name, why in SCOPES.items()
    ]
    lines += [
        ok(f"scope {name}", why) if name in granted else remark(f"scope {name}", f"not granted: {why}")
        for name, why in OPTIONAL_SCOPES.items()
    ]
    return lines


class Workspace:
    """Reads what the policy's ids stand for. Use as `async with`; every answer is read once."""

    def __init__(self, *, token: str, base_url: str, team: str, clock: Clock) -> None:
        self._token, self._base_url, self._team, self._clock = token, base_url, team, clock
        self._groups: dict[str, dict[str, Any]] | SlackError | None = None

    async def __aenter__(self) -> Workspace:
        self._session = aiohttp.ClientSession(timeout=TIMEOUT)
        self._api = SlackApi(token=self._token, base_url=self._base_url, session=self._session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def channel(self, name: str, channel: str) -> Checked:
        """Whether the bot can post there."""
        try:
            answer = await self._ask("conversations.info", channel=channel)
        except SlackError as error:
            hidden = error.code in {"channel_not_found", "not_in_channel"}
            fix = f"Check the id. A private channel is seen only by members. {_INVITE}"
            return failed(name, f"{channel}: {error.code}", fix if hidden else _advice(error))
        found = _object(answer, "channel")
        if found.get("is_archived"):
            return failed(
                name, f"{channel} is archived", "Name another channel in the policy, or unarchive it."
            )
        if found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
            fix = "Name a channel of your own: nothing is said where another company reads."
            return failed(name, f"{channel} is shared with another company", fix)
        if "is_member" not in found:
            return not_checked(name, f"Slack's answer did not tell whether the bot is in {channel}")
        return (
            ok(name, f"the bot is in {channel}")
            if found["is_member"]
            else failed(name, f"the bot is not in {channel}", _INVITE)
        )

    async def principal(self, name: str, principal_id: str) -> tuple[Checked, frozenset[str] | None]:
        """What is behind an S… or U… id, and which people that is; None where it can't be told."""
        try:
            if principal_id.startswith("S"):
                return await self._user_group(name, principal_id)
            return await self._person(name, principal_id)
        except SlackError as error:
            return failed(name, f"Slack would not tell: {error.code}", _advice(error)), None

    async def _user_group(self, name: str, group_id: str) -> tuple[Checked, frozenset[str] | None]:
        group = (await self._all_groups()).get(group_id)
        nobody: frozenset[str] = frozenset()
        if group is None:
            fix = f"Copy the id from the user group's menu into the policy. {_PAID}"
            return failed(name, "no such user group in this workspace", fix), nobody
        if group.get("date_delete"):
            return failed(name, "the user group is disabled", "Enable it in Slack, or name another."), nobody
        users = group.get("users")
        if not isinstance(users, list):
            return not_checked(name, "Slack's answer did not tell who is in it"), None
        if not users:
            return failed(name, "nobody is in the user group", "Add people to it in Slack."), nobody
        return ok(name, f"a user group of {len(users)}"), frozenset(str(user) for user in users)

    async def _person(self, name: str, user_id: str) -> tuple[Checked, frozenset[str] | None]:
        nobody: frozenset[str] = frozenset()
        try:
            user = _object(await self._ask("users.info", user=user_id), "user")
        except SlackError as error:
            if error.code not in {"user_not_found", "user_not_visible", "users_not_found"}:
                raise
            fix = "Copy the member ID from the person's profile into the policy."
            return failed(name, "no such person in this workspace", fix), nobody
        if problem := self._unfit(user):
            return failed(name, problem, "Name somebody else in the policy."), nobody
        if user.get("is_restricted") or user.get("is_ultra_restricted"):
            return remark(name, "a guest: may ask, and never approves"), nobody
        return ok(name, "an active member"), frozenset({user_id})

    def _unfit(self, user: Mapping[str, Any]) -> str:
        if user.get("deleted"):
            return "the account is deactivated"
        if user.get("is_bot") or user.get("is_workflow_bot"):
            return "a bot, and bots hold no role"
        if user.get("is_stranger") or user.get("team_id", self._team) != self._team:
            return "somebody of another company"
        return ""

    async def _all_groups(self) -> dict[str, dict[str, Any]]:
        """All user groups with their people, in one call: user groups may be read twenty times a minute."""
        if self._groups is None:
            try:
                answer = await self._ask("usergroups.list", include_users=True, include_disabled=True)
                listed = answer.get("usergroups")
                rows = listed if isinstance(listed, list) else []
                self._groups = {str(one.get("id")): one for one in rows if isinstance(one, dict)}
            except SlackError as error:
                self._groups = error
        if isinstance(self._groups, SlackError):
            raise self._groups
        return self._groups

    async def _ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A read; a 429 is waited for once."""
        try:
            return await self._api.call(method, get=True, **arguments)
        except SlackBusy as busy:
            if busy.retry_after > _PATIENCE:
                raise
            await self._clock.sleep(busy.retry_after)
        return await self._api.call(method, get=True, **arguments)


def _object(answer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = answer.get(key)
    return found if isinstance(found, dict) else {}


def _advice(error: SlackError) -> str:
    if error.code == "missing_scope":
        return _REINSTALL
    if isinstance(error, SlackBusy):
        return "Slack limits how often it may be asked: try again in a minute."
    return "Try again; if it stays so, look the word up in Slack's documentation."


async def address(name: str, host: str, port: int) -> Checked:
    """Whether HTTP requests of Slack's can be listened for there: free, or taken by a bot that runs."""
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    except OSError as error:
        if await _is_ours(host, port):
            return ok(name, f"a running bot listens on {host}:{port}")
        fix = "End what listens there, or set another HOST or PORT."
        return failed(name, f"can't listen on {host}:{port} ({error.strerror or type(error).__name__})", fix)
    server.close()
    await server.wait_closed()
    if port == 0:
        return warning(name, "the system chooses the port", "Set PORT: Slack has to find it every time.")
    return ok(name, f"{host}:{port} is free")


async def _is_ours(host: str, port: int) -> bool:
    """By the answer of the bot's own health page."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    bracketed = f"[{reachable}]" if ":" in reachable else reachable
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
            session.get(f"http://{bracketed}:{port}/healthz") as answer,
        ):
            return answer.status == 200 and (await answer.content.read(16)) == b"ok"
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
