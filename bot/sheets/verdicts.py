"""The files that people get: the template, and one verdict a row. All of them can be mended and sent back."""

from __future__ import annotations

from bot.domain.bulk_rows import UNDO, WORDS, Want
from bot.domain.changes import LockThing, RestoreThing, UnlockThing
from bot.domain.identifiers import Iccid, Imei
from bot.domain.rows import BulkRow
from bot.sheets.writing import iccid_cell, imei_cell, write_csv

VERDICT_HEADER = ("Line", "ICCID", "IMEI", "Verdict", "Why")
"""The reader knows the second and the third; it passes over the others."""

_SIM, _DEVICE = Iccid("8944476500008878576"), Imei("490154203237518")
_TEMPLATE_HEADER = ("ICCID", "IMEI", "Note")
_TEMPLATE_WORDS = {
    Want.LOCK: "Locks the SIM to this device. Lines that start with # are left out: write yours below.",
    Want.LOCK_LAST_SEEN: "Locks the SIM to the device that it was last used in.",
    Want.UNLOCK_KEEP: "Unlocks the SIM; the stored IMEI stays.",
    Want.UNLOCK_CLEAR: "Unlocks the SIM and removes the stored IMEI.",
}


def template() -> bytes:
    """A file to fill in: the header, and an example of each kind as a remark, which reading leaves out."""
    rows = (
        (f"# {iccid_cell(_SIM)}", imei_cell(_DEVICE) if want is Want.LOCK else WORDS[want], words)
        for want, words in _TEMPLATE_WORDS.items()
    )
    return b"".join(write_csv(_TEMPLATE_HEADER, rows))


def verdict_row(row: BulkRow, verdict: str, why: str = "") -> tuple[str, ...]:
    """The cells under `VERDICT_HEADER` for a planned row: what it asks, or what was typed, and what is said.

    A `last seen` shows the IMEI that it was frozen to.
    """
    iccid, what = (*row.typed, "", "")[:2]
    match row.change:
        case LockThing():
            iccid, what = iccid_cell(row.change.iccid), imei_cell(row.change.imei)
        case UnlockThing():
            want = Want.UNLOCK_KEEP if row.change.keep else Want.UNLOCK_CLEAR
            iccid, what = iccid_cell(row.change.iccid), WORDS[want]
        case RestoreThing():
            iccid, what = iccid_cell(row.change.iccid), UNDO
    return (str(row.line), iccid, what, verdict, why)
