"""The app's Home: what one may do, what waits for one, what of one's own is open; each as whom it is for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.sandbox.slack.block_kit import check_view
from bot.sandbox.slack.people import Person
from bot.sandbox.stage import POLICY, Stage
from bot.services.overview import SHOWN_AT_MOST
from bot.slack.home import MINE, WAITING
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    cards_of,
    form_of,
    idle,
    request_id_in,
    send_form,
    shown,
)
from tests.scenarios.test_asking_places import policy
from tests.scenarios.test_deciding_clicks import TWO

OPENS = {
    "lock_thing.open": "Lock a SIM to a device",
    "unlock_thing.open": "Unlock a SIM",
    "lock_things_group.open": "Lock a group to a range",
    "unlock_things_group.open": "Unlock a group",
    "bulk.open": "Many SIMs from a file",
}
STANDS = "IMEI Lock"
"""In the first sentence of every Home."""


async def visit(stage: Stage, who: Person) -> str:
    """Open the app at its Home; all that stands there."""
    before = who.home.hash if who.home else None
    delivery = await who.open_home()
    assert delivery
    assert delivery.acked
    home = await stage.until(lambda: who.home if who.home and who.home.hash != before else None)
    assert check_view(home.content) == []
    return shown(home)


def buttons(who: Person) -> list[str]:
    """The Home's buttons, by action id."""
    assert who.home
    rows = [block["elements"] for block in who.home.blocks if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row]


async def test_each_finds_the_forms_that_would_open_for_them(stage: Stage) -> None:
    """An engineer asks, an approver decides, and whoever may nothing reads why."""
    engineer, approver, plain = map(stage.person, ("U0ENG1", "U0APP1", "U0PLAIN"))
    said = await visit(stage, engineer)
    assert buttons(engineer) == [*OPENS, "help.open", "home.refresh"]
    assert MINE in said
    assert WAITING not in said
    said = await visit(stage, approver)
    assert buttons(approver) == ["help.open", "home.refresh"]
    assert WAITING in said
    assert MINE not in said
    assert "You may ask for nothing. " not in said  # they came to decide
    said = await visit(stage, plain)
    assert buttons(plain) == ["help.open", "home.refresh"]
    assert WAITING not in said
    assert MINE not in said
    assert "You may ask for nothing. The policy lets only the role" in said


@pytest.mark.parametrize("action_id", OPENS)
async def test_a_button_opens_the_empty_form(stage: Stage, action_id: str) -> None:
    engineer = stage.person("U0ENG1")
    await visit(stage, engineer)
    assert engineer.home
    assert (await engineer.click(engineer.home, action_id)).acked
    view = await stage.until(lambda: form_of(engineer))
    assert view.title == OPENS[action_id]


async def test_the_help_opens_over_it(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    await visit(stage, engineer)
    assert engineer.home
    await engineer.click(engineer.home, "help.open")
    modal = await stage.until(lambda: engineer.modal)
    await stage.until(lambda: "/lock-thing" in shown(modal))


async def test_a_request_waits_for_who_has_not_decided_and_is_its_requesters_until_it_ends(
    stage: Stage,
) -> None:
    """Linked to its card; gone from either list once it is nothing to do for them any more."""
    engineer, other, approver = map(stage.person, ("U0ENG1", "U0ENG2", "U0APP1"))
    card = await ask_lock(stage, engineer, stage.monogoto.examples.fresh)
    request_id = request_id_in(shown(card))
    waiting = await visit(stage, approver)
    assert request_id in waiting.partition(WAITING)[2]
    assert f"p{card.ts.replace('.', '')}" in waiting, "no link to the card"
    assert request_id in (await visit(stage, engineer)).partition(MINE)[2]
    assert request_id not in await visit(stage, other)
    await approve(stage, approver, card)
    await stage.until(lambda: "read back" in shown(card))
    assert request_id not in await visit(stage, approver)
    assert request_id not in await visit(stage, engineer)


async def test_who_has_given_one_of_two_approvals_is_waited_for_no_longer(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=policy(approvals=TWO))
    one, two = stage.person("U0APP1"), stage.person("U0APP2")
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    request_id = request_id_in(shown(card))
    await approve(stage, one, card)
    await idle(stage)
    assert request_id not in await visit(stage, one)
    assert request_id in await visit(stage, two)


async def test_what_was_asked_from_nowhere_leads_each_to_a_message_of_their_own(stage: Stage) -> None:
    """The approver to the card in their direct message, whoever asked to theirs; nobody to another's."""
    engineer, approver = stage.person("U0ENG1"), stage.person("U0APP2")
    sim = stage.monogoto.examples.fresh
    await engineer.shortcut("lock_thing.open")
    form = await stage.until(lambda: form_of(engineer))
    values = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}
    request_id = request_id_in(shown(await send_form(stage, engineer, form, values)))
    await stage.until(lambda: len(cards_of(stage, request_id)) == 4)
    assert "/archives/D0APP2/" in await visit(stage, approver)
    assert "/archives/D0ENG1/" in await visit(stage, engineer)
    await approver.command("/imei", "requests waiting")
    (answer,) = await stage.until(lambda: stage.whispers("U0APP2"))
    assert "/archives/D0APP2/" in shown(answer)


async def test_refresh_shows_what_has_come_since(stage: Stage) -> None:
    engineer, approver = stage.person("U0ENG1"), stage.person("U0APP1")
    await visit(stage, approver)
    card = await ask_lock(stage, engineer, stage.monogoto.examples.fresh)
    home = approver.home
    assert home
    assert request_id_in(shown(card)) not in shown(home)
    before = [block["block_id"] for block in home.blocks if block["type"] == "actions"]
    await approver.click(home, "home.refresh")
    await stage.until(lambda: request_id_in(shown(card)) in shown(home))
    assert [block["block_id"] for block in home.blocks if block["type"] == "actions"] == before


async def test_more_than_a_page_is_said_and_where_they_are(open_stage: OpenStage) -> None:
    stage = await open_stage()
    engineer, approver = stage.person("U0ENG1"), stage.person("U0APP1")
    for iccid in stage.monogoto.iccids[50 : 51 + SHOWN_AT_MOST]:
        imei = str(stage.monogoto.thing(iccid)["IMEI"])
        await ask_lock(stage, engineer, replace(stage.monogoto.examples.fresh, iccid=iccid, imei=imei))
    for who, word in ((engineer, "mine"), (approver, "waiting")):
        said = await visit(stage, who)
        assert said.count("asked by") == SHOWN_AT_MOST
        assert f"/imei requests {word}" in said


async def test_who_may_see_no_lists_is_told_so_and_sees_none(open_stage: OpenStage) -> None:
    stage = await open_stage(policy=POLICY | {"lookups": {"status": ["engineer"]}})
    engineer = stage.person("U0ENG1")
    card = await ask_lock(stage, engineer, stage.monogoto.examples.fresh)
    said = await visit(stage, engineer)
    assert "You may not see lists of requests." in said
    assert request_id_in(shown(card)) not in said


@pytest.mark.parametrize("outsider", ["U0GUEST", "U0OTHER"])
async def test_somebody_from_elsewhere_reads_a_refusal_and_nothing_else(stage: Stage, outsider: str) -> None:
    await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    who = stage.person(outsider)
    said = await visit(stage, who)
    assert "⛔" in said
    assert STANDS in said
    assert buttons(who) == ["home.refresh"]


async def test_the_other_tab_is_no_reason_to_draw_it(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    delivery = await engineer.open_home("messages")
    assert delivery
    assert delivery.acked
    await idle(stage)
    assert engineer.home is None
    assert not [call for call in stage.slack.requests if call.method == "views.publish"]


async def test_a_silent_slack_is_a_sentence_on_the_page_and_the_ack_waits_for_nothing(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    stage.slack.fail("users.info", times=9, error="fatal_error")
    said = await visit(stage, engineer)
    assert "Slack did not answer who you are" in said


async def test_two_visits_at_once_leave_one_whole_page(stage: Stage) -> None:
    """Slack delivers events again: each draws the page, none is about anything else."""
    engineer = stage.person("U0ENG1")
    await asyncio.gather(engineer.open_home(), engineer.open_home())
    await idle(stage)
    assert engineer.home
    assert MINE in shown(engineer.home)
