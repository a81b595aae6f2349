"""The kinds of transaction that a database is asked for. What each of them means is its own to say."""

from __future__ import annotations

from sqlalchemy import Connection

READS = "reads"
READS_LONG = "reads long"
"""For as long as it takes."""
WRITES = "writes"
"""Alone: no other one of this kind is open meanwhile, in any process."""
WRITES_LONG = "writes long"
"""The same, for as long as it takes."""
WRITES_AT_ONCE = "writes at once"
"""One conditional statement, which is right whatever others write beside it."""

OPTION = "imei_lock_transaction"


def kind_of(connection: Connection) -> str:
    """What was asked for; a transaction that nobody named reads."""
    kind: str = connection.get_execution_options().get(OPTION, READS)
    return kind
