"""The audit in the database: appending to its chain, checking it, handing it out.

An entry's body is its canonical JSON (RFC 8785), `seq` included; what is chained is exactly those
bytes. To check an exported line elsewhere: canonical JSON of its `entry`, then `domain/audit.py`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785
from sqlalchemy import BigInteger, Connection, Row, bindparam, insert, inspect, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.audit import AuditEntry, Link, chain, first_fault
from bot.domain.errors import StoreUnavailable
from bot.storage.columns import plain, to_microseconds
from bot.storage.engine import Engine
from bot.storage.tables import audit, audit_head
from bot.storage.transactions import LATER

_BATCH = 500
_APPEND = insert(audit)
_HEAD = select(audit_head.c.seq, audit_head.c.digest).where(audit_head.c.id == 1).with_for_update()
_MOVE_HEAD = (
    update(audit_head).where(audit_head.c.id == 1).values(seq=bindparam("to"), digest=bindparam("ending"))
)
"""Built once: they run in nearly every transaction."""


class Appending:
    """Entries of one transaction: chained as they come, written together by `flush`, before the commit."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._head: tuple[int, str] | None = None
        self._rows: list[dict[str, Any]] = []

    async def append(self, entry: AuditEntry) -> int:
        """Chain the entry to the last one; returns its seq, gapless from 1."""
        seq, previous = self._head or await self._locked_head()
        body = rfc8785.dumps(_body(seq + 1, entry))
        digest = chain(previous, body)
        self._head = (seq + 1, digest)
        row = {"seq": seq + 1, "body": body.decode(), "previous": previous, "digest": digest, "at": entry.at}
        self._rows.append(row | _indexed(entry))
        return seq + 1

    async def flush(self) -> None:
        """Write what was chained, and the head."""
        if self._head is None or not self._rows:
            return
        rows, self._rows = self._rows, []
        await self._connection.execute(_APPEND, rows, execution_options=LATER)
        seq, digest = self._head
        here = {"to": seq, "ending": digest}
        await self._connection.execute(_MOVE_HEAD, here, execution_options=LATER)

    async def _locked_head(self) -> tuple[int, str]:
        """The row is locked until the commit: nobody else chains to the same entry."""
        head = (await self._connection.execute(_HEAD)).one_or_none()
        if head is None:
            raise StoreUnavailable("the audit's head is missing: restore the database from a backup")
        return int(head.seq), str(head.digest)


async def append(connection: AsyncConnection, entry: AuditEntry) -> int:
    """Chain one entry to the last one, inside the caller's transaction; returns its seq."""
    appending = Appending(connection)
    seq = await appending.append(entry)
    await appending.flush()
    return seq


async def verify(engine: Engine) -> str | None:
    """The first thing wrong with the audit, in words, or None. Reads one snapshot, a batch at a time."""
    async with engine.reading() as connection:
        return await fault_in(connection)


async def fault_in(connection: AsyncConnection) -> str | None:
    """The same, as it stands in the caller's transaction."""
    return await connection.run_sync(_first_fault)


async def head(engine: Engine) -> tuple[int, str]:
    """How many entries were written, and the digest of the last. Kept elsewhere, it shows a cut-off end."""
    async with engine.reading() as connection:
        return await connection.run_sync(_head)


async def export(engine: Engine) -> AsyncIterator[str]:
    """All entries as JSON lines, oldest first: `seq`, `previous`, `digest` and the `entry` itself."""
    async with engine.reading() as connection:
        await connection.run_sync(_demand_tables)
        after = 0
        while rows := await connection.run_sync(_batch, after):
            for row in rows:
                yield _line(row)
            after = rows[-1].seq


def _body(seq: int, entry: AuditEntry) -> dict[str, Any]:
    group = {"things_group_id": plain(entry.things_group_id)} if entry.things_group_id else {}
    return group | {
        "v": 1,
        "seq": seq,
        "at": entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "event": plain(entry.event),
        "outcome": plain(entry.outcome),
        "person": {"user_id": plain(entry.person.user_id), "team_id": plain(entry.person.team_id)},
        "origin": {"channel": plain(entry.origin.channel), "message_ts": plain(entry.origin.message_ts)},
        "request_id": plain(entry.request_id),
        "thing_id": plain(entry.thing_id),
        "before": _plain_texts(entry.before),
        "after": _plain_texts(entry.after),
        "answer": plain(entry.answer),
        "reason": plain(entry.reason),
        "fingerprint": plain(entry.fingerprint),
    }


def _plain_texts(texts: Mapping[str, str]) -> dict[str, str]:
    return {plain(name): plain(text) for name, text in texts.items()}


def _indexed(entry: AuditEntry) -> dict[str, str]:
    """Columns to look entries up by; `verify` compares them with the body."""
    return {
        "event": entry.event,
        "user_id": entry.person.user_id,
        "request_id": entry.request_id,
        "thing_id": entry.thing_id,
    }


class _Disagrees(Exception):
    """A row whose chain holds, but whose columns say something else than its body."""


def _demand_tables(connection: Connection) -> None:
    if not {audit.name, audit_head.name} <= set(inspect(connection).get_table_names()):
        raise StoreUnavailable("the database holds no audit log: python -m bot migrate makes one")


def _first_fault(connection: Connection) -> str | None:
    _demand_tables(connection)
    try:
        return first_fault(_links(connection), _head(connection))
    except _Disagrees as found:
        return str(found)


def _links(connection: Connection) -> Iterator[Link]:
    """Each row as a link; its columns are looked at once its place in the chain has been."""
    after: int | None = None
    while rows := _batch(connection, after):
        for row in rows:
            yield Link(row.seq, str(row.body).encode(), row.previous, row.digest)
            _check_columns(row)
        after = rows[-1].seq


def _check_columns(row: Row[Any]) -> None:
    try:
        body = json.loads(str(row.body))
        canonical = rfc8785.dumps(body)
        said = {
            "seq": body["seq"],
            "at": to_microseconds(datetime.fromisoformat(body["at"])),
            "event": body["event"],
            "user_id": body["person"]["user_id"],
            "request_id": body["request_id"],
            "thing_id": body["thing_id"],
        }
    except (ValueError, KeyError, TypeError):
        raise _Disagrees(f"entry {row.seq} can't be read") from None
    if canonical != row.body.encode():
        raise _Disagrees(f"entry {row.seq} is not in canonical form")
    for name, value in said.items():
        if getattr(row, name) != value:
            raise _Disagrees(f"entry {row.seq}: the column {name} was changed after it was written")


def _batch(connection: Connection, after: int | None) -> list[Row[Any]]:
    """Rows as they are: `at` may hold anything once somebody has been at it."""
    raw = [column for column in audit.c if column.name != "at"]
    query = select(*raw, type_coerce(audit.c.at, BigInteger).label("at")).order_by(audit.c.seq).limit(_BATCH)
    if after is not None:
        query = query.where(audit.c.seq > after)
    return list(connection.execute(query))


def _head(connection: Connection) -> tuple[int, str]:
    row = connection.execute(select(audit_head).where(audit_head.c.id == 1)).one_or_none()
    return (int(row.seq), row.digest) if row else (0, "")


def _line(row: Row[Any]) -> str:
    entry: Any
    try:
        entry = json.loads(str(row.body))
    except ValueError:
        entry = str(row.body)
    line = {"seq": row.seq, "previous": row.previous, "digest": row.digest, "entry": entry}
    return json.dumps(line, ensure_ascii=False, sort_keys=True)
