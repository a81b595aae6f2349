"""The first tables, the heads of the audit and the gate, and the triggers that keep the audit append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("status IN ('applying', 'approved', 'pending', 'unconfirmed')")
_IN_QUEUE = sa.text("state IN ('waiting', 'sending')")
_COUNTS = sa.text("counts")
_GENESIS = "0" * 64

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
_TAKEN = "EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)"
_SQLITE_TRIGGERS = (
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit {_REFUSE}",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {_REFUSE}",
    # INSERT OR REPLACE deletes the old row without firing the trigger above.
    f"CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN {_TAKEN} {_REFUSE}",
)
_POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()""",
)


def upgrade() -> None:
    """Make everything."""
    _create_requests()
    _create_decisions()
    _create_items()
    _create_audit()
    _create_places()
    _create_outbox()
    _create_submissions()
    _create_gate()
    is_sqlite = op.get_context().dialect.name == "sqlite"
    for statement in _SQLITE_TRIGGERS if is_sqlite else _POSTGRESQL_TRIGGERS:
        op.execute(statement)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _request_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=f"fk_{table}_request_id")


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        _text("id", 64),
        _count("rev"),
        *(_text(name, length) for name, length in (("status", 16), ("kind", 32))),
        *(_text(name) for name in ("thing_id", "thing_name")),
        _text("device", 14),
        *(_text(name, 64) for name in ("requester_user", "requester_team", "asked_channel", "asked_ts")),
        *(_text(name) for name in ("reason", "change", "seen", "impact")),
        _text("fingerprint", 64),
        _count("approvals_needed"),
        *(_number(name) for name in ("created_at", "expires_at", "apply_within")),
        _number("approved_at", nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_requests"),
        sa.UniqueConstraint("id", name="uq_requests_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_requests_one_open", "requests", ["thing_id"], unique=True,
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
    op.create_index("ix_requests_status_expires_at", "requests", ["status", "expires_at"])
    op.create_index("ix_requests_device_status", "requests", ["device", "status"])
    op.create_index("ix_requests_thing_id_status_number", "requests", ["thing_id", "status", "number"])


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        *(_text(name, 64) for name in ("request_id", "user_id", "team_id")),
        _text("vote", 16),
        _number("at"),
        _text("reason"),
        sa.Column("counts", sa.Boolean(create_constraint=False), nullable=False),
        _request_key("decisions"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_decisions_request_id", "decisions", ["request_id"])
    op.create_index(
        "ix_decisions_one_vote", "decisions", ["request_id", "team_id", "user_id", "vote"], unique=True,
        sqlite_where=_COUNTS, postgresql_where=_COUNTS,
    )  # fmt: skip


def _create_items() -> None:
    op.create_table(
        "items",
        _text("request_id", 64),
        _text("state", 16),
        _count("attempts"),
        _number("next_at", nullable=True),
        *(_text(name) for name in ("sent_before", "explanation")),
        _request_key("items"),
        sa.PrimaryKeyConstraint("request_id", name="pk_items"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        _number("at"),
        *(_text(name) for name in ("event", "user_id", "request_id", "thing_id", "body")),
        *(_text(name, 64) for name in ("previous", "digest")),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    for name in ("event", "user_id", "request_id", "thing_id"):
        op.create_index(f"ix_audit_{name}_seq", "audit", [name, "seq"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        _number("seq"),
        _text("digest", 64),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "digest": _GENESIS}])


def _create_places() -> None:
    op.create_table(
        "places",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        _text("request_id", 64),
        _text("kind", 16),
        *(_text(name, 64) for name in ("channel", "ts")),
        _count("drawn_rev"),
        _request_key("places"),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_places_request_id", "places", ["request_id"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        _text("request_id", 64),
        _number("place_id"),
        _text("what", 64),
        _text("about"),
        _text("state", 16),
        _count("attempts"),
        _number("not_before", nullable=True),
        _request_key("outbox"),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], name="fk_outbox_place_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_queue", "outbox", ["place_id", "id"],
        sqlite_where=_IN_QUEUE, postgresql_where=_IN_QUEUE,
    )  # fmt: skip


def _create_submissions() -> None:
    op.create_table(
        "submissions",
        _text("id", 64),
        _text("key", 255),
        *(_text(name, 64) for name in ("user_id", "team_id", "channel", "message_ts", "view_id")),
        _text("kind", 32),
        _text("fields"),
        _number("at"),
        _text("state", 16),
        _text("request_id", 64),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.UniqueConstraint("key", name="uq_submissions_key"),
    )
    op.create_index("ix_submissions_state", "submissions", ["state"])


def _create_gate() -> None:
    gate = op.create_table(
        "gate",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        *(_number(name) for name in ("next_at", "share", "paused_until", "slowed_at")),
        sa.PrimaryKeyConstraint("id", name="pk_gate"),
    )
    op.bulk_insert(gate, [{"id": 1, "next_at": 0, "share": 1024, "paused_until": 0, "slowed_at": 0}])
