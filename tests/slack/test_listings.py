"""What a list's buttons carry, and that no answer outgrows a message."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.domain.errors import Unfit
from bot.domain.identifiers import Iccid, ThingsGroupId
from bot.sandbox.slack.block_kit import check_message
from bot.services.answers import Choice, Choices, GroupKey, NotFound, Standing, ThingKey, key_text, read_key
from bot.services.ports import Cursor, Listed, Stock, Which
from bot.slack import ids, listings, statuses
from bot.slack.listings import Leaf
from tests.storage import samples

NOW = samples.NOW + timedelta(hours=1)
LONG = "*<!channel>`_~& " * 200
LEAVES = [
    Leaf("requests", "All requests", Which()),
    Leaf("history", "“ü” & <b>", Which(target="ThingId_ICCID_8944"), Cursor(older_than=7)),
    Leaf("requests", "x", Which(asked_by="U0ANN", pending=True), Cursor(newer_than=1 << 40)),
    Leaf("history", "y", Which(person="U0ANN")),
]


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_button_carries_the_whole_list(leaf: Leaf) -> None:
    assert Leaf.read(leaf.value(leaf.cursor)) == leaf


def test_a_button_keeps_slacks_limit_whatever_the_title() -> None:
    leaf = Leaf("history", LONG, Which(target="T" * 200, person="U" * 20))
    assert len(leaf.value(Cursor(older_than=1 << 60))) <= 2000


@pytest.mark.parametrize("value", ["", "null", "[]", "{}", '{"l": "requests"}', "[" * 9000])
def test_a_broken_button_is_unfit(value: str) -> None:
    with pytest.raises(Unfit):
        Leaf.read(value)


@pytest.mark.parametrize("number", [True, "7", 1 << 70, 1.5])
def test_a_cursor_is_a_number_that_the_database_can_hold(number: object) -> None:
    leaf = Leaf.read(json.dumps({"l": "requests", "h": "x", "o": number}))
    assert leaf.cursor.older_than is None


@pytest.mark.parametrize(
    "key", [ThingKey(Iccid("8944476500008878576")), GroupKey(ThingsGroupId("ThingsGroupId_1"))]
)
def test_a_key_survives_a_button(key: ThingKey | GroupKey) -> None:
    assert read_key(key_text(key)) == key


@pytest.mark.parametrize("text", ["", "thing", "thing 12", "group a/b", "other 8944476500008878576"])
def test_a_broken_key_is_unfit(text: str) -> None:
    with pytest.raises(Unfit):
        read_key(text)


def test_a_full_page_of_hostile_requests_can_be_posted() -> None:
    requests = tuple(samples.request(n, on=samples.thing(n, name=LONG)) for n in range(1, 7))
    listed = Listed(requests, newer=Cursor(newer_than=6), older=Cursor(older_than=1))
    links = {request.id: "https://slack.invalid/p1" for request in requests}
    blocks = listings.page(Leaf("requests", LONG, Which()), listed, links, NOW)
    assert check_message({"text": "list", "blocks": blocks}) == []
    read_as_markup = [block for block in blocks if block["type"] in {"section", "context"}]
    assert "<!channel>" not in json.dumps(read_as_markup)


def test_ten_hostile_choices_can_be_posted() -> None:
    choices = tuple(
        Choice(ThingKey(Iccid(f"894447650000887{n:04d}")), LONG, ("said by nobody",), NOW) for n in range(10)
    )
    blocks = statuses.choices(Choices(LONG, choices, 4711, (LONG,)), NOW, ids.STATUS_SHOW)
    assert check_message({"text": "choices", "blocks": blocks}) == []
    assert "4701 more" in json.dumps(blocks)


def test_a_standing_with_all_there_can_be_can_be_posted() -> None:
    request = samples.request(1, on=samples.thing(1, name=LONG))
    key = ThingKey(samples.ICCID)
    answer = Standing(key, request.seen, (request, request), (request,) * 3, (LONG, LONG))
    blocks = statuses.standing(answer, {}, NOW)
    assert check_message({"text": "status", "blocks": blocks}) == []
    assert (
        check_message({"text": "status", "blocks": statuses.standing(answer, {}, NOW, shared_by="U0ANN")})
        == []
    )


def test_an_inventory_that_was_never_read_whole_says_so() -> None:
    blocks = statuses.not_found(NotFound("x", Stock(3, 0, None)), NOW)
    assert "not yet listed whole" in json.dumps(blocks)
