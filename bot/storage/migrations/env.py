"""What Alembic runs for each command: on the connection that `migrate` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from bot.storage.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
