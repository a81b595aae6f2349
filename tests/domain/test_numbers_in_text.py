"""What is found in a text that people wrote, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.identifiers import Rejection, luhn_digit, parse_iccid, parse_imei, parse_tac
from bot.domain.number_labels import NumberKind
from bot.domain.numbers_in_text import Certainty, Mention, numbers_in

ICCID, IMEI, OTHER = "8944478000000000012", "356938030000013", "490154203237518"
PAIR = [("iccid", ICCID), ("imei", IMEI)]


def found(text: str) -> list[tuple[str, str]]:
    """Kind and digits of each."""
    return [(mention.kind.value, mention.key) for mention in numbers_in(text)]


@pytest.mark.parametrize(
    "text",
    [
        f"{ICCID} {IMEI}",
        f"{ICCID}\t{IMEI}",
        f"ICCID: {ICCID}\nIMEI: {IMEI}",
        f"ICCID {ICCID}, IMEI {IMEI}.",
        f"SIM card no. {ICCID} / device IMEI = {IMEI}",
        f"Serial: {ICCID}; device {IMEI}",
        "8944 4780 0000 0000 012 35-693803-000001-3",
        "8944 4780 0000 0000 012 35 693803 000001 3",
        f"8944-4780-0000-0000-012{chr(10)}35693803-000001-3",
        f'{{"sim": {{"iccid": "{ICCID}"}}, "imei": {IMEI}}}',
        f"| ICCID | IMEI |\n|---|---|\n| {ICCID} | {IMEI} |",
        f"ICCID,Name,IMEI\n{ICCID},Pump 4,{IMEI}",
        f"ICCID            IMEI\n{ICCID}  {IMEI}",
        f"> ICCID:\n> {ICCID}\n> IMEI:\n> {IMEI}",
        f"`{ICCID}` *{IMEI}*",
        f"_ICCID_ {ICCID}F and ~IMEI~ {IMEI}",
        f"ICCID\u200b: {ICCID[:6]}\u200b{ICCID[6:]} IMEI\u00a0{IMEI}",
        f"https://console.example/thing/ThingId_ICCID_{ICCID} {IMEI}",
        f"1. {ICCID}\n2. {IMEI}",
        f"ICCID: {IMEI} IMEI: {ICCID}",
        f"IMSI 901280000000016, ICCID {ICCID}, MSISDN +49 171 2345678, IMEI {IMEI}",
        f"2026-11-22 {ICCID} 03:38 {IMEI} 22.11.2026",
        f"Ticket 490154203237518: {ICCID} {IMEI}, again {IMEI}",
        f"IMEI/IMSI: {IMEI} / 310150123456789, SIM {ICCID}",
        f"ICCID/IMEI: {ICCID} / {IMEI}",
        f"IMSI / ICCID / IMEI = 310150123456789/{ICCID}/{IMEI}",
        f"SIM card serial number: {ICCID}, IMEI/SN: {IMEI} / 490154203237518",
        f"Serial | IMEI\n{ICCID} | {IMEI}",
        f"https://console.example/things/{ICCID} IMEI #{IMEI}",
    ],
)
def test_a_pair_is_found_however_a_ticket_writes_it(text: str) -> None:
    assert sorted(found(text)) == PAIR


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Please lock the gateway in Malmö",
        "call +49 171 2345678 or 0049 1520 1234567",
        "2026-11-22 03:38:04.123456, 20261122033804, 22112026033804, 1763782684.123456, 1763782684123456",
        "INC0012345678901234 PROJ-490154203237518 p1763782684123456 x490154203237518",
        "10.20.30.40 192.168.100.200:8080 10.0.0.0/16 10.20.30.40 10.20.30.41",
        "EID 89049032000000000000000000000012",
        "EID: 8904 9032 0000 0000 0000 0000 0000 0012",
        "IMSI: 356938030000013",
        "Phone: 490154203237518",
        "35305311 20261122",
        "TAC case 612345678",
        "SIM: 0171 2345678",
        "4.90154E+14",
        "Serial number: 490154203237518",
        "S/N 490154203237518",
        "SR 490154203237518",
        "Contract no. 490154203237518",
        "DHL: 490154203237518",
        "SO 490154203237518",
        "see #490154203237518",
        "Ticket # 490154203237518",
        "https://tickets.example/browse/490154203237518?x=1",
        "IMEI: 49015420323751A",
        "356938030000013abc",
    ],
)
def test_what_is_something_else_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "digits", "certainty", "accepted"),
    [
        (IMEI, "imei", IMEI, Certainty.FITTING, True),
        ("356938030000014", "imei", "356938030000014", Certainty.LIKELY, False),
        ("35693803000001", "imei", "35693803000001", Certainty.LIKELY, True),
        ("IMEI: 356938030000014", "imei", "356938030000014", Certainty.LABELLED, False),
        ("IMEI: 35693803000001", "imei", "35693803000001", Certainty.LABELLED, True),
        ("IMEISV: 3569380300000101", "imei", "3569380300000101", Certainty.LABELLED, True),
        ("IMEI1 356938030000013", "imei", IMEI, Certainty.LABELLED, True),
        ("*#06# 356938030000013", "imei", IMEI, Certainty.LABELLED, True),
        ("490154203237518 / 01", "imei", OTHER, Certainty.FITTING, True),
        ("４９０１５４２０３２３７５１８", "imei", OTHER, Certainty.FITTING, True),
        ("8944478000000000012", "iccid", ICCID, Certainty.FITTING, True),
        ("8944478000000000013", "iccid", "8944478000000000013", Certainty.LIKELY, True),
        ("ICCID 8944 4780 0000 0000 0125", "iccid", "89444780000000000125", Certainty.LABELLED, True),
        ("SIM: 8944478000000000012 1 piece", "iccid", ICCID, Certainty.LABELLED, True),
        ("TAC: 35305311", "tac", "35305311", Certainty.LABELLED, True),
        ("Type Allocation Code 35305311", "tac", "35305311", Certainty.LABELLED, True),
        ("TAC 353053110000009", "tac", "353053110000009", Certainty.LABELLED, True),
        ("ICCID 356938030000013", "imei", IMEI, Certainty.FITTING, True),
    ],
)
def test_what_speaks_for_a_number_is_told(
    text: str, kind: str, digits: str, certainty: Certainty, accepted: bool
) -> None:
    (mention,) = numbers_in(text)
    assert (mention.kind, mention.key, mention.certainty) == (kind, digits, certainty)
    assert isinstance(mention.reading, Rejection) is not accepted


def test_several_come_in_their_order_each_once_and_a_label_counts_from_wherever_it_stands() -> None:
    text = f"{OTHER} {ICCID} {IMEI}; later: IMEI {OTHER}, 8944478000000000020"
    mentions = numbers_in(text)
    assert [m.key for m in mentions] == [OTHER, ICCID, IMEI, "8944478000000000020"]
    assert mentions[0].certainty is Certainty.LABELLED


def test_one_label_speaks_for_a_list_of_tacs() -> None:
    assert [m.key for m in numbers_in("TACs: 35305311, 35305312 and 35305313. Ticket 35305314")] == [
        "35305311",
        "35305312",
        "35305313",
    ]


def test_a_mention_shows_itself_masked() -> None:
    (mention,) = numbers_in(IMEI)
    assert IMEI not in repr(mention)


# --- for any text --------------------------------------------------------------------------------

PARSERS = {NumberKind.ICCID: parse_iccid, NumberKind.IMEI: parse_imei, NumberKind.TAC: parse_tac}
NUMBERISH = st.text("0123456789 -./|,\n\tFIMECDTA:+#*_<>\u200b８９", max_size=400)


def check_each(mentions: tuple[Mention, ...]) -> None:
    for mention in mentions:
        assert mention.reading == PARSERS[mention.kind](mention.text)
        if mention.certainty is Certainty.FITTING:
            assert not isinstance(mention.reading, Rejection)


@given(st.one_of(st.text(max_size=400), NUMBERISH))
def test_no_text_breaks_it_and_what_it_finds_is_what_the_parser_says_of_it(text: str) -> None:
    check_each(numbers_in(text))


IMEIS = st.from_regex(r"35[0-9]{12}", fullmatch=True).map(lambda d: d + luhn_digit(d))
ICCIDS = st.from_regex(r"89[0-9]{16,17}", fullmatch=True).map(lambda d: d + luhn_digit(d))


@given(
    st.one_of(st.text(max_size=200), NUMBERISH), ICCIDS, IMEIS, st.one_of(st.text(max_size=200), NUMBERISH)
)
def test_a_labelled_pair_on_lines_of_its_own_is_found_in_any_noise(
    before: str, iccid: str, imei: str, after: str
) -> None:
    mentions = {(m.kind, m.key) for m in numbers_in(f"{before}\nICCID: {iccid}\nIMEI: {imei}\n{after}")}
    assert (NumberKind.ICCID, iccid) in mentions
    assert (NumberKind.IMEI, imei) in mentions


def test_in_a_wall_of_digits_only_whole_numbers_are_looked_at() -> None:
    """Bounded work: else each of thousands of groups could begin a number with the next thirteen."""
    wall = "89 44 " * 600
    assert [m.key for m in numbers_in(f"{wall}\nICCID: {ICCID}\nIMEI: 35-693803-000001-3")] == [ICCID]
