"""CSV and pasted lines come out as the same rows, whatever wrote them; the rest is told in one sentence."""

from __future__ import annotations

import codecs
import csv
import io
import tracemalloc
from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bulk_rows import RefusedRow, Row, Want, WantedRow, read_rows
from bot.domain.errors import NotASheet
from bot.domain.identifiers import Rejection
from bot.sheets import sheet as limits
from bot.sheets.delimited import LONGEST_RECORD
from bot.sheets.reading import open_pasted, open_sheet
from bot.sheets.sheet import MAX_BYTES, MAX_ROWS, Sheet
from tests import factories_bulk as bulk

SIM, DEVICE = "8944476500008878576", "490154203237518"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def encoded(text: str, encoding: str) -> bytes:
    return MARKS.get(encoding, b"") + text.encode(encoding)


def lines(data: bytes) -> list[tuple[int, tuple[str, ...]]]:
    return list(open_sheet(data))


def rows(sheet: Sheet) -> list[Row]:
    found = read_rows(sheet)
    assert not isinstance(found, Rejection), found.why
    return list(found[1])


def refusal(data: bytes) -> str:
    with pytest.raises(NotASheet) as refused:
        list(open_sheet(data))
    assert refused.value.reason.endswith(".")
    return refused.value.reason


# --- the same rows whatever wrote them -----------------------------------------------------------------

SAMPLES = list(bulk.samples(40))
EXPECTED = rows(open_sheet(bulk.as_csv(SAMPLES)))


@pytest.mark.parametrize(
    ("delimiter", "encoding", "end"), list(product(",;\t", ENCODINGS, ["\r\n", "\n", "\r"]))
)
def test_any_separator_encoding_and_line_end_give_the_same_rows(
    delimiter: str, encoding: str, end: str
) -> None:
    text = bulk.as_csv(SAMPLES, delimiter).decode().replace("\r\n", end)
    assert rows(open_sheet(encoded(text, encoding))) == EXPECTED


@given(st.permutations(["ICCID", "Device IMEI", "note", "Name"]), st.sampled_from(",;\t"))
def test_any_order_of_columns_gives_the_same_rows(header: list[str], delimiter: str) -> None:
    at = {"ICCID": 0, "Device IMEI": 1}
    full = [(*sample.cells, "a, note; of\tours", "x") for sample in SAMPLES]
    order = [at.get(name, 2 if name == "note" else 3) for name in header]
    table = [header, *([cells[column] for column in order] for cells in full)]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    assert rows(open_sheet(text.getvalue().encode())) == EXPECTED


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
def test_a_first_line_that_names_the_separator_is_obeyed_and_not_counted(first: str) -> None:
    data = f"{first}\nICCID;IMEI\n{SIM};{DEVICE}".encode()
    assert lines(data) == [(1, ("ICCID", "IMEI")), (2, (SIM, DEVICE))]


def test_a_separator_is_chosen_by_the_header_even_where_another_is_more_frequent() -> None:
    data = f"ICCID;IMEI;a, b, c, d\n{SIM};{DEVICE};a,b,c,d\n{SIM};{DEVICE};a,b,c,d\n".encode()
    assert [len(cells) for _, cells in lines(data)] == [3, 3, 3]


def test_line_numbers_are_those_of_the_spreadsheet_program() -> None:
    """Blank rows count, a line end within quotes doesn't start a row, remarks are left out and counted."""
    data = f'ICCID,IMEI\n\n,\n# an example,{DEVICE}\n{SIM},"{DEVICE}\n"\n{SIM},last seen\n'.encode()
    sheet = open_sheet(data)
    assert [number for number, _ in sheet] == [1, 5, 6]
    assert sheet.remarks == 1


def test_counts_add_up_to_rows() -> None:
    samples = list(bulk.samples(2_000))
    found = rows(open_sheet(bulk.as_csv(samples)))
    assert len(found) == len(samples)
    assert [row.line for row in found] == list(range(2, 2_002))
    refused = sum(isinstance(row, RefusedRow) for row in found)
    counts = bulk.verdicts(samples)
    assert refused == counts[bulk.REFUSED] + counts[bulk.LOOK]


# --- pasted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"{SIM} {DEVICE}",
        f"{SIM}   {DEVICE}  ",
        f"{SIM}\t{DEVICE}",
        f"{SIM},{DEVICE}",
        f"{SIM}; {DEVICE}",
        f"{DEVICE} {SIM}",
        f"ICCID IMEI\n{SIM} {DEVICE}",
        f"SIM number  IMEI\n{SIM}  {DEVICE}",
        "8944 4765 0000 8878 576  49-015420-323751-8",
        f"8944-4765-0000-8878-576 {DEVICE}",
    ],
)
def test_pasted_lines_may_have_blanks_between_the_numbers(text: str) -> None:
    (row,) = rows(open_pasted(text))
    assert isinstance(row, WantedRow)
    assert row.imei is not None
    assert (row.iccid.digits, row.imei.digits) == (SIM, DEVICE)


def test_pasted_words_stay_together() -> None:
    found = rows(open_pasted(f"{SIM} last seen\n{SIM} unlock keep\n{SIM} Unlock-Clear\n"))
    assert [row.want for row in found if isinstance(row, WantedRow)] == [
        *(Want.LOCK_LAST_SEEN, Want.UNLOCK_KEEP, Want.UNLOCK_CLEAR)
    ]


@pytest.mark.parametrize("text", ["", "  \n\t", "x" * (MAX_BYTES + 1)], ids=["nothing", "blanks", "too much"])
def test_what_can_not_be_rows_is_told_at_once(text: str) -> None:
    with pytest.raises(NotASheet):
        open_pasted(text)


# --- what can't be read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (codecs.BOM_UTF8, "no rows"),
        (codecs.BOM_UTF16_LE, "no rows"),
        (b"# only\n# remarks\n", "no rows"),
        (b"x" * (MAX_BYTES + 1), "larger than 10 MB"),
        ("ICCID,Gerät\n".encode("latin-1"), "Line 1 has letters in another encoding"),
        (("ICCID,IMEI\n" + f"{SIM},{DEVICE}\n" * 9_000 + "Gerät").encode("latin-1"), "Line 9002 "),
        (encoded("ICCID,IMEI\n", "utf-16-le")[:-1], "another encoding"),
        ("ICCID,IMEI\n".encode("utf-16-le"), "UTF-16 without its mark"),
        ("ICCID,IMEI\n".encode("utf-32"), "UTF-32"),
        (b"ICCID,IMEI\n89\x00,1\n", "no text"),
        (encoded("ICCID,IMEI\n89\x00,1\n", "utf-16-le"), "Line 2 holds what is no text"),
        (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"<!-- Slack --><HTML lang=en>", "a web page"),
        (b'<?xml version="1.0"?><Workbook/>', "XML"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"{\\rtf1 x}", "RTF"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "(.xls)"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "password"),
        (f'ICCID,IMEI\n{SIM},{DEVICE}\n{SIM},"4901\n{SIM},{DEVICE}\n'.encode(), "Line 3: a quote"),
        (f'ICCID,IMEI\n{SIM},"4901"54\n'.encode(), "Line 2: a quote"),
        (f'ICCID,IMEI\n{SIM},"4901\n'.encode() + b"1,2\n" * LONGEST_RECORD, "Line 2 is too long"),
        (b"ICCID,IMEI\n" + b"9" * (LONGEST_RECORD + 1), "Line 2 is too long"),
        (b"sep=|\nICCID|IMEI\n", 'says "sep=|"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_named_in_one_sentence(data: bytes, said: str) -> None:
    assert said in refusal(data)


def test_more_rows_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ROWS", 3)
    head, row = b"ICCID,IMEI\n", f"{SIM},{DEVICE}\n".encode()
    assert len(lines(head + row * 3 + b"\n" * 9 + b"# a remark\n" * 9)) == 4
    assert "more than 3 rows" in refusal(head + row * 4)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with suppress(NotASheet):
        assert all(any(cell.strip() for cell in cells) for _, cells in open_sheet(data))


ODD = st.sampled_from(
    ['"', "'", ",", ";", "\t", "\n", "\r", " ", "sep=", "#", "ICCID", "IMEI", SIM, DEVICE, "\0", "ß"]
)


@given(st.lists(ODD, max_size=60).map("".join), st.sampled_from(ENCODINGS))
def test_no_text_crashes_the_reader_and_each_row_gets_one_verdict(text: str, encoding: str) -> None:
    for open_one in (lambda: open_sheet(encoded(text, encoding)), lambda: open_pasted(text)):
        try:
            numbers = [number for number, _ in open_one()]
            found = read_rows(open_one())
        except NotASheet:
            continue
        if not isinstance(found, Rejection):
            columns, read = found
            assert [row.line for row in read] == numbers[1 if columns.is_headed else 0 :]


# --- memory --------------------------------------------------------------------------------------------


@pytest.mark.timeout(120)
def test_a_hundred_thousand_rows_pass_through_in_little_memory() -> None:
    text = io.StringIO()
    text.write("ICCID,IMEI,note\n")
    for number in range(MAX_ROWS):
        text.write(f"{8944450000000000000 + number},{490150000000000 + number},some words about it\n")
    data = text.getvalue().encode()
    text.close()
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_sheet(data))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == MAX_ROWS + 1
    assert peak < 2_000_000, f"{peak:,} bytes"
