"""Log-in tokens: real JWTs with `exp`, checked for signature, age and being expired by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any, Final

from bot.sandbox.monogoto.settings import Settings
from bot.services.ports import Clock

_HEADER: Final = {"alg": "HS256", "typ": "JWT"}


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Issues and checks; `expire_all` makes every token issued so far worthless."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._key = secrets.token_bytes(32)
        self._generation = 0

    def issue(self) -> str:
        """A token good from now for the set lifetime."""
        now = int(self._clock.now().timestamp())
        claims = {
            "UserId": "UserId_local",
            "Role": "UserRole_Admin",
            "generation": self._generation,
            "jti": secrets.token_hex(4),
            "iat": now,
            "exp": now + int(self._settings.token_lifetime),
        }
        signed = ".".join(_encode(json.dumps(part).encode()) for part in (_HEADER, claims))
        return f"{signed}.{self._signature(signed)}"

    def expire_all(self) -> None:
        """From now on every token issued so far gets 401."""
        self._generation += 1

    def good(self, authorization: str | None) -> bool:
        """Whether that header carries a token of ours that still counts."""
        scheme, _, token = (authorization or "").partition(" ")
        signed, _, signature = token.rpartition(".")
        if scheme != "Bearer" or not hmac.compare_digest(
            signature.encode(), self._signature(signed).encode()
        ):
            return False
        claims: dict[str, Any] = json.loads(_decode(signed.partition(".")[2]))
        expires = int(claims["exp"])
        return claims["generation"] == self._generation and self._clock.now().timestamp() < expires

    def _signature(self, signed: str) -> str:
        return _encode(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())
