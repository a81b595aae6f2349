"""The live state that a change is about, and whom the change would hurt."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.domain.changes import GroupChange, SingleChange, device_bound
from bot.domain.errors import NotReached, PlatformError, Proposed, ThingNotFound, Unfit
from bot.domain.fingerprints import fingerprint
from bot.domain.identifiers import Iccid, ThingsGroupId, iccid_forms
from bot.domain.impact import Impact, Seen, SeenGroup, SeenTarget, SeenThing, assess
from bot.domain.planned import plan_fingerprint, plan_of
from bot.domain.policy import Policy, Terms
from bot.domain.requests import ChangeRequest
from bot.domain.things import Target, Thing, ThingsGroup
from bot.services.deadline import within
from bot.services.ports import Clock, Platform, Store

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds that a person waits for one reading, its turn at the vendor's gate included."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an approver is shown, and the fingerprint that binds the approval to it."""

    seen: Seen
    impact: Impact
    terms: Terms
    fingerprint: str


class Previews:
    """Reads the platform, never writes."""

    def __init__(
        self,
        *,
        platform: Platform,
        store: Store,
        policy: Policy,
        clock: Clock,
        groups_ahead: bool = True,
    ) -> None:
        self._platform = platform
        self._store = store
        self._policy = policy
        self._clock = clock
        self._groups_ahead = groups_ahead
        """Whether a Thing's group is read beside it: somebody waits. Where the platform keeps groups for a
        while it gains nothing, and a vendor that is away would be called twice for each Thing."""

    async def target(self, change: SingleChange) -> Target:
        """The Thing or Things Group that a change names. Raises like `find` and `find_group`."""
        if isinstance(change, GroupChange):
            return await self.find_group(change.things_group_id)
        return await self.find(change.iccid)

    async def find(self, typed: Iccid, *, patient: bool = False) -> Thing:
        """The Thing of this ICCID. Raises `Proposed` where only another form exists, `Unfit` where none does.

        The vendor may hold an ICCID a digit shorter or longer than the printed one; at most three are tried.
        """
        forms = iccid_forms(typed)
        for form in forms:
            try:
                thing = await self._read(self._platform.thing(form), patient=patient)
            except ThingNotFound:
                continue
            if form == typed:
                return thing
            reason = f"This account holds no {typed.grouped}, but it holds {form.grouped}."
            raise Proposed(reason, "iccid", form.digits)
        tried = ", ".join(form.grouped for form in forms)
        raise Unfit(
            f"No SIM of that ICCID is on this account. Tried: {tried}. "
            "Compare it with the number printed on the SIM, or ask whoever ordered it.",
            "iccid",
        )

    async def find_group(self, things_group_id: ThingsGroupId) -> ThingsGroup:
        """The group of this id. Raises `Unfit` where there is none."""
        try:
            return await self._soon(self._platform.things_group(things_group_id.text))
        except ThingNotFound:
            raise Unfit(
                f"No group {things_group_id.text} is on this account. "
                "Choose one from the list, or copy its id from the console.",
                "things_group",
            ) from None

    async def look(self, target: Target, change: SingleChange | None) -> SeenTarget:
        """What was just read with its surroundings. What of those can't be read is unknown."""
        if isinstance(target, ThingsGroup):
            return SeenGroup(target, self._clock.now())
        return await self.look_around(target, change)

    async def look_around(self, thing: Thing, change: SingleChange | None) -> SeenThing:
        """The Thing just read with its surroundings, read side by side."""
        (group, readable), elsewhere, online, ours, group_request = await asyncio.gather(
            self._group_of(thing),
            self._elsewhere(thing, change),
            self._online(thing),
            self._ours(thing, change),
            self._group_request(thing),
        )
        now = self._clock.now()
        return SeenThing(thing, group, readable, elsewhere, online, now, ours, group_request)

    async def core(self, change: SingleChange, before: Seen, *, patient: bool = False) -> SeenTarget:
        """Only what a decision rests on, fresh. Patient: nobody waits for it. Raises `ThingNotFound`.

        `before`: as it was read last. It only tells which group to read side by side with the Thing.
        """
        if isinstance(change, GroupChange):
            reading = self._platform.things_group(change.things_group_id.text)
            return SeenGroup(await self._read(reading, patient=patient), self._clock.now())
        likely_known = self._groups_ahead and isinstance(before, SeenThing)
        group_id = before.things_group_id if likely_known else None
        likely = asyncio.create_task(self._group(group_id, patient=patient))
        try:
            thing = await self._read(self._platform.thing(change.iccid), patient=patient)
            is_there = thing.things_group_id == group_id
            group, readable = await (likely if is_there else self._group_of(thing, patient=patient))
        finally:
            likely.cancel()
            await asyncio.gather(likely, return_exceptions=True)
        return SeenThing(thing, group, readable, (), None, self._clock.now())

    async def once_more(self, iccid: Iccid, before: Thing) -> SeenThing:
        """As `core`, patiently, and the Thing last: what is written with its `cas` can follow at once."""
        group, readable = await self._group_of(before, patient=True)
        thing = await self._platform.thing(iccid)
        if thing.things_group_id != before.things_group_id:
            group, readable = await self._group_of(thing, patient=True)
        return SeenThing(thing, group, readable, (), None, self._clock.now())

    def judge(self, change: SingleChange, seen: SeenTarget) -> Preview:
        """Impact, terms and fingerprint of this change to what was seen."""
        impact = assess(change, seen)
        terms = self._policy.terms(change.kind, seen.things_group_id, impact.affected)
        return Preview(seen, impact, terms, self.mark(change, seen, impact, terms))

    def judge_plan(self, request: ChangeRequest) -> Preview:
        """Terms and fingerprint of a bulk, by its rows as they were planned. TypeError for a single.

        Nothing is read: 100,000 Things can't be at a click. Each row is compared when it is applied.
        """
        plan, impact = plan_of(request), request.impact
        terms = self._policy.strictest(plan.scopes, impact.affected)
        mark = plan_fingerprint(self._policy.team, plan, impact, terms.rules)
        return Preview(request.seen, impact, terms, mark)

    def to_type(self, request: ChangeRequest) -> str:
        """What an approver has to type: see `Policy.to_type`."""
        return self._policy.to_type(request.change.kind, request.scopes, request.impact.affected)

    def mark(self, change: SingleChange, seen: SeenTarget, impact: Impact, terms: Terms) -> str:
        """The fingerprint of a change to what was seen, with that verdict under those terms."""
        return fingerprint(self._policy.team, change, seen, impact.verdict, terms.rules)

    async def _read(self, reading: Coroutine[Any, Any, T], *, patient: bool) -> T:
        return await (reading if patient else self._soon(reading))

    async def _soon(self, reading: Coroutine[Any, Any, T]) -> T:
        try:
            return await within(self._clock, PATIENCE, reading)
        except TimeoutError:
            raise NotReached("Monogoto did not answer while somebody waited for it.") from None

    async def _group_of(self, thing: Thing, *, patient: bool = False) -> tuple[ThingsGroup | None, bool]:
        return await self._group(thing.things_group_id, patient=patient)

    async def _group(self, things_group_id: str | None, *, patient: bool) -> tuple[ThingsGroup | None, bool]:
        """The group, None where there is none; and whether it could be read."""
        if things_group_id is None:
            return None, True
        try:
            reading = self._platform.things_group(things_group_id)
            return await self._read(reading, patient=patient), True
        except PlatformError:
            return None, False

    async def _elsewhere(self, thing: Thing, change: SingleChange | None) -> tuple[str, ...] | None:
        device = device_bound(change) if change else None
        if device is None:
            return ()
        try:
            rows = await self._soon(self._platform.things_last_seen_in(device))
        except PlatformError:
            return None
        return tuple(row.name or row.iccid for row in rows if row.thing_id != thing.thing_id)

    async def _online(self, thing: Thing) -> bool | None:
        try:
            return await self._soon(self._platform.is_online(thing))
        except PlatformError:
            return None

    async def _ours(self, thing: Thing, change: SingleChange | None) -> tuple[str, ...]:
        device = device_bound(change) if change else None
        if device is None:
            return ()
        return tuple(n for n in await self._store.locked_to(device) if n not in {thing.name, thing.iccid})

    async def _group_request(self, thing: Thing) -> str:
        if thing.things_group_id is None:
            return ""
        holder = await self._store.open_request(thing.things_group_id)
        return holder.id if holder else ""
