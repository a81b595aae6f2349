"""Nothing is applied late, and nothing on the strength of what held only at the first try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from bot.app import Seams
from bot.domain.identifiers import Iccid
from bot.domain.things import Thing
from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import Stage
from bot.services.ports import Platform, Store
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import (
    READ,
    WRITE,
    asked,
    check,
    database,
    ended,
    entries,
    outcomes,
    puts,
    standing,
    until,
)
from tests.scenarios.test_asking_places import policy

GROUP = ("GET", "/thingsgroup/")
OUTDATED = ("outdated", "outdated")


async def test_a_reading_that_waited_past_the_time_for_applying_is_followed_by_no_write(
    open_stage: OpenStage,
) -> None:
    """Asked to pause for ten minutes, the bot reads when they are over: by then it is too late to write."""
    stage = await open_stage(policy=policy(apply_within="1m"))
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    stage.monogoto.fail(GROUP, "latency", seconds=2.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: stage.monogoto.calls[-1].path.startswith(GROUP[1]), step=0.1)
    stage.monogoto.fail(READ, "rate_limited", seconds=600.0)
    await until(stage, lambda: outcomes(stage, card))
    stage.clock.advance(15)
    await until(stage, lambda: standing(database(stage))[-1][1] == "running")
    stage.clock.advance(600)
    await check(stage, sim, card, end=OUTDATED, says="time in which", writes=0, sent=0)


async def test_the_time_to_apply_runs_from_the_press_however_long_it_takes_to_count(
    open_stage: OpenStage,
) -> None:
    """The machine is put to sleep while Approve is being checked, and wakes up after an hour and a half."""
    falls_asleep: list[Callable[[], None]] = []

    class Sleepy:
        """The store, before whose next write the machine sleeps."""

        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def transaction(self) -> Any:
            while falls_asleep:
                falls_asleep.pop()()
            return self._store.transaction()

    stage = await open_stage(
        policy=policy(apply_within="1h"), seams=Seams(wrap_store=lambda store: cast("Store", Sleepy(store)))
    )
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    falls_asleep.append(lambda: stage.clock.advance(5400))
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: outcomes(stage, card))
    await check(stage, sim, card, end=OUTDATED, says="time in which", writes=0, sent=0)


async def test_a_device_that_comes_to_lose_service_between_two_tries_ends_it_outdated(
    open_stage: OpenStage,
) -> None:
    """The lock fields are as approved still; whom the lock would hurt is not."""
    stage = await open_stage()
    sim, card = await _first_try_lost(stage)
    stage.monogoto.data_session(sim.iccid, stage.monogoto.examples.unused_imeis[0])
    await check(stage, sim, card, end=OUTDATED, says="seen in another device", writes=0, sent=1)


async def test_a_role_lost_between_two_tries_ends_it_outdated(open_stage: OpenStage) -> None:
    stage = await open_stage()
    sim, card = await _first_try_lost(stage)
    stage.slack.workspace.groups["S0APPROVERS"].users.remove("U0APP1")
    stage.clock.advance(11)
    await check(stage, sim, card, end=OUTDATED, says="person who approved", writes=0, sent=1)


async def _first_try_lost(stage: Stage) -> tuple[Example, Message]:
    """A lock approved whose first write got lost before it arrived."""
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    stage.monogoto.fail(WRITE, "drop_before")
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: puts(stage), step=0.05)
    return sim, card


async def _unconfirmed(stage: Stage) -> tuple[Example, Message]:
    """Sent, its answer lost, and no reading succeeded since."""
    sim, card = await _first_try_lost(stage)
    stage.monogoto.fail(("*", "/"), "drop_before", 100_000)
    await until(stage, lambda: standing(database(stage))[-1][1] == "unconfirmed" and outcomes(stage, card))
    stage.monogoto.clear_faults()
    return sim, card


async def test_an_unconfirmed_sim_that_is_gone_is_given_up_after_three_readings(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    _, card = await _unconfirmed(stage)
    stage.monogoto.settings.change(profile="group_user", own_groups=frozenset())
    await until(stage, lambda: standing(database(stage))[-1][0] == "failed", within=400, step=30)
    assert standing(database(stage))[-1] == ("failed", "unconfirmed")
    await until(stage, lambda: "Given up: not known whether it was changed" in acts.shown(card))
    assert (
        "not known whether the SIM was changed: the change was sent"
        in (await until(stage, lambda: outcomes(stage, card)[1:]))[-1]
    )


async def test_the_end_of_an_item_is_audited_with_the_lock_fields_that_were_read_back(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    sim = stage.monogoto.examples.fresh
    card = await asked(stage, sim)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await ended(stage)
    found = {entry["event"]: entry for entry in await entries(database(stage))}
    lock = {"imei_lock": "true", "locked_imei": sim.imei}
    assert found["item.end"]["after"] == lock
    approval = found["request.approve"]
    assert (approval["before"], approval["after"]) == ({"imei_lock": "false", "locked_imei": ""}, lock)
    assert len(approval["fingerprint"]) == 64


async def test_a_step_that_always_breaks_ends_outdated_once_the_time_is_over(open_stage: OpenStage) -> None:
    """A bug of our own must not hold a request, and its SIM, for ever."""
    broken = BreaksWhileReading()
    stage = await open_stage(seams=Seams(wrap_platform=broken.around))
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    stage.monogoto.fail(GROUP, "latency", seconds=2.0)
    await stage.person("U0APP1").click(card, "request.approve", confirm=True)
    await until(stage, lambda: stage.monogoto.calls[-1].path.startswith(GROUP[1]), step=0.1)
    broken.now = True
    await until(stage, lambda: standing(database(stage))[-1][1] == "running")
    stage.clock.advance(3601)
    await ended(stage)
    assert standing(database(stage)) == [OUTDATED]
    assert not puts(stage)


class BreaksWhileReading:
    """The platform, with a bug that shows when it is told to."""

    def __init__(self) -> None:
        self.now = False

    def around(self, platform: Platform) -> Any:
        self.platform = platform
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.platform, name)

    async def thing(self, iccid: Iccid) -> Thing:
        if self.now:
            raise RuntimeError("a bug")
        return await self.platform.thing(iccid)
