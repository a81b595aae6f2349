"""Requests and history: listed, paged, linked, and told apart by who asked and who decided."""

from __future__ import annotations

import re

import pytest

from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.stage import Stage
from bot.services.ports import PlaceKind
from bot.storage.store import SqlStore
from tests.conftest import OpenStage
from tests.scenarios.acts import approve, ask_lock, ask_unlock, cancel, deny, outcome, request_id_in, shown
from tests.scenarios.test_looking_up_status import ask, press
from tests.storage import samples

IDS = re.compile(r"`([2-9A-HJ-NP-Z]{10}|R\d+)`")


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


def support(stage: Stage) -> Person:
    return stage.person("U0SUP1")


async def decided(stage: Stage, sim: Example) -> Message:
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    await approve(stage, stage.person("U0APP1"), card)
    await outcome(stage, card)
    return card


async def many(stage: Stage, count: int) -> None:
    """Requests of U0ANN on Things of their own, without the trouble of asking for each."""
    assert stage.bot
    for number in range(1, count + 1):
        async with SqlStore(stage.bot._engine).transaction() as tx:
            await tx.add_request(samples.request(number), [(PlaceKind.AUDIT, "C0AUDIT")])


def listed(message: Message) -> list[str]:
    return IDS.findall(shown(message))


async def test_mine_are_those_that_i_asked_for(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await many(stage, 2)
    assert listed(await ask(stage, stage.person("U0ENG1"), "requests")) == [request_id_in(shown(card))]
    assert "There are none." in shown(await ask(stage, support(stage), "requests mine"))


async def test_waiting_are_those_that_nobody_decided(stage: Stage) -> None:
    await decided(stage, stage.monogoto.examples.fresh)
    waiting = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.online)
    message = await ask(stage, support(stage), "requests waiting")
    assert listed(message) == [request_id_in(shown(waiting))]
    assert "nobody decided" in shown(message)


async def test_a_row_says_who_asked_who_decided_and_from_what_to_what(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    await decided(stage, sim)
    said = shown(await ask(stage, support(stage), "requests all"))
    assert "✅ *<http" in said, "linked to the card"
    for words in ("asked by <@U0ENG1>", "approved by <@U0APP1>", sim.name):
        assert words in said
    assert re.search(r"^before +unlocked$", said, re.MULTILINE)
    assert re.search(r"^after +locked to ", said, re.MULTILINE)


async def test_slack_is_asked_for_a_cards_address_once(stage: Stage) -> None:
    await decided(stage, stage.monogoto.examples.fresh)
    for _ in range(3):
        assert "✅ *<http" in shown(await ask(stage, support(stage), "requests all"))
    asked = [call for call in stage.slack.requests if call.method == "chat.getPermalink"]
    assert len(asked) == len({call.args["message_ts"] for call in asked})


async def test_denied_and_cancelled_say_by_whom(stage: Stage) -> None:
    denied = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await deny(stage, stage.person("U0APP1"), denied, "Wrong box")
    taken_back = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.online)
    await cancel(stage, stage.person("U0ENG1"), taken_back)
    said = shown(await ask(stage, support(stage), "requests all"))
    assert "denied by <@U0APP1>" in said
    assert "cancelled by <@U0ENG1>" in said
    assert re.search(r"^asked +locked to ", said, re.MULTILINE), "what did not come to be is no “after”"


async def test_a_list_is_paged_in_place_and_every_request_comes_once(stage: Stage) -> None:
    await many(stage, 15)
    message = await ask(stage, support(stage), "requests all")
    pages = [listed(message)]
    for _ in range(2):
        await press(stage, support(stage), message, "lookup.older")
        pages.append(listed(message))
    assert [len(page) for page in pages] == [6, 6, 3]
    assert [id_ for page in pages for id_ in page] == [f"R{n}" for n in range(15, 0, -1)]
    assert "Older" not in shown(message)
    await press(stage, support(stage), message, "lookup.newer")
    assert listed(message) == pages[1]
    assert len(stage.whispers("U0SUP1")) == 1, "one message, turned over"


async def test_new_requests_do_not_move_the_pages_under_a_reader(stage: Stage) -> None:
    await many(stage, 9)
    message = await ask(stage, support(stage), "requests all")
    await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await press(stage, support(stage), message, "lookup.older")
    assert listed(message) == ["R3", "R2", "R1"]


async def test_older_ones_that_are_gone_meanwhile_do_not_make_a_list_say_there_are_none(stage: Stage) -> None:
    card = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await many(stage, 6)
    message = await ask(stage, support(stage), "requests waiting")
    await cancel(stage, stage.person("U0ENG1"), card)
    await press(stage, support(stage), message, "lookup.older")
    assert listed(message) == ["R6", "R5", "R4", "R3", "R2", "R1"]


async def test_a_page_turned_a_minute_after_the_role_was_lost_shows_nothing(stage: Stage) -> None:
    await many(stage, 9)
    message = await ask(stage, support(stage), "history <@U0ANN>")
    before = shown(message)
    for group in stage.slack.workspace.groups.values():
        group.users[:] = [user for user in group.users if user != "U0SUP1"]
    stage.clock.advance(60)
    await press(stage, support(stage), message, "lookup.older")
    assert shown(message) == before
    assert "⛔" in stage.whispers("U0SUP1")[-1].text


async def test_the_history_of_a_sim_holds_what_was_asked_about_it(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    first = await decided(stage, sim)
    second = await ask_unlock(stage, stage.person("U0ENG2"), sim)
    await many(stage, 1)
    stage.monogoto.fail(("GET", "/"), "error_html", 50)
    message = await ask(stage, support(stage), f"history {sim.iccid}")
    assert listed(message) == [request_id_in(shown(second)), request_id_in(shown(first))]


async def test_the_history_of_a_person_holds_what_they_asked_and_decided(stage: Stage) -> None:
    mine = await ask_lock(stage, stage.person("U0ENG1"), stage.monogoto.examples.fresh)
    await approve(stage, stage.person("U0APP1"), mine)
    await outcome(stage, mine)
    other = await ask_lock(stage, stage.person("U0ENG2"), stage.monogoto.examples.online)
    id_of_mine = [request_id_in(shown(mine))]
    assert listed(await ask(stage, support(stage), "history <@U0ENG1|ann>")) == id_of_mine
    assert listed(await ask(stage, support(stage), "history <@U0APP1>")) == id_of_mine
    assert listed(await ask(stage, support(stage), "history <@U0ENG2>")) == [request_id_in(shown(other))]


async def test_a_page_turned_by_somebody_who_may_not_shows_nothing(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    await decided(stage, sim)
    for n in range(7):
        await many_on(stage, n)
    message = await ask(stage, support(stage), "history <@U0ANN>")
    for group in stage.slack.workspace.groups.values():
        group.users[:] = [user for user in group.users if user != "U0SUP1"]
    stage.clock.advance(6 * 60)
    before = shown(message)
    await press(stage, support(stage), message, "lookup.older")
    assert shown(message) == before
    assert "⛔" in stage.whispers("U0SUP1")[-1].text


async def many_on(stage: Stage, number: int) -> None:
    assert stage.bot
    async with SqlStore(stage.bot._engine).transaction() as tx:
        await tx.add_request(samples.request(number + 1), [(PlaceKind.AUDIT, "C0AUDIT")])


async def test_a_broken_button_is_said(stage: Stage) -> None:
    await many(stage, 7)
    message = await ask(stage, support(stage), "requests all")
    for value in ("", "{}", "[1]", "x", '{"l": 1}'):
        action = {"type": "button", "action_id": "lookup.older", "block_id": "b", "value": value}
        await stage.slack.deliver(stage.slack.payloads.message_action("U0SUP1", message, action))
        await stage.until(lambda: "This button is broken" in stage.whispers("U0SUP1")[-1].text)
