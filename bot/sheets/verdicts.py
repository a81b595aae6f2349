"""The files that people get: the template, and one verdict a row. All of them can be mended and sent back."""

from __future__ import annotations

from bot.domain.bulk_rows import WORDS, RefusedRow, Row, Want
from bot.domain.identifiers import Iccid, Imei
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
        (f"# {iccid_cell(_SIM)}", what_cell(want, _DEVICE if want is Want.LOCK else None), words)
        for want, words in _TEMPLATE_WORDS.items()
    )
    return b"".join(write_csv(_TEMPLATE_HEADER, rows))


def verdict_row(row: Row, verdict: str, why: str = "") -> tuple[str, ...]:
    """The cells under `VERDICT_HEADER`: what was asked for, or typed, and what is said to it.

    `why` goes before what the row itself has to say.
    """
    if isinstance(row, RefusedRow):
        return (str(row.line), row.iccid, row.what, verdict, _sentences(why, row.reason))
    what = what_cell(row.want, row.imei)
    return (str(row.line), iccid_cell(row.iccid), what, verdict, _sentences(why, *row.doubts))


def what_cell(want: Want, imei: Imei | None) -> str:
    """What a row asks for, as the reader takes it back: an IMEI or words."""
    return imei_cell(imei) if imei else WORDS[want]


def _sentences(*said: str) -> str:
    return " ".join(sentence for sentence in said if sentence)
