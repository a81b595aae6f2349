"""Which payloads are heard at all: those with the types of Slack's, however much else they hold."""

from __future__ import annotations

from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp

from bot.slack.dispatch import Answer, BoltDispatch
from bot.slack.shapes import Needed, fits, understood

CLICK: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "team_id": "T1"},
    "team": {"id": "T1", "domain": "x"},
    "enterprise": None,
    "actions": [{"action_id": "request.approve", "type": "button", "value": "A.b"}],
    "view": {"id": "V1", "state": {"values": {"iccid": {"i": {"type": "plain_text_input", "value": None}}}}},
    "what_slack_invents_next": {"any": ["thing", 1, None]},
}
NONSENSE = [
    None,
    [],
    "text",
    CLICK | {"user": 7},
    CLICK | {"user": {"id": 7}},
    CLICK | {"user": []},
    CLICK | {"actions": {}},
    CLICK | {"actions": [None, {"type": "button"}]},
    CLICK | {"actions": [{"action_id": None, "type": "button"}]},
    CLICK | {"view": "V1"},
    CLICK | {"view": {"private_metadata": {}}},
    CLICK | {"view": {"state": {"values": {"iccid": {"i": 7}}}}},
    CLICK | {"trigger_id": 7},
    CLICK | {"response_url": ["https://hooks.slack.com/"]},
    CLICK | {"authorizations": "all"},
    {"command": ["/imei"], "text": ""},
]


def test_a_payload_as_slack_sends_it_is_heard_and_so_is_what_slack_adds_to_it() -> None:
    assert understood(CLICK)
    assert understood({"command": "/imei", "text": "", "user_id": "U1"})
    assert understood({"type": "event_callback", "event": {"type": "subteam_updated", "user": {"id": "U1"}}})


@pytest.mark.parametrize("payload", NONSENSE)
async def test_a_payload_of_another_shape_is_400_and_no_listener_hears_it(payload: Any) -> None:
    app = AsyncApp(token="xoxb-none", signing_secret="none")
    heard: list[object] = []

    @app.middleware
    async def note(body: Any, next: Any) -> None:  # noqa: A002  the library's name
        heard.append(body)
        await next()

    assert understood(payload) is None
    assert await BoltDispatch(app)(payload) == Answer(400)
    assert heard == []


def test_what_is_nested_too_deep_makes_no_sense() -> None:
    deep: Any = "x"
    for _ in range(200_000):
        deep = [deep]
    assert understood({"type": "x", "deep": deep}) is None


def test_a_part_that_is_missing_has_every_shape_but_one_that_is_needed() -> None:
    assert fits({}, {"a": str})
    assert fits(None, [str])
    assert not fits({}, {"a": Needed(str)})
    assert fits({"a": "x"}, {"a": Needed(str)})
    assert not fits({"a": 1}, {"a": Needed(str)})


def test_for_half_a_character_stands_a_question_mark_and_all_else_stays() -> None:
    assert understood(CLICK | {"note": "half: \ud83d"}) == CLICK | {"note": "half: ?"}
