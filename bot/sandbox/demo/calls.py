"""The latest calls to Monogoto with their answers, as a person may see them: secrets cut."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.sandbox.monogoto.calls import Call

KEPT: Final = 300
LONGEST_TEXT: Final = 2_000
CUT: Final = "(cut)"
_SECRET: Final = ("imsi", "msisdn", "pin", "puk", "token", "password")
"""How keys begin or end, in lower case, whose values nobody has to see."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A call that is over; `answer` is parsed where it is JSON, "" where none was sent."""

    call: Call
    answer: Any

    def as_json(self) -> dict[str, Any]:
        """For the page."""
        shown = self.call.as_json()
        return shown | {"body": without_secrets(shown["body"]), "answer": without_secrets(self.answer)}


class CallLog:
    """Calls about one Thing or group, and log-ins; the inventory's pages are only counted."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._kept: deque[Kept] = deque(maxlen=KEPT)
        self.listings = 0

    def hear(self, call: Call, answer: bytes) -> None:
        """One call is over."""
        if call.path in {"/things", "/thingsgroups"} and "filterBy[IMEI]" not in call.query:
            self.listings += 1
            return
        self._kept.append(Kept(call, _readable(answer)))
        self._changed()

    def __iter__(self) -> Iterator[Kept]:
        """Oldest first."""
        return iter(tuple(self._kept))

    def as_json(self, most: int) -> dict[str, Any]:
        """The latest ones, newest first."""
        newest = [kept.as_json() for kept in reversed(self._kept)]
        return {"calls": newest[:most], "listings": self.listings}


def without_secrets(value: Any) -> Any:
    """The same, where IMSI, MSISDN, PINs, PUKs, tokens and passwords are cut at any depth."""
    if isinstance(value, dict):
        return {
            key: CUT if _is_secret(key) and part else without_secrets(part) for key, part in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return value


def _is_secret(key: str) -> bool:
    return key.lower().rstrip("0123456789").endswith(_SECRET)


def _readable(answer: bytes) -> Any:
    text = answer.decode("utf-8", "replace")
    try:
        return json.loads(text) if text else ""
    except ValueError:
        return text[:LONGEST_TEXT]
