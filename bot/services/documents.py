"""Tables that people get as files in a card's thread: queued like a reply, made from rows as they are sent.

`await tx.tell(request_id, "file", {"document": "census", "says": "counted"})` queues one: `document` is the
name under which `app.build` hands the source to the notifier, `says` the reply that stands above the file
(any other detail of `about` is that reply's). Where Slack refuses the file, that reply goes out alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

from bot.domain.requests import ChangeRequest


@dataclass(frozen=True, slots=True)
class Document:
    """One table: its names, and its rows as they come."""

    filename: str
    title: str
    header: tuple[str, ...]
    rows: AsyncIterator[Sequence[str]]
    """Cells as `bot.sheets.writing` spells ICCIDs and IMEIs; formulas are neutralised there."""


class Documents(Protocol):
    """Where the rows of one kind of document come from."""

    async def document(self, request: ChangeRequest) -> Document | None:
        """The table for this request as it is now; None where there is nothing (any more) to show."""
        ...


class WriteDocument(Protocol):
    """Makes a file of a table. The caller closes it."""

    async def __call__(self, document: Document) -> IO[bytes]:
        """The whole file, at its beginning; on disk once it is large."""
        ...
