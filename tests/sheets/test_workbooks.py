"""Excel workbooks come out as text, streaming; what Excel rounded is seen, and no file ends the process."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from bot.domain.bulk_rows import RefusedRow, Row, WantedRow, read_rows
from bot.domain.errors import NotASheet
from bot.domain.identifiers import Rejection
from bot.sheets import unpacking, workbooks
from bot.sheets.reading import open_sheet
from tests import factories_bulk as bulk

SIM, DEVICE = "8944476500008878576", "490154203237518"


def workbook(*sheets: list[list[object]], change: Callable[[Any], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for at, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"S{at}")
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def lines(data: bytes) -> list[tuple[int, list[str]]]:
    """Without the empty cells at the right."""
    return [(number, " ".join(cells).split()) for number, cells in open_sheet(data)]


def rows(data: bytes) -> list[Row]:
    found = read_rows(open_sheet(data))
    assert not isinstance(found, Rejection), found.why
    return list(found[1])


def refusal(data: bytes) -> str:
    with pytest.raises(NotASheet) as refused:
        list(open_sheet(data))
    assert refused.value.reason.endswith(".")
    return refused.value.reason


def with_part(data: bytes, part: str, content: bytes) -> bytes:
    """The same workbook with one part of the archive anew."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), part}:
            new.writestr(name, content if name == part else old.read(name))
    return file.getvalue()


GOOD = workbook([["ICCID", "IMEI"], [SIM, DEVICE]])
FIRST_SHEET = "xl/worksheets/sheet1.xml"
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'


def test_a_workbook_gives_the_same_rows_as_the_csv_of_it() -> None:
    samples = list(bulk.samples(200))
    data = workbook(
        [["ICCID", "IMEI"], *(["'" + c if c.startswith("=") else c for c in s.cells] for s in samples)]
    )
    from_csv = read_rows(open_sheet(bulk.as_csv(samples)))
    assert not isinstance(from_csv, Rejection)
    wanted = [row for row in from_csv[1] if isinstance(row, WantedRow)]
    assert [row for row in rows(data) if isinstance(row, WantedRow)] == wanted


def test_an_imei_held_as_a_number_is_whole_and_a_longer_number_is_refused_as_rounded() -> None:
    """Excel keeps 15 digits. A whole number of 19 comes from another program: Excel would round it."""
    data = workbook(
        [["ICCID", "IMEI"], [SIM, int(DEVICE)], [8.94447650000887e18, DEVICE], [int(SIM), DEVICE]]
    )
    good, *bad = rows(data)
    assert isinstance(good, WantedRow)
    assert good.imei is not None
    assert good.imei.digits == DEVICE
    for row in bad:
        assert isinstance(row, RefusedRow)
        assert "lost digits" in row.reason
        assert "as text" in row.reason


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "TRUE"),
        (490154203237518, "490154203237518"),
        (490154203237518.0, "490154203237518"),
        (999999999999999, "999999999999999"),
        (10**15, "1.00000000000000E+15"),
        (4901542032375180.0, "4.90154203237518E+15"),
        (1.5, "1.5"),
        (-7, "-7"),
        (float("inf"), "INF"),
        (float("nan"), "nan"),
        (datetime(2026, 11, 22), "2026-11-22 00:00:00"),  # noqa: DTZ001  (a cell's date has no zone)
        ("#N/A", "#N/A"),
    ],
)
def test_a_cell_of_any_type_comes_as_text(value: object, text: str) -> None:
    assert workbooks.text_of(value) == text


def test_dates_truth_and_errors_in_cells_are_rows_that_are_refused() -> None:
    moment = datetime(2026, 11, 22)  # noqa: DTZ001
    data = workbook(
        [["ICCID", "IMEI"], [moment, DEVICE], [True, DEVICE], ["#N/A", DEVICE], [SIM, moment], [SIM, 1.5]]
    )
    assert [type(row) for row in rows(data)] == [RefusedRow] * 5


def test_a_formula_counts_by_the_value_that_was_saved() -> None:
    cells = f'<c r="A1" t="str"><f>"8"&amp;B9</f><v>{SIM}</v></c><c r="B1"><f>1+1</f><v>{DEVICE}</v></c>'
    data = with_part(GOOD, FIRST_SHEET, (SHEET % f'<row r="1">{cells}</row>').encode())
    (row,) = rows(data)
    assert isinstance(row, WantedRow)


def test_a_wrong_size_that_a_workbook_declares_cuts_nothing_off() -> None:
    body = "".join(f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>x</t></is></c></row>' for n in (1, 2, 3))
    sized = (SHEET % body).replace("<sheetData>", '<dimension ref="A1"/><sheetData>')
    assert [number for number, _ in open_sheet(with_part(GOOD, FIRST_SHEET, sized.encode()))] == [1, 2, 3]


def test_the_first_visible_sheet_that_holds_something_is_read_and_the_others_are_named() -> None:
    def hide(book: Any) -> None:
        book.worksheets[0].sheet_state = "hidden"
        book.worksheets[1].sheet_state = "veryHidden"

    good: list[list[object]] = [["ICCID", "IMEI"], [SIM, DEVICE]]
    data = workbook([["hidden"]], [["very"]], [[]], good, [["more"]], [["and"]], change=hide)
    sheet = open_sheet(data)
    assert [cells[0] for _, cells in sheet] == ["ICCID", SIM]
    assert sheet.notes == ('Only the sheet "S4" was read. Also filled: "S5", "S6".',)
    assert open_sheet(GOOD).notes == ()


def test_line_numbers_are_excels_over_blank_rows() -> None:
    data = workbook([["ICCID", "IMEI"], [], [None, ""], ["# a remark"], [SIM, DEVICE]])
    assert [number for number, _ in open_sheet(data)] == [1, 5]


def test_notes_beside_the_named_columns_are_no_matter() -> None:
    assert isinstance(rows(workbook([["ICCID", "IMEI"], [SIM, DEVICE, "", "ask Ann"]]))[0], WantedRow)


def far_away(sheet: Worksheet) -> None:
    sheet["XFD1048576"] = "x"


def test_a_cell_in_the_last_corner_costs_nothing() -> None:
    """Readers that lay the sheet out in memory need 400 GB here."""
    data = workbook([["ICCID", "IMEI"], [SIM, DEVICE]], change=lambda book: far_away(book.worksheets[0]))
    assert len(rows(data)) == 1


# --- what can't be read --------------------------------------------------------------------------------


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for name in names:
            parts.writestr(name, "x")
    return file.getvalue()


ENTITY = '<!DOCTYPE x [<!ENTITY a "%s">]>' % ("9" * 1000)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD[:200], "damaged"),
        (GOOD[:-30], "damaged"),
        (b"PK\x03\x04", "damaged"),
        (with_part(GOOD, FIRST_SHEET, b"<no xml"), "damaged"),
        (with_part(GOOD, "xl/workbook.xml", b"<workbook/>"), "No visible sheet"),
        (with_part(GOOD, FIRST_SHEET, (ENTITY + SHEET % "&a;").encode()), "damaged"),
        (
            with_part(
                GOOD, FIRST_SHEET, (SHEET % '<row r="99999999999"><c r="A1"><v>1</v></c></row>').encode()
            ),
            "damaged",
        ),
        (
            with_part(
                GOOD, FIRST_SHEET, (SHEET % f'<row r="1"><c r="A1"><v>{"9" * 5000}</v></c></row>').encode()
            ),
            "damaged",
        ),
        (archive("a.csv"), "an archive (.zip)"),
        (archive("mimetype", "content.xml"), "OpenDocument"),
        (archive("[Content_Types].xml", "word/document.xml"), "another program"),
        (archive("[Content_Types].xml", "xl/workbook.bin"), "(.xlsb)"),
        (archive(*(f"xl/{n}" for n in range(workbooks.MOST_PARTS + 1))), "too many parts"),
        (workbook([[]], [["", " "]]), "No visible sheet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_workbook_is_named_in_one_sentence(data: bytes, said: str) -> None:
    assert said in refusal(data)


@pytest.mark.parametrize("part", [FIRST_SHEET, "xl/styles.xml", "docProps/new.xml"])
def test_a_workbook_that_grows_too_large_is_refused_before_any_of_it_is_unpacked(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MOST_UNPACKED", 60_000)
    monkeypatch.setattr(workbooks, "MOST_OF_A_WHOLE_PART", 30_000)
    data = with_part(GOOD, part, b" " * (60_001 if part == FIRST_SHEET else 30_001))
    assert len(data) < 6_000
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    assert "too large once unpacked" in refusal(data)


ROW = '<row r="1">%s</row>'
TEXTS = "xl/sharedStrings.xml"


@pytest.mark.parametrize(
    ("part", "body"),
    [
        (FIRST_SHEET, SHEET % ROW % ("<c/>" * 1500)),
        (FIRST_SHEET, SHEET % ROW % ("<c/>" * 700 + "<!--</row>-->" + "<c/>" * 700)),
        (FIRST_SHEET, SHEET % ("<z/>" * 1500)),
        (FIRST_SHEET, (SHEET % ROW % ("<c/>" * 1500)).replace("row", "x:row")),
        (FIRST_SHEET, SHEET % ("<row/>" * 60)),
        (FIRST_SHEET, SHEET % ('<row r="7"></row>' * 60)),
        ("xl/styles.xml", "<styleSheet>" + "<xf/>" * 1500 + "</styleSheet>"),
        ("xl/media/image1.png", SHEET % ROW % ("<c/>" * 1500)),
        (TEXTS, "<sst>" + "<si><t>a</t></si>" * 200 + "</sst>"),
        (TEXTS, SHEET % ROW % ("<c/>" * 1500)),
    ],
)
@pytest.mark.parametrize("piece", [1 << 16, 700])
def test_a_workbook_that_would_fill_the_memory_is_refused_before_any_of_it_is_parsed(
    part: str, body: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """70 kB of archive can hold a row of sixteen million cells: 5 GB, and the end of the whole process."""
    monkeypatch.setattr(unpacking, "MOST_AT_ONCE", 1_000)
    monkeypatch.setattr(unpacking, "MOST_LINES", 50)
    monkeypatch.setattr(unpacking, "MOST_OF_TEXTS", 600)
    monkeypatch.setattr(unpacking, "_PIECE", piece)
    assert lines(GOOD)
    data = with_part(GOOD, part, body.encode())
    monkeypatch.setattr(workbooks.openpyxl, "load_workbook", None)
    assert "too large once unpacked" in refusal(data)


def test_many_short_rows_and_pictures_are_not_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where every end of a row is cut in two as it is unpacked."""
    monkeypatch.setattr(unpacking, "MOST_AT_ONCE", 1_000)
    monkeypatch.setattr(unpacking, "_PIECE", 5)
    body = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 301))
    picture = b"\x89PNG" + bytes(9) + b"<!" * 9_000
    data = with_part(with_part(GOOD, FIRST_SHEET, (SHEET % body).encode()), "xl/media/a.png", picture)
    assert len(lines(data)) == 300


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8),
    st.integers(0, len(GOOD)),
)
def test_no_damage_to_a_workbook_crashes_the_reader(flips: list[tuple[int, int]], end: int) -> None:
    damaged = bytearray(GOOD)
    for at, byte in flips:
        damaged[at] = byte
    for data in (bytes(damaged), bytes(damaged[:end])):
        try:
            assert lines(data)
        except NotASheet:
            continue


PIECES = st.sampled_from(
    [
        *(
            "<row>",
            '<row r="2">',
            '<row r="x">',
            "</row>",
            "<c>",
            '<c r="B1">',
            '<c r="ZZZZ1">',
            '<c t="s">',
            "</c>",
        ),
        *(
            '<c t="e">',
            '<c t="b">',
            '<c t="d">',
            '<c t="n" s="9">',
            "<v>1</v>",
            "<v>-9</v>",
            "<v>x</v>",
            "<v/>",
            "<is>",
        ),
        *(
            "</is>",
            "<t>x</t>",
            "<f>1</f>",
            "<f t='shared' si='0'/>",
            "&lt;",
            "\x01",
            "<v>1e999</v>",
            "<v>nan</v>",
        ),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_sheet_inside_a_workbook_crashes_the_reader(body: str) -> None:
    try:
        assert lines(with_part(GOOD, FIRST_SHEET, (SHEET % body).encode()))
    except NotASheet:
        return
