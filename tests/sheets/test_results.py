"""The results of a bulk, as a file: what it says is read back as it was asked, or refused by name."""

from __future__ import annotations

import pytest

from bot.domain.bulk_rows import RefusedRow, Row, Want, WantedRow, read_rows
from bot.domain.changes import LockThing, RestoreThing, ThingChange, UnlockThing
from bot.domain.identifiers import Iccid, Imei, Rejection
from bot.domain.plans import RowVerdict
from bot.domain.requests import Item, ItemState
from bot.domain.rows import BulkRow
from bot.domain.things import ThingLock
from bot.services.bulk_results import HEADER, line_of
from bot.sheets.reading import open_sheet
from bot.sheets.verdicts import verdict_row
from bot.sheets.writing import write_csv

SIM, DEVICE = Iccid("8944476500008878576"), Imei("490154203237518")


def read_back(change: ThingChange) -> Row:
    """A row that failed, from the file that says so."""
    row = BulkRow(Item("B", ItemState.FAILED, position=1), 2, ("x", "y"), RowVerdict.READY, change)
    data = b"".join(write_csv(HEADER, [line_of(row, verdict_row)]))
    found = read_rows(open_sheet(data))
    assert not isinstance(found, Rejection), found.why
    [back] = found[1]
    return back


@pytest.mark.parametrize(
    ("change", "want"),
    [
        (LockThing(SIM, DEVICE), Want.LOCK),
        (UnlockThing(SIM, keep=True), Want.UNLOCK_KEEP),
        (UnlockThing(SIM, keep=False), Want.UNLOCK_CLEAR),
    ],
)
def test_a_row_of_the_results_asks_for_the_same_again(change: ThingChange, want: Want) -> None:
    back = read_back(change)
    assert isinstance(back, WantedRow)
    assert (back.iccid, back.want, back.change) == (SIM, want, change)


@pytest.mark.parametrize("lock", [ThingLock(True, DEVICE.digits), ThingLock(False, DEVICE.digits)])
def test_an_undo_in_the_results_is_never_read_as_a_lock_but_refused_by_name(lock: ThingLock) -> None:
    back = read_back(RestoreThing(SIM, lock))
    assert isinstance(back, RefusedRow)
    assert "Press Undo" in back.reason
