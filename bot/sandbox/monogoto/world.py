"""What the vendor holds, and what happens to it: writes, people at the vendor's console, and devices."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox.monogoto.devices import NO_IMEI, Verdict, judge
from bot.sandbox.monogoto.records import ABSENT, GroupRecord, ThingRecord, write_key
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
    """All Things and groups of one account. Every change moves `cas`."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._ticker = CasTicker(clock)
        self._by_name: list[ThingRecord] | None = None
        self.things: dict[str, ThingRecord] = {}
        self.groups: dict[str, GroupRecord] = {}
        self.writes: defaultdict[str, list[Write]] = defaultdict(list)

    def touch(self, iccid: str) -> ThingRecord | None:
        """The Thing as of now: sessions that repeat by themselves have happened meanwhile."""
        record = self.things.get(iccid)
        if record is not None and record.session_every_ms is not None:
            now_ms = milliseconds(self._clock.now())
            if now_ms - record.sessions_since_ms >= record.session_every_ms:
                record.sessions_since_ms = now_ms
                self._session_again(record)
        return record

    def write(self, record: ThingRecord, keys: dict[str, Any]) -> None:
        """Merge just these keys, as a PUT does, and remember it."""
        before = str(record.cas)
        self.edit(record, keys)
        self.writes[record.iccid].append(Write(self._clock.now(), keys, before, str(record.cas)))

    def edit(self, record: ThingRecord, keys: dict[str, Any]) -> None:
        """Merge keys from anywhere else: moves `cas` and DateModified."""
        for key, value in keys.items():
            write_key(record, key, value)
        if "ThingName" in keys:
            self._by_name = None
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

    def rows(self, *, imei: str | None, order: str | None) -> list[ThingRecord]:
        """All Things, or those last seen in that IMEI; by name where `order` is ASC or DESC."""
        found = list(self.things.values()) if order is None else self._sorted()
        if imei is not None:
            found = [record for record in found if record.imei is not ABSENT and record.imei == imei]
        return found[::-1] if order == "DESC" else found

    def _sorted(self) -> list[ThingRecord]:
        if self._by_name is None:
            self._by_name = sorted(self.things.values(), key=lambda record: (record.name, record.iccid))
        return self._by_name
