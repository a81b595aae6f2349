"""What can go wrong, by name. Each name is the fact; the words for people are chosen in `slack/errors.py`.

Refusal                     the person hears why; nothing was changed
├── NotAllowed              a rule of the policy says no
├── NoSuchRequest           the button belongs to no request
├── AlreadyDecided          somebody or something else won
├── AlreadyOpen             another open request holds the Thing
├── Changed                 no longer what the person was shown
├── Unfit                   the change makes no sense or may not be sent (an empty IMEI, say)
├── Proposed                likely what was meant, but not what was typed: waits for a click
└── NotASheet               a file or pasted lines that can't be read as rows
PlatformError               the vendor
├── ThingNotFound           no such Thing on this account
├── NotReached              the call surely had no effect: not sent, or a read that failed
│   └── RateLimited         429; carries how long to wait
├── LoginFailed             the vendor refuses our log-in
├── Refused                 the vendor answered 4xx to a write: nothing was meant to be written
├── OutcomeUnknown          a write left, its answer was lost or worthless
└── Unreadable              an answer that is not what the documents say
Overtaken                   a row moved since it was read; the use case reads it again
StoreUnavailable            the database or the audit could not be written: nothing was sent
DirectoryUnavailable        Slack did not tell who somebody is: deny
"""

from __future__ import annotations

from bot.domain.requests import ChangeRequest


class Refusal(Exception):
    """The person is told why; nothing was changed. `reason` is one plain sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotAllowed(Refusal):
    """A rule of the policy says no. `who_can` are ids of user groups (S…) and people (U…) that could."""

    def __init__(self, reason: str, who_can: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.who_can = who_can


class NoSuchRequest(Refusal):
    """The id on a button belongs to no request."""


class AlreadyDecided(Refusal):
    """The request has left the state that the verb needs, or this person has decided already."""

    def __init__(self, request: ChangeRequest) -> None:
        super().__init__(f"request {request.id} is {request.status}")
        self.request = request


class AlreadyOpen(Refusal):
    """Another open request holds this Thing."""

    def __init__(self, request_id: str) -> None:
        super().__init__("Another request for the same SIM or group is still open.")
        self.request_id = request_id


class Changed(Refusal):
    """The live state is no longer what was shown; the card has been redrawn."""


class Unfit(Refusal):
    """The change makes no sense, or may never be sent. `field` names the form's block, or None."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


class Proposed(Refusal):
    """Not what was typed, but likely what was meant: `value` for `field` waits for a click."""

    def __init__(self, reason: str, field: str, value: str) -> None:
        super().__init__(reason)
        self.field = field
        self.value = value


class NotASheet(Refusal):
    """A file or pasted lines that can't be read as rows: what is wrong with it, and what to do."""


class PlatformError(Exception):
    """The vendor. `snippet` is a short piece of its answer, never a whole body; escape before showing."""

    def __init__(self, message: str, *, snippet: str = "") -> None:
        super().__init__(message)
        self.snippet = snippet


class ThingNotFound(PlatformError):
    """No Thing (or Things Group) of that id on this account."""


class NotReached(PlatformError):
    """The call surely had no effect: it was not sent, or it was a read that failed."""


class RateLimited(NotReached):
    """HTTP 429. `retry_after` in seconds."""

    def __init__(self, message: str, *, retry_after: float, snippet: str = "") -> None:
        super().__init__(message, snippet=snippet)
        self.retry_after = retry_after


class LoginFailed(PlatformError):
    """The vendor refuses our log-in, or a fresh token at once."""


class Refused(PlatformError):
    """The vendor answered a write with 4xx. Says nothing about `cas`: read again."""

    def __init__(self, message: str, *, status: int, snippet: str = "") -> None:
        super().__init__(message, snippet=snippet)
        self.status = status


class OutcomeUnknown(PlatformError):
    """A write left and its answer was lost, late or worthless: read back before anything else."""


class Unreadable(PlatformError):
    """An answer that is not what the documents say: HTML, cut-off JSON, another Thing's id."""


class Overtaken(Exception):
    """The row is no longer in the state that was read: somebody else won. Read it again."""


class StoreUnavailable(Exception):
    """The database or the audit could not be written."""


class DirectoryUnavailable(Exception):
    """Slack did not tell who somebody is or what they belong to. On doubt: deny."""
