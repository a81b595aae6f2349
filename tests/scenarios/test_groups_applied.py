"""A Things Group's lock applied: once, with nothing else of the group touched, or touched and said loudly."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.app import Seams
from bot.policy_file import parse_policy
from bot.sandbox.slack.messages import Message
from bot.sandbox.stage import GROUP_RULE, POLICY, SINGLE_RULE, Stage
from bot.slack.commands import COMMANDS
from tests.conftest import OpenStage
from tests.scenarios import acts
from tests.scenarios.evidence import (
    check_audit,
    database,
    ended,
    entries,
    impatient,
    outcomes,
    rows,
    standing,
    until,
)

TAC = "35305311"
PUT = ("PUT", "/thingsgroup/")
GET = ("GET", "/thingsgroup/")
READS_BEFORE_A_WRITE = 3
"""After the last click: the approval's, the one that is compared with it, and the last one."""
LOCK_KEYS = {"IMEIPrefix", "LockMasterImei", "DateModified"}


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """What is applied is the same over each transport: one will do, but for the main job."""
    return await open_stage()


def record(stage: Stage, group_id: str) -> dict[str, Any]:
    """The group as the vendor holds it."""
    return dict(stage.monogoto.group(group_id))


def others(stage: Stage, group_id: str) -> dict[str, Any]:
    """All of it that a lock has nothing to do with."""
    return {key: value for key, value in record(stage, group_id).items() if key not in LOCK_KEYS}


def writes(stage: Stage, group_id: str) -> list[dict[str, Any]]:
    """The bodies of all PUTs that reached this group."""
    return [write.body for write in stage.monogoto.group_writes[group_id]]


def puts(stage: Stage) -> int:
    return len(stage.monogoto.calls_to(*PUT))


async def approved(stage: Stage, card: Message) -> None:
    """By two people, as the policy asks."""
    for user in ("U0APP1", "U0APP2"):
        await acts.approve(stage, stage.person(user), card)
        await acts.idle(stage)


async def asked(stage: Stage, group_id: str) -> Message:
    card = await acts.ask_lock_group(stage, stage.person("U0ENG1"), group_id, TAC)
    await acts.idle(stage)
    return card


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("way", "transport"), [("replace", "socket"), ("replace", "http"), ("merge", "http")]
)
async def test_two_approvers_lock_a_group_and_nothing_else_of_it_moves(
    open_stage: OpenStage, way: str, transport: str
) -> None:
    stage = await open_stage(transport=transport)
    stage.monogoto.settings.group_put = way
    group_id = stage.monogoto.examples.open_group
    before = others(stage, group_id)
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.idle(stage)
    assert puts(stage) == 0
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert "done. Locked to TAC 35305311." in await acts.outcome(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    now = record(stage, group_id)
    assert (now["LockMasterImei"], now["IMEIPrefix"]) == (True, TAC)
    assert others(stage, group_id) == before
    kept = {key: before[key] for key in ("TelephonyProfileId", "ThingsGroupName")}
    assert writes(stage, group_id) == [kept | {"IMEIPrefix": TAC, "LockMasterImei": True}]
    found = await check_audit(stage, sent=1, end="done")
    assert {entry["things_group_id"] for entry in found if entry["event"] == "item.send"} == {group_id}
    assert not [entry for entry in found if entry["event"] == "item.side_effect"]


@pytest.mark.parametrize(
    "hostile", ["hostile_group", "never_locked_group", "keyless_group", "rangeless_group"]
)
async def test_odd_groups_are_locked_like_any_other(stage: Stage, hostile: str) -> None:
    group_id = getattr(stage.monogoto.examples, hostile)
    before = others(stage, group_id)
    await approved(stage, await asked(stage, group_id))
    assert await ended(stage) == ("succeeded", "done")
    assert others(stage, group_id) == before


@pytest.mark.parametrize(("keep", "left"), [("keep", "35305311"), ("clear", "")])
async def test_an_unlock_keeps_or_clears_the_range(stage: Stage, keep: str, left: str) -> None:
    examples = stage.monogoto.examples
    stage.monogoto.console_edit_group(examples.locked_group, IMEIPrefix=TAC)
    card = await acts.ask_unlock_group(stage, stage.person("U0ENG1"), examples.locked_group, keep)
    assert "35305311" in acts.fact(card, "now")
    await approved(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    now = record(stage, examples.locked_group)
    assert (now["LockMasterImei"], now["IMEIPrefix"]) == (False, left)


# --- more than the lock has changed ----------------------------------------------------------------


async def test_a_field_that_the_vendor_cleared_is_reported_loudly_and_kept_in_the_audit(stage: Stage) -> None:
    stage.monogoto.settings.group_put = "replace_all"
    group_id = stage.monogoto.examples.open_group
    before = record(stage, group_id)
    card = await asked(stage, group_id)
    await approved(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    told = outcomes(stage, card)[-1]
    assert told.startswith("⚠️ <@U0ENG1>, done. Locked to TAC 35305311.")
    assert "all values are in the audit log" in told
    assert acts.shown(card).startswith("⚠️ *Locked: configured and read back; but other fields have changed*")
    assert card.text.startswith("Locked: configured and read back; but other fields have changed")
    assert "Fields besides the lock have changed on this group" in told
    assert "Fields besides the lock have changed on this group" in acts.shown(card)
    [side] = [e for e in await entries(database(stage)) if e["event"] == "item.side_effect"]
    lost = set(before) - set(record(stage, group_id))
    assert lost
    assert lost <= set(side["before"])
    assert all(side["after"][name] == "" for name in lost)


async def test_a_field_changed_along_with_the_write_is_reported_with_both_values(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    name = record(stage, group_id)["ThingsGroupName"]
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "changes_too", keys={"ThingsGroupName": "TelephonyProfile_1"})
    await approved(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    told = outcomes(stage, card)[-1]
    assert f'ThingsGroupName: "{name}" → "TelephonyProfile_1"' in told.replace("\N{WORD JOINER}", "")
    [side] = [e for e in await entries(database(stage)) if e["event"] == "item.side_effect"]
    assert side["before"] == {"ThingsGroupName": json.dumps(name)}
    assert side["after"] == {"ThingsGroupName": '"TelephonyProfile_1"'}


async def test_a_refused_write_that_changed_something_all_the_same_is_no_secret(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.idle(stage)
    stage.monogoto.fail(PUT, "refused")
    stage.monogoto.fail(GET, "latency", READS_BEFORE_A_WRITE, seconds=0)
    stage.monogoto.fail(GET, "edited_first", keys={"Colour": "red"})
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert (await ended(stage))[0] == "failed"
    told = outcomes(stage, card)[-1]
    assert "the group was not changed. Monogoto refused" in told
    assert 'Colour: (not there) → "red"' in told


# --- the console at the same time --------------------------------------------------------------------


async def test_a_rename_after_the_approval_is_kept(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.idle(stage)
    stage.monogoto.console_edit_group(group_id, ThingsGroupName="Renamed")
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert await ended(stage) == ("succeeded", "done")
    assert record(stage, group_id)["ThingsGroupName"] == "Renamed"
    assert writes(stage, group_id)[0]["ThingsGroupName"] == "Renamed"


async def test_a_rename_between_reading_and_writing_is_kept_and_the_write_starts_over(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.idle(stage)
    stage.monogoto.fail(GET, "latency", READS_BEFORE_A_WRITE - 2, seconds=0)
    stage.monogoto.fail(GET, "edited_after", keys={"ThingsGroupName": "Renamed"})
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert await ended(stage) == ("succeeded", "done")
    assert record(stage, group_id)["ThingsGroupName"] == "Renamed"
    assert len(writes(stage, group_id)) == 1
    assert "Somebody else changed it at Monogoto in this very moment" in outcomes(stage, card)[0]


async def test_locked_elsewhere_after_the_approval_it_is_outdated_and_nothing_is_sent(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.idle(stage)
    stage.monogoto.fail(GET, "edited_after", keys={"LockMasterImei": True, "IMEIPrefix": "49015420"})
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert await ended(stage) == ("outdated", "outdated")
    assert puts(stage) == 0
    told = outcomes(stage, card)[-1]
    assert "the group was not changed." in told
    assert "locked to TAC 49015420" in told


async def test_changed_to_something_else_while_it_is_applied_it_is_a_conflict(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "edited_after", keys={"IMEIPrefix": "49015420"})
    await approved(stage, card)
    assert await ended(stage) == ("failed", "conflict")
    assert "somebody else changed this group's lock" in outcomes(stage, card)[-1]


# --- several at once -----------------------------------------------------------------------------------


async def test_a_second_request_on_a_group_is_refused_with_a_link_to_the_first(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    first = await asked(stage, group_id)
    second = stage.person("U0ENG2")
    view = await acts.open_form(stage, second, "/lock-group", f"{group_id} 49015420")
    said = await acts.refused_form(stage, second, view, {"reason": "Another model"})
    assert "Another request for this group is still open" in said
    assert first.ts.replace(".", "") in said


async def test_two_groups_are_locked_side_by_side(stage: Stage) -> None:
    examples = stage.monogoto.examples
    cards = [await asked(stage, group) for group in (examples.open_group, examples.hostile_group)]
    for card in cards:
        await approved(stage, card)
    await until(stage, lambda: all(status == "succeeded" for status, _ in standing(database(stage))))
    assert puts(stage) == 2


async def test_a_things_card_names_the_open_request_on_its_group(stage: Stage) -> None:
    examples = stage.monogoto.examples
    on_group = await acts.ask_unlock_group(stage, stage.person("U0ENG1"), examples.in_locked_group.group_id)
    card = await acts.ask_lock(stage, stage.person("U0ENG2"), examples.in_locked_group)
    request_id = acts.request_id_in(acts.shown(on_group))
    assert f"A request on its group is open too: `{request_id}`." in acts.shown(card)


# --- a write in doubt ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "error_after"])
async def test_a_write_whose_answer_was_lost_is_found_done_and_never_sent_twice(
    open_stage: OpenStage, fault: str
) -> None:
    stage = await open_stage(seams=Seams(wrap_platform=impatient))
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, fault)
    await approved(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    assert puts(stage) == 1


async def test_a_write_that_seems_lost_is_never_sent_again_and_holds_the_group_until_it_is_settled(
    stage: Stage,
) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "drop_before")
    await approved(stage, card)
    await until(stage, lambda: standing(database(stage))[-1] == ("unconfirmed", "unconfirmed"))
    said = (await until(stage, lambda: outcomes(stage, card)))[-1]
    assert "it may land late, so it is not sent again" in said
    other = stage.person("U0ENG2")
    view = await acts.open_form(stage, other, "/lock-group", f"{group_id} 49015420")
    assert "still open" in await acts.refused_form(stage, other, view, {"reason": "Another model"})
    await until(stage, lambda: standing(database(stage))[-1] == ("failed", "failed"), within=400)
    assert puts(stage) == 1
    assert (
        "the group was not changed. A later reading shows the old lock"
        in (await until(stage, lambda: outcomes(stage, card)[1:]))[-1]
    )
    assert await asked(stage, group_id)


async def test_a_lost_write_that_lands_late_is_found(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "drop_before")
    await approved(stage, card)
    await until(stage, lambda: standing(database(stage))[-1] == ("unconfirmed", "unconfirmed"))
    stage.monogoto.console_edit_group(group_id, LockMasterImei=True, IMEIPrefix=TAC)
    await until(stage, lambda: standing(database(stage))[-1] == ("succeeded", "done"))
    assert puts(stage) == 1


async def test_asked_to_slow_down_it_is_written_later_and_once(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "rate_limited")
    await approved(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    assert len(writes(stage, group_id)) == 1


async def test_after_a_crash_between_the_record_and_the_write_nothing_is_sent(open_stage: OpenStage) -> None:
    left = asyncio.Event()

    class Stuck:
        """A vendor to whom no group write ever gets through."""

        def __init__(self, platform: Any) -> None:
            self._platform = platform

        def __getattr__(self, name: str) -> Any:
            return getattr(self._platform, name)

        async def write_group_lock(self, *_: Any, **__: Any) -> None:
            left.set()
            await asyncio.Event().wait()

    stage = await open_stage(seams=Seams(wrap_platform=Stuck))
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    for user in ("U0APP1", "U0APP2"):
        await acts.approve(stage, stage.person(user), card)
    await stage.until(left.is_set)
    await stage.stop_bot()
    assert standing(database(stage))[-1] == ("applying", "sent")
    stage.seams = Seams(inventory=False)
    await stage.start_bot()
    await until(stage, lambda: standing(database(stage))[-1] == ("failed", "failed"), within=400)
    assert puts(stage) == 0
    assert "not changed" in (await until(stage, lambda: outcomes(stage, card)[1:]))[-1]


# --- who may ---------------------------------------------------------------------------------------------


async def test_a_rule_for_one_group_refuses_there_what_the_general_rule_allows(open_stage: OpenStage) -> None:
    stage = await open_stage()
    group_id = stage.monogoto.examples.open_group
    await stage.stop_bot()
    strict = GROUP_RULE | {"things_groups": [group_id], "request": ["admin"]}
    stage.policy = parse_policy(POLICY | {"rules": [SINGLE_RULE, GROUP_RULE, strict]})
    await stage.start_bot()
    engineer = stage.person("U0ENG1")
    view = await acts.open_form(stage, engineer, "/lock-group", f"{group_id} {TAC}")
    said = await acts.refused_form(stage, engineer, view, {"reason": "One model"})
    assert "The policy lets only the role admin request locking a group." in said
    assert await asked(stage, stage.monogoto.examples.hostile_group)
    assert await acts.ask_lock_group(stage, stage.person("U0ADMIN"), group_id, TAC)


# --- what nobody documents ---------------------------------------------------------------------------


async def test_a_field_that_moves_by_itself_keeps_nobody_from_locking_the_group(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    for number in range(12):
        stage.monogoto.fail(GET, "edited_first", keys={"Counter": number})
    await approved(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    assert puts(stage) == 1


async def test_a_touched_group_leaves_no_word_of_a_write_in_the_audit(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.idle(stage)
    stage.monogoto.fail(GET, "latency", READS_BEFORE_A_WRITE - 2, seconds=0)
    stage.monogoto.fail(GET, "edited_after", keys={"ThingsGroupName": "Renamed"})
    await acts.approve(stage, stage.person("U0APP2"), card)
    assert await ended(stage) == ("succeeded", "done")
    await check_audit(stage, sent=1, end="done")


async def test_one_old_reading_before_the_vendor_goes_silent_proves_nothing(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await acts.idle(stage)
    stage.monogoto.fail(PUT, "does_not_stick")
    stage.monogoto.fail(GET, "latency", READS_BEFORE_A_WRITE + 1, seconds=0)
    stage.monogoto.fail(GET, "error_json", 4)
    await acts.approve(stage, stage.person("U0APP2"), card)
    await until(stage, lambda: standing(database(stage))[-1] == ("unconfirmed", "unconfirmed"))


async def test_a_lock_of_somebody_else_settles_no_lost_write_until_it_has_been_quiet(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "drop_before")
    stage.monogoto.fail(PUT, "edited_first", keys={"IMEIPrefix": "49015420"})
    await approved(stage, card)
    await until(stage, lambda: standing(database(stage))[-1] == ("unconfirmed", "unconfirmed"))
    stage.monogoto.console_edit_group(group_id, LockMasterImei=True, IMEIPrefix="49015420")
    since = stage.clock.now()
    await until(stage, lambda: standing(database(stage))[-1] == ("failed", "conflict"), within=400)
    assert (stage.clock.now() - since).total_seconds() >= 90
    assert puts(stage) == 1


async def test_two_readings_ninety_seconds_apart_settle_a_lost_write(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "drop_before")
    await approved(stage, card)
    await until(stage, lambda: standing(database(stage))[-1] == ("unconfirmed", "unconfirmed"))
    since = stage.clock.now()
    await until(stage, lambda: standing(database(stage))[-1] == ("failed", "failed"), within=400)
    assert (stage.clock.now() - since).total_seconds() >= 30 + 90 - 5


async def test_a_reading_of_a_lost_write_counts_for_the_next_process_too(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "drop_before")
    await approved(stage, card)
    await until(stage, lambda: rows(database(stage), "select unseen_since from items")[-1][0] is not None)
    since = stage.clock.now()
    await stage.stop_bot()
    await stage.start_bot()
    await until(stage, lambda: standing(database(stage))[-1] == ("failed", "failed"), within=400)
    assert (stage.clock.now() - since).total_seconds() < 90 + 30


async def test_a_write_that_waits_too_long_for_its_turn_does_not_leave(open_stage: OpenStage) -> None:
    asked_of: list[tuple[Any, Any]] = []

    class Noting:
        """Notes how late a group's write may leave."""

        def __init__(self, platform: Any) -> None:
            self._platform = platform

        def __getattr__(self, name: str) -> Any:
            return getattr(self._platform, name)

        async def write_group_lock(self, group: Any, *, not_after: Any, **lock: Any) -> None:
            asked_of.append((stage.clock.now(), not_after))
            await self._platform.write_group_lock(group, not_after=not_after, **lock)

    stage = await open_stage(seams=Seams(wrap_platform=Noting))
    await approved(stage, await asked(stage, stage.monogoto.examples.open_group))
    assert await ended(stage) == ("succeeded", "done")
    [(now, not_after)] = asked_of
    assert 0 < (not_after - now).total_seconds() <= 5


@pytest.mark.both_stores
async def test_found_done_after_a_restart_with_a_field_cleared_it_is_told_and_otherwise_not(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    examples = stage.monogoto.examples
    for group_id, way in ((examples.open_group, "replace_all"), (examples.never_locked_group, "merge")):
        stage.monogoto.settings.group_put = way
        card = await asked(stage, group_id)
        stage.monogoto.fail(PUT, "drop_after")
        stage.monogoto.fail(GET, "latency", 3 + 1, seconds=0)
        stage.monogoto.fail(GET, "error_json", 5)
        await approved(stage, card)
        await until(stage, lambda: standing(database(stage))[-1] == ("unconfirmed", "unconfirmed"))
        await stage.stop_bot()
        await stage.start_bot()
        await until(stage, lambda: standing(database(stage))[-1] == ("succeeded", "done"), within=400)
        told = (await until(stage, lambda c=card: outcomes(stage, c)[1:]))[-1]
        assert ("changed on this group since the write" in told) == (way == "replace_all")


async def test_a_group_that_is_gone_after_a_lost_write_is_never_called_unchanged(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    card = await asked(stage, group_id)
    stage.monogoto.fail(PUT, "drop_before")
    await approved(stage, card)
    await until(stage, lambda: standing(database(stage))[-1] == ("unconfirmed", "unconfirmed"))
    stage.monogoto.settings.change(profile="group_user", own_groups=frozenset())
    await until(stage, lambda: standing(database(stage))[-1][0] == "failed", within=900, step=30)
    await until(stage, lambda: "Given up: not known whether it was changed" in acts.shown(card))
    assert "Not changed" not in acts.shown(card)


# --- hostile records ---------------------------------------------------------------------------------


async def test_half_a_character_in_a_name_goes_back_as_it_came(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    stage.monogoto.console_edit_group(group_id, ThingsGroupName="Trucks \ud83d")
    await approved(stage, await asked(stage, group_id))
    assert await ended(stage) == ("succeeded", "done")
    assert record(stage, group_id)["ThingsGroupName"] == "Trucks \ud83d"


async def test_a_group_without_a_name_gets_none(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    stage.monogoto.console_edit_group(group_id, ThingsGroupName=None)
    await approved(stage, await asked(stage, group_id))
    assert await ended(stage) == ("succeeded", "done")
    assert record(stage, group_id)["ThingsGroupName"] is None


async def test_a_range_full_of_marks_mentions_nobody(stage: Stage) -> None:
    group_id = stage.monogoto.examples.open_group
    stage.monogoto.console_edit_group(
        group_id, LockMasterImei=True, IMEIPrefix="<!channel> <https://evil.example|x> *b*"
    )
    card = await acts.ask_unlock_group(stage, stage.person("U0ENG1"), group_id, "keep")
    await approved(stage, card)
    assert await ended(stage) == ("succeeded", "done")
    for text in (acts.shown(card), *outcomes(stage, card)):
        assert "<!channel>" not in text
        assert "<https" not in text


async def test_the_help_knows_who_may_approve_where_rules_speak_of_single_groups_alone(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    await stage.stop_bot()
    rule = GROUP_RULE | {"things_groups": [stage.monogoto.examples.open_group]}
    stage.policy = parse_policy(POLICY | {"rules": [SINGLE_RULE, rule]})
    await stage.start_bot()
    approver = stage.person("U0APP1")
    await approver.command("/imei", "help")
    said = acts.shown(await acts.whisper(stage, approver, "lock-group"))
    assert "No rule of the policy allows locking a group" not in said
    assert said.count("you may approve: ✅ yes") == sum(command.kind is not None for command in COMMANDS)
