"""Every step of a request, in one line of the log: what a search for its id begins with."""

from __future__ import annotations

import logging

from bot.services import traces
from bot.services.watching import Committed

log = logging.getLogger(__name__)


def log_moves(done: Committed) -> None:
    """Told once it is in the database."""
    for before, after in done.moves:
        was = before.status.value if before else "new"
        if was != after.status.value:
            words = (after.id, after.change.kind.value, was, after.status.value)
            log.info("request %s (%s): %s → %s", *words, extra={traces.REQUEST: after.id})
