"""The ⚡ menu: each command without its words, from nowhere in particular."""

from __future__ import annotations

import pytest

from bot.sandbox.stage import Stage
from bot.slack.shortcuts import SHORTCUTS, Menu
from tests.scenarios.acts import approve, cards_of, form_of, outcome, request_id_in, send_form, shown

FORMS = {
    "lock_thing.open": "Lock a SIM to a device",
    "unlock_thing.open": "Unlock a SIM",
    "lock_things_group.open": "Lock a group to a range",
    "unlock_things_group.open": "Unlock a group",
}


@pytest.mark.parametrize("callback_id", FORMS)
async def test_a_change_opens_its_empty_form(stage: Stage, callback_id: str) -> None:
    engineer = stage.person("U0ENG1")
    assert (await engineer.shortcut(callback_id)).acked
    view = await stage.until(lambda: form_of(engineer))
    assert view.title == FORMS[callback_id]


def test_every_global_shortcut_is_tried_here() -> None:
    assert {s.callback_id for s in SHORTCUTS if s.menu is Menu.GLOBAL} == {*FORMS, "help.open"}


async def test_a_request_from_nowhere_reaches_approvers_and_requester_by_direct_message(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer = stage.person("U0ENG1")
    await engineer.shortcut("lock_thing.open")
    view = await stage.until(lambda: form_of(engineer))
    values = {"iccid": sim.iccid, "imei": sim.imei, "reason": "Stolen box"}
    card = await send_form(stage, engineer, view, values)
    request_id = request_id_in(shown(card))
    await stage.until(lambda: len(cards_of(stage, request_id)) == 4)
    assert {c.channel for c in cards_of(stage, request_id)} == {"D0APP1", "D0APP2", "D0ADMIN", "D0ENG1"}
    (card,) = [c for c in cards_of(stage, request_id) if c.channel == "D0APP1"]
    await approve(stage, stage.person("U0APP1"), card)
    assert "done" in await outcome(stage, card)


async def test_who_may_not_ask_hears_so_by_direct_message(stage: Stage) -> None:
    plain = stage.person("U0PLAIN")
    await plain.shortcut("lock_thing.open")
    (message,) = await stage.until(lambda: stage.cards("D0PLAIN") if "D0PLAIN" in channels(stage) else None)
    assert message.text.startswith("⛔")
    assert form_of(plain) is None


def channels(stage: Stage) -> set[str]:
    return set(stage.slack.workspace.channels)


async def test_the_help_opens_in_a_modal(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    await engineer.shortcut("help.open")
    modal = await stage.until(lambda: engineer.modal)
    await stage.until(lambda: "/lock-thing" in shown(modal))
    assert "you may ask: ✅ yes" in shown(modal)


async def test_the_help_of_somebody_from_elsewhere_is_a_refusal_in_the_modal(stage: Stage) -> None:
    guest = stage.person("U0GUEST")
    await guest.shortcut("help.open")
    modal = await stage.until(lambda: guest.modal)
    await stage.until(lambda: "⏳" not in shown(modal))
    assert "/lock-thing" in shown(modal) or "⛔" in shown(modal)


async def test_a_help_whose_trigger_ran_out_comes_as_a_direct_message(stage: Stage) -> None:
    payload = stage.slack.payloads.shortcut("U0ENG1", "help.open")
    stage.clock.advance(4)
    await stage.slack.deliver(payload)
    (message,) = await stage.until(lambda: stage.cards("D0ENG1") if "D0ENG1" in channels(stage) else None)
    assert "/lock-thing" in shown(message)
