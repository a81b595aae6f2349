"""What becomes of each Thing of a group: every one stands somewhere, and the sums are all of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.census import Census, Standing, standing
from bot.domain.things import GroupLock, ThingLock, ThingRow

TAC = "35305311"
LOCK, UNLOCK = GroupLock(imei_lock=True, tac=TAC), GroupLock(imei_lock=False, tac="")
AT = datetime(2026, 3, 2, tzinfo=UTC)
INSIDE, OUTSIDE = f"{TAC}0000009", "490154203237518"

locks = st.none() | st.builds(ThingLock, st.booleans(), st.sampled_from(["", INSIDE, OUTSIDE]))
imeis = st.sampled_from(["", "0" * 15, INSIDE, OUTSIDE, "12"]) | st.text(max_size=20)
things = st.builds(ThingRow, st.just("T"), st.just("8944"), st.text(max_size=5), imeis, st.none(), locks)


def row(imei: str, own: ThingLock | None = None) -> ThingRow:
    return ThingRow("T", "8944", "Pump", imei, "G", own)


def census(loses: int = 0, unknown: int = 0, keeps: int = 0, **more: object) -> Census:
    standings = {Standing.LOSES: loses, Standing.NEVER_SEEN: unknown, Standing.KEEPS: keeps}
    return Census(standings, AT, AT, **more)  # type: ignore[arg-type]


@given(st.lists(things, max_size=40), st.sampled_from([LOCK, UNLOCK]))
def test_counts_add_up_to_rows(rows: list[ThingRow], after: GroupLock) -> None:
    counted = Census(Counter(standing(one, after) for one in rows), AT, AT)
    assert counted.keeps + counted.loses + counted.unknown == counted.things == len(rows)


@pytest.mark.parametrize(
    ("thing", "stands"),
    [
        (row(INSIDE), Standing.KEEPS),
        (row(OUTSIDE), Standing.LOSES),
        (row(""), Standing.NEVER_SEEN),
        (row("0" * 15), Standing.ZEROS),
        (row("3530531"), Standing.UNREADABLE),
        (row(INSIDE, ThingLock(True, OUTSIDE)), Standing.CONTRADICTS),
        (row(OUTSIDE, ThingLock(True, OUTSIDE)), Standing.CONTRADICTS),
        (row(OUTSIDE, ThingLock(False, OUTSIDE)), Standing.LOSES),
        (row(INSIDE, ThingLock(True, INSIDE)), Standing.KEEPS),
    ],
)
def test_under_a_lock_the_device_in_use_decides_unless_an_own_lock_contradicts(
    thing: ThingRow, stands: Standing
) -> None:
    assert standing(thing, LOCK) is stands


def test_an_unlock_takes_protection_from_all_but_those_known_to_be_locked_by_themselves() -> None:
    assert standing(row(INSIDE, ThingLock(True, INSIDE)), UNLOCK) is Standing.KEEPS
    assert standing(row(INSIDE, ThingLock(False, INSIDE)), UNLOCK) is Standing.LOSES
    assert standing(row(INSIDE), UNLOCK) is Standing.LOSES


@pytest.mark.parametrize(
    ("now", "worse"),
    [
        (census(loses=3, unknown=2), False),
        (census(loses=2, unknown=2), False),
        (census(loses=2, unknown=3), False),
        (census(loses=4, unknown=1), True),
        (census(loses=3, unknown=3), True),
        (census(loses=1, untold=1), True),
        (census(loses=1, given_up="Away."), True),
    ],
)
def test_more_affected_or_more_that_surely_lose_is_worse_than_approved(now: Census, worse: bool) -> None:
    assert bool(now.worse_than(census(loses=3, unknown=2))) is worse
