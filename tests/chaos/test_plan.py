"""What a round can hold: all that the stand-ins can do, and the same for the same seed."""

from __future__ import annotations

from typing import get_args

from bot.sandbox.monogoto import FaultKind
from tests.chaos.plan import TROUBLES, VENDOR_ON_READS, VENDOR_ON_WRITES, plan_of
from tests.chaos.troubles import Troubles

SEEDS = range(400)


def test_a_plan_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert [plan_of(seed) for seed in SEEDS] == [plan_of(seed) for seed in SEEDS]
    assert len({str(plan_of(seed)) for seed in SEEDS}) == len(SEEDS)


def test_every_fault_of_the_vendor_comes_up() -> None:
    assert {*VENDOR_ON_READS, *VENDOR_ON_WRITES} == set(get_args(FaultKind))
    planned = {rate.kind for seed in SEEDS for rate in plan_of(seed).vendor}
    assert planned == set(get_args(FaultKind))


def test_every_trouble_comes_up_and_can_be_made() -> None:
    assert {trouble.what for seed in SEEDS for trouble in plan_of(seed).troubles} == set(TROUBLES)
    made = {name.removeprefix("_") for name in vars(Troubles)}
    assert set(TROUBLES) - {"kill", "sigterm"} <= made


def test_every_way_of_slack_to_fail_comes_up() -> None:
    ways = {name for seed in SEEDS for rate in plan_of(seed).slack for name, _ in rate.how}
    assert ways == {"status", "timeout", "reset", "after_applying", "retry_after", "error"}
    assert {0.0, 0.3} == {plan_of(seed).late for seed in SEEDS} == {plan_of(seed).twice for seed in SEEDS}
