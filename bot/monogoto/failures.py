"""What went wrong, in our own words: the only place that knows httpx's exceptions and HTTP's numbers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from bot.domain.errors import (
    LoginFailed,
    NotReached,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    ThingNotFound,
    Unreadable,
)
from bot.monogoto.snippets import snippet

FOREIGN: Final = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict)
"""Everything that httpx raises; a test compares."""
_NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_NO_REFUSAL: Final = frozenset({408, 425, 499})
"""Somebody on the way gave up waiting: what became of the write isn't known."""
_DEFAULT_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 3600.0
_MAY_SAY_UNKNOWN: Final = frozenset({400, 410, 422, 500})
_SAYS_UNKNOWN: Final = re.compile(
    r"\bnot[ _-]?found\b|\bno such\b|\bdo(es)?( not|n't) exist\b|\bunknown (thing|iccid|sim|id|group)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. A body may hold secrets: it has no repr."""

    status: int
    body: bytes = field(repr=False)
    retry_after: float | None = None
    date: datetime | None = None
    """When the vendor answered, by its own clock; None where it didn't tell."""

    @property
    def is_good(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def says_overload(self) -> bool:
        """429 and 5xx: time to go slower."""
        return self.status == 429 or self.status >= 500

    def json(self) -> object:
        """The body as JSON, integers exact. Raises `Unreadable`, without a piece of what may be secret."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unreadable("Monogoto's answer is not readable JSON.") from None


def from_exception(error: Exception, *, writing: bool) -> PlatformError:
    """What an exception of httpx means for the call. Its text is left behind: it may hold a URL."""
    kind = type(error).__name__
    if isinstance(error, _NEVER_LEFT):
        return NotReached(f"Monogoto can't be reached ({kind}).")
    if writing:
        return OutcomeUnknown(f"Monogoto's answer to the write was lost ({kind}).")
    if isinstance(error, httpx.DecodingError):
        return Unreadable(f"Monogoto's answer is not what the documents say ({kind}).")
    return NotReached(f"Monogoto did not answer ({kind}).")


def from_deadline(*, writing: bool, left: bool) -> PlatformError:
    """What running out of time means."""
    if writing and left:
        return OutcomeUnknown("Monogoto did not answer the write in time.")
    return NotReached("Monogoto did not answer in time.")


def demand_good(answer: Answer, *, writing: bool) -> Answer:
    """The answer, if it is 2xx; else raises what its status means."""
    if answer.is_good:
        return answer
    if answer.status == 429:
        raise _rate_limited(answer)
    raise _refused_write(answer) if writing else _failed_read(answer)


def content(answer: Answer) -> object:
    """The JSON of a good answer. Raises `ThingNotFound` where a text says so instead, else `Unreadable`."""
    try:
        body = answer.json()
    except Unreadable:
        body = ""
        if not _says_unknown(answer):
            raise
    if isinstance(body, str) and _says_unknown(answer):
        raise ThingNotFound("Monogoto knows no such id.")
    return body


def failed_login(answer: Answer) -> PlatformError:
    """What an answer without a token means. Nothing of it is shown: it may repeat what was sent."""
    if answer.status == 429:
        return _rate_limited(answer)
    denied = b"denied" in answer.body.lower()
    if answer.is_good or 400 <= answer.status < 500 or denied:
        return LoginFailed(f"Monogoto refused our log-in ({answer.status}).")
    return NotReached(f"Monogoto can't log anyone in just now ({answer.status}).")


def _rate_limited(answer: Answer) -> RateLimited:
    wait = _DEFAULT_WAIT if answer.retry_after is None else answer.retry_after
    return RateLimited("Monogoto asks us to slow down.", retry_after=wait, snippet=snippet(answer.body))


def _refused_write(answer: Answer) -> PlatformError:
    said = snippet(answer.body)
    if 400 <= answer.status < 500 and answer.status not in _NO_REFUSAL:
        return Refused(f"Monogoto refused the write ({answer.status}).", status=answer.status, snippet=said)
    return OutcomeUnknown(f"Monogoto answered the write with {answer.status}.", snippet=said)


def _failed_read(answer: Answer) -> PlatformError:
    said = snippet(answer.body)
    if answer.status == 404 or (answer.status in _MAY_SAY_UNKNOWN and _says_unknown(answer)):
        return ThingNotFound("Monogoto knows no such id.", snippet=said)
    if answer.status < 400:
        return Unreadable(f"Monogoto answered a read with {answer.status}.", snippet=said)
    return NotReached(f"Monogoto answered a read with {answer.status}.", snippet=said)


def _says_unknown(answer: Answer) -> bool:
    """Whether a short text or JSON says that the id is not known."""
    text = answer.body[:2048].decode("utf-8", "replace")
    return len(answer.body) <= 2048 and "<html" not in text.lower() and bool(_SAYS_UNKNOWN.search(text))


def moment(value: str | None) -> datetime | None:
    """The time of a Date header; None where there is none or it can't be read."""
    try:
        read = parsedate_to_datetime((value or "").strip())
    except (ValueError, TypeError, OverflowError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, out of either form of the header; None where there is none or it can't be read."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        return min(float(text), _LONGEST_WAIT)
    try:
        seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
