"""Leases, what was begun, whose form it is; on PostgreSQL the notices that replicas hear."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

oldest = "0006"
"""The oldest version whose program works with the tables as they are after this step: one before it takes
no lease, so that two of them would tell."""

_NOTICES = (
    """CREATE FUNCTION imei_lock_to_tell() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('imei_lock_to_tell', ''); RETURN NULL; END $$""",
    """CREATE TRIGGER outbox_to_tell AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION imei_lock_to_tell()""",
    """CREATE FUNCTION imei_lock_posted() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('imei_lock_posted', NEW.request_id); RETURN NULL; END $$""",
    """CREATE TRIGGER places_posted AFTER UPDATE OF ts ON places
    FOR EACH ROW WHEN (NEW.ts <> '' AND OLD.ts <> NEW.ts) EXECUTE FUNCTION imei_lock_posted()""",
)


def _word(name: str, length: int, **more: Any) -> sa.Column[str]:
    """On PostgreSQL in the order of its bytes, as everywhere since the step before."""
    by_bytes = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, by_bytes, nullable=False, **more)


def upgrade() -> None:
    """Nothing that the version before would trip over: new tables, and a column with a default."""
    op.add_column("submissions", _word("holder", 64, server_default=""))
    op.create_table(
        "leases",
        _word("name", 128),
        _word("holder", 64),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "begun",
        _word("what", 255),
        _word("holder", 64),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", name="pk_begun"),
    )
    op.create_index("ix_begun_at", "begun", ["at"])
    if op.get_context().dialect.name == "postgresql":
        for statement in _NOTICES:
            op.execute(statement)
