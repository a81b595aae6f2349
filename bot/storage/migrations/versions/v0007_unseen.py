"""Since when a lost write has not shown itself: a reading counts for all replicas, and after a restart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

oldest = "0006"
"""The oldest version whose program works with the tables as they are after this step: one before it counts
readings by itself, and leaves the column alone."""


def upgrade() -> None:
    """Nothing that the version before would trip over."""
    op.add_column("items", sa.Column("unseen_since", sa.BigInteger(), nullable=True))
