"""The log of calls, for asserts and for the demo; secrets are cut before anything is kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

_CUT: Final = "(cut)"
_SECRET_KEYS: Final = frozenset({"password", "token", "refreshtoken"})


@dataclass(slots=True)
class Call:
    """One call as it came in. `status` is None while it runs and where no answer was sent."""

    number: int
    at: datetime
    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int | None = None
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"at": self.at.isoformat()}


def readable(raw: bytes, path: str) -> Any:
    """A body for the log: JSON where it is, else text; secrets cut, and a log-in that is no JSON, whole."""
    text = raw.decode("utf-8", "replace")
    try:
        body = json.loads(text) if text else None
    except ValueError:
        return _CUT if path == "/Auth" else text[:1000]
    if isinstance(body, dict):
        return {key: _CUT if key.lower() in _SECRET_KEYS else value for key, value in body.items()}
    return body
