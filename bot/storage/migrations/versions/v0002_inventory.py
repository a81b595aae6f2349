"""The inventory of Things and groups with its reading, and what lists of requests are found by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new tables and indexes."""
    _create_inventory()
    _create_things_groups()
    _create_reading()
    op.create_index("ix_requests_requester_user_number", "requests", ["requester_user", "number"])
    op.create_index("ix_decisions_user_id_request_id", "decisions", ["user_id", "request_id"])


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _create_inventory() -> None:
    op.create_table(
        "inventory",
        *(_text(name) for name in ("iccid", "thing_id", "name", "folded")),
        _text("things_group_id", nullable=True),
        _text("last_seen_imei"),
        sa.Column("device", sa.String(14), nullable=False),
        _number("read_at"),
        sa.PrimaryKeyConstraint("iccid", name="pk_inventory"),
    )
    for name in ("folded", "device", "things_group_id"):
        op.create_index(f"ix_inventory_{name}", "inventory", [name])


def _create_things_groups() -> None:
    op.create_table(
        "things_groups",
        *(_text(name) for name in ("things_group_id", "name", "folded")),
        _number("read_at"),
        sa.PrimaryKeyConstraint("things_group_id", name="pk_things_groups"),
    )
    op.create_index("ix_things_groups_folded", "things_groups", ["folded"])


def _create_reading() -> None:
    reading = op.create_table(
        "inventory_reading",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.String(16), nullable=False),
        _number("next_offset"),
        *(_number(name, nullable=True) for name in ("started_at", "finished_at", "complete_since")),
        sa.PrimaryKeyConstraint("id", name="pk_inventory_reading"),
    )
    op.bulk_insert(reading, [{"id": 1, "part": "rest", "next_offset": 0}])
