"""A request is about a Thing or about a Things Group: its columns are called so. Items raise alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename; indexes follow their columns, but for the one that carries the old name in its own."""
    op.execute("ALTER TABLE requests RENAME COLUMN thing_id TO target_id")
    op.execute("ALTER TABLE requests RENAME COLUMN thing_name TO target_title")
    op.add_column("items", sa.Column("alarm", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_requests_thing_id_status_number", "requests")
    op.create_index("ix_requests_target_id_status_number", "requests", ["target_id", "status", "number"])
