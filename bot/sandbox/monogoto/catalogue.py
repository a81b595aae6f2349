"""All Things in the orders in which they are listed, kept so that a page costs as much as its rows."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable

from bot.sandbox.monogoto.records import ThingRecord


class Catalogue:
    """As seeded, and by name. Things are never added later; a new name is told by `renamed`."""

    def __init__(self, things: Iterable[ThingRecord] = ()) -> None:
        self._seeded = list(things)
        self._by_name = sorted(self._seeded, key=_by_name)

    def rename(self, record: ThingRecord, change: Callable[[], None]) -> None:
        """Make a change that may touch the name, and keep the order."""
        del self._by_name[bisect_left(self._by_name, _by_name(record), key=_by_name)]
        try:
            change()
        finally:
            insort(self._by_name, record, key=_by_name)

    def page(
        self, rows: slice, *, order: str | None, imei: str | None, groups: frozenset[str] | None
    ) -> list[ThingRecord]:
        """Those rows of all Things, or of those last seen in that IMEI, or in those groups.

        By name where `order` is ASC or DESC, else as they were seeded.
        """
        listed = self._seeded if order is None else self._by_name
        if imei is not None:
            listed = [record for record in listed if record.imei == imei]
        if groups is not None:
            listed = [record for record in listed if record.group_id in groups]
        if order != "DESC":
            return listed[rows]
        total = len(listed)
        return listed[max(0, total - rows.stop) : max(0, total - rows.start)][::-1]


def _by_name(record: ThingRecord) -> tuple[str, str]:
    return str(record.name), record.iccid
