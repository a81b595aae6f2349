"""What may be entered as an IMEI, a TAC or an ICCID, and what is said about the rest."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    Tac,
    Valid,
    group_imei,
    iccid_forms,
    in_range,
    is_reported,
    luhn_digit,
    parse_iccid,
    parse_imei,
    parse_tac,
    same_device,
)

GOOD = "490154203237518"
OTHER = "490154203237526"
KINDS: dict[str, type] = {"valid": Valid, "proposal": Proposal, "rejected": Rejection}
PARSERS = {"imei": parse_imei, "tac": parse_tac, "iccid": parse_iccid}
VECTORS = json.loads((Path(__file__).parent / "identifier_vectors.json").read_text(encoding="utf-8"))
CASES = [(kind, case) for kind, cases in VECTORS.items() for case in cases]
WORDS = {
    "letter": "letter",
    "17 digits, the vendor page's sample": "17 digits",
    "16 digits, the vendor page's sample": "16 digits",
    "empty": "Nothing was entered",
    "too short": "2 digits",
    "prefix": "starts with 89",
    "hex": "hexadecimal",
    "pre-2003 form": "before 2003",
}

digits = st.text("0123456789", min_size=1, max_size=40)
imeis = (
    st.text("0123456789", min_size=14, max_size=14)
    .filter(lambda d: len(set(d)) > 1)
    .map(lambda d: d + luhn_digit(d))
)


@pytest.mark.parametrize(("kind", "case"), CASES, ids=[f"{kind}:{case['in']!r}" for kind, case in CASES])
def test_every_vector_comes_out_as_it_says(kind: str, case: dict[str, Any]) -> None:
    result = PARSERS[kind](case["in"])
    assert type(result) is KINDS[case["as"]]
    if isinstance(result, Rejection):
        assert WORDS.get(case["why"], case["why"]).lower() in result.why.lower()
        return
    assert result.value.digits == case[kind]
    if isinstance(result, Valid):
        assert case.get("warns", "").lower() in " ".join(result.warnings).lower()
        assert ("software version 01" in " ".join(result.notes)) is ("says" in case)


@pytest.mark.parametrize(
    "text",
    [
        "IMEI1: 490154203237518",
        "IMEI1 490154203237518",
        "IMEI 1: 490154203237518",
        "imei 490154203237518",
        "imei=490154203237518",
        "`490154203237518`",
        "<tel:490154203237518|490154203237518>",
        "<tel:490154203237518>",
        "\u202a490154203237518\u202c",
        "\ufeff4901542\u00ad03237518",
        "49\u2013015420\u2014323751\u22128",
        "49.015420.323751.8",
        "49/015420/323751/8",
        "\u2007490154203237518\u202f",
        "'490154203237518",
        "490154203237518.",
    ],
)
def test_wrapping_is_taken_off_an_imei(text: str) -> None:
    assert parse_imei(text) == Valid(Imei(GOOD))


@pytest.mark.parametrize(
    "text",
    [
        "/thing/ThingId_ICCID_8944476500008878576",
        "/thing/8944476500008878576",
        "ICCID: 8944476500008878576",
        " ThingId_ICCID_8944476500008878576",
        "8944476500008878576FF",
        "8944476500008878576f",
    ],
)
def test_wrapping_is_taken_off_an_iccid(text: str) -> None:
    result = parse_iccid(text)
    assert isinstance(result, Valid)
    assert result.value == Iccid("8944476500008878576")


@pytest.mark.parametrize(
    "text",
    [
        f"{GOOD} {OTHER}",
        f"{GOOD}/{OTHER}",
        f"{GOOD}\n{OTHER}",
        f"{GOOD}, {OTHER}",
        f"IMEI1: {GOOD} IMEI2: {OTHER}",
        f"IMEI1:{GOOD}IMEI2:{OTHER}",
        "49-015420-323751-8 49-015420-323752-6",
        "49 015420 323751 8 49 015420 323752 6",
        f"IMEI {GOOD} ICCID 8944476500008878576",
        f"{GOOD} S12345",
        f"{GOOD} and {OTHER}",
    ],
)
def test_of_two_numbers_none_is_picked(text: str) -> None:
    result = parse_imei(text)
    assert isinstance(result, Rejection)
    assert result.why == "Two numbers: enter one IMEI only."


@pytest.mark.parametrize(
    "text", ["35305311 35305312", "35305311/35305312", "35-305311 35-305312", "35305311, 86696204"]
)
def test_two_tacs_are_not_taken_for_an_imei(text: str) -> None:
    assert parse_tac(text) == Rejection("Two numbers: enter one TAC only.")


def test_two_iccids_are_refused() -> None:
    assert parse_iccid("8944476500008878576 8944476500008878577") == Rejection(
        "Two numbers: enter one ICCID only."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("49O154203237518", "Character 3 is the letter O, not the digit 0."),
        ("49-O15420-323751-8", "Character 3 is the letter O, not the digit 0."),
        ("4901542032375l8", "Character 14 is the letter l, not the digit 1."),
        ("4901542032375x8", "Character 14 is the letter x, not a digit."),
        ("49015420323751٨", "Character 15 is a digit of another script"),
        ("490154203237?18", 'Character 13 is "?", not a digit.'),
        ("4901542032\x0037518", "unprintable character (U+0000)"),
    ],
)
def test_a_foreign_character_is_pointed_at_and_not_repaired(text: str, said: str) -> None:
    result = parse_imei(text)
    assert isinstance(result, Rejection)
    assert said in result.why


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4901542032375", "13 digits; an IMEI has 15"),
        ("4", "1 digit; an IMEI has 15"),
        ("490154203237518123", "18 digits"),
        ("4,90154E+14", "spreadsheet"),
        ("490154203237518.0", "spreadsheet"),
        ("490154203237518.00", "spreadsheet"),
        ("8944476500008878576", "ICCID"),
        ("8944476500008878576F", "ICCID"),
        ("A00000000023291", "MEID"),
        ("99000012B34567", "MEID"),
        ("11111111111111", "One digit repeated"),
        ("0000000000000001", "16 digits"),
        ("333333333333333", "One digit repeated"),
        ("333333333333333 / 01", "One digit repeated"),
        ("IMEI:", "Nothing was entered"),
        ("   ", "Nothing was entered"),
        ("4" * 500, "500 characters"),
    ],
)
def test_what_is_no_imei_is_refused_with_its_reason(text: str, said: str) -> None:
    result = parse_imei(text)
    assert isinstance(result, Rejection)
    assert said in result.why


@pytest.mark.parametrize(
    ("text", "offered", "said"),
    [
        ("49015420323751", GOOD, "That is 14 digits; an IMEI has 15. The check digit is missing."),
        ("49-015420-323751-01", GOOD, "software version"),
        ("49015420323751801", GOOD, "17 digits"),
        ("4901542032375199", GOOD, "99, look like a software version, a reserved one"),
        ("490154203237518 01", GOOD, "17 digits"),
        ("490154203237510", GOOD, "ends in 0"),
        ("4901542032375188", GOOD, "16 digits"),
        ("4901542003237518", "490154200323751", "490154203237518"),
    ],
)
def test_what_was_likely_meant_waits_for_a_click(text: str, offered: str, said: str) -> None:
    result = parse_imei(text)
    assert isinstance(result, Proposal)
    if said.isdigit():
        said = group_imei(said)
        assert f"If a digit was typed twice, enter {said} instead." in result.why
    assert said in result.why
    assert result.value.device == offered[:14]


def test_a_doubled_digit_is_resolved_by_the_device_last_seen() -> None:
    result = parse_imei("4901542003237518", last_seen="490154203237510")
    assert isinstance(result, Proposal)
    assert result.value == Imei(GOOD)


def test_seventeen_digits_are_only_read_where_the_first_fifteen_pass() -> None:
    assert isinstance(parse_imei("49015420323751701"), Rejection)


def test_a_wrong_check_digit_passes_only_for_the_device_last_seen_on_that_thing() -> None:
    wrong = "490154203237517"
    for seen in ("490154203237518", "490154203237510", "4901542032375101", wrong):
        result = parse_imei(wrong, last_seen=seen)
        assert isinstance(result, Valid)
        assert result.value.digits == wrong
        assert "check digit is wrong" in result.warnings[0]
    for seen in ("", "000000000000000", "490154203237", "490154203237618"):
        assert isinstance(parse_imei(wrong, last_seen=seen), Rejection)


def test_a_wrong_check_digit_is_not_told_the_right_one() -> None:
    result = parse_imei("490154203237517")
    assert isinstance(result, Rejection)
    assert "8" not in result.why


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("001010001234564", "test IMEI"),
        ("02" + "0101000123456" + "?", "test IMEI"),
        ("40" + "9154203237518", "No known reporting body"),
        ("353053110000009", "serial number is 000000"),
        ("490154203237518 / 99", "software version 99"),
    ],
)
def test_doubtful_numbers_pass_with_a_warning(text: str, warning: str) -> None:
    if text.endswith("?"):
        text = text[:14] + luhn_digit(text[:14])
    result = parse_imei(text)
    assert isinstance(result, Valid)
    assert any(warning in said for said in result.warnings)


def test_an_ordinary_imei_passes_without_a_word() -> None:
    assert parse_imei(GOOD) == Valid(Imei(GOOD), (), ())


@pytest.mark.parametrize(
    ("text", "tac"),
    [("TAC: 35305311", "35305311"), ("35-305311", "35305311"), ("３５３０５３１１", "35305311")],
)
def test_wrapping_is_taken_off_a_tac(text: str, tac: str) -> None:
    assert parse_tac(text) == Valid(Tac(tac))


@pytest.mark.parametrize(
    "text",
    [
        "353053110000009",
        "35305311000000",
        "3530531100000001",
        "35-305311-000000-9",
        "353053110000009 / 01",
        "353053110000000",
    ],
)
def test_of_a_pasted_imei_the_first_eight_are_offered(text: str) -> None:
    result = parse_tac(text)
    assert isinstance(result, Proposal)
    assert result.value == Tac("35305311")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3530531", "7 digits; a TAC has 8"),
        ("353053110", "9 digits; a TAC has 8"),
        ("353053110000001", "check digit"),
        ("3.53E+07", "spreadsheet"),
        ("35305311.0", "spreadsheet"),
        ("", "Nothing was entered"),
    ],
)
def test_what_is_no_tac_is_refused_with_its_reason(text: str, said: str) -> None:
    result = parse_tac(text)
    assert isinstance(result, Rejection)
    assert said in result.why


@pytest.mark.parametrize(
    ("text", "warning"), [("00101000", "test IMEI"), ("40915420", "reporting body"), ("00000000", "repeated")]
)
def test_doubtful_ranges_pass_with_a_warning(text: str, warning: str) -> None:
    result = parse_tac(text)
    assert isinstance(result, Valid)
    assert warning in result.warnings[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("89444765000088785", "17 digits; an ICCID has 18 to 20"),
        ("894447650000887857612", "21 digits"),
        ("490154203237518", "looks like an IMEI"),
        ("8.94448E+18", "spreadsheet"),
        ("FFFF", "no digits"),
        ("8944476500O08878576", "Character 11 is the letter O, not the digit 0."),
        ("", "Nothing was entered"),
    ],
)
def test_what_is_no_iccid_is_refused_with_its_reason(text: str, said: str) -> None:
    result = parse_iccid(text)
    assert isinstance(result, Rejection)
    assert said in result.why


def test_a_dropped_f_is_said() -> None:
    result = parse_iccid("8944476500008878576F")
    assert isinstance(result, Valid)
    assert result.notes == ("The F at the end was dropped: it is only padding.",)
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("typed", "lengths"),
    [("8" + "9" * 17, [18, 19]), ("8" + "9" * 18, [19, 18, 20]), ("8" + "9" * 19, [20, 19])],
)
def test_at_most_three_forms_of_an_iccid_are_tried(typed: str, lengths: list[int]) -> None:
    forms = iccid_forms(Iccid(typed))
    assert forms[0] == Iccid(typed)
    assert [len(form.digits) for form in forms] == lengths
    assert len(set(forms)) == len(forms)


def test_the_appended_digit_is_the_luhn_digit() -> None:
    longest = iccid_forms(Iccid("8945420000014519437"))[-1]
    assert longest == Iccid("89454200000145194370")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (GOOD, GOOD, True),
        (GOOD, "490154203237510", True),
        (GOOD, "49015420323751", True),
        (GOOD, "49-015420-323751-8", True),
        (GOOD, OTHER, False),
        ("", "", False),
        ("000000000000000", "000000000000000", False),
        ("1234567", "1234567", False),
        ("unknown-device-x", "unknown-device-x", False),
    ],
)
def test_the_first_fourteen_digits_make_a_device(a: str, b: str, same: bool) -> None:
    assert same_device(a, b) is same
    assert same_device(b, a) is same


@pytest.mark.parametrize(
    ("imei", "tac", "inside"),
    [
        (GOOD, "49015420", True),
        (GOOD, "49015421", False),
        (GOOD, "", False),
        (GOOD, "4901", False),
        ("", "49015420", False),
        ("000000000000000", "00000000", False),
        ("null", "49015420", False),
    ],
)
def test_the_first_eight_digits_make_a_range(imei: str, tac: str, inside: bool) -> None:
    assert in_range(imei, tac) is inside


@pytest.mark.parametrize(
    ("imei", "reported"), [(GOOD, True), ("", False), ("0" * 15, False), ("0", False), (" ", False)]
)
def test_nothing_and_zeros_are_no_report(imei: str, reported: bool) -> None:
    assert is_reported(imei) is reported


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (GOOD, "49-015420-323751-8"),
        ("49015420323751", "49-015420-323751"),
        ("4901542032375101", "49-015420-323751-01"),
        ("86696204060123456", "86696204060123456"),
        ("", ""),
        ("<!channel>*x*", "??channel??x?"),
        ("9" * 100, "9" * 32 + "…"),
    ],
)
def test_a_stored_value_of_any_shape_is_safe_to_show(stored: str, shown: str) -> None:
    assert group_imei(stored) == shown


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Imei, "49015420323751"),
        (Imei, "49015420323751A"),
        (Imei, "٤90154203237518"),
        (Imei, "0" * 15),
        (Tac, "3530531"),
        (Tac, "3530531A"),
        (Iccid, "89444765000088785"),
        (Iccid, "7944476500008878576"),
        (Iccid, "894447650000887857F"),
    ],
)
def test_no_value_can_be_made_of_something_else(kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"IMEI|TAC|ICCID") as caught:
        kind(text)
    assert text not in str(caught.value)


def test_a_value_shows_itself_masked() -> None:
    imei, iccid = Imei(GOOD), Iccid("8944476500008878576")
    assert (imei.masked, iccid.masked, imei.tac.masked) == ("…7518", "…8576", "…5420")
    assert GOOD not in f"{imei} {imei!r} {Valid(imei)!r} {Proposal(imei, 'why')}"
    assert iccid.digits not in f"{iccid} {iccid!r}"


def test_a_value_knows_its_parts() -> None:
    assert (Imei(GOOD).grouped, Imei(GOOD).device, Imei(GOOD).tac) == (
        "49-015420-323751-8",
        GOOD[:14],
        Tac(GOOD[:8]),
    )
    assert Iccid("8944476500008878576").grouped == "8944 4765 0000 8878 576"


@given(st.text(), st.text())
def test_no_text_makes_a_parser_raise(text: str, last_seen: str) -> None:
    for result in (parse_imei(text, last_seen=last_seen), parse_tac(text), parse_iccid(text)):
        assert isinstance(result, Valid | Proposal | Rejection)
    assert same_device(text, last_seen) in (True, False)
    assert in_range(text, last_seen) in (True, False)
    assert len(group_imei(text)) <= 33


@given(st.text(string.digits + string.ascii_letters + " -/.+:,'\n`<>|*#_\u200b\u2011\u0663", max_size=60))
def test_nothing_but_its_own_digits_is_ever_valid(text: str) -> None:
    result = parse_imei(text)
    if isinstance(result, Valid):
        assert result.value.digits in "".join(c for c in text if c in string.digits)


@given(imeis)
def test_a_valid_imei_comes_back_from_any_of_its_spellings(imei: str) -> None:
    for spelling in (imei, Imei(imei).grouped, f"IMEI: {imei}", " ".join(imei)):
        result = parse_imei(spelling)
        assert isinstance(result, Valid)
        assert result.value.digits == imei


@given(imeis, st.integers(0, 14), st.integers(1, 9))
def test_no_single_wrong_digit_passes(imei: str, place: int, step: int) -> None:
    changed = imei[:place] + str((int(imei[place]) + step) % 10) + imei[place + 1 :]
    assert not isinstance(parse_imei(changed), Valid)


@given(imeis, st.text("0123456789", min_size=2, max_size=2))
def test_a_software_version_in_place_of_the_check_digit_is_offered_without_it(
    imei: str, version: str
) -> None:
    result = parse_imei(imei[:14] + version)
    assert isinstance(result, Proposal)
    assert result.value.digits == imei


@given(st.text("0123456789", min_size=16, max_size=18))
def test_a_valid_iccid_comes_back_from_any_of_its_spellings(tail: str) -> None:
    iccid = Iccid("89" + tail)
    for spelling in (iccid.digits, iccid.grouped, f"ThingId_ICCID_{iccid.digits}", f"{iccid.digits}F"):
        result = parse_iccid(spelling)
        assert isinstance(result, Valid)
        assert result.value == iccid
        assert bool(result.warnings) is not luhn.is_valid(iccid.digits)


@given(digits)
def test_the_check_digit_agrees_with_another_implementation(number: str) -> None:
    assert luhn_digit(number) == luhn.calc_check_digit(number)
