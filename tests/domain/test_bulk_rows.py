"""What one row of a bulk asks for, and what is said to a row that can't be used."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bulk_cells import is_comment, plain_cell
from bot.domain.bulk_columns import Columns, Field, field_of, understand
from bot.domain.bulk_repeats import Repeats
from bot.domain.bulk_rows import RefusedRow, Row, Want, WantedRow, read_row, read_rows
from bot.domain.changes import LockThing, UnlockThing
from bot.domain.identifiers import Iccid, Imei, Rejection
from tests import factories_bulk as bulk

SIM, DEVICE, OTHER = "8944476500008878576", "490154203237518", "490154203237526"
TWO = Columns(0, 1, None, 2)
THREE = Columns(0, 1, 2, 3)


def read(*cells: str) -> Row:
    return read_row(TWO if len(cells) < 3 else THREE, cells, 7)


def refused(*cells: str) -> RefusedRow:
    row = read(*cells)
    assert isinstance(row, RefusedRow)
    return row


# --- columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *(
            (n, Field.ICCID)
            for n in ("ICCID", "iccid", "SIM", "SIM number", "sim_serial", "SIM-Serial Number")
        ),
        *(
            (n, Field.ICCID)
            for n in ("SIM No.", "ICC ID", "Numéro SIM", "SIM-Karte", "Thing ID", "ＩＣＣＩＤ")
        ),
        *(
            (n, Field.IMEI)
            for n in ("IMEI", "Device", "Device IMEI", "imei_number", "IMEI (device)", "Gerät")
        ),
        *((n, Field.ACTION) for n in ("Action", "what", "UNLOCK", "lock/unlock", "to do", "Aktion")),
        *((n, None) for n in ("", "note", "last-seen IMEI", "name", "IP", "status", "MSISDN")),
    ],
)
def test_a_column_is_known_by_its_common_names(name: str, field: Field | None) -> None:
    assert field_of(name) is field


@given(st.permutations(["SIM number", "IMEI", "action", "note", "name"]))
def test_columns_may_stand_in_any_order_and_the_unknown_ones_are_named(header: list[str]) -> None:
    columns = understand(header)
    assert isinstance(columns, Columns)
    at = (header.index("SIM number"), header.index("IMEI"), header.index("action"))
    assert (columns.iccid, columns.imei, columns.action, columns.width) == (*at, 5)
    assert set(columns.ignored) == {"note", "name"}
    assert columns.is_headed


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (["ICCID", "note"], "No column holds the IMEI"),
        (["IMEI", "note"], "No column holds the ICCID"),
        (["SIM", "ICCID", "IMEI"], 'the ICCID: "SIM" and "ICCID"'),
        (["ICCID", "IMEI", "device"], 'the IMEI: "IMEI" and "device"'),
        (["ICCID", "IMEI 1", "IMEI 2"], 'the IMEI: "IMEI 1" and "IMEI 2"'),
        (["", " "], "is empty"),
        (["name", "note"], "no column names"),
        ([SIM, SIM], "no column names"),
        ([SIM, DEVICE, OTHER], "isn't clear"),
        (["8.94448E+18", DEVICE], "nor one ICCID"),
    ],
)
def test_a_first_line_that_leaves_doubt_is_refused_in_one_sentence(header: list[str], said: str) -> None:
    found = understand(header)
    assert isinstance(found, Rejection)
    assert said in found.why


@pytest.mark.parametrize("cells", [[SIM, DEVICE], [DEVICE, SIM], ["", SIM, "x", DEVICE], [SIM, "last seen"]])
def test_a_file_without_a_header_is_read_from_its_first_row(cells: list[str]) -> None:
    found = read_rows([(1, cells), (2, [SIM, "?"] if cells[0] == SIM else cells)])
    assert not isinstance(found, Rejection)
    columns, rows = found
    first = next(rows)
    assert not columns.is_headed
    assert isinstance(first, WantedRow)
    assert (first.line, first.iccid.digits) == (1, SIM)


def test_an_action_column_alone_is_enough() -> None:
    found = read_rows([(1, ["SIM", "action"]), (2, [SIM, "unlock clear"])])
    assert not isinstance(found, Rejection)
    assert list(found[1]) == [WantedRow(2, Iccid(SIM), Want.UNLOCK_CLEAR, None)]


# --- one row -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *(DEVICE, "49-015420-323751-8", f"'{DEVICE}", f'="{DEVICE}"', f'= "{DEVICE}"', f'"{DEVICE}"'),
        *("490,154,203,237,518", "490.154.203.237.518", "490’154’203’237’518", "490 154 203 237 518"),
        *(
            f"{DEVICE}\u00a0",
            f"\u200b{DEVICE}",
            "４９０１５４２０３２３７５１８",
            f"IMEI: {DEVICE}",
            f"\ufeff'{DEVICE}",
        ),
    ],
)
def test_what_spreadsheets_put_around_an_imei_comes_off(text: str) -> None:
    assert read(SIM, text) == WantedRow(7, Iccid(SIM), Want.LOCK, Imei(DEVICE))


@pytest.mark.parametrize(
    "text",
    [
        *(f"'{SIM}", f'="{SIM}"', "8,944,476,500,008,878,576", "8944 4765 0000 8878 576", f"{SIM}F"),
        *("8944-4765-0000-8878-576", f"ThingId_ICCID_{SIM}", f"{SIM}\u00a0"),
    ],
)
def test_what_spreadsheets_put_around_an_iccid_comes_off(text: str) -> None:
    assert read(text, "last-seen") == WantedRow(7, Iccid(SIM), Want.LOCK_LAST_SEEN, None)


@pytest.mark.parametrize("text", bulk.BAD_ICCIDS)
def test_a_bad_iccid_is_refused_and_the_field_named(text: str) -> None:
    assert refused(text, DEVICE).reason.startswith("ICCID: ")


@pytest.mark.parametrize("text", bulk.BAD_IMEIS)
def test_a_bad_imei_is_refused_and_the_field_named(text: str) -> None:
    row = refused(SIM, text)
    assert row.reason.startswith("IMEI: ")
    assert not row.needs_a_look


@pytest.mark.parametrize("text", ["8944476500008870000", "894447650000887000", "8,944,476,500,008,870,000"])
def test_an_iccid_that_a_spreadsheet_rounded_is_refused_with_the_way_to_say_it_all_the_same(
    text: str,
) -> None:
    reason = refused(text, DEVICE).reason
    assert "keeps 15 digits" in reason
    assert "as text" in reason
    again = read(reason.rpartition(": ")[2].rstrip("."), DEVICE)
    assert isinstance(again, WantedRow)


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("49015420323751", DEVICE),
        ("4901542032375101", DEVICE),
        ("353053110000000", "353053110000009"),
    ],
)
def test_what_was_likely_meant_is_stated_and_not_taken(text: str, proposed: str) -> None:
    row = refused(SIM, text)
    assert row.needs_a_look
    assert row.proposed == Imei(proposed)
    assert Imei(proposed).grouped in row.reason


def test_a_dropped_zero_in_front_is_thought_of_beside_a_missing_check_digit() -> None:
    reason = refused(SIM, "12345009876546").reason
    assert "01-234500-987654-6" in reason
    assert "12-345009-876546-3" in reason


@pytest.mark.parametrize("verdict", bulk.SPELLINGS)
def test_words_are_known_in_any_case_and_with_any_separator(verdict: str) -> None:
    for text in bulk.SPELLINGS[verdict]:
        assert read(SIM, text) == WantedRow(7, Iccid(SIM), Want(verdict), None)
        assert read(SIM, "", text) == read(SIM, text)


@pytest.mark.parametrize(
    ("imei", "action", "want"),
    [
        (DEVICE, "lock", Want.LOCK),
        (DEVICE, "", Want.LOCK),
        ("last seen", "LOCK", Want.LOCK_LAST_SEEN),
        ("", "last seen", Want.LOCK_LAST_SEEN),
        ("unlock keep", "unlock-keep", Want.UNLOCK_KEEP),
    ],
)
def test_the_action_and_the_imei_say_it_together(imei: str, action: str, want: Want) -> None:
    row = read(SIM, imei, action)
    assert isinstance(row, WantedRow)
    assert row.want is want


@pytest.mark.parametrize(
    ("imei", "action", "said"),
    [
        (DEVICE, "unlock keep", "takes no IMEI"),
        (DEVICE, "last seen", "takes no IMEI"),
        ("unlock keep", "unlock clear", "takes no IMEI"),
        ("unlock keep", "lock", "one of the two is wrong"),
        ("", "lock", "the cell is empty"),
        ("", "unlock", "two things"),
        (DEVICE, "delete", "Action: not known"),
    ],
)
def test_two_cells_that_disagree_are_refused(imei: str, action: str, said: str) -> None:
    assert said in refused(SIM, imei, action).reason


def test_a_row_with_more_cells_than_columns_is_refused() -> None:
    """Thousands separators without quotes would move the cells, and nobody would see it."""
    row = read_row(TWO, (SIM, "490", "154", "203"), 3)
    assert isinstance(row, RefusedRow)
    assert "more than 2 cells" in row.reason
    assert isinstance(read_row(TWO, (SIM, DEVICE, "", " "), 3), WantedRow)


def test_a_row_with_too_few_cells_has_empty_ones() -> None:
    assert "cell is empty" in refused(SIM).reason


def test_doubts_about_both_numbers_are_carried_along() -> None:
    row = read("89310410106543789301", "001010001234564")
    assert isinstance(row, WantedRow)
    assert [("check digit" in doubt, "test IMEI" in doubt) for doubt in row.doubts] == [
        (True, False),
        (False, True),
    ]


def test_what_was_typed_is_kept_cut_and_out_of_logs() -> None:
    row = refused(SIM, "x" * 500 + "\n")
    assert (row.typed[0], len(row.typed[1])) == (SIM, 60)
    kept = read(f"'{SIM}", DEVICE, "lock")
    assert kept.typed == (f"'{SIM}", DEVICE)
    assert refused(SIM, DEVICE, "unlock keep").typed == (SIM, f"{DEVICE} · unlock keep")
    assert repr(row) == "RefusedRow(line=7)"
    assert not any(number in repr(kept) for number in (SIM, DEVICE))


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (DEVICE, LockThing(Iccid(SIM), Imei(DEVICE))),
        ("unlock keep", UnlockThing(Iccid(SIM), keep=True)),
        ("unlock clear", UnlockThing(Iccid(SIM), keep=False)),
        ("last seen", None),
    ],
)
def test_a_row_is_a_change_as_the_forms_make_it(text: str, change: object) -> None:
    row = read(SIM, text)
    assert isinstance(row, WantedRow)
    assert row.change == change


@pytest.mark.parametrize(
    ("cell", "left_out"),
    [("# an example", True), ("#", True), ("#N/A", False), ("#8944", False), ("", False)],
)
def test_a_remark_is_a_hash_and_a_blank_so_that_a_spreadsheets_error_stays_a_row(
    cell: str, left_out: bool
) -> None:
    assert is_comment(["", cell, "x"]) is left_out


@given(st.lists(st.text(max_size=30), max_size=4), st.lists(st.text(max_size=60), max_size=4))
def test_no_text_is_too_strange_for_a_row(header: list[str], cells: list[str]) -> None:
    for first in (header, cells):
        found = understand(first)
        for columns in (TWO, THREE, found):
            if isinstance(columns, Columns):
                assert read_row(columns, cells, 2).line == 2


@given(st.text("0123456789.,' =\"E+-\u00a0", max_size=30))
def test_taking_a_spreadsheets_marks_off_invents_no_digit(text: str) -> None:
    """`.0` at the end is how decimals are handed on, to be refused."""
    plain = plain_cell(text).removesuffix(".0")
    digits = iter(c for c in text if c.isdigit())
    assert all(digit in digits for digit in plain if digit.isdigit())


# --- the same twice ------------------------------------------------------------------------------------


def locked(line: int, sim: str, device: str) -> WantedRow:
    return WantedRow(line, Iccid(sim), Want.LOCK, Imei(device))


def test_the_same_sim_twice_is_told_with_the_line_of_the_first() -> None:
    repeats = Repeats()
    assert repeats.of(locked(2, SIM, DEVICE)) == ()
    (found,) = repeats.of(locked(9, SIM, OTHER))
    assert (found.what, found.first) == ("ICCID", 2)
    assert "line 2" in found.reason


@pytest.mark.parametrize("order", list(permutations([SIM, SIM[:-1]])))
def test_a_sim_with_and_without_its_check_digit_is_the_same(order: tuple[str, str]) -> None:
    repeats = Repeats()
    first, second = (repeats.iccid(Iccid(sim), line) for line, sim in enumerate(order, start=2))
    assert first is None
    assert second is not None
    assert second.first == 2


def test_sims_that_differ_in_their_last_two_digits_are_two() -> None:
    repeats = Repeats()
    assert repeats.iccid(Iccid("89454200000145194370"), 2) is None
    assert repeats.iccid(Iccid("89454200000145194388"), 3) is None


def test_the_same_device_is_one_of_the_same_fourteen_digits() -> None:
    repeats = Repeats()
    assert repeats.imei(Imei("490154203237518"), 4) is None
    found = repeats.imei(Imei("490154203237510"), 5)
    assert found is not None
    assert (found.what, found.first) == ("IMEI", 4)


@given(st.lists(st.integers(0, 40), max_size=200))
def test_the_first_line_of_every_number_is_remembered(numbers: list[int]) -> None:
    repeats, first = Repeats(), dict[int, int]()
    for line, number in enumerate(numbers, start=2):
        found = repeats.iccid(Iccid(bulk.iccid(number)), line)
        assert (found.first if found else line) == first.setdefault(number, line)


def test_a_table_that_grows_forgets_nothing() -> None:
    repeats = Repeats()
    for line in range(1, 5000):
        assert repeats.imei(Imei(bulk.imei(line)), line) is None
    for line in range(1, 5000, 7):
        found = repeats.imei(Imei(bulk.imei(line)), 9999)
        assert found is not None
        assert found.first == line


# --- a whole file --------------------------------------------------------------------------------------


def verdict(row: Row, repeats: Repeats) -> str:
    if isinstance(row, RefusedRow):
        return bulk.LOOK if row.needs_a_look else bulk.REFUSED
    found = repeats.of(row)
    if found:
        return bulk.SAME_SIM if found[0].what == "ICCID" else bulk.SAME_DEVICE
    return row.want.value


def test_ten_thousand_rows_of_every_kind_add_up() -> None:
    samples = list(bulk.samples(10_000))
    lines = [(1, ("ICCID", "IMEI")), *((at, row.cells) for at, row in enumerate(samples, start=2))]
    found = read_rows(lines)
    assert not isinstance(found, Rejection)
    repeats = Repeats()
    rows = [verdict(row, repeats) for row in found[1]]
    assert [(s, v) for s, v in zip(samples, rows, strict=True) if s.verdict != v] == []
    assert Counter(rows) == bulk.verdicts(samples)


def test_an_empty_file_has_no_columns() -> None:
    assert isinstance(read_rows([]), Rejection)
