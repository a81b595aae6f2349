"""The rows of a bulk: columns and the domain values that they hold."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from bot.domain.changes import Kind, ThingChange
from bot.domain.impact import SeenThing
from bot.domain.plans import RowVerdict, Scope
from bot.domain.rows import BulkRow
from bot.storage.encoding import (
    decode_change,
    decode_impact,
    decode_seen,
    encode_change,
    encode_impact,
    encode_seen,
)
from bot.storage.rows import device_of, item_values, to_item


def bulk_row_values(row: BulkRow) -> dict[str, Any]:
    """The columns of an item that is a row of a bulk."""
    return item_values(row.item) | {
        "line": row.line,
        "typed": json.dumps(list(row.typed)),
        "verdict": row.verdict.value,
        "target_id": row.seen.thing.thing_id if row.seen else "",
        "device": device_of(row.change) if row.change else "",
        "scope": encode_scope((row.change.kind, row.seen.things_group_id)) if row.change and row.seen else "",
        "change": encode_change(row.change) if row.change else "",
        "seen": encode_seen(row.seen) if row.seen else "",
        "impact": encode_impact(row.impact) if row.impact else "",
        "fingerprint": row.fingerprint,
    }


def to_bulk_row(row: Row[Any]) -> BulkRow:
    """A row of a bulk from its item's columns."""
    seen = decode_seen(row.seen) if row.seen else None
    change = decode_change(row.change) if row.change else None
    if not isinstance(seen, SeenThing | None) or not isinstance(change, ThingChange | None):
        raise TypeError(f"row {row.position} of {row.request_id} is not about a Thing")
    return BulkRow(
        item=to_item(row),
        line=row.line,
        typed=tuple(json.loads(row.typed)),
        verdict=RowVerdict(row.verdict),
        change=change,
        seen=seen,
        impact=decode_impact(row.impact) if row.impact else None,
        fingerprint=row.fingerprint,
    )


def encode_scope(scope: Scope) -> str:
    """A scope as text that sorts and compares."""
    return json.dumps([scope[0].value, scope[1]])


def decode_scope(stored: str) -> Scope:
    """The scope of `encode_scope`."""
    kind, group_id = json.loads(stored)
    return Kind(kind), group_id
