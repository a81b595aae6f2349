"""What is said of a lock in the sentences about an outcome: whether, to what, and whether that is an IMEI."""

from __future__ import annotations

import pytest

from bot.domain.things import ThingLock
from bot.services import outcomes

IMEI = "490154203237518"


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (ThingLock(False, ""), "unlocked"),
        (ThingLock(True, ""), "locked with no IMEI stored"),
        (ThingLock(True, IMEI), "locked to 49-015420-323751-8"),
        (ThingLock(False, IMEI), "unlocked; stored is 49-015420-323751-8"),
        (ThingLock(True, "none"), "locked to “none”, which is no IMEI"),
        (ThingLock(True, "0" * 15), "locked to “00-000000-000000-0”, which is no IMEI"),
    ],
)
def test_a_lock_in_a_sentence_says_whether_it_is_locked_and_to_what(lock: ThingLock, said: str) -> None:
    assert outcomes.lock_text(lock) == said


@pytest.mark.parametrize(
    ("stored", "so"),
    [
        (IMEI, True),
        (IMEI[:14], True),
        (IMEI + "2", True),
        ("49-015420-323751-8", True),
        ("", False),
        ("0" * 15, False),
        (IMEI[:13], False),
        (IMEI + "23", False),
        ("49015420323751X", False),
        ("none", False),
    ],
)
def test_only_fourteen_to_sixteen_digits_that_are_not_all_zero_count_as_an_imei(
    stored: str, *, so: bool
) -> None:
    assert outcomes.is_an_imei(stored) is so
