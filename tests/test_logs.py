"""Logs hold ids and outcomes: no full ICCID or IMEI, no token, nothing of the loud libraries."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bot.logs import TextFormatter, mask, set_up


@pytest.fixture(autouse=True)
def root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("imei 490154203237518 seen", "imei <15 digits …7518> seen"),
        ("/thing/ThingId_ICCID_89014103211118510720", "/thing/ThingId_ICCID_<20 digits …0720>"),
        ("49-015420-323751-8", "<15 digits …7518>"),
        ("4901 5420 3237 518", "<15 digits …7518>"),
        ("4901\u20115420\u20133237\u2212518", "<15 digits …7518>"),
        ("4901.5420/3237_518", "<15 digits …7518>"),
        ("4901\u202f5420\u200b3237\u2009518", "<15 digits …7518>"),
        ("49 - 015420 - 323751 - 8", "<15 digits …7518>"),
        ("8901 4103 2111 1851 0720", "<20 digits …0720>"),
        ("xoxb-12-34-abcDEF gone", "xoxb-… gone"),
        ("token_xapp-1-A1-2-abc.", "token_xapp-…"),
        ("xoxe.xoxp-1-Mi0y", "xoxe-…"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer …'}"),
        ("eyJhbGciOi.eyJzdWIi.c2ln rest", "eyJ… rest"),
        ("wss://wss.slack.com/link/?ticket=1a-2b&app_id=5", "wss://wss.slack.com/link/?ticket=…&app_id=5"),
        ("https://hooks.slack.com/commands/T1/2/x'", "https://hooks.slack.com/…'"),
    ],
)
def test_what_is_secret_or_names_a_sim_or_a_device_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "request 42 approved",
        "ts 1712345678.123456",
        "from 2026-03-02 to 2026-04-02, 2026-03-02/2026-04-02",
        "2026-03-02 09:00:00,123 INFO",
        "2026-03-02T09:00:00.123456+00:00",
        "slack-sdk 3.47.0, Python 3.11.9, 127.0.0.1:8080",
        "1234567890123",
    ],
)
def test_what_is_shorter_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("form", ["text", "json"])
def test_message_arguments_and_tracebacks_are_masked_on_their_way_out(form: str) -> None:
    stream = io.StringIO()
    set_up(level="INFO", form=form, stream=stream)
    log = logging.getLogger("bot.anything")
    log.info("490154203237518 and %s", {"imei": "490154203237518"})
    try:
        int("xoxb-secret-490154203237518")
    except ValueError:
        log.exception("failed for %s", 8901410321111851072)
    assert "490154203237518" not in stream.getvalue()
    assert "8901410321111851072" not in stream.getvalue()
    assert "secret" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_the_loud_libraries_are_quiet_even_when_they_set_their_own_level(level: str) -> None:
    stream = io.StringIO()
    set_up(level=level, form="text", stream=stream)
    names = ["httpx", "httpcore.http11", "aiohttp.access", "slack_bolt.AsyncApp", "slack_sdk.web"]
    names += ["aiosqlite", "sqlalchemy.engine.Engine", "alembic.runtime", "asyncio"]
    for name in names:
        loud = logging.getLogger(name)
        before, loud.level = loud.level, logging.DEBUG
        loud.info("body=%s", "command=/lock-thing")
        loud.warning("%s worried", name)
        loud.setLevel(before)
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(names)
    assert all(line.endswith("worried") for line in lines)


def test_a_name_with_a_line_break_can_not_forge_a_line() -> None:
    stream = io.StringIO()
    set_up(level="INFO", form="text", stream=stream)
    logging.getLogger("bot").info("Thing %s", "a\nINFO bot: approved")
    assert len(stream.getvalue().splitlines()) == 1


def test_json_is_one_object_a_line() -> None:
    stream = io.StringIO()
    set_up(level="INFO", form="json", stream=stream)
    logging.getLogger("bot.slack").warning("first\nstill first")
    [entry] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (entry["level"], entry["logger"], entry["message"]) == (
        "WARNING",
        "bot.slack",
        "first\nstill first",
    )
    assert entry["time"].endswith("+00:00")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_known_secret_is_taken_out_of_a_foreign_errors_text_and_traceback(form: str) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    secrets = ['correct "horse"', "1234567", "short"]
    try:
        set_up(level="DEBUG", form=form, stream=stream, secrets=secrets)
        error = RuntimeError(f"can't log in with {secrets[0]} or {secrets[1]}")
        logging.getLogger("foreign").error("failed with %s, in short", secrets[0], exc_info=error)
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before
        root.setLevel(level)
    written = stream.getvalue()
    assert "RuntimeError" in written
    assert "horse" not in written
    assert "1234567" not in written
    assert "in short" in written


def test_a_line_of_text_begins_with_its_time_in_utc() -> None:
    record = logging.makeLogRecord({"msg": "now", "created": 1772442000.25, "msecs": 250.0})
    assert TextFormatter().format(record).startswith("2026-03-02T09:00:00.250Z ")
