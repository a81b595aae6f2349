"""A database that tests take turns at is to each as if it were new."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from bot.sandbox import postgres
from tests.storage.by_hand import by_hand
from tests.turns import Turns

HELD = "INSERT INTO leases (name, holder, until) VALUES ('sweep', 'one', 1)"
PAUSED = "UPDATE gate SET paused_until = paused_until + 1"
LEFT = "SELECT (SELECT count(*) FROM leases), (SELECT max(paused_until) FROM gate), count(*) FROM audit"


@pytest.fixture
def turns(postgres_server: postgres.Server, new_postgres: str) -> Iterator[Turns]:
    made = Turns(postgres_server, new_postgres, "turns_tried")
    yield made
    made.end()


def test_what_one_wrote_the_next_does_not_find(turns: Turns) -> None:
    with turns.turn() as url:
        new = by_hand(url, LEFT)
        assert by_hand(url, HELD, PAUSED, LEFT) != new
    with turns.turn() as again:
        assert again == url
        assert by_hand(again, LEFT) == new


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER audit_no_change ON audit",
        "ALTER TABLE audit DISABLE TRIGGER USER",
        "CREATE TABLE mine (id integer)",
        "DROP TABLE leases",
        "ALTER TABLE leases ALTER COLUMN until DROP NOT NULL",
        "REVOKE SELECT ON audit FROM PUBLIC",
    ],
)
def test_whoever_changes_what_it_is_made_of_leaves_it_to_nobody(turns: Turns, statement: str) -> None:
    with turns.turn() as url:
        number = by_hand(url, "SELECT oid FROM pg_database WHERE datname = current_database()")
        by_hand(url, statement)
    with turns.turn() as again:
        assert by_hand(again, "SELECT oid FROM pg_database WHERE datname = current_database()") != number


def test_who_is_still_connected_is_let_go_of(turns: Turns) -> None:
    with turns.turn() as url:
        left = psycopg.connect(url)
        left.execute(HELD)
    with pytest.raises(psycopg.OperationalError), left:
        left.execute(LEFT)
