"""Payloads that are signed and make no sense: answered, never with 5xx, and nothing comes of them."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox.slack.payloads import Payloads
from bot.sandbox.stage import Stage
from bot.slack.actions import ACTIONS
from bot.slack.api import SlackError
from bot.slack.http import HttpTransport
from tests.fuzz.conftest import MORE, Elsewhere
from tests.scenarios.acts import ask_lock, busy, idle, open_form

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(st.characters(categories=None), max_size=20),
    st.just("\ud800"),
    st.just("a" * 20_000),
    st.just(10**4000),
)
JSON = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def as_metadata(kept: Any) -> str:
    try:
        return json.dumps(kept)
    except ValueError:
        return "9" * 5000


def nested(depth: int) -> Any:
    inner: Any = "x"
    for _ in range(depth):
        inner = {"a": [inner]}
    return inner


KEPT = (
    "kind",
    "channel",
    "nonce",
    "version",
    "last_seen",
    "looked_up",
    "looking_up",
    "message_ts",
    "thread_ts",
)
KEPT += ("request", "fingerprint", "wanted", "about", "ts", "many", "typed", "l", "h", "o", "n", "q", "w")
METADATA = st.dictionaries(st.sampled_from(KEPT), JSON, max_size=6) | JSON
ANYTHING = JSON | st.integers(1, 400).map(nested) | METADATA.map(as_metadata)
"""Among it what our own forms and buttons carry, with anything in it."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a payload."""
    yield path
    items: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


def with_put(payload: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(payload)
    at = changed
    for key in path[:-1]:
        at = at[key]
    if path:
        at[path[-1]] = value
    return changed if path else value


def ours(record: logging.LogRecord) -> bool:
    """A fault of the bot; that Slack refuses a view with forged blocks in it is none."""
    error = record.exc_info[1] if record.exc_info else None
    return record.levelno >= logging.ERROR and not isinstance(error, SlackError)


@pytest.fixture(scope="module")
def samples(stage: Stage, elsewhere: Elsewhere) -> dict[str, Any]:
    """One real payload of each kind, about real things."""

    async def made() -> dict[str, Any]:
        engineer = stage.person("U0ENG1")
        examples = stage.monogoto.examples
        card = await ask_lock(stage, engineer, examples.fresh)
        form = await open_form(
            stage, engineer, "/lock-thing", f"{examples.online.iccid} {examples.online.imei}"
        )
        await idle(stage)
        payloads: Payloads = stage.slack.payloads
        made = {
            "command": payloads.command("U0ENG1", "/imei", "status 1"),
            "lock": payloads.command("U0ENG1", "/lock-thing", "1"),
            "csv": payloads.command("U0ENG1", "/lock-csv", "template"),
            "submission": payloads.submission("U0PLAIN", form),
            "suggestion": payloads.suggestion("U0ENG1", form, "things_group", "things_group.v0", "a"),
            "shortcut": payloads.shortcut("U0ENG1", "lock_thing.open"),
            "message": payloads.message_shortcut("U0ENG1", card, "lock_from_message.open"),
            "event": payloads.event({"type": "subteam_updated", "subteam": {"id": "S0APPROVERS"}}),
        }
        for name in ("undo", "bulk", "lock_things_group", "unlock_thing"):
            other = copy.deepcopy(made["submission"])
            other["view"]["callback_id"] = f"{name}.submit"
            made[f"view {name}"] = other
        for name in ("deny_reason", "approve_many"):
            other = copy.deepcopy(made["submission"])
            other["view"]["callback_id"] = f"request.{name}"
            made[f"view {name}"] = other
        for action_id in [*ACTIONS, "things_group.v3"]:
            action = {"type": "button", "action_id": action_id, "block_id": "b", "value": "A.b"}
            made[f"click {action_id}"] = payloads.message_action("U0PLAIN", card, action)
            made[f"press {action_id}"] = payloads.view_action("U0PLAIN", form, action)
        return made

    return elsewhere.run(made())


def test_no_payload_that_makes_no_sense_is_our_failure_or_changes_anything(
    stage: Stage, elsewhere: Elsewhere, samples: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Real payloads with anything at all in the place of anything in them."""
    assert stage.bot
    transport = stage.bot.transport
    assert isinstance(transport, HttpTransport)
    names = sorted(samples)
    everywhere = {name: list(places(samples[name])) for name in names}

    async def sent(payload: Any) -> int:
        stage.clock.advance(2)  # past Slack's limits
        answer = await transport._dispatch(payload)
        answer.sent.set()
        for _ in range(500):  # most is done at once
            if not busy(stage):
                return answer.status
            await asyncio.sleep(0)
        await idle(stage)
        return answer.status

    @settings(max_examples=120 * MORE, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(names))
        payload = samples[name]
        for _ in range(data.draw(st.integers(1, 2))):
            path = data.draw(st.sampled_from(everywhere[name]))
            try:
                payload = with_put(payload, path, data.draw(ANYTHING))
            except (TypeError, KeyError, IndexError):
                continue
        caplog.clear()
        assert elsewhere.run(sent(payload)) < 500
        assert [r.getMessage() for r in caplog.records if ours(r)] == []

    fuzz()
    assert not any(stage.monogoto.writes.values())
