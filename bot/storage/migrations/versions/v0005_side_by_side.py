"""Programs of two versions side by side; on PostgreSQL text in the order of its bytes, as on SQLite."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

oldest = "0005"
"""The oldest version whose program works with the tables as they are after this step."""

_TABLES = (
    "audit", "audit_head", "census_rows", "censuses", "decisions", "holds", "inventory", "inventory_reading",
    "items", "outbox", "places", "requests", "runs", "submissions", "things_groups",
)  # fmt: skip


def upgrade() -> None:
    """Which version may go on is a row; `migrate` writes it."""
    op.create_table(
        "compatibility",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("oldest", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_compatibility"),
    )
    if op.get_context().dialect.name == "postgresql":
        for table in (*_TABLES, "compatibility"):
            _by_bytes(table)


def _by_bytes(table: str) -> None:
    """Also without a length: SQLite has none, and what it kept must fit."""
    columns = sa.inspect(op.get_bind()).get_columns(table)
    texts = [column["name"] for column in columns if isinstance(column["type"], sa.String)]
    changes = ", ".join(f'ALTER COLUMN "{name}" TYPE text COLLATE "C"' for name in texts)
    op.execute(f"ALTER TABLE {table} {changes}")
