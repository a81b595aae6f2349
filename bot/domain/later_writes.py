"""What was written to a target after a request, once what took each other back is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.changes import SingleChange, noun


@dataclass(frozen=True, slots=True)
class LaterWrite:
    """A request that has written to a target."""

    request_id: str
    undoes: str = ""
    """Id of the request that it took back."""


def still_standing(later: Sequence[LaterWrite]) -> str:
    """The id of the newest that nothing has taken back; "" where none is left. `later`: the oldest first.

    An undo and what it took back are nothing together; an undo of an undo makes the first one count again.
    """
    among = {write.request_id for write in later}
    taken_back: set[str] = set()
    for write in reversed(later):
        if write.request_id in taken_back:
            continue
        if write.undoes not in among:
            return write.request_id
        taken_back.add(write.undoes)
    return ""


def followed_undo(change: SingleChange, later: str) -> str:
    """A later request of ours has written to it too, and left the very same lock."""
    what = noun(change)
    return (
        f"The {what} was not changed. Request {later} has written the {what}'s lock since, for a reason of "
        "its own, and this would take that back as well. Undo that one, or ask for what it should be instead."
    )
