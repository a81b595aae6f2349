"""A form that was given back is over: where that could not be written, it is written as soon as it can be.

Else a restart would take it up again, and ask for what its sender was told did not work.
"""

from __future__ import annotations

import logging

from bot.services.ports import Submission
from bot.slack.desk import EXPECTED, Desk

log = logging.getLogger(__name__)

TRY_AGAIN_SECONDS = 5.0


def let_go(desk: Desk, submission: Submission, error: Exception) -> None:
    """Once its sender was told. What was expected is written before that."""
    if not isinstance(error, EXPECTED):
        desk.background.start(_let_go(desk, submission), name=f"letting go of {submission.id}")


async def _let_go(desk: Desk, submission: Submission) -> None:
    """Until it is written, or the process ends; nothing happens where it was."""
    while True:
        try:
            await desk.bulks.intake.let_go(submission)
        except Exception as error:  # noqa: BLE001  whatever the database has: it is tried again
            log.warning("submission %s could not be let go of yet: %s", submission.id, type(error).__name__)
            await desk.clock.sleep(TRY_AGAIN_SECONDS)
        else:
            return
