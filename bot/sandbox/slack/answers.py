"""What a Web API method may answer, and the words all methods share."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]


class ApiError(Exception):
    """A method says no: HTTP 200 with `ok: false`. Extra fields go into the answer as they are."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra

    def answer(self) -> JSON:
        """The body that goes back."""
        return {"ok": False, "error": self.error, **self.extra}


def invalid_arguments(*messages: str) -> ApiError:
    """`invalid_arguments` with Slack's list of reasons."""
    return ApiError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {m}" for m in messages]})


def missing(name: str) -> ApiError:
    """A required argument was not given."""
    return invalid_arguments(f"missing required field: {name}")
