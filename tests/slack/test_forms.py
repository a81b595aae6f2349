"""Forms: Slack takes every one of them whatever is in it, and what was typed comes back as it was."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.changes import Kind
from bot.domain.impact import SeenThing
from bot.domain.things import ThingsGroup
from bot.sandbox.slack.block_kit import check_view
from bot.sandbox.stage import everything_in
from bot.slack import blocks as b
from bot.slack import form_state, forms, ids
from bot.slack.desk import read_reopen, reopen
from bot.slack.form_state import Form
from bot.slack.forms import Denial
from tests.slack.hostile import HOSTILE, assert_inert
from tests.slack.test_cards import GROUPS, ORDINARY, WIDTH_OF_A_PHONE, mrkdwn_in
from tests.storage.samples import NOW, thing

KINDS = pytest.mark.parametrize("kind", forms.CALLBACKS, ids=lambda kind: kind.value)
HOSTILES = pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
FIELDS = {
    Kind.LOCK_THING: [ids.ICCID_BLOCK, ids.IMEI_BLOCK, ids.REASON_BLOCK],
    Kind.UNLOCK_THING: [ids.ICCID_BLOCK, ids.KEEP_BLOCK, ids.REASON_BLOCK],
    Kind.LOCK_THINGS_GROUP: [ids.THINGS_GROUP_BLOCK, ids.TAC_BLOCK, ids.REASON_BLOCK],
    Kind.UNLOCK_THINGS_GROUP: [ids.THINGS_GROUP_BLOCK, ids.KEEP_BLOCK, ids.REASON_BLOCK],
    Kind.BULK: ["file", "lines", "reason"],
}
LOOKS = [
    SeenThing(one, group, True, (), online, NOW)
    for one in ORDINARY
    for group in GROUPS
    for online in (True, None)
]


def taken(view: forms.View) -> forms.View:
    """The view, once Slack has taken it."""
    assert check_view(view) == []
    assert len(view.get("private_metadata", "")) < 3000
    return view


def shown(kind: Kind, **fields: Any) -> Form:
    return Form(kind, "C0FIELD", "nonce", **fields)


def inputs(view: forms.View) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}


def found(seen: SeenThing, **options: Any) -> list[b.Block]:
    """What a look-up puts under the ICCID."""
    return forms.found(seen, NOW, **({"open_request": "", "offer_imei": True} | options))


# --- the form ------------------------------------------------------------------------------------------


@KINDS
def test_a_form_has_its_fields_by_their_stable_ids(kind: Kind) -> None:
    view = taken(forms.form(shown(kind)))
    assert view["callback_id"] == f"{kind.value}.submit"
    assert list(inputs(view)) == FIELDS[kind]
    labels = {
        block["block_id"]: block["label"]["text"] for block in view["blocks"] if block["type"] == "input"
    }
    names = {"iccid": "ICCID", "imei": "IMEI", "reason": "Reason"}
    names |= {"things_group": "Group", "tac": "TAC"}
    names |= {"file": "A file (CSV or Excel)", "lines": "or pasted lines"}
    assert {block_id: labels[block_id] for block_id in labels if block_id != "keep"} == {
        block_id: names[block_id] for block_id in FIELDS[kind] if block_id != "keep"
    }


@KINDS
def test_a_form_tells_in_its_metadata_what_the_next_payload_needs(kind: Kind) -> None:
    before = shown(kind, version=3, last_seen="490154203237518", looked_up="8944476500008878576")
    again = form_state.read_metadata(forms.form(before), kind)
    assert again == before


@KINDS
def test_values_set_by_the_bot_get_new_ids_so_that_slack_takes_them(kind: Kind) -> None:
    first = shown(kind)
    texts = {ids.ICCID_BLOCK: "8944", ids.IMEI_BLOCK: "49", ids.TAC_BLOCK: "353", ids.REASON_BLOCK: "why"}
    texts |= {ids.LINES_BLOCK: "8944 49"}
    chosen = {ids.KEEP_BLOCK: "clear", ids.THINGS_GROUP_BLOCK: "ThingsGroupId_1"}
    second = first.showing(texts | chosen | {ids.THINGS_GROUP_NAME: "Pumps"}, "n2")
    before, after = inputs(forms.form(first)), inputs(taken(forms.form(second)))
    if kind is Kind.BULK:  # no bot sets a file: under the same ids Slack keeps it
        assert before.pop(ids.FILE_BLOCK) == after.pop(ids.FILE_BLOCK)
    assert all(before[block]["action_id"] != after[block]["action_id"] for block in before)
    for block_id, element in after.items():
        if block_id in texts:
            assert element["initial_value"] == texts[block_id]
        else:
            assert element["initial_option"]["value"] == chosen[block_id]


def test_a_value_taken_by_a_click_leaves_every_other_field_alone() -> None:
    view = forms.form(shown(Kind.LOCK_THING), under={ids.IMEI_BLOCK: forms.wrong("Is it this?")})
    changed = taken(forms.with_value(view, ids.IMEI_BLOCK, "490154203237518"))
    before, after = inputs(view), inputs(changed)
    assert after[ids.IMEI_BLOCK]["initial_value"] == "490154203237518"
    assert after[ids.IMEI_BLOCK]["action_id"] != before[ids.IMEI_BLOCK]["action_id"]
    assert after[ids.ICCID_BLOCK] == before[ids.ICCID_BLOCK]
    assert after[ids.REASON_BLOCK] == before[ids.REASON_BLOCK]
    assert "Is it this?" not in everything_in(changed)


def test_what_stands_under_a_field_is_replaced_and_nothing_else_moves() -> None:
    view = taken(forms.form(shown(Kind.LOCK_THING), under={ids.ICCID_BLOCK: forms.wrong("First.")}))
    again = taken(forms.with_under(view, {ids.ICCID_BLOCK: forms.wrong("Second.")}))
    assert "First." not in everything_in(again)
    assert "Second." in everything_in(again)
    assert inputs(again) == inputs(view)


def test_keep_and_clear_are_explained_uncut() -> None:
    view = forms.form(shown(Kind.UNLOCK_THING))
    options = inputs(view)[ids.KEEP_BLOCK]["options"]
    assert [option["value"] for option in options] == ["keep", "clear"]
    assert "…" not in everything_in(options)


@pytest.mark.parametrize("title", [*forms.TITLES.values(), forms.DENIAL_TITLE])
def test_titles_are_shown_uncut(title: str) -> None:
    assert taken(forms.notice(title, "Said."))["title"]["text"] == title


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "not json",
        "[]",
        "null",
        '{"channel": 7, "nonce": [], "version": "x", "last_seen": null}',
        "[" * 2900,
        json.dumps({"channel": "C" * 2900}),
        json.dumps({"last_seen": "\u0001" * 400}),
    ],
)
@KINDS
def test_forged_metadata_makes_no_view_that_slack_refuses(kind: Kind, forged: str) -> None:
    again = form_state.read_metadata({"private_metadata": forged, "hash": "h1"}, kind)
    assert again.kind is kind
    assert again.nonce == "h1"
    taken(forms.form(again))
    taken(forms.checking(again))


# --- what was typed ------------------------------------------------------------------------------------


@HOSTILES
@KINDS
def test_a_form_holds_whatever_was_typed(kind: Kind, hostile: str) -> None:
    typed = {
        ids.ICCID_BLOCK: hostile,
        ids.IMEI_BLOCK: hostile,
        ids.REASON_BLOCK: hostile,
        ids.KEEP_BLOCK: hostile,
    }
    view = taken(forms.form(shown(kind, typed=typed, last_seen=hostile)))
    kept = inputs(view)[ids.REASON_BLOCK]["initial_value"]
    assert hostile.startswith(kept)
    assert kept == hostile or len(kept) >= b.REASON_LIMIT


@KINDS
def test_a_button_opens_the_form_again_with_everything_typed(kind: Kind) -> None:
    typed = {
        ids.ICCID_BLOCK: "89 4447 6500 0088 78576",
        ids.IMEI_BLOCK: "O" * b.FIELD_LIMIT,
        ids.KEEP_BLOCK: "clear",
        ids.REASON_BLOCK: 'a "reason"\nwith lines ' + "ü" * (b.REASON_LIMIT - 30),
    }
    button = reopen(shown(kind), typed)
    assert len(button["value"]) < 2000
    kept = read_reopen(button["value"], "")
    assert (kept.kind, kept.channel, kept.typed) == (kind, "C0FIELD", typed)


@HOSTILES
def test_a_button_that_reopens_can_always_be_read_again(hostile: str) -> None:
    fields = (ids.ICCID_BLOCK, ids.IMEI_BLOCK, ids.REASON_BLOCK)
    button = reopen(shown(Kind.LOCK_THING), dict.fromkeys(fields, hostile))
    assert len(button["value"]) <= 2000
    assert read_reopen(button["value"], "").kind is Kind.LOCK_THING


@HOSTILES
def test_a_refused_reason_is_quoted_and_acts_no_more_than_any_other(hostile: str) -> None:
    for line in forms.quoted(hostile).splitlines():
        assert line.startswith("> ")
        assert_inert(line[1:], "")
    taken(forms.notice(forms.DENIAL_TITLE, forms.quoted(hostile)))


# --- what stands under a field -------------------------------------------------------------------------


@HOSTILES
@KINDS
def test_nothing_that_is_said_in_a_form_acts_or_breaks_it(kind: Kind, hostile: str) -> None:
    def said(text: str) -> forms.View:
        group = ThingsGroup("G", text, imei_lock=True, tac=text)
        there = thing(name=text, state=text, locked_imei=text, last_seen_imei=f"1{text}")
        blocks = [*forms.wrong(text), *forms.proposal(text, "89", ids.TAKE_ICCID, "89")]
        looked = found(SeenThing(there, group, True, None, True, NOW))
        return taken(forms.form(shown(kind), under={ids.ICCID_BLOCK: [*blocks, *looked]}))

    wild, tame = said(hostile), said("tame")
    for text, expected in zip(mrkdwn_in(wild), mrkdwn_in(tame), strict=True):
        assert_inert(text, expected)


@pytest.mark.parametrize("seen", LOOKS)
def test_what_a_look_up_found_fits_a_phone(seen: SeenThing) -> None:
    lines = found(seen)[0]["elements"][0]["elements"][0]["text"].splitlines()
    assert max(map(len, lines)) <= WIDTH_OF_A_PHONE, max(lines, key=len)
    assert len({re.match(r"[\w ]*?\s{2,}", line).end() for line in lines}) == 1  # type: ignore[union-attr]


def test_a_look_up_shows_the_last_seen_device_with_its_age() -> None:
    text = everything_in(
        found(SeenThing(thing(last_seen_at=NOW - timedelta(days=2)), None, True, (), None, NOW))
    )
    assert "49-015420-323751-8" in text
    assert "2 days ago" in text


@pytest.mark.parametrize(
    ("last_seen", "offered"),
    [("490154203237518", True), ("", False), ("0" * 15, False), ("9" * 5000, False)],
)
def test_the_last_seen_imei_is_offered_where_there_is_one(last_seen: str, *, offered: bool) -> None:
    blocks = found(SeenThing(thing(last_seen_imei=last_seen), None, True, (), None, NOW))
    values = [e["value"] for block in blocks if block["type"] == "actions" for e in block["elements"]]
    assert values == ([last_seen] if offered else [])


def test_an_unlock_offers_no_imei() -> None:
    blocks = found(SeenThing(thing(), None, True, (), None, NOW), offer_imei=False)
    assert not [block for block in blocks if block["type"] == "actions"]


# --- a denial ------------------------------------------------------------------------------------------


def test_a_denial_comes_back_from_its_form_as_it_was() -> None:
    about = (
        "Request `R1` for *"
        + b.escape("<name> & *more*" * 20, 80)
        + "*. Denying ends it; nothing is changed."
    )
    denial = Denial("R1", about, "C0FIELD", "1718900000.000100")
    view = taken(denial.form(typed="because", top="⚠️ Not now."))
    assert forms.read_denial(view) == denial
    assert inputs(view)[ids.REASON_BLOCK]["initial_value"] == "because"
    assert "⚠️ Not now." in everything_in(view)


@pytest.mark.parametrize(
    "forged", ["", "no", "[]", json.dumps({"request": 1}), json.dumps({"about": "x" * 2900})]
)
def test_a_forged_denial_makes_no_view_that_slack_refuses(forged: str) -> None:
    denial = forms.read_denial({"private_metadata": forged})
    assert denial.request_id == ""
    taken(denial.form())


@HOSTILES
def test_a_denial_keeps_whatever_reason_was_typed(hostile: str) -> None:
    taken(replace(Denial("R1", "About.", "C0", "1.2")).form(typed=hostile))
