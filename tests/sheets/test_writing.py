"""What we write: spreadsheet programs neither run nor round it, and our reader takes it back."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bulk_rows import WORDS, RefusedRow, Row, Want, WantedRow, read_rows
from bot.domain.changes import LockThing
from bot.domain.identifiers import Iccid, Imei, Rejection, luhn_digit
from bot.domain.plans import RowVerdict
from bot.domain.requests import Item, ItemState
from bot.domain.rows import BulkRow
from bot.sheets.reading import open_sheet
from bot.sheets.verdicts import VERDICT_HEADER, template, verdict_row
from bot.sheets.writing import iccid_cell, imei_cell, safe_cell, write_csv
from tests import factories_bulk as bulk

iccids = (
    st.integers(16, 18)
    .flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n))
    .map(lambda d: Iccid("89" + d))
)
imeis = (
    st.text("0123456789", min_size=14, max_size=14)
    .map(lambda d: d + luhn_digit(d))
    .filter(lambda d: len(set(d)) > 1)
    .map(Imei)
)
wanted = st.builds(
    lambda sim, want, device: (sim, want, device if want is Want.LOCK else None),
    iccids,
    st.sampled_from(Want),
    imeis,
)


def planned(row: Row) -> BulkRow:
    """As it stands in the plan; a `last seen` that nobody has resolved has no change."""
    verdict = RowVerdict.READY if isinstance(row, WantedRow) else RowVerdict.REFUSED
    change = row.change if isinstance(row, WantedRow) else None
    item = Item("R1", ItemState.QUEUED)
    return BulkRow(item, row.line, row.typed, verdict, change)


def written(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    return b"".join(write_csv(header, rows))


def read(data: bytes) -> list[Row]:
    found = read_rows(open_sheet(data))
    assert not isinstance(found, Rejection), found.why
    return list(found[1])


@given(st.lists(wanted, max_size=20))
def test_what_was_accepted_is_written_and_read_back_the_same(
    asked: list[tuple[Iccid, Want, Imei | None]],
) -> None:
    """Also those ICCIDs that end in zeros, and go for rounded where they are written as a number."""
    rows = [
        WantedRow(line, *one, typed=(iccid_cell(one[0]), WORDS[one[1]]))
        for line, one in enumerate(asked, start=2)
    ]
    back = read(written(VERDICT_HEADER, [verdict_row(planned(row), "ready", "=1+1") for row in rows]))
    assert all(isinstance(row, WantedRow) for row in back)
    assert [(row.line, row.iccid, row.want, row.imei) for row in back if isinstance(row, WantedRow)] == [
        (line, *one) for line, one in enumerate(asked, start=2)
    ]


def test_a_verdict_file_of_every_kind_of_row_reads_back_with_the_same_verdicts() -> None:
    """Somebody mends the file with the verdicts and sends that: good stays good, and bad stays bad."""
    first = read(bulk.as_csv(list(bulk.samples(1_000))))
    again = read(written(VERDICT_HEADER, [verdict_row(planned(row), "x") for row in first]))
    assert [type(row) for row in again] == [type(row) for row in first]
    for before, after in zip(first, again, strict=True):
        if isinstance(before, WantedRow) and isinstance(after, WantedRow):
            assert (after.iccid, after.want, after.imei) == (before.iccid, before.want, before.imei)


@given(st.one_of(iccids.map(iccid_cell), imeis.map(imei_cell)))
def test_numbers_are_written_so_that_no_program_takes_them_for_numbers_or_dates(cell: str) -> None:
    """Hyphens between four or five groups: with blanks, programs of some countries would read a number."""
    assert re.fullmatch(r"\d+(-\d+){3,4}", cell)
    assert safe_cell(cell) == cell


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1", "  =1+1", "＝1+1", "＋1", "－1", "＠x"),
        *("\u200e=1", "\u2060@x", "\u00ad+1", "\x0b=1", "\x85-1", "\u2028=1", "\u202e \u061c=1"),
        *("\u00a0=1", "\u200b=1", "\ufeff@x", '=HYPERLINK("https://x")', "\x00=1"),
        *('"=1+1"', ' " =1', "\u2212" + "1+1", "﹦1", "﹢1", "﹣1", "﹫x", "⁺1"),
    ],
)
def test_text_that_starts_like_a_formula_is_made_harmless(text: str) -> None:
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("a\t @x", "a\t '@x"),
        ('a;"=1+1"', 'a;"\'=1+1"'),
        ("a;\u200b=1", "a;\u200b'=1"),
        ("a\r\n＋1", "a\r\n'＋1"),
        ("890154203237518", "'890154203237518"),
        ("8944476500008878576", "'8944476500008878576"),
    ],
)
def test_a_formula_that_another_separator_would_bare_and_a_long_number_are_made_harmless(
    text: str, safe: str
) -> None:
    assert safe_cell(text) == safe


@pytest.mark.parametrize(
    "text", ["", "a = b", "49-015420-323751-8", "12345", "Anna-Lena", "a, b", "1.5", "8.94448E+18"]
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=10))
def test_every_program_reads_the_cells_that_were_written(rows: list[list[str]]) -> None:
    text = written(("a", "b"), [tuple(row) for row in rows]).decode("utf-8-sig")
    back = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert back == [
        ["a", "b"],
        *([safe_cell(c).encode("utf-8", "replace").decode() for c in row] for row in rows),
    ]
    assert not any(cell[:1] in "=+-@\t\r\n" for row in back for cell in row if cell)


def test_a_file_starts_with_its_mark_and_has_commas_and_crlf() -> None:
    assert written(("ICCID", "Why"), [("1", "ä, b")]) == '\ufeffICCID,Why\r\n1,"ä, b"\r\n'.encode()


def test_a_large_file_goes_out_in_pieces() -> None:
    pieces = list(write_csv(("a",), ((f"row {n}",) for n in range(100_000))))
    assert len(pieces) > 10
    assert max(map(len, pieces)) < 70_000


def test_the_template_has_an_example_of_each_kind_and_reads_as_no_row() -> None:
    sheet = open_sheet(template())
    found = read_rows(sheet)
    assert not isinstance(found, Rejection)
    assert list(found[1]) == []
    assert sheet.remarks == len(Want)


def test_the_examples_of_the_template_hold_once_the_marks_are_off() -> None:
    rows = read(template().replace(b"# ", b""))
    assert [row.want for row in rows if isinstance(row, WantedRow)] == list(Want)


def test_a_refused_row_shows_what_was_typed_and_why() -> None:
    row = RefusedRow(7, "IMEI: wrong.", ("8944", "=cmd"))
    assert verdict_row(planned(row), "refused", row.reason) == (
        "7",
        "8944",
        "=cmd",
        "refused",
        "IMEI: wrong.",
    )


def test_a_last_seen_shows_the_device_that_it_was_frozen_to() -> None:
    typed = ("8944476500008878576", "last seen")
    row = WantedRow(8, Iccid(typed[0]), Want.LOCK_LAST_SEEN, None, typed=typed)
    frozen = replace(planned(row), change=LockThing(row.iccid, Imei("490154203237518")))
    assert verdict_row(frozen, "ready")[1:3] == ("8944-4765-0000-8878-576", "49-015420-323751-8")
    assert verdict_row(planned(row), "look")[1:3] == typed
