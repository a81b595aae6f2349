"""Which Things our own changes left locked to a device: of single requests, and of the rows of bulks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.changes import Kind
from bot.domain.requests import ItemState, Status
from bot.storage.encoding import decode_seen
from bot.storage.tables import items, requests

_APPLIED = (ItemState.DONE.value, ItemState.ALREADY.value)


async def left_locked(connection: AsyncConnection, devices: Sequence[str]) -> list[tuple[str, str, str]]:
    """(device, Thing id, name) of each, in the order in which they were asked for.

    A Thing without a name is named by its ICCID.
    """
    columns = requests.c.device, requests.c.target_id, requests.c.target_title, requests.c.number
    singles = await connection.execute(select(*columns).where(singles_left_locked(devices)))
    found = [(number, device, thing_id, title) for device, thing_id, title, number in singles]
    rows = await connection.execute(rows_left_locked(devices))
    found += [(row.number, row.device, row.target_id, decode_seen(row.seen).target.title) for row in rows]
    return [(device, thing_id, name) for _, device, thing_id, name in sorted(found)]


def singles_left_locked(devices: Sequence[str]) -> ColumnElement[bool]:
    """Succeeded requests that locked a Thing to one of these devices; no later one on it succeeded."""
    ours = and_(
        requests.c.device.in_(devices),
        requests.c.status == Status.SUCCEEDED,
        requests.c.kind == Kind.LOCK_THING,
    )
    return and_(ours, ~_followed(requests.c.target_id))


def rows_left_locked(devices: Sequence[str]) -> Select[Any]:
    """As above, rows of bulks: their items, with the number of their request."""
    ours = items.c.device.in_(devices) & items.c.state.in_(_APPLIED) & (items.c.position > 0)
    of_bulks = select(items, requests.c.number).join(requests, requests.c.id == items.c.request_id)
    return of_bulks.where(ours, ~_followed(items.c.target_id)).order_by(requests.c.number, items.c.position)


def _followed(target_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a request with a higher number was applied to it too."""
    later, row, bulk = requests.alias("later"), items.alias("later_row"), requests.alias("later_bulk")
    single = exists().where(
        later.c.target_id == target_id,
        later.c.status == Status.SUCCEEDED,
        later.c.number > requests.c.number,
    )
    of_a_bulk = exists().where(
        row.c.target_id == target_id,
        row.c.state.in_(_APPLIED),
        bulk.c.id == row.c.request_id,
        bulk.c.number > requests.c.number,
    )
    return or_(single.correlate(requests, items), of_a_bulk.correlate(requests, items))
