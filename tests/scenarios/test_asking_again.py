"""What a person hears of a number that is odd, of an earlier request, and of a form that came too late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.requests import Origin, Person
from bot.sandbox.stage import POLICY, Stage
from bot.services.ports import Submission
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    ask_unlock,
    idle,
    open_form,
    open_with_facts,
    refused_form,
    send_form,
    shown,
)

TEST_IMEI = "001010001234564"


async def test_what_is_odd_in_a_good_number_is_said_under_its_field_and_when_it_is_posted(
    stage: Stage,
) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {TEST_IMEI}/01")
    await idle(stage)
    assert "The software version 01 was dropped." in shown(view)
    assert "test" in shown(view)
    card = await send_form(stage, engineer, view, {"reason": "Bench test"})
    assert "The software version 01 was dropped." in shown(view)
    assert "test IMEI" in str(card.blocks), "whoever approves sees it too"


async def test_an_imei_that_an_unlock_kept_is_offered_for_the_next_lock(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.locked, stage.person("U0ENG1")
    kept = stage.monogoto.thing(sim.iccid)["MasterIMEI"]
    card = await ask_unlock(stage, engineer, sim, "keep")
    await approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: stage.monogoto.thing(sim.iccid)["LockMasterImei"] is False)
    stage.monogoto.data_session(sim.iccid, stage.monogoto.examples.unused_imeis[0])
    await stage.until(lambda: "read back" in card.text)
    view = await open_with_facts(stage, engineer, "/lock-thing", sim.iccid)
    await engineer.click(view, "imei.take_kept")
    await idle(stage)
    await send_form(stage, engineer, view, {"reason": "Back in its box"})
    lock = stage.cards("C0FIELD")[-1]
    await approve(stage, stage.person("U0APP1"), lock)
    if "request.approve" in str(lock.blocks):
        await approve(stage, stage.person("U0APP1"), lock)
    await stage.until(lambda: stage.monogoto.thing(sim.iccid)["LockMasterImei"] is True)
    assert stage.monogoto.thing(sim.iccid)["MasterIMEI"] == kept


async def test_who_asked_for_the_open_request_can_take_it_back_where_they_hear_of_it(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    card = await ask_lock(stage, engineer, sim)
    view = await open_form(stage, engineer, "/lock-thing", f"{sim.iccid} {sim.imei}")
    assert "still open" in await refused_form(stage, engineer, view, {"reason": "Again"})
    await engineer.click(view, "request.cancel")
    await stage.until(lambda: "Cancelled" in card.text)


async def test_nobody_else_is_offered_to_take_it_back(stage: Stage) -> None:
    sim, other = stage.monogoto.examples.fresh, stage.person("U0ENG2")
    await ask_lock(stage, stage.person("U0ENG1"), sim)
    view = await open_form(stage, other, "/lock-thing", f"{sim.iccid} {sim.imei}")
    assert "still open" in await refused_form(stage, other, view, {"reason": "Me too"})
    assert "Cancel request" not in shown(view)


async def test_a_form_that_was_not_taken_up_for_long_is_given_back_and_asks_for_nothing(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    sim = stage.monogoto.examples.fresh
    typed = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Before the long weekend"}
    kept = Submission(
        id="S1",
        key="k1",
        person=Person("U0ENG1", "T0TEAM"),
        origin=Origin("C0FIELD"),
        view_id="V0GONE",
        kind="lock_thing",
        fields=typed,
        at=stage.clock.now(),
    )
    assert stage.bot
    await stage.bot.desk.submissions.keep(kept)
    await stage.stop_bot()
    stage.clock.advance(timedelta(hours=2).total_seconds())
    await stage.start_bot()
    (whisper,) = await stage.until(lambda: stage.whispers("U0ENG1"))
    assert "could not be taken up in time" in whisper.text
    assert stage.cards("C0FIELD") == []
    engineer = stage.person("U0ENG1")
    await engineer.click(whisper, "form.reopen")
    view = await stage.until(lambda: engineer.modal)
    assert "Before the long weekend" in str(view.content)
    assert await stage.bot.desk.store.unfinished_submissions() == ()


async def test_what_the_same_modal_sent_before_is_over_with_the_next_sending(open_stage: OpenStage) -> None:
    stage = await open_stage()
    first = Submission(
        id="S1",
        key="k1",
        person=Person("U0ENG1", "T0TEAM"),
        origin=Origin("C0FIELD"),
        view_id="V0FORM",
        kind="lock_thing",
        fields={},
        at=stage.clock.now(),
    )
    assert stage.bot
    await stage.bot.desk.submissions.keep(first)
    await stage.bot.desk.submissions.keep(replace(first, id="S2", key="k2"))
    assert [s.id for s in await stage.bot.desk.store.unfinished_submissions()] == ["S2"]


async def test_an_approvals_channel_where_nobody_may_approve_gives_way(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=POLICY | {"approvals_channel": "C0APPROVALS"})
    stage.slack.workspace.channels["C0APPROVALS"].members[:] = [stage.slack.bot_user_id]
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    assert card.channel == "C0FIELD"
    assert stage.cards("C0APPROVALS") == []
