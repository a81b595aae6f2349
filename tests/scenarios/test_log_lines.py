"""The log of a whole story: each line is JSON, and says which request and which payload it is about."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.logs import set_up
from bot.sandbox.stage import Stage
from tests.scenarios import acts

Lines = list[dict[str, Any]]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the process logs to, at its most talkative, as machines read it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    set_up(level="DEBUG", form="json", stream=stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def parsed(stream: io.StringIO) -> Lines:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def story(stage: Stage) -> str:
    """A lock asked for, approved and applied; the request's id."""
    sim = stage.monogoto.examples.fresh
    card = await acts.ask_lock(stage, stage.person("U0ENG1"), sim)
    await acts.approve(stage, stage.person("U0APP1"), card)
    await stage.until(lambda: [r for r in stage.replies(card) if "done" in r.text])
    await acts.idle(stage)
    (found,) = re.findall(r"`([2-9A-Z]{10})`", acts.shown(card))[:1]
    return str(found)


async def test_a_request_can_be_followed_from_payload_to_end_by_its_ids(
    stage: Stage, stream: io.StringIO
) -> None:
    request_id = await story(stage)
    lines = parsed(stream)
    moves = [line for line in lines if line["logger"] == "bot.watch.moves"]
    steps = [line["message"].split(": ")[1] for line in moves]
    assert steps == ["new → pending", "pending → approved", "approved → applying", "applying → succeeded"]
    assert {line["request_id"] for line in moves} == {request_id}
    asked, approved = moves[0]["payload_id"], moves[1]["payload_id"]
    assert asked != approved
    acks = {line["payload_id"]: line["message"] for line in lines if " acked with 200" in line["message"]}
    assert acks[asked].startswith("view_submission ")
    assert acks[approved].startswith("block_actions ")


async def test_every_line_that_names_the_request_carries_its_id(stage: Stage, stream: io.StringIO) -> None:
    request_id = await story(stage)
    naming = [line for line in parsed(stream) if request_id in line["message"]]
    assert naming
    assert [line for line in naming if line.get("request_id") != request_id] == []


async def test_calls_to_the_vendor_say_for_which_payload_or_request_they_were_made(
    stage: Stage, stream: io.StringIO
) -> None:
    request_id = await story(stage)
    lines = parsed(stream)
    calls = [line for line in lines if line["logger"] == "bot.monogoto.wire"]
    assert len(calls) == len(stage.monogoto.calls)
    assert [line for line in calls if not line.get("payload_id") and not line.get("request_id")] == []
    payloads = {line["payload_id"] for line in lines if " acked with 200" in line["message"]}
    assert {line["payload_id"] for line in calls if "payload_id" in line} <= payloads
    (write,) = [line for line in calls if line["message"].startswith("PUT ")]
    assert write["request_id"] == request_id


async def test_every_line_is_an_object_of_texts_without_a_sim_or_a_token(
    stage: Stage, stream: io.StringIO
) -> None:
    await story(stage)
    sim = stage.monogoto.examples.fresh
    for line in parsed(stream):
        assert {"time", "level", "logger", "message"} <= line.keys()
        assert set(line) <= {*("time", "level", "logger", "message", "exception", "stack"), *IDS}, line
        assert all(isinstance(value, str) for value in line.values())
    for secret in (sim.iccid, sim.imei, stage.slack.bot_token, stage.monogoto.password):
        assert secret not in stream.getvalue()


IDS = ("request_id", "payload_id", "reference")


async def test_the_reference_that_a_person_is_told_finds_the_error_and_its_payload(
    stage: Stage, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    engineer = stage.person("U0ENG1")

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("what nobody expected\nin two lines")

    assert stage.bot is not None
    monkeypatch.setattr(type(stage.bot.desk.lookups), "status", broken)
    await engineer.command("/imei", f"status {stage.monogoto.examples.fresh.iccid}", channel="C0FIELD")
    told = await stage.until(lambda: [w for w in stage.whispers("U0ENG1") if "reference" in w.text])
    (reference,) = re.findall(r"reference `(\w+)`", told[0].text)
    (line,) = [line for line in parsed(stream) if line.get("reference") == reference]
    assert line["level"] == "ERROR"
    assert "RuntimeError: what nobody expected\nin two lines" in line["exception"]
    (ack,) = [line for line in parsed(stream) if line["message"].startswith("command acked")]
    assert line["payload_id"] == ack["payload_id"]
