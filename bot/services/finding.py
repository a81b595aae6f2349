"""What somebody typed after a look-up's word: which Things and groups it may mean. Roles are asked before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.errors import PlatformError
from bot.domain.identifiers import (
    Imei,
    Proposal,
    Rejection,
    ThingsGroupId,
    Valid,
    parse_iccid,
    parse_imei,
    parse_things_group_id,
    same_device,
)
from bot.domain.impact import SeenThing
from bot.domain.things import GroupRow, ThingRow, folded
from bot.services import answers
from bot.services.answers import Choice, Choices, GroupKey, NotFound, is_called
from bot.services.deadline import within
from bot.services.ports import Archive, Clock, Inventory, Platform
from bot.services.preview import PATIENCE

MOST_CHOICES = 10
ROOM_FOR_GROUPS = 3
"""Rows kept for groups, however many Things match."""
CONSOLE = "A lock set at Monogoto's console can't be found by its IMEI: look the SIM up by its ICCID."
BY_ICCID = "look it up by its ICCID"
BY_ID = "look it up by its id"


class Finder:
    """By device and by name; an ICCID needs no finding."""

    def __init__(self, *, platform: Platform, archive: Archive, inventory: Inventory, clock: Clock) -> None:
        self._platform = platform
        self._archive = archive
        self._inventory = inventory
        self._clock = clock

    async def find(self, typed: str) -> Choice | Choices | NotFound:
        """One where nothing else can be meant, several to choose from, or none.

        A number that is an IMEI is one first, and a name after that.
        """
        imei = parse_imei(typed)
        if isinstance(imei, Valid):
            found = await self._by_device(typed, imei.value, imei.notes + imei.warnings)
            named = await self._named(typed) if isinstance(found, NotFound) else found
            return found if isinstance(named, NotFound) else named
        named = await self._named(typed)
        if isinstance(named, NotFound) and isinstance(imei, Proposal):
            remark = f"{imei.why} Looked up {imei.value.grouped}."
            return await self._by_device(typed, imei.value, (remark,))
        if isinstance(named, NotFound) and _is_number(typed):
            return replace(named, remarks=_why_not(parse_iccid(typed), imei))
        return named

    async def group(self, typed: str) -> Choice | Choices | None:
        """A group by its name or id; None where none of that name or id is known, nor can be."""
        rows, total = await self._groups(typed)
        choices = _choices(rows)
        if sure := _sure(choices, typed, total):
            return sure
        if choices:
            return Choices(typed, choices[:MOST_CHOICES], total, narrow=_narrow(choices, typed, BY_ID))
        group_id = parse_things_group_id(typed)
        if isinstance(group_id, Valid | Proposal):
            return _unlisted(group_id.value)
        return None

    # --- by device --------------------------------------------------------------------------------

    async def _by_device(
        self, typed: str, imei: Imei, remarks: tuple[str, ...]
    ) -> Choice | Choices | NotFound:
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
            said_already = known.row.iccid in {row.iccid for row in now or ()}
            answers.add(found, known, "" if said_already else answers.BY_INVENTORY)
        if not found:
            return NotFound(typed, await self._inventory.stock(), (*remarks, CONSOLE))
        choices = tuple(found.values())
        total = max(len(choices), listed.total)
        if total > 1:
            return Choices(typed, choices[:MOST_CHOICES], total, remarks, BY_ICCID)
        sources = "; ".join(choices[0].found_by)
        return replace(choices[0], remarks=(*remarks, f"Found by the device: {sources}."))

    async def _seen_now(self, imei: Imei) -> tuple[ThingRow, ...] | None:
        try:
            rows = await within(self._clock, PATIENCE, self._platform.things_last_seen_in(imei))
        except (PlatformError, TimeoutError):
            return None
        return tuple(row for row in rows if same_device(row.last_seen_imei, imei.digits))

    # --- by name ----------------------------------------------------------------------------------

    async def _named(self, typed: str) -> Choice | Choices | NotFound:
        things = await self._inventory.things_matching(typed, MOST_CHOICES)
        rows, groups_total = await self._groups(typed)
        found: dict[str, Choice] = {}
        for known in things.best:
            answers.add(found, known, "")
        groups = _choices(rows)[: max(ROOM_FOR_GROUPS, MOST_CHOICES - len(found))]
        choices = (*tuple(found.values())[: MOST_CHOICES - len(groups)], *groups)
        total = max(things.total, len(found)) + groups_total
        if sure := _sure(choices, typed, total):
            return sure
        if choices:
            first = sorted(choices, key=lambda choice: not is_called(choice, typed))
            return Choices(typed, tuple(first), total, narrow=_narrow(choices, typed, BY_ICCID))
        group_id = parse_things_group_id(typed)
        if isinstance(group_id, Valid | Proposal):
            return _unlisted(group_id.value)
        return NotFound(typed, await self._inventory.stock())

    async def _groups(self, typed: str) -> tuple[tuple[GroupRow, ...], int]:
        """The best of those that match, and how many do."""
        if not folded(typed):
            return (), 0
        rows = await self._inventory.groups_matching(typed, MOST_CHOICES)
        total = len(rows) if len(rows) < MOST_CHOICES else await self._inventory.count_groups(typed)
        return rows, total


def _choices(rows: Sequence[GroupRow]) -> tuple[Choice, ...]:
    return tuple(filter(None, map(answers.group_choice, rows)))


def _unlisted(group_id: ThingsGroupId) -> Choice:
    """A group that nobody has listed yet, by its id."""
    return Choice(GroupKey(group_id), "")


def _sure(choices: Sequence[Choice], typed: str, total: int) -> Choice | None:
    """The only one of that very name or id, or the only match by name: no piece of an id is sure."""
    same = [choice for choice in choices if is_called(choice, typed)]
    if len(same) == 1:
        return same[0]
    alone = len(choices) == total == 1 and folded(typed) in folded(choices[0].title)
    return choices[0] if alone else None


def _narrow(choices: Sequence[Choice], typed: str, twins: str) -> str:
    """How to find one that isn't shown: to more than ten of one name no more of the name helps."""
    return twins if all(is_called(choice, typed) for choice in choices) else "type more of the name"


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
