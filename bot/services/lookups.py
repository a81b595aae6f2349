"""Look-ups for support: how a SIM or a group stands now, and what was asked about it. Nothing is changed."""

from __future__ import annotations

import asyncio

from bot.domain.changes import Bulk
from bot.domain.errors import Proposed, Unfit
from bot.domain.identifiers import Iccid, ThingsGroupId, Valid, iccid_forms, parse_iccid
from bot.domain.impact import SeenGroup
from bot.domain.requests import OPEN, ChangeRequest, Origin, Person
from bot.services.answers import (
    About,
    Answer,
    Choice,
    Choices,
    Gone,
    GroupKey,
    Key,
    Standing,
    ThingKey,
    key_of,
)
from bot.services.authority import Authority
from bot.services.finding import Finder
from bot.services.overview import Overview, overview
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
from bot.services.preview import Previews

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
        self._finder = Finder(platform=platform, archive=archive, inventory=inventory, clock=clock)
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
            return await self._chosen(ThingKey(iccid.value), remarks=iccid.notes + iccid.warnings)
        found = await self._finder.find(typed)
        if not isinstance(found, Choice):
            return found
        return await self._chosen(found.key, found.title, found.remarks)

    async def status_of(self, person: Person, origin: Origin, key: Key) -> Standing | Gone:
        """Of what was chosen by a click: read anew, roles too."""
        await self._authority.to_look_up(person, origin, "status", fresh=True)
        return await self._chosen(key)

    async def status_to_share(self, person: Person, origin: Origin, key: Key) -> Standing | Gone:
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

    async def overview(self, person: Person) -> Overview:
        """Their own page. Raises `NotAllowed` for those who are nobody here."""
        return await overview(person, authority=self._authority, archive=self._archive)

    async def target_of(self, person: Person, origin: Origin, typed: str) -> Choices | About:
        """Whose history is meant, by ICCID or group; `Choices` where several groups match."""
        await self._authority.to_look_up(person, origin, "history")
        iccid = parse_iccid(typed)
        if isinstance(iccid, Valid):
            return await self._about_thing(iccid.value, iccid.notes + iccid.warnings)
        found = await self._finder.group(typed)
        if isinstance(found, Choice):
            return await self._about_group(found.key)
        if found is None:
            raise Unfit(
                "That is no ICCID, and no group of that name or id is known. A person is picked with @."
            )
        return found

    async def target_chosen(self, person: Person, origin: Origin, key: Key) -> About:
        """Whose history was chosen by a click."""
        await self._authority.to_look_up(person, origin, "history", fresh=True)
        return await self._about_group(key)

    async def _about_group(self, key: Key) -> About:
        if not isinstance(key, GroupKey):
            raise Unfit("This button is broken. Type the command again.")
        group_id = key.things_group_id.text
        row = await self._inventory.group_row(group_id)
        return About(Which(target=group_id), row.name if row else "", f"group {group_id}")

    async def _about_thing(self, iccid: Iccid, remarks: tuple[str, ...]) -> About:
        for form in iccid_forms(iccid):
            which = Which(target=await self._archive.thing_id_of(form) or "")
            if not which.target:
                continue
            if form != iccid:
                remarks += (
                    f"Nothing was asked about {iccid.grouped}, but about {form.grouped}: that is shown.",
                )
            latest = (await self._archive.page(which, 1)).requests
            names = [r.seen.target.title for r in latest if not isinstance(r.change, Bulk)]
            return About(which, names[0] if names else "", f"SIM {form.grouped}", remarks)
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

    async def _chosen(self, key: Key, known_as: str = "", remarks: tuple[str, ...] = ()) -> Standing | Gone:
        """How it stands, or as what it was known if Monogoto holds it no longer. Raises as `find` does."""
        try:
            if isinstance(key, GroupKey):
                return await self._group(key.things_group_id)
            return await self._thing(key.iccid, remarks)
        except Unfit:
            listed = await self._inventory.last_listed(key_of(key))
            if listed is None and not known_as:
                raise
            return Gone(*listed) if listed else Gone(known_as, None)


def _some(*requests: ChangeRequest | None) -> tuple[ChangeRequest, ...]:
    return tuple(request for request in requests if request)


def _ended(listed: Listed) -> tuple[ChangeRequest, ...]:
    return tuple(r for r in listed.requests if r.status not in OPEN)[:LAST_CHANGES]
