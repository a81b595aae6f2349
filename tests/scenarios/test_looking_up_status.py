"""How a SIM or a group stands, asked by each kind of key, and shown to others."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.identifiers import Iccid
from bot.domain.things import GroupRow, ThingRow
from bot.sandbox.monogoto.examples import Example
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.people import Person
from bot.sandbox.stage import POLICY, Stage
from bot.services.inventory import Reading
from bot.storage.inventory import SqlInventory
from tests.conftest import OpenStage
from tests.scenarios.acts import (
    approve,
    ask_lock,
    ask_lock_group,
    audited,
    idle,
    outcome,
    request_id_in,
    shown,
    told,
    until_slow,
)


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """With an inventory of a minute ago that knows everything."""
    stage = await open_stage()
    await know_all(stage)
    return stage


async def know_all(stage: Stage, **renamed: str) -> None:
    """The inventory as a complete reading leaves it; Things of `renamed` ICCIDs have another name."""
    assert stage.bot
    known, now = SqlInventory(stage.bot._engine), stage.clock.now()
    groups = [GroupRow(g, str(stage.monogoto.group(g)["ThingsGroupName"])) for g in stage.monogoto.group_ids]
    things = [row(stage, iccid, renamed.get(f"_{iccid}")) for iccid in stage.monogoto.iccids]
    await known.keep_groups(groups, now)
    await known.keep_things(things, now, Reading(finished_at=now, complete_since=now))
    stage.clock.advance(60)


def row(stage: Stage, iccid: str, name: str | None = None) -> ThingRow:
    thing = stage.monogoto.thing(iccid)
    group, imei = thing.get("ThingsGroupId") or "", thing.get("IMEI") or ""
    return ThingRow(thing["ThingId"], iccid, name or thing["ThingName"], str(imei), group)


async def ask(stage: Stage, who: Person, text: str) -> Message:
    """Type `/imei …`; the latest that only this person was told."""
    before = len(stage.whispers(who.id))
    delivery = await who.command("/imei", text)
    assert delivery.acked, delivery.error
    await stage.until(lambda: len(stage.whispers(who.id)) > before)
    await idle(stage)
    return stage.whispers(who.id)[-1]


async def press(stage: Stage, who: Person, message: Message, action: str, block: str | None = None) -> None:
    await who.click(message, action, block)
    await idle(stage)


def support(stage: Stage) -> Person:
    return stage.person("U0SUP1")


async def test_by_iccid_everything_about_a_sim_is_shown(stage: Stage) -> None:
    sim = stage.monogoto.examples.in_locked_group
    said = shown(await ask(stage, support(stage), f"status {sim.iccid}"))
    for words in (sim.name, "lock ", "seen in", "its lock", "TAC", "online", "state", "Read from Monogoto"):
        assert words in said


BOTH = "Its group is locked too; which of the two wins is documented nowhere."


@pytest.mark.parametrize(
    ("name", "mark", "both"),
    [
        ("locked_in_locked_group", "🔒", True),
        ("in_locked_group", "🔒", False),
        ("locked", "🔒", False),
        ("fresh", "🔓", False),
    ],
)
async def test_the_headline_says_whether_either_lock_is_on_and_a_remark_where_both_are(
    stage: Stage, name: str, mark: str, both: bool
) -> None:
    sim: Example = getattr(stage.monogoto.examples, name)
    said = shown(await ask(stage, support(stage), f"status {sim.iccid}"))
    assert said.startswith(mark)
    assert (BOTH in said) == both


async def test_where_the_groups_lock_can_not_be_read_the_headline_says_neither(stage: Stage) -> None:
    sim = stage.monogoto.examples.in_locked_group
    stage.monogoto.fail(("GET", "/thingsgroup/"), "error_html", 3)
    assert shown(await ask(stage, support(stage), f"status {sim.iccid}")).startswith("❔")


@pytest.mark.parametrize("name", ["short_iccid", "long_iccid"])
async def test_an_iccid_with_another_last_digit_shows_the_one_really_found(stage: Stage, name: str) -> None:
    sim: Example = getattr(stage.monogoto.examples, name)
    said = shown(await ask(stage, support(stage), f"status {sim.printed}"))
    assert sim.printed != sim.iccid
    assert f"it holds {Iccid(sim.iccid).grouped}. That one is shown." in said
    assert sim.name in said


async def test_by_imei_the_vendors_filter_and_the_inventory_are_named_as_sources(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    said = shown(await ask(stage, support(stage), f"status {sim.imei}"))
    assert sim.name in said
    assert "Found by the device: last seen in it, says Monogoto now." in said


async def test_by_imei_our_own_records_find_a_sim_that_was_never_seen_in_it(stage: Stage) -> None:
    sim, imei = stage.monogoto.examples.fresh, stage.monogoto.examples.unused_imeis[0]
    card = await ask_lock(stage, stage.person("U0ENG1"), sim, imei)
    await approve(stage, stage.person("U0APP1"), card)
    await outcome(stage, card)
    said = shown(await ask(stage, support(stage), f"status {imei}"))
    assert sim.name in said
    assert "Found by the device: locked to it, say our own requests." in said
    assert "Last changes" in said


async def test_an_imei_of_14_digits_is_looked_up_and_that_is_said(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    said = shown(await ask(stage, support(stage), f"status {sim.imei[:14]}"))
    assert "Looked up" in said
    assert sim.name in said


async def test_a_mistyped_imei_says_what_is_wrong_with_it(stage: Stage) -> None:
    imei = stage.monogoto.examples.unused_imeis[0]
    said = shown(await ask(stage, support(stage), f"status {imei[:10]}"))
    assert "Nothing found" in said
    said = shown(await ask(stage, support(stage), f"status {imei}12345"))
    assert "As an IMEI: " in said


async def test_a_vendor_whose_filter_fails_leaves_what_we_know(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    stage.monogoto.fail(("GET", "/things"), "error_json", 1)
    said = shown(await ask(stage, support(stage), f"status {sim.imei}"))
    assert "Monogoto did not answer which SIMs" in said
    assert "last seen in it when it was listed" in said


async def test_a_device_on_two_sims_is_a_list_to_choose_from(stage: Stage) -> None:
    sims = stage.monogoto.examples.shared_imei, stage.monogoto.examples.shared_imei_twin
    listed = await ask(stage, support(stage), f"status {sims[0].imei}")
    assert all(sim.name in shown(listed) for sim in sims)
    assert shown(listed).count("last seen in it, says Monogoto now · listed 1 minute ago") == 2
    await press(stage, support(stage), listed, "status.show", f"thing {sims[1].iccid}")
    assert f"SIM {sims[1].name}" in shown(listed), "the list gave way to what was chosen"


async def test_by_name_of_a_sim_or_of_a_group(stage: Stage) -> None:
    iccid = stage.monogoto.examples.fresh.iccid
    await know_all(stage, **{f"_{iccid}": "Quite a pump"})
    said = shown(await ask(stage, support(stage), "status quite A"))
    assert iccid in said.replace(" ", "")
    group = stage.monogoto.examples.locked_group
    name = str(stage.monogoto.group(group)["ThingsGroupName"])
    for key in (name, group):
        said = shown(await ask(stage, support(stage), f"status {key}"))
        assert f"locked to TAC {stage.monogoto.examples.locked_group_tac}" in said
        assert "known, listed" in said


async def test_several_names_match_and_more_than_can_be_shown_are_counted(stage: Stage) -> None:
    await know_all(stage, **{f"_{iccid}": f"Twin {n}" for n, iccid in enumerate(stage.monogoto.iccids[:14])})
    listed = await ask(stage, support(stage), "status twin")
    assert "could be one of 14" in shown(listed)
    assert "and 4 more: type more of the name." in shown(listed)
    assert sum("accessory" in block for block in listed.blocks) == 10


async def test_nothing_found_says_what_was_looked_through_and_how_old_it_is(stage: Stage) -> None:
    said = shown(await ask(stage, support(stage), "status No such name"))
    assert "Nothing found" in said
    assert f"{len(stage.monogoto.iccids)} SIMs" in said
    assert "listed 1 minute ago" in said


async def test_a_sim_that_nobody_holds_is_one_plain_sentence(stage: Stage) -> None:
    said = shown(await ask(stage, support(stage), f"status {stage.monogoto.examples.unknown_iccid}"))
    assert "No SIM of that ICCID is on this account." in said


async def test_an_open_request_and_the_groups_open_request_are_linked(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    card = await ask_lock(stage, stage.person("U0ENG1"), sim)
    message = await ask(stage, support(stage), f"status {sim.iccid}")
    said = shown(message)
    assert "Open, on the SIM" in said
    assert request_id_in(shown(card)) in said
    assert "|Lock SIM: pending>" in said, "linked to the card"
    assert "No change was asked for" not in said
    assert "Last changes" not in said, "an open one is not a last one"
    assert sim.group_id
    held = await ask_lock_group(stage, stage.person("U0ENG1"), sim.group_id, "35305311")
    said = shown(await ask(stage, support(stage), f"status {sim.iccid}"))
    assert "Open, on the group" in said
    assert request_id_in(shown(held)) in said
    assert said.count(request_id_in(shown(card))) == 1


async def test_shared_it_is_for_all_names_who_shared_and_is_read_anew(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    message = await ask(stage, support(stage), f"status {sim.iccid}")
    stage.monogoto.console_edit(sim.iccid, ThingName="Renamed meanwhile")
    await press(stage, support(stage), message, "status.share")
    shared = await stage.until(lambda: [m for m in stage.cards("C0FIELD") if "Renamed" in shown(m)])
    assert "Shared by <@U0SUP1>" in shown(shared[-1])
    assert not [block for block in shared[-1].blocks if block["type"] == "actions"]
    assert "Renamed meanwhile" not in shown(message), "the private answer stays as it was"


async def test_nothing_is_looked_up_in_a_channel_shared_with_another_company(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    shared = next(c.id for c in stage.slack.workspace.channels.values() if "U0OTHER" in c.members)
    await engineer.command("/imei", "status Thing", channel=shared)
    assert "shared with another company" in await told(stage, engineer)
    assert ("lookup.status", "refused", "U0ENG1") in await audited(stage)


async def test_whoever_lost_the_role_a_minute_ago_is_shown_nothing_by_a_click(stage: Stage) -> None:
    sims = stage.monogoto.examples.shared_imei, stage.monogoto.examples.shared_imei_twin
    listed = await ask(stage, support(stage), f"status {sims[0].imei}")
    for group in stage.slack.workspace.groups.values():
        group.users[:] = [user for user in group.users if user != "U0SUP1"]
    stage.clock.advance(60)
    await press(stage, support(stage), listed, "status.show", f"thing {sims[1].iccid}")
    assert "⛔" in await told(stage, support(stage))


async def test_whoever_lost_the_role_since_shares_nothing(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    message = await ask(stage, support(stage), f"status {sim.iccid}")
    for group in stage.slack.workspace.groups.values():
        group.users[:] = [user for user in group.users if user != "U0SUP1"]
    stage.clock.advance(60)
    before = len(stage.cards("C0FIELD"))
    await press(stage, support(stage), message, "status.share")
    assert "⛔" in await told(stage, support(stage))
    assert len(stage.cards("C0FIELD")) == before
    assert ("lookup.status", "refused", "U0SUP1") in await audited(stage)


async def test_the_policy_says_who_may_look_up_and_a_refusal_is_audited(open_stage: OpenStage) -> None:
    policy: dict[str, Any] = POLICY | {"lookups": {"status": ["admin"]}}
    stage = await open_stage(policy=policy)
    said = shown(await ask(stage, support(stage), f"status {stage.monogoto.examples.fresh.iccid}"))
    assert "only the role admin" in said
    assert stage.monogoto.calls == type(stage.monogoto.calls)(), "nothing was read for them"
    assert ("lookup.status", "refused", "U0SUP1") in await audited(stage)
    for text in ("requests", "history 8944476500008878576"):
        assert "nobody" in shown(await ask(stage, support(stage), text))


@pytest.mark.parametrize("user", ["U0OTHER", "U0GUEST"])
async def test_outsiders_see_nothing(stage: Stage, user: str) -> None:
    await stage.slack.deliver(stage.slack.payloads.command(user, "/imei", "status Thing"))
    await idle(stage)
    assert [m.text for m in stage.whispers(user) if "⛔" not in m.text] == []
    assert ("lookup.status", "refused", user) in await audited(stage)


@pytest.mark.parametrize(
    "name", ["hostile_name", "hostile_bold", "hostile_long", "hostile_right_to_left", "hostile_markup"]
)
async def test_hostile_names_are_inert(stage: Stage, name: str) -> None:
    sim: Example = getattr(stage.monogoto.examples, name)
    message = await ask(stage, support(stage), f"status {sim.iccid}")
    headline = message.blocks[0]["text"]["text"]
    assert "<!" not in headline
    assert "<@" not in headline
    assert headline.replace("*\u2060", "").count("*") == 2, "what was typed makes nothing bold"
    await ask(stage, support(stage), f"status {sim.imei}")


async def test_what_slack_escaped_is_read_as_it_was_typed(stage: Stage) -> None:
    iccid = stage.monogoto.examples.fresh.iccid
    await know_all(stage, **{f"_{iccid}": "A<B & C"})
    said = shown(await ask(stage, support(stage), "status A&lt;B &amp; C"))
    assert iccid in said.replace(" ", "")
    await know_all(stage, **{f"_{iccid}": "Pump example.com"})
    said = shown(await ask(stage, support(stage), "status pump <http://example.com|example.com>"))
    assert iccid in said.replace(" ", "")


async def test_a_vendor_that_is_down_is_said(stage: Stage) -> None:
    stage.monogoto.fail(("GET", "/"), "error_html", 20)
    said = shown(await ask(stage, support(stage), f"status {stage.monogoto.examples.fresh.iccid}"))
    assert "Monogoto" in said
    assert "⚠️" in said


async def test_a_slow_vendor_is_waited_for_and_that_is_said(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    stage.monogoto.fail(("GET", "/thing/"), "latency", seconds=5.0)
    await support(stage).command("/imei", f"status {sim.iccid}")
    await until_slow(stage, lambda: len(stage.whispers("U0SUP1")) == 2)
    waiting, answer = (shown(message) for message in stage.whispers("U0SUP1"))
    assert "⏳" in waiting
    assert sim.name in answer


@pytest.mark.parametrize("text", ["status", "requests tomorrow", "history", "history @ann", "nonsense"])
async def test_wrong_words_get_one_sentence_and_the_usage(stage: Stage, text: str) -> None:
    said = shown(await ask(stage, support(stage), text))
    assert "⚠️" in said
    assert "`/imei " in said


@pytest.mark.parametrize("blank", ["\t", "\n", "\u00a0", "  \n"])
async def test_any_blank_parts_the_words(stage: Stage, blank: str) -> None:
    sim = stage.monogoto.examples.fresh
    assert sim.name in shown(await ask(stage, support(stage), f"status{blank}{sim.iccid}"))


async def test_the_help_lists_the_look_ups_and_what_this_person_may_see(stage: Stage) -> None:
    said = shown(await ask(stage, stage.person("U0ENG1"), "help"))
    assert said.count("you may see it: ✅ yes") == 2
    assert "only the role support or approver or admin" in said
    assert said.endswith("Nobody approves their own request."), "nothing of it is cut off"
