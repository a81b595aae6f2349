"""Undo: back to the exact lock that was there, as a request of its own, while nobody has touched it since."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.changes import LockThing
from bot.domain.identifiers import Iccid, Imei, group_imei
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import View
from bot.sandbox.stage import Stage
from tests.conftest import OpenStage
from tests.scenarios import acts, bulks
from tests.scenarios.evidence import ended, puts

TAC = "35305311"


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """The main job runs over both transports; the rest over one."""
    return await open_stage()


def lock_of(stage: Stage, iccid: str) -> tuple[Any, Any]:
    """As Monogoto has it."""
    thing = stage.monogoto.thing(iccid)
    return thing["LockMasterImei"], thing["MasterIMEI"]


async def approved(stage: Stage, card: Message, *people: str) -> Message:
    """Approved and applied; the same card."""
    for user in people or ("U0APP1",):
        await acts.approve(stage, stage.person(user), card)
    assert await ended(stage) == ("succeeded", "done")
    await stage.until(lambda: "request.undo" in str(card.blocks))
    return card


async def open_undo(stage: Stage, who: Person, card: Message) -> View:
    """Press Undo; the form that asks why."""
    await who.click(card, "request.undo")
    return await stage.until(lambda: acts.form_of(who))


async def undo(stage: Stage, who: Person, card: Message, reason: str = "Wrong SIM") -> Message:
    """Ask for the undo; its card."""
    view = await open_undo(stage, who, card)
    return await acts.send_form(stage, who, view, {"reason": reason})


async def refused(stage: Stage, who: Person, card: Message) -> str:
    """Ask for an undo that is taken and then refused; what the form says."""
    view = await open_undo(stage, who, card)
    return await acts.refused_form(stage, who, view, {"reason": "Wrong SIM"})


@pytest.mark.both_stores
@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_lock_is_undone_to_exactly_what_was_there(open_stage: OpenStage, transport: str) -> None:
    stage = await open_stage(transport=transport)
    sim, engineer = stage.monogoto.examples.locked_elsewhere, stage.person("U0ENG1")
    before = lock_of(stage, sim.iccid)
    assert before[0] is True
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    assert lock_of(stage, sim.iccid) == (True, sim.imei)
    second = await undo(stage, engineer, first)
    assert "before request" in acts.shown(second)
    assert lock_of(stage, sim.iccid) == (True, sim.imei)
    await approved(stage, second)
    assert lock_of(stage, sim.iccid) == before
    assert group_imei(before[1]) in acts.shown(second)
    undoing = acts.request_id_in(acts.shown(second))
    await stage.until(lambda: f"undone by `{undoing}`" in acts.shown(first))
    assert "request.undo" not in str(first.blocks)
    assert any("Undone by <@U0ENG1>" in reply.text for reply in stage.replies(first))


async def test_an_unlock_that_cleared_the_imei_is_undone_with_it(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.locked, stage.person("U0ENG1")
    before = lock_of(stage, sim.iccid)
    first = await approved(stage, await acts.ask_unlock(stage, engineer, sim, "clear"))
    assert lock_of(stage, sim.iccid) == (False, "")
    await approved(stage, await undo(stage, engineer, first))
    assert lock_of(stage, sim.iccid) == before


async def test_an_undo_can_be_undone(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    second = await approved(stage, await undo(stage, engineer, first))
    assert lock_of(stage, sim.iccid)[0] is False
    await approved(stage, await undo(stage, engineer, second))
    assert lock_of(stage, sim.iccid) == (True, sim.imei)


async def test_what_somebody_touched_since_is_not_undone_and_its_lock_is_named(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    other = stage.monogoto.examples.unused_imeis[0]
    stage.monogoto.console_edit(sim.iccid, MasterIMEI=other)
    said = await refused(stage, engineer, first)
    assert "no longer what the request left behind" in said
    assert group_imei(other) in said
    assert puts(stage) == 1


async def test_what_is_touched_while_the_undo_waits_ends_it_at_the_approval(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    second = await undo(stage, engineer, first)
    stage.monogoto.console_edit(sim.iccid, LockMasterImei=False)
    await acts.approve(stage, stage.person("U0APP1"), second)
    await stage.until(lambda: "Not changed" in acts.shown(second))
    assert "no longer what the request left behind" in acts.shown(second)
    assert puts(stage) == 1
    assert (await acts.audit_entries(stage))[-1]["outcome"] == "refused"


async def test_a_lock_to_nothing_never_comes_back(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.lock_without_imei, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_unlock(stage, engineer, sim, "clear"))
    await engineer.click(first, "request.undo")
    assert "locked to no IMEI" in await acts.told(stage, engineer, "never sent")
    assert puts(stage) == 1


async def test_an_undo_of_a_group_leaves_its_new_name_alone(stage: Stage) -> None:
    group_id, engineer = stage.monogoto.examples.open_group, stage.person("U0ENG1")
    before = dict(stage.monogoto.group(group_id))
    card = await acts.ask_lock_group(stage, engineer, group_id, TAC)
    first = await approved(stage, card, "U0APP1", "U0APP2")
    stage.monogoto.console_edit_group(group_id, ThingsGroupName="Renamed since")
    await approved(stage, await undo(stage, engineer, first), "U0APP1", "U0APP2")
    now = stage.monogoto.group(group_id)
    assert now["ThingsGroupName"] == "Renamed since"
    assert now["TelephonyProfileId"] == before["TelephonyProfileId"]
    assert (now["LockMasterImei"], now["IMEIPrefix"] or "") == (
        before["LockMasterImei"],
        before["IMEIPrefix"] or "",
    )


async def test_who_may_not_ask_for_the_change_may_not_undo_it_either(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    first = await approved(stage, await acts.ask_lock(stage, stage.person("U0ENG1"), sim))
    support = stage.person("U0SUP1")
    await support.click(first, "request.undo")
    assert "The policy lets only" in await acts.told(stage, support)
    assert puts(stage) == 1


async def test_nobody_approves_their_own_undo(stage: Stage) -> None:
    sim, admin = stage.monogoto.examples.fresh, stage.person("U0ADMIN")
    first = await approved(stage, await acts.ask_lock(stage, stage.person("U0ENG1"), sim))
    second = await undo(stage, admin, first)
    await acts.approve(stage, admin, second)
    assert "yourself" in await acts.told(stage, admin)
    assert puts(stage) == 1


async def test_history_shows_which_request_took_which_back(stage: Stage) -> None:
    sim, engineer, lead = stage.monogoto.examples.fresh, stage.person("U0ENG1"), stage.person("U0SUP1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    second = await approved(stage, await undo(stage, engineer, first))
    one, two = (acts.request_id_in(acts.shown(card)) for card in (first, second))
    await lead.command("/imei", f"history {sim.iccid}", channel="C0SUPPORT")
    said = acts.shown(await acts.whisper(stage, lead))
    assert f"undone by `{two}`" in said
    assert f"undoes `{one}`" in said


async def test_a_second_undo_of_the_same_request_is_refused_by_the_first(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    second = await undo(stage, engineer, first)
    said = await refused(stage, stage.person("U0ENG2"), first)
    assert acts.request_id_in(acts.shown(second)) in said


async def test_an_undo_that_had_nothing_to_write_has_taken_nothing_back(stage: Stage) -> None:
    """Somebody put it back in the console while the undo was applied, and locked it anew later."""
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    second = await undo(stage, engineer, first)
    unlocked = {"LockMasterImei": False, "MasterIMEI": ""}
    stage.monogoto.fail(("GET", "/thing/ThingId"), "edited_after", times=1, keys=unlocked)
    await acts.approve(stage, stage.person("U0APP1"), second)
    assert await ended(stage) == ("succeeded", "already")
    stage.monogoto.console_edit(sim.iccid, LockMasterImei=True, MasterIMEI=sim.imei)
    await approved(stage, await undo(stage, engineer, first))
    assert lock_of(stage, sim.iccid)[0] is False


async def test_an_undo_that_locks_warns_of_other_sims_with_that_device_as_a_lock_does(stage: Stage) -> None:
    sim, other, engineer = (
        stage.monogoto.examples.locked_elsewhere,
        stage.monogoto.examples.fresh,
        stage.person("U0ENG1"),
    )
    device = lock_of(stage, sim.iccid)[1]
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    stage.monogoto.console_edit(other.iccid, IMEI=device)
    await approved(stage, await acts.ask_lock(stage, engineer, other, device))
    said = acts.shown(await undo(stage, engineer, first))
    assert f"This IMEI was last seen on *another* SIM: {other.name}" in said
    assert f"Another SIM is locked to this IMEI: {other.name}" in said


# --- what came later ---------------------------------------------------------------------------------


async def test_what_a_later_request_wrote_again_is_not_taken_back_with_the_first(stage: Stage) -> None:
    sim, engineer, other = stage.monogoto.examples.fresh, stage.person("U0ENG1"), stage.person("U0ENG2")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    await approved(stage, await acts.ask_unlock(stage, other, sim, "clear"))
    third = await approved(stage, await acts.ask_lock(stage, other, sim))
    said = await refused(stage, engineer, first)
    assert f"Request {acts.request_id_in(acts.shown(third))} has written the SIM's lock since" in said
    assert lock_of(stage, sim.iccid) == (True, sim.imei)


async def test_what_a_later_bulk_wrote_again_is_not_taken_back_with_the_first(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    await approved(stage, await acts.ask_unlock(stage, engineer, sim, "clear"))
    await bulks.approved(stage, [LockThing(Iccid(sim.iccid), Imei(sim.imei))])
    await bulks.until_status(stage, "succeeded")
    assert lock_of(stage, sim.iccid) == (True, sim.imei)
    assert f"Request {bulks.ID} has written the SIM's lock since" in await refused(stage, engineer, first)


async def test_what_came_later_and_was_undone_stands_in_nobodys_way(stage: Stage) -> None:
    sim, engineer = stage.monogoto.examples.fresh, stage.person("U0ENG1")
    first = await approved(stage, await acts.ask_lock(stage, engineer, sim))
    second = await approved(stage, await acts.ask_unlock(stage, engineer, sim, "clear"))
    await approved(stage, await undo(stage, engineer, second))
    await approved(stage, await undo(stage, engineer, first))
    assert lock_of(stage, sim.iccid)[0] is False
