"""Items are many, holds are rows of their own, requests answer in threads and undo one another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = "('applying', 'approved', 'pending', 'unconfirmed')"
_OF_A_ROW = ("request_id", "state", "attempts", "next_at", "sent_before", "explanation", "alarm")


def upgrade() -> None:
    """What is open goes on being held; items keep what they were."""
    _hold()
    _many_items()
    _run()
    for table, column in (
        ("requests", sa.Column("asked_thread", sa.String(64), nullable=False, server_default="")),
        ("requests", sa.Column("asked_link", sa.Text(), nullable=False, server_default="")),
        ("requests", sa.Column("undoes", sa.String(64), nullable=False, server_default="")),
        ("requests", sa.Column("note", sa.Text(), nullable=False, server_default="")),
        ("requests", sa.Column("next_at", sa.BigInteger())),
        ("places", sa.Column("thread_ts", sa.String(64), nullable=False, server_default="")),
        ("submissions", sa.Column("thread_ts", sa.String(64), nullable=False, server_default="")),
        ("submissions", sa.Column("link", sa.Text(), nullable=False, server_default="")),
    ):
        op.add_column(table, column)
    op.create_index("ix_requests_undoes", "requests", ["undoes"])
    _count_groups()


def _count_groups() -> None:
    """What a census of a group reads, and where it keeps how far it has come."""
    op.add_column("inventory", sa.Column("imei_lock", sa.Boolean()))
    op.add_column("inventory", sa.Column("locked_imei", sa.Text()))
    op.add_column("inventory", sa.Column("lock_read_at", sa.BigInteger()))
    op.add_column("inventory_reading", sa.Column("doubts", sa.Integer(), nullable=False, server_default="0"))
    # Left empty: when the groups known so far were told, nobody wrote down; the next count asks.
    op.add_column("inventory", sa.Column("group_read_at", sa.BigInteger()))
    op.drop_index("ix_inventory_things_group_id", "inventory")
    op.create_index("ix_inventory_things_group_id_iccid", "inventory", ["things_group_id", "iccid"])
    op.create_table(
        "censuses",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("tail", sa.Text(), nullable=False),
        sa.Column("shifted", sa.Boolean(), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("online", sa.Integer()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("given_up", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("request_id", "again", name="pk_censuses"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_censuses_request_id"),
    )
    op.create_table(
        "census_rows",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("iccid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_seen_imei", sa.Text(), nullable=False),
        sa.Column("tac", sa.String(8), nullable=False),
        sa.Column("imei_lock", sa.Boolean()),
        sa.Column("locked_imei", sa.Text()),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "again", "iccid", name="pk_census_rows"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_census_rows_request_id"),
    )
    of_a_standing = ["request_id", "again", "standing", "iccid"]
    op.create_index("ix_census_rows_request_id_again_standing_iccid", "census_rows", of_a_standing)


def _hold() -> None:
    op.create_table(
        "holds",
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("target_id", name="pk_holds"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_holds_request_id"),
    )
    op.create_index("ix_holds_request_id", "holds", ["request_id"])
    op.execute(
        "INSERT INTO holds (target_id, request_id) "  # noqa: S608  a constant
        f"SELECT target_id, id FROM requests WHERE status IN {_OPEN}"
    )
    op.drop_index("ix_requests_one_open", "requests")


def _run() -> None:
    op.create_table(
        "runs",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_runs"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_runs_request_id"),
    )


def _many_items() -> None:
    """SQLite can't change a primary key: the rows move into a new table."""
    op.rename_table("items", "items_before")
    op.create_table(
        "items",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("sent_before", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("alarm", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("run", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("line", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("typed", sa.Text(), nullable=False, server_default=""),
        sa.Column("verdict", sa.String(16), nullable=False, server_default=""),
        sa.Column("target_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("device", sa.String(14), nullable=False, server_default=""),
        sa.Column("scope", sa.Text(), nullable=False, server_default=""),
        sa.Column("change", sa.Text(), nullable=False, server_default=""),
        sa.Column("seen", sa.Text(), nullable=False, server_default=""),
        sa.Column("impact", sa.Text(), nullable=False, server_default=""),
        sa.Column("fingerprint", sa.String(64), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("request_id", "position", name="pk_items_row"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_items_row_request_id"),
    )
    kept = ", ".join(_OF_A_ROW)
    op.execute(f"INSERT INTO items ({kept}) SELECT {kept} FROM items_before")  # noqa: S608  constants
    op.drop_table("items_before")
    counted = ["request_id", "state", "position", "run"]
    op.create_index("ix_items_request_id_state_position_run", "items", counted)
    op.create_index("ix_items_request_id_verdict_position", "items", ["request_id", "verdict", "position"])
    op.create_index("ix_items_target_id", "items", ["target_id"])
    op.create_index("ix_items_device", "items", ["device"])
