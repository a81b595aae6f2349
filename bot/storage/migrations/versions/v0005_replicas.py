"""Leases, what was begun, whose form it is; on PostgreSQL the notices that replicas hear."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

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


def upgrade() -> None:
    """Nothing that the version before would trip over: new tables, and a column with a default."""
    op.add_column("submissions", sa.Column("holder", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "leases",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "begun",
        sa.Column("what", sa.String(255), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", name="pk_begun"),
    )
    op.create_index("ix_begun_at", "begun", ["at"])
    if op.get_context().dialect.name == "postgresql":
        for statement in _NOTICES:
            op.execute(statement)
