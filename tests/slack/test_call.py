"""Who acted, and where, as a payload says it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.requests import Person
from bot.slack.desk import Call, read_reopen
from bot.slack.form_state import LONGEST_ID, asked_in

LONG = "C" * (LONGEST_ID + 1)


@pytest.mark.parametrize("key", ["user_id", "team_id", "channel_id"])
def test_what_is_too_long_to_be_an_id_is_nobodys(key: str) -> None:
    payload: dict[str, Any] = {"user_id": "U0ENG1", "team_id": "T0TEAM", "channel_id": "C0FIELD", key: LONG}
    call = Call.of(payload)
    assert "" in (call.person.user_id, call.person.team_id, call.origin.channel)
    assert LONG not in repr(call)


def test_an_action_names_its_person_and_its_channel() -> None:
    call = Call.of({"user": {"id": "U0ENG1", "team_id": "T0TEAM"}, "channel": {"id": "C0FIELD"}})
    assert call.person == Person("U0ENG1", "T0TEAM")
    assert call.origin.channel == "C0FIELD"


def test_no_metadata_makes_us_ask_about_a_channel_of_any_length() -> None:
    assert len(asked_in({"private_metadata": json.dumps({"channel": LONG})})) <= LONGEST_ID
    value = json.dumps({"kind": "lock_thing", "channel": LONG, "typed": {}})
    assert read_reopen(value, "C0FIELD").channel == "C0FIELD"
