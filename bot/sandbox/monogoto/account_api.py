"""The vendor's calls about the account: log-in, and Things Groups."""

from __future__ import annotations

import hmac
import json as jsonlib
import secrets

from aiohttp import web

from bot.sandbox.monogoto import answers
from bot.sandbox.monogoto.records import render_group
from bot.sandbox.monogoto.settings import Settings
from bot.sandbox.monogoto.tokens import Tokens
from bot.sandbox.monogoto.world import World


class AccountApi:
    """Handlers; `username` and `password` are the only ones that get in."""

    def __init__(self, world: World, settings: Settings, tokens: Tokens) -> None:
        self._world = world
        self._settings = settings
        self._tokens = tokens
        self.username = "operator@local.invalid"
        self.password = secrets.token_urlsafe(12)

    def routes(self) -> list[web.RouteDef]:
        """Log-in and groups."""
        return [web.post("/Auth", self.log_in), web.get("/thingsgroup/{id}", self.read_group)]

    async def log_in(self, request: web.Request) -> web.Response:
        """POST /Auth."""
        try:
            body = await request.json()
        except (jsonlib.JSONDecodeError, UnicodeDecodeError):
            return answers.text("Invalid Input Data", 400)
        if not isinstance(body, dict) or not self._admits(body.get("UserName"), body.get("Password")):
            return answers.text("Access denied", self._settings.failed_login_status)
        writes = self._settings.profile != "monitor"
        return answers.json(
            {
                self._settings.token_key: self._tokens.issue(),
                "refreshToken": secrets.token_hex(16),
                "CustomerId": "CustomerId_local",
                "UserId": "UserId_local",
                "Role": f"UserRole_{self._settings.profile}",
                "ThingsGroupIds": sorted(self._settings.own_groups),
                "UserProfile": {"Permissions": {"things": "write" if writes else "read"}},
            }
        )

    async def read_group(self, request: web.Request) -> web.Response:
        """GET /thingsgroup/{ThingsGroupId}."""
        group = self._world.groups.get(request.match_info["id"])
        hidden = self._settings.profile == "group_user" and group is not None
        if group is None or (hidden and group.group_id not in self._settings.own_groups):
            return answers.unknown_id(self._settings.unknown_id, request.match_info["id"])
        return answers.json(render_group(group))

    def _admits(self, username: object, password: object) -> bool:
        return username == self.username and hmac.compare_digest(
            str(password).encode(), self.password.encode()
        )
