"""The rows of a plan taken together: whatever they are, their counts add up."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bulk_rows import read_rows
from bot.domain.changes import Kind, LockThing, UnlockThing
from bot.domain.identifiers import Imei
from bot.domain.impact import Counts, Finding, Impact, Verdict
from bot.domain.planned import (
    Asked,
    Digest,
    asked,
    frozen,
    iccid_of,
    impact_of,
    plan_fingerprint,
    time_needed,
)
from bot.domain.plans import Plan, RowCounts, RowVerdict
from tests.storage.samples import ICCID, IMEI, thing

CELLS = st.one_of(
    st.text(max_size=24),
    st.sampled_from(
        [
            "8944476500008878576",
            "490154203237518",
            "4.90154E+14",
            "last seen",
            "unlock keep",
            "unlock clear",
            "",
        ]
    ),
)
IMPACTS = st.builds(
    Impact, st.sampled_from(Verdict), st.lists(st.sampled_from(Finding), max_size=3).map(tuple)
)


@given(st.lists(st.tuples(IMPACTS, st.integers(1, 10**5))))
def test_the_impacts_of_ready_rows_add_up_and_the_worst_is_the_plans(
    impacts: list[tuple[Impact, int]],
) -> None:
    together = impact_of(impacts)
    assert together.counts is not None
    assert together.counts.total == sum(number for _, number in impacts)
    assert not any(impact.verdict.worse_than(together.verdict) for impact, _ in impacts)
    assert set(together.findings) == {finding for impact, _ in impacts for finding in impact.findings}


@given(st.lists(st.tuples(CELLS, CELLS), max_size=30))
def test_every_line_of_a_file_becomes_one_row_whatever_stands_in_it(lines: list[tuple[str, str]]) -> None:
    read = read_rows([(1, ("ICCID", "IMEI")), *((n, cells) for n, cells in enumerate(lines, 2))])
    assert isinstance(read, tuple)
    rows = [asked(row) for row in read[1]]
    assert len(rows) == len(lines)
    for row in rows:
        if row.verdict is RowVerdict.UNCHECKED:
            assert iccid_of(row.row("R", 1)).digits


def test_what_only_resembles_an_imei_waits_for_a_person() -> None:
    read = read_rows([(1, ("ICCID", "IMEI")), (2, (ICCID.digits, IMEI.digits[:14]))])
    assert isinstance(read, tuple)
    (row,) = map(asked, read[1])
    assert row.verdict is RowVerdict.LOOK


def last_seen_of(imei: str) -> object:
    row = Asked(2, (ICCID.digits, "last seen"), None).row("R", 1)
    return frozen(row, thing(1, iccid=ICCID.digits, last_seen_imei=imei))


def test_last_seen_is_frozen_to_the_imei_that_the_vendor_reports() -> None:
    assert last_seen_of(IMEI.digits) == LockThing(ICCID, IMEI)


def test_last_seen_of_a_sim_that_no_device_is_known_of_needs_a_look() -> None:
    assert "never seen" in str(last_seen_of(""))
    assert "zeros" in str(last_seen_of("0" * 15))


def test_an_unlock_is_what_it_was() -> None:
    change = UnlockThing(ICCID, keep=True)
    assert frozen(Asked(2, (), change).row("R", 1), thing(1)) == change


def test_another_row_order_or_print_is_another_digest() -> None:
    def digest(*rows: tuple[int, str]) -> str:
        made = Digest()
        for position, mark in rows:
            made.add(position, mark)
        return made.text()

    assert digest((1, "a"), (2, "b")) == digest((1, "a"), (2, "b"))
    assert (
        len({digest((1, "a"), (2, "b")), digest((1, "b"), (2, "a")), digest((12, "b")), digest((1, "a"))})
        == 4
    )


def test_a_plans_fingerprint_covers_team_rows_counts_and_rules() -> None:
    plan = Plan("bulk:R", "x.csv", RowCounts(ready=2), "d", ((Kind.LOCK_THING, None),))
    impact = Impact(Verdict.LOSES, (), Counts(loses=2))
    base = plan_fingerprint("T", plan, impact, ["rule"])
    others = [
        plan_fingerprint("U", plan, impact, ["rule"]),
        plan_fingerprint("T", Plan("bulk:R", "x.csv", RowCounts(ready=2), "e"), impact, ["rule"]),
        plan_fingerprint("T", plan, Impact(Verdict.LOSES, (), Counts(loses=1, unknown=1)), ["rule"]),
        plan_fingerprint("T", plan, impact, ["another rule"]),
    ]
    assert base not in others
    assert len(set(others)) == 4


def test_time_grows_with_rows_and_shrinks_with_the_rate() -> None:
    assert time_needed(100, 5) == timedelta(seconds=80)
    assert time_needed(100, 10) < time_needed(200, 10)
    assert Imei(IMEI.digits) == IMEI
