"""What the local dispatcher alone keeps in memory; the rest is in `test_dispatchers`."""

from __future__ import annotations

from bot.sandbox.clock import ManualClock
from tests.dispatch.conftest import LocalHands, Work


async def test_a_step_that_fails_again_and_again_is_taken_up_after_ever_longer_pauses(
    clock: ManualClock, work: Work
) -> None:
    hands = LocalHands(clock)
    dispatcher = hands.dispatcher()
    work.open.append("A")
    work.go.set()
    dispatcher.start(work)
    taken_up = []
    for second in range(0, 60, 5):
        before = len(work.steps)
        work.step_trouble = ValueError("a bug")
        dispatcher.wake()
        await hands.nothing()
        taken_up += [second] if len(work.steps) > before else []
        clock.advance(5)
    await dispatcher.stop(0)
    assert taken_up == [0, 5, 15, 35]
