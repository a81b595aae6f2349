"""The vendor's calls about the account: the log-in."""

from __future__ import annotations

import hmac
import json as jsonlib
import secrets

from aiohttp import web

from bot.sandbox.monogoto import answers
from bot.sandbox.monogoto.settings import Settings
from bot.sandbox.monogoto.tokens import Tokens


class AccountApi:
    """Handlers; `username` and `password` are the only ones that get in."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self.username = "operator@local.invalid"
        self.password = secrets.token_urlsafe(12)

    def routes(self) -> list[web.RouteDef]:
        """Log-in."""
        return [web.post("/Auth", self.log_in)]

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

    def _admits(self, username: object, password: object) -> bool:
        return username == self.username and hmac.compare_digest(
            str(password).encode(), self.password.encode()
        )
