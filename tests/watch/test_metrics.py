"""Numbers keep to fixed labels, whatever they are told of; what can't be looked up has no value."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest

from bot.monogoto.endpoints import ENDPOINTS, endpoint_of
from bot.services.watching import Counts, Part
from bot.slack.dispatch import KINDS, kind_of
from bot.watch.live import Live
from bot.watch.metrics import Metrics, outcome_of


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(now=lambda: datetime(2026, 3, 2, tzinfo=UTC), kinds=KINDS, endpoints=ENDPOINTS)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/Auth", "/Auth"),
        ("/thing/ThingId_ICCID_…0720", "/thing/{id}"),
        ("/thing/status?ThingIds=ThingId_ICCID_…0720&limit=50", "/thing/status"),
        ("/thing/update/", "/thing/update/"),
        ("/things?filterBy[IMEI]=…7518", "/things"),
        ("/thingsgroup/ThingsGroupId_x", "/thingsgroup/{id}"),
        ("/thingsgroups?limit=50", "/thingsgroups"),
        ("/something/else", "other"),
        ("", "other"),
    ],
)
def test_a_path_is_counted_under_its_template(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint
    assert endpoint in ENDPOINTS


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"), (204, "ok"), (401, "unauthorized"), (404, "refused"), (429, "rate_limited"),
        (500, "server_error"), (503, "server_error"), (None, "no_answer"),
    ],
)  # fmt: skip
def test_a_status_is_one_of_a_few_outcomes(status: int | None, outcome: str) -> None:
    assert outcome_of(status) == outcome


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"command": "/imei", "type": "block_actions"}, "command"),
        ({"type": "event_callback", "event": {}}, "event"),
        ({"type": "view_submission"}, "view_submission"),
        ({"type": ["view_submission"]}, "other"),
        ({"type": "<script>"}, "other"),
        ({}, "other"),
    ],
)
def test_a_payload_is_one_of_a_few_kinds(payload: dict[str, object], kind: str) -> None:
    assert kind_of(payload) == kind


def test_words_that_nobody_foresaw_make_no_new_label(metrics: Metrics) -> None:
    metrics.acked("forged", 200, 0.1)
    metrics.slack_called("chat.update", "a_new_error_of_slacks", 0.1)
    metrics.vendor_called("GET", "/thing/89014103211118510720", 200, 0.1)
    metrics.connected("a new reason")
    text = generate_latest(metrics.registry).decode()
    for word in ("forged", "a_new_error", "8901410", "a new reason"):
        assert word not in text


def test_what_can_be_counted_on_is_there_at_zero_from_the_start(metrics: Metrics) -> None:
    text = generate_latest(metrics.registry).decode()
    for series in (
        'imei_lock_request_moves_total{kind="lock_thing",to="failed"} 0.0',
        'imei_lock_socket_connections_total{why="silent"} 0.0',
        'imei_lock_retries_total{what="item"} 0.0',
        'imei_lock_log_lines_total{level="error"} 0.0',
        'imei_lock_ack_seconds_count{kind="command",outcome="ok"} 0.0',
    ):
        assert series in text


def test_two_bots_in_one_process_do_not_mix(metrics: Metrics) -> None:
    other = Metrics(now=lambda: datetime.now(UTC), kinds=KINDS, endpoints=ENDPOINTS)
    other.message_retried()
    assert 'imei_lock_retries_total{what="message"} 0.0' in generate_latest(metrics.registry).decode()


def test_the_oldest_message_is_as_old_as_this_process_has_seen_it(metrics: Metrics) -> None:
    seconds = [0.0]
    live = Live(lambda: None, seconds=lambda: seconds[0])
    metrics.registry.register(live)

    def oldest(*waiting: int) -> str:
        live.take(Counts(waiting=waiting), ())
        lines = generate_latest(metrics.registry).decode().splitlines()
        return next(line for line in lines if line.startswith("imei_lock_outbox_oldest_seconds ")).split()[1]

    assert oldest() == "0.0"
    assert oldest(7) == "0.0"
    seconds[0] = 60.0
    assert oldest(7, 8) == "60.0"
    assert oldest(8) == "0.0"
    assert oldest() == "0.0"


def test_where_nothing_waits_no_time_has_passed(metrics: Metrics) -> None:
    ticks = itertools.count()
    live = Live(lambda: None, seconds=lambda: float(next(ticks)))
    metrics.registry.register(live)
    live.take(Counts(), ())
    assert "\nimei_lock_outbox_oldest_seconds 0.0\n" in generate_latest(metrics.registry).decode()


def test_without_a_database_its_numbers_are_absent_not_old(metrics: Metrics) -> None:
    live = Live(lambda: None)
    metrics.registry.register(live)
    live.take(Counts(audit_seq=5), (Part("audit", is_good=True),))
    assert "\nimei_lock_audit_head_seq 5.0\n" in generate_latest(metrics.registry).decode()
    live.take(None, (Part("audit", is_good=False),))
    text = generate_latest(metrics.registry).decode()
    assert "\nimei_lock_audit_head_seq " not in text
    assert '\nimei_lock_ready{part="audit"} 0.0\n' in text
    assert "\nimei_lock_socket_pong_age_seconds " not in text
