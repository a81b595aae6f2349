"""What the listeners of `/lock-csv` work with besides the desk's own parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.services.bulk_intake import BulkIntake
from bot.services.bulk_ports import Tables
from bot.services.bulk_submission import BulkSubmissions
from bot.slack.downloads import Downloads


@dataclass(frozen=True, slots=True)
class Bulks:
    """Built once, in `app.build`."""

    intake: BulkIntake
    sending: BulkSubmissions
    tables: Tables
    downloads: Downloads
    template: Callable[[], bytes]
    """A file to fill in."""
