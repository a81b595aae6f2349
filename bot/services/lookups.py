"""Look-ups for support: how a SIM or a group stands now, and what was asked about it. Nothing is changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain.errors import PlatformError, Proposed, Unfit
from bot.domain.identifiers import (
    Iccid,
    Imei,
    Proposal,
    Rejection,
    ThingsGroupId,
    Valid,
    iccid_forms,
    parse_iccid,
    parse_imei,
    parse_things_group_id,
    same_device,
)
from bot.domain.impact import SeenGroup, SeenThing
from bot.domain.requests import OPEN, ChangeRequest, Origin, Person
from bot.domain.things import ThingRow, folded
from bot.services import answers
from bot.services.answers import Answer, Choice, Choices, GroupKey, Key, NotFound, Standing, ThingKey
from bot.services.authority import Authority
from bot.services.deadline import within
from bot.services.ports import (
    FIRST,
    Archive,
    Clock,
    Cursor,
    Inventory,
    Listed,
    Platform,
    Store,
    Which,
)
from bot.services.preview import PATIENCE, Previews

MOST_CHOICES = 10
LAST_CHANGES = 3
PAGE = 6


class Lookups:
    """Every look-up asks first whether the person may."""

    def __init__(
        self,
        *,
        platform: Platform,
        previews: Previews,
        store: Store,
        archive: Archive,
        inventory: Inventory,
        authority: Authority,
        clock: Clock,
    ) -> None:
        self._platform = platform
        self._previews = previews
        self._store = store
        self._archive = archive
        self._inventory = inventory
        self._authority = authority
        self._clock = clock

    async def status(self, person: Person, origin: Origin, typed: str) -> Answer:
        """By ICCID, IMEI, name or group. Raises refusals, `PlatformError`s and what the ports raise."""
        await self._authority.to_look_up(person, origin, "status")
        iccid = parse_iccid(typed)
        if isinstance(iccid, Valid):
            return await self._thing(iccid.value, iccid.notes + iccid.warnings)
        imei = parse_imei(typed)
        if isinstance(imei, Valid):
            return await self._device(typed, imei.value, imei.notes + imei.warnings)
        named = await self._named(typed)
        if isinstance(named, NotFound) and isinstance(imei, Proposal):
            return await self._device(typed, imei.value, (f"{imei.why} Looked up {imei.value.grouped}.",))
        if isinstance(named, NotFound) and _is_number(typed):
            return replace(named, remarks=_why_not(iccid, imei))
        return named

    async def status_of(self, person: Person, origin: Origin, key: Key) -> Standing:
        """Of what was chosen by a click: read anew, roles too."""
        await self._authority.to_look_up(person, origin, "status", fresh=True)
        return await self._chosen(key)

    async def status_to_share(self, person: Person, origin: Origin, key: Key) -> Standing:
        """As `status_of`, to be shown to the whole channel."""
        await self._authority.to_share(person, origin, "status")
        return await self._chosen(key)

    async def page(
        self,
        person: Person,
        origin: Origin,
        lookup: str,
        which: Which,
        cursor: Cursor = FIRST,
        *,
        fresh: bool,
    ) -> Listed:
        """A page of `requests`, or of the `history` of a target or a person. `fresh`: by a click."""
        await self._authority.to_look_up(person, origin, lookup, fresh=fresh)
        return await self._archive.page(which, PAGE, cursor)

    async def target_of(self, person: Person, origin: Origin, typed: str) -> Choices | Which:
        """Whose history is meant, by ICCID or group; `Choices` where several groups match."""
        await self._authority.to_look_up(person, origin, "history")
        iccid = parse_iccid(typed)
        if isinstance(iccid, Valid):
            return await self._history_of(iccid.value)
        groups = await self._inventory.groups_matching(typed, MOST_CHOICES + 1) if typed.strip() else ()
        same = [g for g in groups if folded(typed) in {folded(g.name), folded(g.things_group_id)}]
        if len(same) == 1 or len(groups) == 1:
            return Which(target=(same or groups)[0].things_group_id)
        if groups:
            chosen = tuple(filter(None, (answers.group_choice(group) for group in groups)))
            return Choices(typed, chosen[:MOST_CHOICES], len(groups))
        group_id = parse_things_group_id(typed)
        if isinstance(group_id, Valid | Proposal):
            return Which(target=group_id.value.text)
        raise Unfit("That is no ICCID, and no group of that name or id is known. A person is picked with @.")

    async def _history_of(self, iccid: Iccid) -> Which:
        for form in iccid_forms(iccid):
            if found := await self._archive.thing_id_of(form):
                return Which(target=found)
        raise Unfit("Nobody has asked for anything about this SIM here.")

    # --- how it stands ----------------------------------------------------------------------------

    async def _thing(self, iccid: Iccid, remarks: tuple[str, ...] = ()) -> Standing:
        try:
            thing = await self._previews.find(iccid)
        except Proposed as other:
            remarks += (f"{other.reason} That one is shown.",)
            thing = await self._previews.find(Iccid(other.value))
        seen, held = await asyncio.gather(
            self._previews.look_around(thing, None), self._store.open_request(thing.thing_id)
        )
        of_group = await self._store.request(seen.group_request) if seen.group_request else None
        listed = await self._archive.page(Which(target=thing.thing_id), LAST_CHANGES + 1)
        key = ThingKey(Iccid(thing.iccid))
        return Standing(key, seen, _some(held, of_group), _ended(listed), remarks)

    async def _group(self, group_id: ThingsGroupId) -> Standing:
        group = await self._previews.find_group(group_id)
        held = await self._store.open_request(group.things_group_id)
        listed = await self._archive.page(Which(target=group.things_group_id), LAST_CHANGES + 1)
        things = await self._inventory.things_in_group(group.things_group_id)
        stock = await self._inventory.stock()
        seen = SeenGroup(group, self._clock.now())
        key = GroupKey(group_id)
        return Standing(key, seen, _some(held), _ended(listed), things=things, stock=stock)

    # --- by device --------------------------------------------------------------------------------

    async def _device(self, typed: str, imei: Imei, remarks: tuple[str, ...]) -> Answer:
        """Monogoto's filter, our own records and the inventory; each says what it found."""
        now, ours, listed = await asyncio.gather(
            self._seen_now(imei),
            self._archive.left_locked_to(imei),
            self._inventory.things_of_device(imei, MOST_CHOICES),
        )
        if now is None:
            remarks += ("Monogoto did not answer which SIMs were last seen in this device.",)
        found: dict[str, Choice] = {}
        for row in now or ():
            answers.note(found, row.iccid, row.name or row.iccid, answers.BY_VENDOR)
        for request in ours:
            if isinstance(request.seen, SeenThing):
                thing = request.seen.thing
                answers.note(found, thing.iccid, thing.title, answers.BY_RECORDS)
        for known in listed.best:
            answers.add(found, known, answers.BY_INVENTORY)
        if not found:
            return NotFound(typed, await self._inventory.stock(), remarks)
        choices = tuple(found.values())
        total = max(len(choices), listed.total)
        if total > 1:
            return Choices(typed, choices[:MOST_CHOICES], total, remarks)
        sources = "; ".join(choices[0].found_by)
        return await self._chosen(choices[0].key, (*remarks, f"Found by the device: {sources}."))

    async def _seen_now(self, imei: Imei) -> tuple[ThingRow, ...] | None:
        try:
            rows = await within(self._clock, PATIENCE, self._platform.things_last_seen_in(imei))
        except (PlatformError, TimeoutError):
            return None
        return tuple(row for row in rows if same_device(row.last_seen_imei, imei.digits))

    # --- by name ----------------------------------------------------------------------------------

    async def _named(self, typed: str) -> Answer:
        things = await self._inventory.things_matching(typed, MOST_CHOICES)
        groups = await self._inventory.groups_matching(typed, MOST_CHOICES + 1) if typed.strip() else ()
        found: dict[str, Choice] = {}
        for known in things.best:
            answers.add(found, known, "")
        choices = [*found.values(), *filter(None, map(answers.group_choice, groups))]
        total = max(things.total, len(found)) + len(groups)
        same = [choice for choice in choices if answers.is_called(choice, typed)]
        if len(same) == 1 or len(choices) == total == 1:
            return await self._chosen((same or choices)[0].key)
        if choices:
            return Choices(
                typed, tuple([*same, *(c for c in choices if c not in same)][:MOST_CHOICES]), total
            )
        group_id = parse_things_group_id(typed)
        if isinstance(group_id, Valid | Proposal):
            return await self._group(group_id.value)
        return NotFound(typed, await self._inventory.stock())

    async def _chosen(self, key: Key, remarks: tuple[str, ...] = ()) -> Standing:
        if isinstance(key, GroupKey):
            return await self._group(key.things_group_id)
        return await self._thing(key.iccid, remarks)


def _is_number(typed: str) -> bool:
    """Whether it was likely meant as an ICCID or IMEI."""
    return sum(c.isdigit() for c in typed) >= 14


def _why_not(iccid: object, imei: object) -> tuple[str, ...]:
    said = (
        f"As {name}: {r.why}"
        for name, r in (("an ICCID", iccid), ("an IMEI", imei))
        if isinstance(r, Rejection)
    )
    return tuple(said)


def _some(*requests: ChangeRequest | None) -> tuple[ChangeRequest, ...]:
    return tuple(request for request in requests if request)


def _ended(listed: Listed) -> tuple[ChangeRequest, ...]:
    return tuple(r for r in listed.requests if r.status not in OPEN)[:LAST_CHANGES]
