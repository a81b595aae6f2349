"""Whom a group change hurts is counted before anybody approves, typed by those who do, and counted again."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from bot.monogoto import models
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import POLICY, Stage
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import database, ended, outcomes, rows, standing, until

TAC, TYPO, OTHER = "35305311", "35305312", "49015420"
LISTING = ("GET", "/things$")
FAR = 240
"""So many rows come at least before the ninth call fails: four are under way together, in any order."""


def fleet(stage: Stage, things: int, *, lose: int = 0, never: int = 0, zeros: int = 0, odd: int = 0) -> str:
    """A group of so many Things, the others keeping service under `TAC`; its id."""
    group_id = stage.monogoto.examples.open_group
    elsewhere = stage.monogoto.examples.hostile_group
    devices = [f"{OTHER}{n:07d}" for n in range(lose)] + [None] * never + ["0" * 15] * zeros + ["12"] * odd
    for number, iccid in enumerate(stage.monogoto.iccids):
        inside = number < things
        imei = devices[number] if number < len(devices) else f"{TAC}{number:07d}"
        keys = {"ThingsGroupId": group_id if inside else elsewhere, "IMEI": imei}
        stage.monogoto.console_edit(iccid, **keys, MasterIMEI="", LockMasterImei=False)
    return group_id


async def inventory_read(stage: Stage, after: object = None) -> object:
    """When the background reading ended, once it has, at another time than `after`."""

    def ended_at() -> object:
        found = rows(database(stage), "select finished_at from inventory_reading where part = 'rest'")
        return found[0][0] if found and found[0][0] != after else None

    return await until(stage, ended_at, within=1200, step=15.0, at_rest=True)


async def asked(stage: Stage, group_id: str, tac: str = TAC) -> Message:
    card = await acts.ask_lock_group(stage, stage.person("U0ENG1"), group_id, tac)
    await stage.settle(5)
    return card


async def counting(stage: Stage, group_id: str) -> Message:
    """Asked, and the card that says that it is being counted."""
    engineer = stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-group", f"{group_id} {TAC}")
    await acts.submit(engineer, view, {"reason": "One model"})

    def shown() -> Message | None:
        channels = tuple(stage.slack.workspace.channels)
        cards = [card for channel in channels for card in stage.cards(channel)]
        return next((card for card in cards if acts.is_counting(card)), None)

    card: Message = await stage.until(shown)
    return card


def listings(stage: Stage) -> list[Any]:
    return [call for call in stage.monogoto.calls if call.path == "/things"]


def number(card: Message, label: str) -> int:
    """The count beside a label of the card's table."""
    [line] = [line for line in acts.shown(card).splitlines() if line.strip().startswith(label)]
    return int(line.strip().removeprefix(label).split()[0].replace(",", ""))


def listed(stage: Stage, card: Message) -> list[list[str]]:
    """The rows of the CSV in the card's thread, without the header."""
    [told] = [reply for reply in stage.replies(card) if reply.files]
    [file] = told.files
    assert "<!subteam^S0APPROVERS>" in told.text, "an edited card calls nobody"
    content = stage.slack._state.files[file["id"]].content
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1:]


async def test_of_2000_things_37_lose_service_and_12_are_unknown(open_stage: OpenStage) -> None:
    stage = await open_stage(things=2_060)
    group_id = fleet(stage, 2_000, lose=37, never=7, zeros=3, odd=2)
    card = await asked(stage, group_id)
    assert "37 of 2,000 lose service, 12 unknown" in acts.shown(card)
    figures = {label: number(card, label) for label in ("keep service", "LOSE service", "unknown")}
    assert figures == {"keep service": 1_951, "LOSE service": 37, "unknown": 12}
    assert [number(card, label) for label in ("never seen", "zeros", "unreadable")] == [7, 3, 2]
    assert (number(card, TAC), number(card, OTHER)) == (1_951, 37)
    assert all(len(line) <= 44 for line in acts.shown(card).splitlines() if "█" in line)
    found = listed(stage, card)
    assert len(found) == 2_000
    assert [row[2] for row in found].count("loses service") == 37
    assert {row[2] for row in found[:37]} == {"loses service"}
    for user in ("U0APP1", "U0APP2"):
        await acts.approve(stage, stage.person(user), card)
    assert await ended(stage) == ("succeeded", "done")
    assert len(stage.monogoto.group_writes[group_id]) == 1
    assert rows(database(stage), "select count(*) from outbox where what = 'file'")[0][0] >= 1


async def test_a_mistyped_tac_is_stopped_by_the_number_that_has_to_be_typed(open_stage: OpenStage) -> None:
    stage = await open_stage()
    group_id = fleet(stage, 60, never=2)
    card = await asked(stage, group_id, TYPO)
    assert "58 of 60 lose service, 2 unknown" in acts.shown(card)
    approver = stage.person("U0APP1")
    await approver.click(card, "request.approve")
    view = await acts.number_form(stage, approver)
    assert "*60* affected. 58 lose service, 2 may: it is not known." in acts.shown(view)
    result = await acts.submit(approver, view, {"typed": "2"})
    assert result.errors["typed"] == "60 SIMs are affected, and you typed 2: look at the numbers again."
    assert view.values["typed"]["typed"]["value"] == "2"
    await stage.settle(5)
    assert rows(database(stage), "select count(*) from decisions") == [(0,)]
    assert stage.monogoto.group_writes[group_id] == []


async def test_a_forged_form_with_another_number_approves_nothing(open_stage: OpenStage) -> None:
    """What the form carries is not believed: the number is held against the request itself."""
    stage = await open_stage()
    card = await asked(stage, fleet(stage, 60, lose=40))
    approver = stage.person("U0APP1")
    await approver.click(card, "request.approve")
    view = await acts.number_form(stage, approver)
    kept = json.loads(view.content["private_metadata"])
    view.content["private_metadata"] = json.dumps(kept | {"wanted": "1"})
    await acts.submit(approver, view, {"typed": "1"})
    await stage.until(lambda: "has to be typed" in acts.shown(view))
    assert rows(database(stage), "select count(*) from decisions") == [(0,)]


async def test_things_never_seen_count_as_affected(open_stage: OpenStage) -> None:
    stage = await open_stage()
    card = await asked(stage, fleet(stage, 10, never=10))
    assert "0 of 10 lose service, 10 unknown" in acts.shown(card)
    assert number(card, "never seen") == 10
    assert "confirm" in str(card.blocks), "fewer than many: sure? is enough"


async def test_nobody_can_approve_while_it_is_counted_and_the_requester_can_cancel(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    group_id = fleet(stage, 60, lose=40)
    stage.monogoto.fail(LISTING, "drop_before", 400)
    card = await counting(stage, group_id)
    assert "request.approve" not in str(card.blocks)
    value = next(e["value"] for b in card.blocks if b["type"] == "actions" for e in b["elements"])
    forged = {"type": "button", "action_id": "request.approve", "block_id": "decision", "value": value}
    approver = stage.person("U0APP1")
    await stage.slack.deliver(stage.slack.payloads.message_action("U0APP1", card, forged))
    said = await acts.whisper(stage, approver)
    assert "still being counted whom this hurts" in said.text
    assert standing(database(stage)) == [("previewing", None)]
    await acts.cancel(stage, stage.person("U0ENG1"), card)
    assert standing(database(stage)) == [("cancelled", None)]
    await stage.until(lambda: acts.shown(card).startswith("↩️"))


async def test_worse_than_approved_is_outdated_with_the_numbers(open_stage: OpenStage) -> None:
    stage = await open_stage()
    group_id = fleet(stage, 60, lose=3)
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    for iccid in stage.monogoto.iccids[40:45]:
        stage.monogoto.console_edit(iccid, IMEI=f"{OTHER}0000018")
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert await ended(stage) == ("outdated", "outdated")
    assert "it would now affect 8 SIMs, and 3 were approved" in outcomes(stage, card)[-1]
    assert stage.monogoto.group_writes[group_id] == []


async def test_better_than_approved_is_applied(open_stage: OpenStage) -> None:
    stage = await open_stage()
    group_id = fleet(stage, 60, lose=3)
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    stage.monogoto.console_edit(stage.monogoto.iccids[0], IMEI=f"{TAC}0000018")
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert await ended(stage) == ("succeeded", "done")


async def test_where_rows_tell_no_group_things_are_asked_one_by_one_up_to_a_cap(
    open_stage: OpenStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await open_stage(things=60)
    stage.monogoto.settings.rows_with_group = False
    group_id = fleet(stage, 40, lose=3)
    card = await asked(stage, group_id)
    assert "3 of 40 lose service" in acts.shown(card)
    await acts.cancel(stage, stage.person("U0ENG1"), card)
    monkeypatch.setattr("bot.services.counting.ASKED_AT_MOST", 10)
    for iccid in stage.monogoto.iccids:  # as if nobody had ever been asked
        stage.monogoto.console_edit(iccid, ThingName=f"New {iccid[-4:]}")
    assert stage.bot
    async with stage.bot._engine.writing() as connection:
        await connection.exec_driver_sql("update inventory set things_group_id = null, group_read_at = null")
    card = await asked(stage, group_id)
    said = acts.shown(card)
    assert "Whether 50 more SIMs of the account are in this group is not known" in said
    assert "Approve…" in said


@pytest.mark.parametrize("spelt", ["null", "empty"])
async def test_a_group_that_the_list_spells_as_nothing_is_asked_for_and_not_taken_for_none(
    open_stage: OpenStage, spelt: str
) -> None:
    stage = await open_stage(things=60)
    stage.monogoto.settings.change(rows_with_group=False, rows_untold_group=spelt)
    card = await asked(stage, fleet(stage, 40, lose=35))
    assert "35 of 40 lose service" in acts.shown(card)


async def test_a_vendor_that_is_away_for_long_is_given_up_with_unknown(open_stage: OpenStage) -> None:
    stage = await open_stage()
    group_id = fleet(stage, 60, lose=3)
    stage.monogoto.fail(LISTING, "drop_before", 5_000)
    card = await counting(stage, group_id)
    await stage.until(lambda: "does not answer; I try again" in acts.shown(card))
    await stage.until(lambda: not acts.is_counting(card), within=900)
    said = acts.shown(card)
    assert "has not answered for 10 minutes" in said
    assert "it counts as many" in said
    assert "not read      not known" in said, "what nobody read is no 0"
    approver = stage.person("U0APP1")
    await approver.click(card, "request.approve")
    view = await acts.number_form(stage, approver)
    assert "others not known" in acts.shown(view)
    result = await acts.submit(approver, view, {"typed": "60"})
    assert "type the word unknown" in result.errors["typed"]


async def test_a_restart_goes_on_where_the_count_was(open_stage: OpenStage) -> None:
    stage = await open_stage(things=1_200)
    group_id = fleet(stage, 1_100, lose=30)
    stage.monogoto.fail(LISTING, "latency", 8, seconds=0)
    stage.monogoto.fail(LISTING, "drop_before", 4)
    await counting(stage, group_id)

    def reached() -> int:
        found = rows(database(stage), "select next_offset from censuses")
        return int(found[0][0]) if found else 0

    await until(stage, lambda: reached() >= FAR)
    await stage.stop_bot()
    stood = reached()
    assert stood < 1_200
    before = len(listings(stage))
    await stage.start_bot()
    await until(stage, lambda: standing(database(stage)) == [("pending", None)])
    asked_again = listings(stage)[before:]
    assert min(int(call.query["offset"]) for call in asked_again) == stood - 1, "the last row once more"
    [card] = stage.cards("C0FIELD")
    await stage.until(lambda: "30 of 1,100 lose service" in acts.shown(card))


@pytest.mark.parametrize(("told", "words"), [(True, "55 of 60 lose protection"), (False, "60 of 60 lose")])
async def test_an_unlock_counts_who_loses_the_groups_protection(
    open_stage: OpenStage, told: bool, words: str
) -> None:
    stage = await open_stage()
    stage.monogoto.settings.rows_with_lock = told
    group_id = fleet(stage, 60)
    stage.monogoto.console_edit_group(group_id, LockMasterImei=True, IMEIPrefix=TAC)
    for iccid in stage.monogoto.iccids[:5]:
        imei = stage.monogoto.thing(iccid)["IMEI"]
        stage.monogoto.console_edit(iccid, LockMasterImei=True, MasterIMEI=imei)
    card = await acts.ask_unlock_group(stage, stage.person("U0ENG1"), group_id)
    assert words in acts.shown(card)
    assert ("Own locks are not in Monogoto's list" in acts.shown(card)) != told


async def test_an_own_lock_against_the_range_is_counted_apart(open_stage: OpenStage) -> None:
    stage = await open_stage()
    stage.monogoto.settings.rows_with_lock = True
    group_id = fleet(stage, 60, lose=2)
    for iccid in stage.monogoto.iccids[10:14]:
        stage.monogoto.console_edit(iccid, LockMasterImei=True, MasterIMEI=f"{OTHER}0000018")
    card = await asked(stage, group_id)
    assert "2 of 60 lose service, 4 unknown" in acts.shown(card)
    assert number(card, "own lock") == 4


@pytest.mark.parametrize(
    ("user", "counted"), [("U0ENG1", True), ("U0APP1", True), ("U0SUP1", False), ("U0PLAIN", False)]
)
async def test_count_again_is_for_those_who_asked_or_decide_and_approvals_fall(
    open_stage: OpenStage, user: str, counted: bool
) -> None:
    stage = await open_stage()
    group_id = fleet(stage, 60, lose=3)
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP2"), card)
    stage.monogoto.console_edit(stage.monogoto.iccids[30], IMEI=f"{OTHER}0000018")
    await stage.person(user).click(card, "request.count_again")
    await acts.idle(stage)
    if counted:
        await stage.until(lambda: "4 of 60 lose service" in acts.shown(card))
    await stage.settle(5)
    assert ("3 of 60 lose service" in acts.shown(card)) != counted
    counting_votes: list[Any] = rows(database(stage), "select count(*) from decisions where counts")
    assert counting_votes == [(0 if counted else 1,)]


async def test_count_again_reads_again_although_the_inventory_is_fresh(open_stage: OpenStage) -> None:
    stage = await open_stage(inventory=True, things=60)
    group_id = fleet(stage, 40, lose=3)
    await inventory_read(stage)
    card = await asked(stage, group_id)
    assert "3 of 40 lose service" in acts.shown(card)
    for iccid in stage.monogoto.iccids[30:35]:
        stage.monogoto.console_edit(iccid, IMEI=f"{OTHER}0000018")
    await stage.person("U0APP1").click(card, "request.count_again")
    await stage.until(lambda: "8 of 40 lose service" in acts.shown(card))


async def test_the_fresh_count_rests_on_no_reading_from_before_the_approval(open_stage: OpenStage) -> None:
    """A background reading after the card's count and before the approval saw what nobody was shown."""
    stage = await open_stage(inventory=True, things=60)
    group_id = fleet(stage, 40, lose=3)
    first = await inventory_read(stage)
    card = await asked(stage, group_id)
    await inventory_read(stage, after=first)
    for iccid in stage.monogoto.iccids[30:35]:
        stage.monogoto.console_edit(iccid, IMEI=f"{OTHER}0000018")
    for user in ("U0APP1", "U0APP2"):
        await acts.approve(stage, stage.person(user), card)
    assert await ended(stage) == ("outdated", "outdated")
    assert stage.monogoto.group_writes[group_id] == []


async def test_sims_moved_into_the_group_are_found_where_rows_tell_no_group(open_stage: OpenStage) -> None:
    """A group once told is no news of today, however often the SIM has been listed since."""
    stage = await open_stage(things=60)
    stage.monogoto.settings.rows_with_group = False
    group_id = fleet(stage, 40, lose=3)
    card = await asked(stage, group_id)
    assert "3 of 40 lose service" in acts.shown(card)
    await acts.cancel(stage, stage.person("U0ENG1"), card)
    for iccid in stage.monogoto.iccids[40:60]:
        stage.monogoto.console_edit(iccid, ThingsGroupId=group_id, IMEI=f"{OTHER}0000018")
    card = await asked(stage, group_id)
    assert "23 of 60 lose service" in acts.shown(card)


async def test_an_own_lock_that_only_a_single_reading_told_still_protects_at_the_unlock(
    open_stage: OpenStage,
) -> None:
    """Rows without locks that come between the two counts take none away, and none is taken on trust."""
    stage = await open_stage(things=60, inventory=True)
    group_id = fleet(stage, 40)
    stage.monogoto.console_edit_group(group_id, LockMasterImei=True, IMEIPrefix=TAC)
    mine, gone = stage.monogoto.iccids[:2]
    for iccid in (mine, gone):
        imei = stage.monogoto.thing(iccid)["IMEI"]
        stage.monogoto.console_edit(iccid, LockMasterImei=True, MasterIMEI=imei)
    stage.monogoto.settings.rows_with_lock = True
    first = await inventory_read(stage)
    stage.monogoto.settings.rows_with_lock = False
    stage.monogoto.console_edit(gone, LockMasterImei=False, MasterIMEI="")
    await inventory_read(stage, after=first)
    card = await acts.ask_unlock_group(stage, stage.person("U0ENG1"), group_id)
    assert "39 of 40 lose protection" in acts.shown(card)
    for user in ("U0APP1", "U0APP2"):
        await acts.approve(stage, stage.person(user), card)
    assert await ended(stage) == ("succeeded", "done")


async def test_one_sim_that_cannot_be_read_is_left_unknown_and_the_others_are_counted(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=60)
    stage.monogoto.settings.rows_with_group = False
    group_id = fleet(stage, 40, lose=3)
    bad = sorted(stage.monogoto.iccids)[20]
    stage.monogoto.fail(("GET", f"/thing/ThingId_ICCID_{bad}"), "error_html", times=5_000)
    card = await counting(stage, group_id)
    await until(stage, lambda: not acts.is_counting(card), within=300)
    said = acts.shown(card)
    assert "Whether 1 more SIM of the account" in said
    assert number(card, "SIMs read") == 40 - (stage.monogoto.iccids.index(bad) < 40)
    assert "has not answered" not in said


async def test_time_in_which_the_bot_was_off_is_no_time_in_which_the_vendor_failed(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=60)
    group_id = fleet(stage, 40, lose=3)
    stage.monogoto.fail(LISTING, "drop_before", 5_000)
    card = await counting(stage, group_id)
    await stage.until(lambda: "I try again" in acts.shown(card))
    await stage.stop_bot()
    stage.clock.advance(1_200)
    await stage.start_bot()
    await stage.settle(40)
    stage.monogoto.clear_faults()
    await until(stage, lambda: standing(database(stage)) == [("pending", None)])
    await stage.until(lambda: "3 of 40 lose service" in acts.shown(card))


async def test_a_sim_that_slips_between_two_pages_is_counted(open_stage: OpenStage) -> None:
    """What moves to the front of the list shifts all others by a row: the list is read again."""
    stage = await open_stage(things=1_200)
    group_id = fleet(stage, 1_200, lose=0)
    stage.monogoto.fail(LISTING, "latency", 8, seconds=0)
    stage.monogoto.fail(LISTING, "drop_before", 4)
    await counting(stage, group_id)
    path = database(stage)
    await until(stage, lambda: (rows(path, "select max(next_offset) from censuses")[0][0] or 0) >= FAR)
    by_name = sorted(stage.monogoto.iccids, key=lambda iccid: stage.monogoto.thing(iccid)["ThingName"])
    for iccid in by_name[:5]:
        stage.monogoto.console_edit(iccid, ThingName=f"zzz {iccid}")
    await until(stage, lambda: standing(path) == [("pending", None)])
    [card] = stage.cards("C0FIELD")
    await stage.until(lambda: "0 of 1,200 lose service" in acts.shown(card))
    assert "not known" not in acts.shown(card)
    assert rows(path, "select passes from censuses") == [(2,)]


async def test_rows_that_name_no_sim_count_as_not_known(
    open_stage: OpenStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await open_stage(things=60)
    group_id = fleet(stage, 40, lose=3)
    nameless, real = set(stage.monogoto.iccids[:10]), models.rows_from

    def odd(body: Any) -> Any:
        for row in body:
            if row["ExternalUniqueId"] in nameless:
                row |= {"ExternalUniqueId": None, "ThingId": f"opaque {row['ThingName']}"}
        return real(body)

    monkeypatch.setattr(models, "rows_from", odd)
    card = await asked(stage, group_id)
    assert "Whether 10 more SIMs of the account are in this group is not known" in acts.shown(card)


async def test_count_again_says_who_pressed_it_and_leaves_no_list_of_the_count_before(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=60)
    group_id = fleet(stage, 40, lose=3)
    stage.slack.fail("files.getUploadURLExternal", status=503, times=2)
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP2"), card)
    stage.monogoto.console_edit(stage.monogoto.iccids[30], IMEI=f"{OTHER}0000018")
    await stage.person("U0APP1").click(card, "request.count_again")
    await stage.until(lambda: "4 of 40 lose service" in acts.shown(card))
    stage.slack.stop_failing()
    await until(stage, lambda: any(reply.files for reply in stage.replies(card)), within=300)
    await stage.settle(30)
    said = [reply.text for reply in stage.replies(card)]
    assert "🔎 <@U0APP1> had it counted again. Earlier approvals no longer count." in said
    [told] = [text for text in said if "Counted:" in text]
    assert told.startswith("🔎 Counted: 4 of 40 lose service. <!subteam^S0APPROVERS>, ")


async def test_where_nobody_has_to_approve_nobody_is_asked_to_decide(open_stage: OpenStage) -> None:
    rules = [rule | {"approvals": {"none": 0, "some": 0, "many": 1}} for rule in POLICY["rules"]]
    stage = await open_stage(policy=POLICY | {"rules": rules})
    card = await asked(stage, fleet(stage, 40, lose=3))
    assert await ended(stage) == ("succeeded", "done")
    await until(stage, lambda: any(reply.files for reply in stage.replies(card)))
    assert not any("decide on the card" in reply.text for reply in stage.replies(card))


async def test_the_list_of_a_denied_request_is_sent_although_another_count_has_begun(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(things=60)
    stage.slack.fail("files.getUploadURLExternal", status=503, times=2)
    card = await asked(stage, fleet(stage, 40, lose=3))
    await acts.deny(stage, stage.person("U0APP1"), card, "Not now")
    await until(stage, lambda: standing(database(stage)) == [("denied", None)])
    await asked(stage, stage.monogoto.examples.hostile_group)
    stage.slack.stop_failing()
    await until(stage, lambda: any(reply.files for reply in stage.replies(card)), within=300)
    [told] = [reply for reply in stage.replies(card) if reply.files]
    content = stage.slack._state.files[told.files[0]["id"]].content
    read = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert len(list(read)) == 41, "a header and 40 SIMs"
