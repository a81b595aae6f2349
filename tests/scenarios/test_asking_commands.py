"""What people type behind the slash commands, and what the help tells each of them."""

from __future__ import annotations

import pytest

from bot.sandbox.stage import POLICY, Stage
from tests.conftest import OpenStage
from tests.scenarios.acts import form_of, idle, open_form, shown, whisper
from tests.scenarios.test_asking_look_up import value

ICCID, IMEI = "8944478000000000012", "356938030000013"


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    return await open_stage()


SPELLINGS = [
    ("", "", ""),
    (ICCID, ICCID, ""),
    (f"{ICCID} {IMEI}", ICCID, IMEI),
    (f"{IMEI} {ICCID}", ICCID, IMEI),
    (f"  {ICCID}   {IMEI} ", ICCID, IMEI),
    (f"{ICCID}, {IMEI}", f"{ICCID},", IMEI),
    ("8944 4780 0000 0000 012 35-693803-000001-3", "8944 4780 0000 0000 012", "35-693803-000001-3"),
    ("8944 4780 0000 0000 012 35 693803 000001 3", "8944 4780 0000 0000 012", "35 693803 000001 3"),
    (f"ICCID: {ICCID} IMEI: {IMEI}", f"ICCID: {ICCID}", f"IMEI: {IMEI}"),
    (f"ICCID {ICCID} IMEI {IMEI}", f"ICCID {ICCID}", f"IMEI {IMEI}"),
    (f"{ICCID} 35693803000001", ICCID, "35693803000001"),
    (f"{ICCID}F {IMEI}", f"{ICCID}F", IMEI),
    (f"`{ICCID}` `{IMEI}`", f"`{ICCID}`", f"`{IMEI}`"),
    (f"{ICCID} what I found on the box", ICCID, "what I found on the box"),
    ("malmö gateway", "malmö", "gateway"),
]


async def test_arguments_in_any_spelling_stand_in_their_fields(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    for typed, iccid, imei in SPELLINGS:
        view = await open_form(stage, engineer, "/lock-thing", typed)
        assert (value(view, "iccid"), value(view, "imei")) == (iccid, imei), typed


async def test_an_unlock_takes_an_iccid_in_groups(stage: Stage) -> None:
    view = await open_form(stage, stage.person("U0ENG1"), "/unlock-thing", "8944 4780 0000 0000 053")
    assert value(view, "iccid") == "8944 4780 0000 0000 053"
    await stage.until(lambda: stage.monogoto.examples.locked.name in shown(view))


async def test_a_wrong_argument_is_explained_under_its_field_as_the_form_opens(stage: Stage) -> None:
    view = await open_form(stage, stage.person("U0ENG1"), "/lock-thing", f"{ICCID} 356938030000014")
    ids = [block["block_id"] for block in view.blocks]
    assert ids[ids.index("imei") + 1] == "under.imei.0"
    assert "check digit, the last one, doesn't fit" in shown(view)


async def test_far_too_long_an_argument_is_cut_and_explained(stage: Stage) -> None:
    view = await open_form(stage, stage.person("U0ENG1"), "/lock-thing", "89" * 900)
    assert len(value(view, "iccid")) == 150
    assert "1800 characters" in shown(view)


async def test_a_reason_may_be_as_long_as_a_card_shows_and_no_longer(stage: Stage) -> None:
    view = await open_form(stage, stage.person("U0ENG1"), "/lock-thing")
    (reason,) = [block for block in view.blocks if block["block_id"] == "reason"]
    assert reason["element"]["max_length"] == 500


# --- help ----------------------------------------------------------------------------------------


async def help_for(stage: Stage, user_id: str, text: str = "help") -> str:
    who = stage.person(user_id)
    await who.command("/imei", text)
    return (await whisper(stage, who, "")).text


@pytest.mark.parametrize(
    ("user_id", "may_ask", "may_approve"),
    [
        ("U0ENG1", True, False),
        ("U0APP1", False, True),
        ("U0ADMIN", True, True),
        ("U0SUP1", False, False),
        ("U0PLAIN", False, False),
    ],
)
async def test_the_help_says_what_this_very_person_may_do(
    stage: Stage, user_id: str, may_ask: bool, may_approve: bool
) -> None:
    said = await help_for(stage, user_id)
    commands = ("/lock-thing [ICCID] [IMEI]", "/unlock-thing [ICCID]", "/lock-group [group] [TAC]")
    for command in (*commands, "/unlock-group [group]", "/imei help"):
        assert f"`{command}`" in said
    assert said.count("you may ask: ✅ yes") == (4 if may_ask else 0)
    assert said.count("you may approve: ✅ yes") == (4 if may_approve else 0)
    assert said.count("You may ask for nothing.") == (0 if may_ask else 1)
    assert said.count("You may approve nothing.") == (0 if may_approve else 1)
    refused_each = [what for what in ("ask", "approve") if f"you may {what}: — no" in said]
    assert not refused_each, "said once, not under each command"
    why = "lets only the role engineer or admin request this. Ask <!subteam^S0ENGINEERS>, <@U0ADMIN>."
    assert said.count(why) == (0 if may_ask else 1)
    assert said.count("lets only the role approver or admin approve this.") == (0 if may_approve else 1)


async def test_the_help_explains_each_refusal_by_itself_where_they_differ(open_stage: OpenStage) -> None:
    rules = [
        {**POLICY["rules"][0], "changes": [kind], "request": [role]}
        for kind, role in zip(
            ("lock_thing", "unlock_thing", "lock_things_group", "unlock_things_group"),
            ("engineer", "admin", "approver", "admin"),
            strict=True,
        )
    ]
    stage = await open_stage(policy=POLICY | {"rules": rules})
    said = await help_for(stage, "U0SUP1")
    assert "you may ask: — no. The policy lets only the role engineer request locking a SIM." in said
    assert "you may ask: — no. The policy lets only the role admin request unlocking a SIM." in said
    said = await help_for(stage, "U0ENG1")
    assert said.count("you may ask: ✅ yes") == 1
    assert "you may ask: — no. The policy lets only the role admin request unlocking a SIM." in said


async def test_the_help_without_any_word_is_the_same_page(stage: Stage) -> None:
    assert await help_for(stage, "U0ENG1", "") == await help_for(stage, "U0ENG1", "HELP ")


async def test_an_unknown_word_is_named_harmlessly_above_the_help(stage: Stage) -> None:
    said = await help_for(stage, "U0ENG1", "<!channel> `now`")
    assert said.startswith("⚠️ `/imei &lt;!channel&gt;")
    assert "<!channel>" not in said
    assert "`/imei help`" in said


async def test_help_is_seen_by_nobody_else(stage: Stage) -> None:
    await help_for(stage, "U0ENG1")
    assert not stage.slack.messages("C0FIELD")


async def test_a_guest_who_is_named_reads_that_they_may_ask_and_never_approve(open_stage: OpenStage) -> None:
    roles = POLICY["roles"] | {
        "engineer": ["S0ENGINEERS", "U0GUEST"],
        "approver": ["S0APPROVERS", "U0GUEST"],
    }
    stage = await open_stage(policy=POLICY | {"roles": roles})
    said = await help_for(stage, "U0GUEST")
    assert said.count("you may ask: ✅ yes") == 4
    assert said.count("Guests never approve.") == 1
    assert "you may approve: " not in said


async def test_a_command_in_a_channel_without_the_bot_opens_the_form_all_the_same(stage: Stage) -> None:
    engineer = stage.person("U0ENG1")
    await open_form(stage, engineer, "/lock-thing", channel="C0NOBOT")
    await idle(stage)
    assert form_of(engineer)
