"""Each invariant holds of a sound story, and is broken by a forged one: a checker that can't fail is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.invariants import INVARIANTS, violations
from tests.chaos.records import Card, Click, Effect, Entry, Item, Post, Put, Reading, Records, Request

THING, GROUP = "ThingId_ICCID_8944478000000000012", "ThingsGroupId_1"
LOCKED = (True, "353053119990010")
PUT = Put(7, THING, 100.0, 100_000_000, LOCKED, 1, "R1", ("U0APP1",))
SOUND = Records(
    puts=(PUT,),
    effects=(Effect(THING, 100.0, LOCKED, 7),),
    readings=(Reading(6, THING, (False, ""), 2), Reading(8, THING, LOCKED, 4)),
    clicks=(Click("R1", "U0APP1", 90.0, 90.0),),
    requests=(Request("R1", "lock_thing", "succeeded", "U0ENG1", 90_000_000),),
    items=(Item("R1", THING, "done"),),
    entries=(
        Entry(3, "item.send", "sent", "R1", THING, LOCKED),
        Entry(4, "item.answer", "answered", "R1", THING),
        Entry(5, "item.end", "done", "R1", THING, LOCKED),
    ),
    cards=(Card("R1", "C0FIELD/1.0", "Locked", "Locked"),),
    posts=(Post("C0FIELD/1.0", "1"), Post("C0FIELD/2.0", "2")),
    digests={1: "a", 2: "b", 3: "c", 4: "d", 5: "e"},
    heads=((2, "b"), (4, "d")),
)
AGAIN = replace(PUT, order=9, sends=2)
GROUP_REQUEST = Request("R1", "lock_things_group", "succeeded", "U0ENG1", 90_000_000)

FORGED: dict[str, tuple[str, Records]] = {
    "a second write took effect": (
        "one_effect",
        replace(SOUND, puts=(PUT, AGAIN), effects=(*SOUND.effects, Effect(THING, 101.0, LOCKED, 9))),
    ),
    "a write that nobody sent took effect": (
        "one_effect",
        replace(SOUND, effects=(*SOUND.effects, Effect(THING, 101.0, LOCKED, 99))),
    ),
    "the audit knew nothing of it yet": (
        "announced",
        replace(SOUND, puts=(replace(PUT, sends=0, request=""),)),
    ),
    "the audit speaks of one write, and two were sent": (
        "announced",
        replace(SOUND, puts=(PUT, replace(PUT, order=9))),
    ),
    "the audit speaks of another value": (
        "announced",
        replace(SOUND, puts=(replace(PUT, lock=(True, "000000000000000")),)),
    ),
    "nobody approved": ("approved", replace(SOUND, puts=(replace(PUT, approvers=()),))),
    "the database knows of an approval that nobody pressed": ("approved", replace(SOUND, clicks=())),
    "the approval was pressed after the write": (
        "approved",
        replace(SOUND, clicks=(Click("R1", "U0APP1", 101.0, 101.0),)),
    ),
    "the requester approved": (
        "approved",
        replace(
            SOUND, puts=(replace(PUT, approvers=("U0ENG1",)),), clicks=(Click("R1", "U0ENG1", 90.0, 90.0),)
        ),
    ),
    "one approved where two must": ("approved", replace(SOUND, requests=(GROUP_REQUEST,))),
    "one approved twice where two must": (
        "approved",
        replace(SOUND, requests=(GROUP_REQUEST,), puts=(replace(PUT, approvers=("U0APP1", "U0APP1")),)),
    ),
    "the write belongs to no request": ("approved", replace(SOUND, requests=(), items=())),
    "done without any reading": ("read_back", replace(SOUND, readings=())),
    "done, and the reading was before the write": (
        "read_back",
        replace(SOUND, readings=(Reading(6, THING, LOCKED, 2),)),
    ),
    "done, and the reading was after it was said": (
        "read_back",
        replace(SOUND, readings=(Reading(8, THING, LOCKED, 5),)),
    ),
    "done, and the reading showed something else": (
        "read_back",
        replace(SOUND, readings=(Reading(8, THING, (True, "353053119990028"), 4),)),
    ),
    "done, and the reading was of another SIM": (
        "read_back",
        replace(SOUND, readings=(Reading(8, "ThingId_ICCID_1", LOCKED, 4),)),
    ),
    "done, and nothing was written": ("read_back", replace(SOUND, puts=(), effects=())),
    "done, and the audit says failed": (
        "read_back",
        replace(SOUND, entries=(*SOUND.entries[:2], replace(SOUND.entries[2], outcome="failed"))),
    ),
    "succeeded with an item that failed": (
        "read_back",
        replace(SOUND, items=(Item("R1", THING, "failed"),)),
    ),
    "an item is still being sent": ("comes_to_an_end", replace(SOUND, items=(Item("R1", THING, "sent"),))),
    "a request is still approved": (
        "comes_to_an_end",
        replace(SOUND, requests=(replace(SOUND.requests[0], status="approved"),)),
    ),
    "a message still waits": ("comes_to_an_end", replace(SOUND, unsettled=("outcome waiting R1",))),
    "a write an hour and a minute after the approval": (
        "in_time",
        replace(SOUND, puts=(replace(PUT, bot_at=90_000_000 + 3_660_000_000),)),
    ),
    "a write an hour after the click, whatever the bot's clock says": (
        "in_time",
        replace(SOUND, puts=(replace(PUT, at=90.0 + 3700),)),
    ),
    "a write of a request that was never approved": (
        "in_time",
        replace(SOUND, requests=(replace(SOUND.requests[0], approved_at=0),)),
    ),
    "a card shows what is no longer so": (
        "cards_agree",
        replace(SOUND, cards=(Card("R1", "C0FIELD/1.0", "Lock this SIM?", "Locked"),)),
    ),
    "a card is gone": ("cards_agree", replace(SOUND, cards=(Card("R1", "C0FIELD/1.0", "", "Locked"),))),
    "a request has no card": ("cards_agree", replace(SOUND, cards=())),
    "a message still asks to decide": (
        "cards_agree",
        replace(SOUND, posts=(Post("C0FIELD/1.0", "1", asks="R1"),)),
    ),
    "a reply stands there twice": (
        "said_once",
        replace(SOUND, posts=(*SOUND.posts, Post("C0FIELD/3.0", "2"))),
    ),
    "the chain is broken": ("audit_holds", replace(SOUND, fault="entry 3 was changed")),
    "the end of the audit was cut off": (
        "audit_holds",
        replace(SOUND, digests={1: "a", 2: "b", 3: "c"}),
    ),
    "the audit was written anew": ("audit_holds", replace(SOUND, digests=SOUND.digests | {4: "x"})),
}


def test_a_sound_story_breaks_nothing() -> None:
    assert violations(SOUND) == []


@pytest.mark.parametrize("name", list(FORGED))
def test_a_forged_story_breaks_just_what_it_should(name: str) -> None:
    broken, records = FORGED[name]
    assert broken in {found.partition(":")[0] for found in violations(records)}


def test_every_invariant_is_shown_to_fail() -> None:
    assert {broken for broken, _ in FORGED.values()} == {invariant.__name__ for invariant in INVARIANTS}


def test_a_message_that_admits_to_be_a_copy_is_none() -> None:
    copy = Post("C0FIELD/3.0", "2", admits=True)
    assert violations(replace(SOUND, posts=(*SOUND.posts, copy))) == []


def test_a_write_that_somebody_has_written_over_at_once_may_be_made_again() -> None:
    entries = (*SOUND.entries[:2], replace(SOUND.entries[0], seq=4), *SOUND.entries[2:])
    over = replace(PUT, is_written_over=True)
    again = replace(SOUND, puts=(over, AGAIN), effects=(*SOUND.effects, Effect(THING, 101.0, LOCKED, 9)))
    assert not [found for found in violations(replace(again, entries=entries)) if "one_effect" in found]


def test_a_write_that_needs_a_new_log_in_is_announced_once() -> None:
    refused = replace(PUT, order=6, is_unauthorized=True)
    assert violations(replace(SOUND, puts=(refused, PUT))) == []


def test_what_had_no_time_to_expire_may_wait_but_nothing_approved_may() -> None:
    pending = Records(
        requests=(replace(SOUND.requests[0], status="pending"),), cards=SOUND.cards, has_expired=False
    )
    assert violations(pending) == []
    approved = replace(pending, requests=(replace(SOUND.requests[0], status="approved"),))
    assert violations(approved)


def test_by_a_clock_that_was_wrong_only_the_bots_own_counts() -> None:
    late = replace(SOUND, puts=(replace(PUT, at=90.0 + 3700),), is_clock_true=False)
    assert violations(late) == []
