"""What `check` asks Slack about tokens and scopes, and whether it could reach us; see also `workspace`.

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
from bot.slack.api import TIMEOUT

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
    "files:read": "files sent with /lock-csv",
    "files:write": "lists as files in a card's thread",
}
"""What `manifest.yml` asks for, and what each is for; a test keeps the two alike."""
OPTIONAL_SCOPES: Mapping[str, str] = {
    "channels:history": "finding a card again whose post was sent but whose answer was lost",
    "groups:history": "the same in private channels",
}
WAIT = "Slack limits how often it may be asked: try again in a minute."
AWAY = "Slack has trouble just now (status.slack.com): try again later."
_OF_THE_ACCOUNT: Mapping[str, str] = {
    "account_inactive": "The app was taken out of the workspace, or its user deactivated: install it again.",
    "token_revoked": "Install the app again, and copy the new token.",
    "team_access_not_granted": "Have an admin of the organisation approve the app for this workspace.",
}
REINSTALL = "Add it under “OAuth & Permissions” (or paste manifest.yml again) and reinstall the app."


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
    fix: str = ""
    """What helps against this error in particular."""


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
    if status == 429 or (isinstance(data, dict) and data.get("error") in {"ratelimited", "rate_limited"}):
        return TokenAnswer("Slack limits how often it may be asked", fix=WAIT, reached=False, date=date)
    if status >= 500 or not isinstance(data, dict):
        return TokenAnswer(f"HTTP {status}", fix=AWAY if status >= 500 else "", reached=False, date=date)
    error = "" if data.get("ok") is True else str(data.get("error") or f"HTTP {status}")
    return TokenAnswer(error, data=data, scopes=scopes, date=date, fix=_OF_THE_ACCOUNT.get(error, ""))


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
        else failed(f"scope {name}", f"not granted: {why}", REINSTALL)
        for name, why in SCOPES.items()
    ]
    lines += [
        ok(f"scope {name}", why) if name in granted else remark(f"scope {name}", f"not granted: {why}")
        for name, why in OPTIONAL_SCOPES.items()
    ]
    return lines


async def address(name: str, host: str, port: int) -> Checked:
    """Whether HTTP requests of Slack's can be listened for there: free, or taken by a bot that runs."""
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    except UnicodeError:
        return failed(name, "HOST is no address and no host's name", "Set HOST to 127.0.0.1, say.")
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
