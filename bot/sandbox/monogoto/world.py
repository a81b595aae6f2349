"""What the vendor holds, and what happens to it: writes, people at the vendor's console, and devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.monogoto.catalogue import Catalogue
from bot.sandbox.monogoto.devices import NO_IMEI, Verdict, judge
from bot.sandbox.monogoto.groups import (
    MODIFIED_KEY,
    GroupRecord,
    GroupWrite,
    put_group,
    render_group,
    write_group_key,
)
from bot.sandbox.monogoto.records import ThingRecord, write_key
from bot.sandbox.monogoto.settings import Settings
from bot.sandbox.monogoto.ticks import CasTicker, location_time, milliseconds, usage_time
from bot.services.ports import Clock


@dataclass(frozen=True, slots=True)
class Write:
    """One PUT that took effect."""

    at: datetime
    keys: dict[str, Any]
    cas_before: str
    cas_after: str


class World:
    """All Things and groups of one account. Every change of a Thing moves `cas`; groups have none."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._ticker = CasTicker(clock)
        self._catalogue = Catalogue()
        self.things: dict[str, ThingRecord] = {}
        self.groups: dict[str, GroupRecord] = {}
        self.writes: defaultdict[str, list[Write]] = defaultdict(list)
        self.group_writes: defaultdict[str, list[GroupWrite]] = defaultdict(list)
        self._hidden: dict[str, tuple[datetime, dict[str, Any]]] = {}

    def fill(self, groups: Iterable[GroupRecord], things: Iterable[ThingRecord]) -> None:
        """Hold these from now on, and nothing else."""
        self.groups = {group.group_id: group for group in groups}
        self.things = {record.iccid: record for record in things}
        self._catalogue = Catalogue(self.things.values())

    def hide(self, record_id: str, before: dict[str, Any], seconds: float) -> None:
        """What changes in this record now is seen only after so long; until then it reads as it was."""
        self._hidden[record_id] = (self._clock.now() + timedelta(seconds=seconds), before)

    def shown(self, record_id: str) -> dict[str, Any] | None:
        """The record as it is still read, None where nothing of it is hidden."""
        until, before = self._hidden.get(record_id, (None, None))
        return before if until is not None and self._clock.now() < until else None

    def touch(self, iccid: str) -> ThingRecord | None:
        """The Thing as of now: sessions that repeat by themselves have happened meanwhile."""
        record = self.things.get(iccid)
        if record is not None and record.session_every_ms is not None:
            now_ms = milliseconds(self._clock.now())
            if now_ms - record.sessions_since_ms >= record.session_every_ms:
                record.sessions_since_ms = now_ms
                self._session_again(record)
        return record

    def write(self, record: ThingRecord, keys: dict[str, Any], *, also: dict[str, Any] | None = None) -> None:
        """Merge just these keys, as a PUT does, and remember it; `also` changes with them, unasked."""
        before = str(record.cas)
        self.edit(record, keys | (also or {}))
        self.writes[record.iccid].append(Write(self._clock.now(), keys, before, str(record.cas)))

    def edit(self, record: ThingRecord, keys: dict[str, Any]) -> None:
        """Merge keys from anywhere else: moves `cas` and DateModified."""

        def change() -> None:
            for key, value in keys.items():
                write_key(record, key, value)

        if "ThingName" in keys:
            self._catalogue.rename(record, change)
        else:
            change()
        record.cas = self._ticker.next()
        record.modified_ms = milliseconds(self._clock.now())

    def move_cas(self, record: ThingRecord) -> None:
        """Something happened to the SIM that no field shows."""
        record.cas = self._ticker.next()

    def data_session(self, iccid: str, imei: str) -> Verdict:
        """A device tries to get on-line with this SIM. Accepted: last-seen IMEI and `cas` move."""
        record = self.things[iccid]
        reported = NO_IMEI if record.carrier_hides_imei else imei
        verdict = judge(record, self.groups.get(record.group_id), reported, self._settings)
        if verdict.accepted:
            self._seen(record, reported)
        return verdict

    def _session_again(self, record: ThingRecord) -> None:
        last = record.imei if isinstance(record.imei, str) else NO_IMEI
        if not self.data_session(record.iccid, last).accepted:
            record.online = False

    def _seen(self, record: ThingRecord, imei: str) -> None:
        now = self._clock.now()
        record.imei = imei
        record.online = True
        record.last_data_ms = milliseconds(now)
        record.last_location = location_time(now)
        record.last_usage = usage_time(now)
        record.cas = self._ticker.next()

    def rows(
        self, page: slice, *, order: str | None, imei: str | None, groups: frozenset[str] | None
    ) -> list[ThingRecord]:
        """A page of a listing, see `Catalogue.page`."""
        return self._catalogue.page(page, order=order, imei=imei, groups=groups)

    def write_group(self, group: GroupRecord, body: dict[str, Any], *, also: dict[str, Any]) -> None:
        """Take a PUT as the setting says, and remember it; `also` changes with it, unasked."""
        before = render_group(group)
        put_group(group, body, self._settings.group_put)
        self._change_group(group, also, modified=MODIFIED_KEY not in body)
        self.group_writes[group.group_id].append(
            GroupWrite(self._clock.now(), body, before, render_group(group))
        )

    def edit_group(self, group: GroupRecord, keys: dict[str, Any]) -> None:
        """Merge keys from anywhere else; none at all changes nothing at all."""
        if keys:
            self._change_group(group, keys, modified=True)

    def _change_group(self, group: GroupRecord, keys: dict[str, Any], *, modified: bool) -> None:
        if modified and self._settings.group_modified_moves:
            write_group_key(group, MODIFIED_KEY, milliseconds(self._clock.now()))
        for key, value in keys.items():
            write_group_key(group, key, value)
