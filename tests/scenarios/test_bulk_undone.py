"""Undo of a bulk: its rows go back one by one, each while Monogoto still shows what the bulk has left."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain import requests
from bot.domain.identifiers import group_imei
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.stage import Stage
from bot.services.ports import Submission
from tests.conftest import OpenStage
from tests.scenarios import acts, bulk_acts
from tests.scenarios.bulk_acts import card_of, hurry, row_states, send_on, status
from tests.scenarios.evidence import database, puts, untold

ENDS = {"succeeded", "partly_failed", "failed", "cancelled"}


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """Both transports carry the same forms: one is enough here."""
    return await open_stage()


def locks(stage: Stage, *iccids: str) -> list[tuple[Any, Any]]:
    """As Monogoto has them."""
    things = [stage.monogoto.thing(iccid) for iccid in iccids]
    return [(thing["LockMasterImei"], thing["MasterIMEI"] or "") for thing in things]


async def applied(stage: Stage, plan: Message) -> Message:
    """Sent on, approved and applied to its end; the card on which its maker follows it."""
    request_id = acts.request_id_in(acts.shown(plan))
    await send_on(stage, stage.person("U0ENG1"), plan)
    asked = await bulk_acts.approval_card(stage, request_id)
    await acts.approve(stage, stage.person("U0APP1"), asked)
    await hurry(stage, lambda: status(stage, request_id) in ENDS and not untold(database(stage)))
    await acts.idle(stage)
    card = card_of(stage, request_id)
    assert card
    return card


async def bulk(stage: Stage, *lines: str) -> Message:
    """Lines pasted, and everything up to their end; the card."""
    view = await bulk_acts.send_lines(stage, stage.person("U0ENG1"), "\n".join(["ICCID,IMEI", *lines]))
    return await applied(stage, await bulk_acts.planned(stage, view))


async def undo(stage: Stage, who: Person, card: Message, reason: str = "Wrong file") -> Message:
    """Press Undo and send the form; the plan once its rows are checked."""
    await who.click(card, "request.undo")
    view = await stage.until(lambda: acts.form_of(who))
    return await bulk_acts.planned(stage, await bulk_acts.sent(stage, who, view, {"reason": reason}))


def id_of(card: Message) -> str:
    return acts.request_id_in(acts.shown(card))


@pytest.mark.both_stores
async def test_every_row_goes_back_to_what_it_was_but_what_was_touched_since_and_never_sent_locks(
    stage: Stage,
) -> None:
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    iccids = [sim.iccid for sim in (sims.fresh, sims.locked, sims.online, sims.lock_without_imei)]
    before = locks(stage, *iccids)
    first = await bulk(
        stage,
        f"{sims.fresh.iccid},{sims.fresh.imei}",
        f"{sims.locked.iccid},unlock clear",
        f"{sims.online.iccid},{sims.online.imei}",
        f"{sims.lock_without_imei.iccid},unlock clear",
    )
    assert row_states(stage, id_of(first)) == {"done": 4}
    other = sims.unused_imeis[0]
    stage.monogoto.console_edit(sims.online.iccid, MasterIMEI=other)

    plan = await undo(stage, engineer, first)
    said = bulk_acts.verdicts(stage, plan)
    assert [verdict for verdict, _ in said.values()] == ["ready", "ready", "needs a look", "refused"]
    reasons = [why for _, why in said.values()]
    assert "Goes back from: locked to" in reasons[0]
    assert "to: unlocked" in reasons[0]
    assert f"Touched since: now locked to {group_imei(other)}" in reasons[2]
    assert "locked to no IMEI" in reasons[3]
    assert "never sent" in reasons[3]
    cells = [row["IMEI"] for row in bulk_acts.plan_file(stage, plan)]
    assert cells[:2] == ["undo", "undo"]
    assert f"undoes `{id_of(first)}`" in acts.shown(plan)

    second = await applied(stage, plan)
    assert status(stage, id_of(second)) == "succeeded"
    now = locks(stage, *iccids)
    assert now[:2] == before[:2]
    assert now[2:] == [(True, other), (False, "")]
    assert f"undone by `{id_of(second)}`" in acts.shown(first)
    assert "request.undo" not in str(first.blocks)
    told = [reply.text for reply in stage.replies(first)]
    assert any("Undone by <@U0ENG1>" in text and "2 are as before and 2 are not" in text for text in told)


async def test_the_form_says_how_many_would_go_back_and_asks_for_nothing_yet(stage: Stage) -> None:
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    first = await bulk(
        stage, f"{sims.fresh.iccid},{sims.fresh.imei}", f"{sims.locked.iccid},unlock keep", "89,nonsense"
    )
    written = puts(stage)
    await engineer.click(first, "request.undo")
    form = await stage.until(lambda: acts.form_of(engineer))
    assert "The 2 SIMs that" in acts.shown(form)
    assert puts(stage) == written


async def test_a_row_that_is_already_as_before_is_left_alone(stage: Stage) -> None:
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    first = await bulk(
        stage, f"{sims.fresh.iccid},{sims.fresh.imei}", f"{sims.online.iccid},{sims.online.imei}"
    )
    stage.monogoto.console_edit(sims.fresh.iccid, LockMasterImei=False, MasterIMEI="")
    plan = await undo(stage, engineer, first)
    assert [verdict for verdict, _ in bulk_acts.verdicts(stage, plan).values()] == ["already so", "ready"]
    written = puts(stage)
    await applied(stage, plan)
    assert puts(stage) == written + 1
    assert any("All 2 SIMs are as they were" in reply.text for reply in stage.replies(first))


async def test_an_undo_of_a_bulk_can_be_undone(stage: Stage) -> None:
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    first = await bulk(stage, f"{sims.fresh.iccid},{sims.fresh.imei}", f"{sims.locked.iccid},unlock clear")
    left = locks(stage, sims.fresh.iccid, sims.locked.iccid)
    second = await applied(stage, await undo(stage, engineer, first))
    assert locks(stage, sims.fresh.iccid, sims.locked.iccid) != left
    await applied(stage, await undo(stage, engineer, second))
    assert locks(stage, sims.fresh.iccid, sims.locked.iccid) == left


async def test_a_second_undo_is_refused_while_the_first_one_waits(stage: Stage) -> None:
    sims, engineer, other = stage.monogoto.examples, stage.person("U0ENG1"), stage.person("U0ENG2")
    first = await bulk(stage, f"{sims.fresh.iccid},{sims.fresh.imei}")
    plan = await undo(stage, engineer, first)
    unsent = await undo(stage, other, first)
    await send_on(stage, engineer, plan)
    await other.click(first, "request.undo")
    assert id_of(plan) in (await acts.whisper(stage, other, "still open")).text
    await send_on(stage, other, unsent)
    assert await acts.told(stage, other, "nothing was sent on")
    await stage.until(lambda: bulk_acts.counted(unsent)["need a look"] == 1)


async def test_what_is_touched_after_the_approval_is_left_and_can_be_asked_again_as_an_undo(
    stage: Stage,
) -> None:
    sims, engineer = stage.monogoto.examples, stage.person("U0ENG1")
    lines = [f"{sim.iccid},{sim.imei}" for sim in (sims.fresh, sims.online)]
    first = await bulk(stage, *lines)
    plan = await undo(stage, engineer, first)
    stage.monogoto.console_edit(sims.online.iccid, LockMasterImei=False)
    second = await applied(stage, plan)
    assert row_states(stage, id_of(second)) == {"done": 1, "outdated": 1}
    assert any("1 are as before and 1 is not" in reply.text for reply in stage.replies(first))
    assert f"partly undone by `{id_of(second)}`" in acts.shown(first)
    assert "request.undo" in str(first.blocks), "what is left can be taken back yet"
    await engineer.click(second, "bulk.ask_again")
    again = acts.request_id_in((await acts.whisper(stage, engineer, "checks those rows again")).text)
    await hurry(
        stage, lambda: card_of(stage, again) and "None of the rows" in acts.shown(card_of(stage, again))
    )
    assert f"undoes `{id_of(first)}`" in acts.shown(card_of(stage, again))


async def test_a_form_that_was_sent_right_before_the_bot_ended_becomes_one_plan_after_its_start(
    stage: Stage,
) -> None:
    sims = stage.monogoto.examples
    first = await bulk(stage, f"{sims.fresh.iccid},{sims.fresh.imei}")
    assert stage.bot
    fields = {"undoes": id_of(first), "about": "…", "reason": "Wrong file", "many": "1"}
    origin, who = requests.Origin("C0FIELD"), requests.Person("U0ENG1", "T0TEAM")
    sent = Submission("UNDO1", "k1", who, origin, "V0GONE", "undo", fields, stage.clock.now())
    await stage.bot.desk.submissions.keep(sent)
    await stage.stop_bot()
    await stage.start_bot()
    await hurry(stage, lambda: (card := card_of(stage, "UNDO1")) and "Send the 1 ready" in str(card.blocks))
    assert row_states(stage, "UNDO1") == {"planned": 1}
    assert await stage.bot.desk.store.unfinished_submissions() == ()


async def test_who_may_not_ask_for_bulks_may_not_undo_one(stage: Stage) -> None:
    sims, support = stage.monogoto.examples, stage.person("U0SUP1")
    first = await bulk(stage, f"{sims.fresh.iccid},{sims.fresh.imei}")
    await support.click(first, "request.undo")
    assert "The policy lets only" in await acts.told(stage, support)


async def test_a_bulk_that_changed_nothing_offers_no_undo(stage: Stage) -> None:
    sims = stage.monogoto.examples
    view = await bulk_acts.send_lines(
        stage, stage.person("U0ENG1"), f"ICCID,IMEI\n{sims.fresh.iccid},{sims.fresh.imei}"
    )
    plan = await bulk_acts.planned(stage, view)
    stage.monogoto.console_edit(sims.fresh.iccid, LockMasterImei=True, MasterIMEI=sims.fresh.imei)
    card = await applied(stage, plan)
    assert puts(stage) == 0
    assert "request.undo" not in str(card.blocks)


async def test_history_shows_which_bulk_took_which_back(stage: Stage) -> None:
    sims, engineer, lead = stage.monogoto.examples, stage.person("U0ENG1"), stage.person("U0SUP1")
    first = await bulk(stage, f"{sims.fresh.iccid},{sims.fresh.imei}")
    second = await applied(stage, await undo(stage, engineer, first))
    await lead.command("/imei", f"history {sims.fresh.iccid}", channel="C0SUPPORT")
    said = acts.shown(await acts.whisper(stage, lead))
    assert f"undone by `{id_of(second)}`" in said
    assert f"undoes `{id_of(first)}`" in said
